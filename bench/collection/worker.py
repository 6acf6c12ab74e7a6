"""The Python engines of the benchmark, each in a process of its own; see protocol/protocol.go for what they are asked.

    worker.py ENGINE FOLDER TEXTS BASE.npy QUERIES.npy COUNT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

K = 10
BATCH = 1000
FILTERS = {"half": ("half", 1), "percent": ("percent", 7), "rare": ("rare", 77)}  # as in the package protocol


@dataclass
class Data:
    folder: Path
    texts: list[str]
    base: np.ndarray
    queries: np.ndarray

    def batches(self) -> Iterator[range]:
        for first in range(0, len(self.base), BATCH):
            yield range(first, min(first + BATCH, len(self.base)))


def metadata(i: int) -> dict[str, int]:
    return {"half": int(i % 2 == 0), "percent": i % 100, "rare": i // 12}


class Engine(Protocol):
    version: str

    def load(self, data: Data) -> None: ...

    def open(self, data: Data) -> None: ...

    def query(self, vector: np.ndarray, where: str, ef: int) -> list[int]: ...


class SqliteVec:
    """Exact: version 0.1 has no index. By APSW, since Python's own sqlite3 is often built without extensions."""

    def __init__(self) -> None:
        import apsw
        import sqlite_vec

        self.apsw, self.module = apsw, sqlite_vec
        self.version = f"sqlite-vec {version('sqlite-vec')}, SQLite {apsw.sqlite_lib_version()}, exact"

    def open(self, data: Data) -> None:
        self.db = self.apsw.Connection(str(data.folder / "sqlite-vec.db"))
        self.db.enable_load_extension(True)
        self.db.load_extension(self.module.loadable_path())

    def load(self, data: Data) -> None:
        self.open(data)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(
            f"CREATE VIRTUAL TABLE docs USING vec0(vector float[{data.base.shape[1]}] distance_metric=cosine,"
            " half integer, percent integer, rare integer, +text text)"
        )
        for batch in data.batches():
            rows = [(i, data.base[i].tobytes(), *metadata(i).values(), data.texts[i]) for i in batch]
            with self.db:
                self.db.executemany(
                    "INSERT INTO docs (rowid, vector, half, percent, rare, text) VALUES (?, ?, ?, ?, ?, ?)", rows
                )

    def query(self, vector: np.ndarray, where: str, ef: int) -> list[int]:
        condition, values = ("", ()) if not where else (f" AND {FILTERS[where][0]} = ?", FILTERS[where][1:])
        sql = f"SELECT rowid, text, distance FROM docs WHERE vector MATCH ? AND k = {K}{condition} ORDER BY distance"
        return [row[0] for row in self.db.execute(sql, (vector.tobytes(), *values))]


class Chroma:
    def __init__(self) -> None:
        import chromadb

        self.module = chromadb
        self.version = f"chromadb {chromadb.__version__}, its own HNSW"
        self.ef = 100

    def client(self, data: Data) -> Any:
        self.data = data
        settings = self.module.Settings(anonymized_telemetry=False)
        return self.module.PersistentClient(str(data.folder / "chroma"), settings=settings)

    def open(self, data: Data) -> None:
        self.collection = self.client(data).get_collection("bench", embedding_function=None)

    def load(self, data: Data) -> None:
        self.collection = self.client(data).create_collection(
            "bench",
            embedding_function=None,
            configuration={
                "hnsw": {"space": "ip", "max_neighbors": 16, "ef_construction": 200, "ef_search": 100, "num_threads": 2}
            },
        )
        for batch in data.batches():
            self.collection.add(
                ids=[str(i) for i in batch],
                embeddings=data.base[batch.start : batch.stop],
                documents=[data.texts[i] for i in batch],
                metadatas=[metadata(i) for i in batch],
            )

    def query(self, vector: np.ndarray, where: str, ef: int) -> list[int]:
        if ef and ef != self.ef:
            self.collection.modify(configuration={"hnsw": {"ef_search": ef}})
            self.ef = ef
            # Another ef counts from the next loading of the index on. (The first of a round's queries is not measured.)
            self.module.api.shared_system_client.SharedSystemClient.clear_system_cache()
            self.open(self.data)
        condition = None if not where else {FILTERS[where][0]: FILTERS[where][1]}
        found = self.collection.query(
            query_embeddings=[vector], n_results=K, where=condition, include=["documents", "distances"]
        )
        return [int(i) for i in found["ids"][0]]


