"""Measures minnow's hnswlib and its peers in one run, interleaved, and writes OUTPUT/raw.csv and OUTPUT/about.json.

    bench.py OUTPUT --cache FOLDER --bin FOLDER [--quick] [--rounds 5] [--sets A,B] [--engines A,B]

Every engine lives in a process of its own, and only one of them works at a time, on processor 0, or on 0 and 1 where
two threads are asked for. The engines take turns, in an order drawn anew each time: they build in slices of the
data, one slice with one thread and the next with two, and then answer the same queries, one ef after the other. So a
ratio is between two times a few seconds apart, of graphs of one size, and its spread over slices or rounds is the
noise. Before each timing an engine answers other queries, unmeasured, to warm its caches.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from data import QUERIES, RECIPES, Dataset, K

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import Process, write_run  # noqa: E402

OURS = "minnow"
BASELINE = "hnswlib"
ENGINES = [OURS, BASELINE, "usearch-f32", "usearch-bf16", "usearch-i8", "faiss-flat", "faiss-sq8", "coder"]
EFS = [10, 20, 40, 60, 80, 120, 180, 260, 400]
ENOUGH = 0.98  # no ef beyond the first that reaches this is timed,
GAIN = 0.002  # nor beyond the first that gains less than this, as with codes too coarse for more
TARGET = 0.95
SLICES = 12
TIMED = 800  # queries a timing; recall is over all of them
WARM_UP = 100
SLOW_SECONDS = 40  # an engine that needs more for a slice of one set is left out of the rest of it
GO = {OURS: "ours", "coder": "coder"}
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
FIELDS = ["set", "measure", "engine", "threads", "ef", "round", "count", "value"]
Row = dict[str, object]


class Worker(Process):
    """The process of one engine."""

    def __init__(self, engine: str, dataset: Dataset, binaries: Path) -> None:
        files = [str(dataset.base), str(dataset.queries)]
        space = dataset.recipe.space
        if engine in GO:
            command = [str(binaries / GO[engine]), space, *files]
        else:
            command = [sys.executable, str(Path(__file__).with_name("worker.py")), engine, space, *files]
        environment = {
            "OMP_WAIT_POLICY": "passive",
            "OPENBLAS_NUM_THREADS": "1",
            # Left alone, Go follows the processors that pin allows with up to a second's delay, and meanwhile two of
            # its threads take turns: our build on two lost a seventh so, our batches all that the second one brings.
            "GOMAXPROCS": str(len(PROCESSORS)),
        }
        super().__init__(engine, command, environment)
        self.out = False
        self.memory_before = self.memory("VmRSS") - self.memory("RssFile")

    def pin(self, threads: int) -> None:
        if not hasattr(os, "sched_setaffinity"):
            return
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                os.sched_setaffinity(int(task), PROCESSORS[:threads])
            except ProcessLookupError:
                pass  # the thread has ended

    def seconds(self, threads: int, **request: object) -> float | None:
        """How long a request took; None where the engine cannot do it."""
        self.pin(threads)
        answer = self.ask(threads=threads, **request)
        return None if answer.get("unsupported") else float(str(answer["seconds"]))

    def queries(self, ef: int, threads: int, **request: object) -> float | None:
        self.seconds(1, op="query", first=QUERIES - WARM_UP, count=WARM_UP, ef=ef)
        return self.seconds(threads, op="query", first=0, count=TIMED, ef=ef, **request)

    def answers(self, ef: int) -> tuple[float, np.ndarray]:
        with tempfile.NamedTemporaryFile() as file:
            seconds = self.seconds(1, op="query", first=0, count=QUERIES, ef=ef, answers=file.name)
            return seconds or 0, np.fromfile(file.name, dtype="<i8").reshape(-1, K)


class Run:
    def __init__(self, rounds: int, quick: bool) -> None:
        self.rounds, self.quick = rounds, quick
        self.rows: list[Row] = []
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def note(self, dataset: str, measure: str, engine: str, value: float, **keys: int) -> None:
        self.rows.append({"set": dataset, "measure": measure, "engine": engine, "value": f"{value:.6g}", **keys})

    def measure(self, dataset: Dataset, workers: list[Worker]) -> None:
        self.build(dataset, workers)
        alive = [worker for worker in workers if not worker.out]
        efs = self.recalls(dataset, alive)
        for turn in range(self.rounds):
            for ef in EFS:
                for worker in random.sample(alive, len(alive)):
                    if ef in efs[worker.engine]:
                        self.time(dataset, worker, ef, turn)
            for worker in random.sample(alive, len(alive)):
                for ef in efs[worker.engine]:
                    if ef in self.around(dataset, worker.engine):
                        self.time(dataset, worker, ef, turn, threads=2)
                        self.time(dataset, worker, ef, turn, single=True)
            self.say(f"{dataset.recipe.name}: queries, round {turn + 1} of {self.rounds}")

    def build(self, dataset: Dataset, workers: list[Worker]) -> None:
        name = dataset.recipe.name
        size = len(np.load(dataset.base, mmap_mode="r"))
        edges = [size * i // SLICES for i in range(SLICES + 1)]
        for turn, (first, end) in enumerate(zip(edges, edges[1:])):
            for worker in random.sample(workers, len(workers)):
                if worker.out:
                    continue
                request = {"op": "add", "first": first, "count": end - first}
                threads = 1 + turn % 2
                seconds = worker.seconds(threads, **request)
                if seconds is None:  # one thread is all it has
                    threads, seconds = 1, worker.seconds(1, **request)
                self.note(name, "add", worker.engine, seconds, threads=threads, round=turn, count=end - first)
                if seconds > SLOW_SECONDS:
                    worker.out = True
                    self.say(f"{name}: {worker.engine} is left out, it took {seconds:.0f} s for {end - first} vectors")
            self.say(f"{name}: built {end} of {size}")
        for worker in workers:
            anonymous = worker.memory("VmRSS") - worker.memory("RssFile")
            self.note(name, "bytes", worker.engine, anonymous - worker.memory_before, count=size)
            self.note(name, "huge_bytes", worker.engine, worker.memory("AnonHugePages", "smaps_rollup"), count=size)

    def recalls(self, dataset: Dataset, workers: list[Worker]) -> dict[str, list[int]]:
        """Recall at every ef, and which of them are worth timing."""
        name = dataset.recipe.name
        efs: dict[str, list[int]] = {}
        for worker in workers:
            efs[worker.engine] = []
            recall = 0.0
            for ef in EFS:
                seconds, answers = worker.answers(ef)
                before, recall = recall, dataset.recall(answers)
                efs[worker.engine].append(ef)
                self.note(name, "recall", worker.engine, recall, threads=1, ef=ef, count=QUERIES)
                if recall >= ENOUGH or recall - before < GAIN or seconds > SLOW_SECONDS / 4:
                    break
            self.say(f"{name}: {worker.engine} has recall {recall:.4f} at ef {ef}")
        return efs

    def around(self, dataset: Dataset, engine: str) -> list[int]:
        """The two efs between which recall passes the target."""
        curve = [
            (int(str(row["ef"])), float(str(row["value"])))
            for row in self.rows
            if (row["set"], row["measure"], row["engine"]) == (dataset.recipe.name, "recall", engine)
        ]
        for (ef, recall), (next_ef, next_recall) in zip(curve, curve[1:]):
            if recall < TARGET <= next_recall:
                return [ef, next_ef]
        return []

    def time(self, dataset: Dataset, worker: Worker, ef: int, turn: int, threads: int = 1, single: bool = False) -> None:
        seconds = worker.queries(ef, threads, single=single)
        if seconds is None:
            return
        measure = "single" if single else "batch"
        self.note(dataset.recipe.name, measure, worker.engine, seconds, threads=threads, ef=ef, round=turn, count=TIMED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder that data.py filled")
    parser.add_argument("--bin", type=Path, required=True, help="folder of the Go workers")
    parser.add_argument("--quick", action="store_true", help="one set of 20,000 vectors, 3 rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets")
    parser.add_argument("--engines")
    arguments = parser.parse_args()

    datasets = {recipe.name: Dataset(recipe, arguments.cache) for recipe in RECIPES}
    names = ["wordnet", "clusters-128", "clusters-768"]
    if arguments.quick:
        arguments.rounds = 3
        names = ["wordnet-20k"] if datasets["wordnet-20k"].worst.exists() else ["clusters-128-20k"]
    if arguments.sets:
        names = arguments.sets.split(",")
    engines = arguments.engines.split(",") if arguments.engines else ENGINES

    run = Run(arguments.rounds, arguments.quick)
    versions: dict[str, str] = {}
    for name in names:
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(engine, datasets[name], arguments.bin)) for engine in engines]
            versions |= {worker.engine: worker.version for worker in workers}
            run.measure(datasets[name], workers)

    facts = {
        "command": "bench/hnsw/run.sh" + (" --quick" if arguments.quick else ""),
        "seconds": round(time.monotonic() - run.started),
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
        "versions": versions,
        "rounds": arguments.rounds,
    }
    write_run(arguments.output, FIELDS, run.rows, facts)


if __name__ == "__main__":
    main()
