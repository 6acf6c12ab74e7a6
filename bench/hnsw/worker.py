"""One Python peer in a process of its own: answers requests, JSON lines on standard input, one after the other.

    worker.py ENGINE SPACE BASE.npy QUERIES.npy

The protocol is that of package worker beside this file, which serves the Go engines. A worker measures its own time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

K = 10
M = 16
EF_CONSTRUCTION = 200


class Engine(Protocol):
    version: str

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None: ...
    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray: ...
    def allow(self, labels: np.ndarray | None) -> None:
        """Restricts later queries to labels; NotImplementedError where an engine has no way to."""


class Hnswlib:
    def __init__(self, space: str, capacity: int, dim: int) -> None:
        import hnswlib

        self.version = "hnswlib 0.8.0"
        self.new = lambda: hnswlib.Index(space=space, dim=dim)
        self.index = self.new()
        self.index.init_index(max_elements=capacity, M=M, ef_construction=EF_CONSTRUCTION)
        self.filter: Callable[[int], bool] | None = None

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None:
        self.index.add_items(vectors, labels, num_threads=threads)

    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
        self.index.set_ef(ef)
        try:
            return self.index.knn_query(queries, k=K, num_threads=threads, filter=self.filter)[0]
        except RuntimeError:  # one of the queries found fewer than K
            if self.filter is None or len(queries) == 1:
                return np.full((len(queries), K), -1)
            return np.concatenate([self.query(row[None], ef, 1) for row in queries])

    def allow(self, labels: np.ndarray | None) -> None:
        # A function is all that it takes; of those of Python a set's own is the fastest.
        self.filter = None if labels is None else frozenset(labels.tolist()).__contains__

    def load(self, path: str) -> None:
        self.index = self.new()
        self.index.load_index(path)


class Usearch:
    def __init__(self, space: str, capacity: int, dim: int, dtype: str) -> None:
        import usearch
        from usearch.index import Index

        metric = {"l2": "l2sq", "ip": "ip"}[space]
        self.index = Index(ndim=dim, metric=metric, dtype=dtype, connectivity=M, expansion_add=EF_CONSTRUCTION)
        self.version = f"usearch {usearch.__version__} ({self.index.hardware_acceleration})"

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None:
        self.index.add(labels, vectors, threads=threads)

    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
        self.index.expansion_search = ef
        return self.index.search(queries, K, threads=threads).keys

    def allow(self, labels: np.ndarray | None) -> None:
        raise NotImplementedError  # its C++ has a predicate, its Python has none


class Faiss:
    """Labels are positions: every worker numbers its vectors from 0 in the order of adding."""

    def __init__(self, space: str, capacity: int, dim: int, codes: str) -> None:
        import faiss

        self.faiss = faiss
        metric = {"l2": faiss.METRIC_L2, "ip": faiss.METRIC_INNER_PRODUCT}[space]
        if codes == "flat":
            self.index = faiss.IndexHNSWFlat(dim, M, metric)
        else:
            self.index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, M, metric)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.version = f"faiss {faiss.__version__} ({faiss.get_compile_options().strip()})"
        self.bitmap: np.ndarray | None = None

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None:
        self.faiss.omp_set_num_threads(threads)
        if not self.index.is_trained:
            self.index.train(vectors)  # the ranges of a scalar quantizer; next to no time
        self.index.add(vectors)

    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
        self.faiss.omp_set_num_threads(threads)
        if self.bitmap is None:
            self.index.hnsw.efSearch = ef
            return self.index.search(queries, K)[1]
        selector = self.faiss.IDSelectorBitmap(self.bitmap)
        return self.index.search(queries, K, params=self.faiss.SearchParametersHNSW(sel=selector, efSearch=ef))[1]

    def allow(self, labels: np.ndarray | None) -> None:
        self.bitmap = None
        if labels is not None:
            bits = np.zeros((self.index.ntotal + 7) // 8 * 8, dtype=bool)
            bits[labels] = True
            self.bitmap = np.packbits(bits, bitorder="little")


def open_engine(name: str, space: str, capacity: int, dim: int) -> Engine:
    kind, _, codes = name.partition("-")
    if kind == "usearch":
        return Usearch(space, capacity, dim, codes)
    if kind == "faiss":
        return Faiss(space, capacity, dim, codes)
    return Hnswlib(space, capacity, dim)


def answer(engine: Engine, request: dict, base: np.ndarray, queries: np.ndarray) -> dict:
    match request["op"]:
        case "version":
            return {"version": engine.version}
        case "add":
            return add(engine, request, base)
        case "query" if "recall" not in request:
            return query(engine, request, queries)
        case "allow":
            try:
                engine.allow(np.fromfile(request["path"], dtype="<u8") if request["path"] else None)
            except NotImplementedError:
                return {"unsupported": True}
            return {"seconds": 0}
        case "load" if isinstance(engine, Hnswlib):
            engine.load(request["path"])
            return {"seconds": 0}
    return {"unsupported": True}


def add(engine: Engine, request: dict, base: np.ndarray) -> dict:
    first, count = request["first"], request["count"]
    labels = np.arange(first, first + count, dtype=np.uint64)
    start = time.perf_counter()
    engine.add(base[first : first + count], labels, request["threads"])
    return {"seconds": time.perf_counter() - start}


def query(engine: Engine, request: dict, queries: np.ndarray) -> dict:
    first, count = request["first"], request["count"]
    rows = queries[first : first + count]
    calls = [rows[i : i + 1] for i in range(count)] if request.get("single") else [rows]
    found = []
    start = time.perf_counter()
    for call in calls:
        found.append(engine.query(call, request["ef"], request["threads"]))
    seconds = time.perf_counter() - start
    if path := request.get("answers"):
        Path(path).write_bytes(np.concatenate([np.atleast_2d(labels) for labels in found]).astype("<i8").tobytes())
    return {"seconds": seconds}


def load(path: str) -> np.ndarray:
    """Mapped, so that the pages do not count as the engine's memory."""
    return np.load(path, mmap_mode="r").view(np.ndarray)


def main() -> None:
    name, space, base_file, queries_file = sys.argv[1:]
    base, queries = load(base_file), load(queries_file)
    engine = open_engine(name, space, *base.shape)
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "queries":
            queries = load(request["path"])
            print(json.dumps({"seconds": 0}), flush=True)
            continue
        print(json.dumps(answer(engine, request, base, queries)), flush=True)


if __name__ == "__main__":
    main()
