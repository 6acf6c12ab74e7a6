"""One Python peer in a process of its own: answers requests, JSON lines on standard input, one after the other.

    worker.py ENGINE SPACE BASE.npy QUERIES.npy

The protocol is that of package worker beside this file, which serves the Go engines. A worker measures its own time.
"""

from __future__ import annotations

import json
import sys
import time
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


class Hnswlib:
    def __init__(self, space: str, capacity: int, dim: int) -> None:
        import hnswlib

        self.version = "hnswlib 0.8.0"
        self.index = hnswlib.Index(space=space, dim=dim)
        self.index.init_index(max_elements=capacity, M=M, ef_construction=EF_CONSTRUCTION)

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None:
        self.index.add_items(vectors, labels, num_threads=threads)

    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=K, num_threads=threads)[0]


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

    def add(self, vectors: np.ndarray, labels: np.ndarray, threads: int) -> None:
        self.faiss.omp_set_num_threads(threads)
        if not self.index.is_trained:
            self.index.train(vectors)  # the ranges of a scalar quantizer; next to no time
        self.index.add(vectors)

    def query(self, queries: np.ndarray, ef: int, threads: int) -> np.ndarray:
        self.faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, K)[1]


def open_engine(name: str, space: str, capacity: int, dim: int) -> Engine:
    kind, _, codes = name.partition("-")
    if kind == "usearch":
        return Usearch(space, capacity, dim, codes)
    if kind == "faiss":
        return Faiss(space, capacity, dim, codes)
    return Hnswlib(space, capacity, dim)


def answer(engine: Engine, request: dict, base: np.ndarray, queries: np.ndarray) -> dict:
    if request["op"] == "version":
        return {"version": engine.version}
    first, count, threads = request["first"], request["count"], request["threads"]
    if request["op"] == "add":
        labels = np.arange(first, first + count, dtype=np.uint64)
        start = time.perf_counter()
        engine.add(base[first : first + count], labels, threads)
        return {"seconds": time.perf_counter() - start}
    rows = queries[first : first + count]
    calls = [rows[i : i + 1] for i in range(count)] if request.get("single") else [rows]
    found = []
    start = time.perf_counter()
    for call in calls:
        found.append(engine.query(call, request["ef"], threads))
    seconds = time.perf_counter() - start
    if path := request.get("answers"):
        Path(path).write_bytes(np.concatenate([np.atleast_2d(labels) for labels in found]).astype("<i8").tobytes())
    return {"seconds": seconds}


def main() -> None:
    name, space, base_file, queries_file = sys.argv[1:]
    # Mapped, so that the pages do not count as the engine's memory.
    base, queries = np.load(base_file, mmap_mode="r"), np.load(queries_file, mmap_mode="r")
    base, queries = base.view(np.ndarray), queries.view(np.ndarray)
    engine = open_engine(name, space, *base.shape)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line), base, queries)), flush=True)


if __name__ == "__main__":
    main()