class Lance:
    """Without an index: exact. Its filter columns have the indexes that its documentation advises."""

    def __init__(self) -> None:
        import lancedb

        self.module = lancedb
        self.version = f"lancedb {lancedb.__version__}, exact"

    def open(self, data: Data) -> None:
        self.table = self.module.connect(data.folder / "lance").open_table("bench")

    def load(self, data: Data) -> None:
        import pyarrow as pa

        dim = data.base.shape[1]
        db = self.module.connect(data.folder / "lance")

        def table(batch: range) -> pa.Table:
            flat = pa.array(np.ascontiguousarray(data.base[batch.start : batch.stop]).reshape(-1))
            meta = [metadata(i) for i in batch]
            return pa.table(
                {
                    "id": pa.array(list(batch)),
                    "vector": pa.FixedSizeListArray.from_arrays(flat, dim),
                    "text": pa.array([data.texts[i] for i in batch]),
                    **{name: pa.array([m[name] for m in meta]) for name in meta[0]},
                }
            )

        first, *rest = data.batches()
        self.table = db.create_table("bench", table(first))
        for batch in rest:
            self.table.add(table(batch))
        self.table.optimize()
        for name in ("half", "percent", "rare"):
            self.table.create_index(name, config=self.module.index.BTree())

    def query(self, vector: np.ndarray, where: str, ef: int) -> list[int]:
        search = self.table.search(vector).distance_type("cosine").limit(K).select(["id", "text", "_distance"])
        if where:
            search = search.where(f"{FILTERS[where][0]} = {FILTERS[where][1]}", prefilter=True)
        return self.asked(search, ef).to_arrow()["id"].to_pylist()

    def asked(self, search: Any, ef: int) -> Any:
        return search


class LanceIndexed(Lance):
    """With an index of its kind that is quickest at a high recall: HNSW over vectors of 8 bits, refined."""

    def __init__(self) -> None:
        super().__init__()
        self.version = self.version.replace("exact", "IVF_HNSW_SQ of one partition")

    def load(self, data: Data) -> None:
        super().load(data)
        index = self.module.index.HnswSq(distance_type="cosine", num_partitions=1)
        self.table.create_index("vector", config=index)

    def asked(self, search: Any, ef: int) -> Any:
        return search.ef(ef or 100).refine_factor(4)


ENGINES = {"sqlite-vec": SqliteVec, "chroma": Chroma, "lancedb": Lance, "lancedb-hnsw": LanceIndexed}


def answer(engine: Engine, data: Data, request: dict[str, Any]) -> dict[str, Any]:
    begin = time.perf_counter()
    match request["op"]:
        case "version":
            return {"version": engine.version}
        case "load":
            engine.load(data)
            return {"seconds": time.perf_counter() - begin}
        case "open":
            engine.open(data)
            engine.query(data.queries[0], "", 0)
            return {"seconds": time.perf_counter() - begin}
        case "query":
            seconds, found = [], []
            for vector in data.queries[request["first"] : request["first"] + request["count"]]:
                begin = time.perf_counter()
                found.append(engine.query(vector, request.get("filter", ""), request.get("ef", 0)))
                seconds.append(time.perf_counter() - begin)
            return {"seconds": seconds, "found": found}
        case op:
            raise SystemExit(f"worker: no request {op}")


def main() -> None:
    name, folder, texts, base, queries, count = sys.argv[1:]
    n = int(count)
    lines = Path(texts).read_text("utf-8").splitlines()[:n]
    lines += [f"document {i}" for i in range(len(lines), n)]
    data = Data(Path(folder), lines, np.load(base, mmap_mode="r")[:n], np.load(queries))
    engine = ENGINES[name]()
    for line in sys.stdin:
        print(json.dumps(answer(engine, data, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
