"""Measures minnow's hnswlib and its peers in one run, interleaved, and writes OUTPUT/raw.csv and OUTPUT/about.json.

    bench.py OUTPUT --cache FOLDER --bin FOLDER [--quick | --million] [--rounds 5] [--sets A,B] [--engines A,B]

Every engine lives in a process of its own, and only one of them works at a time, on processor 0, or on 0 and 1 where
two threads are asked for. The engines take turns, in an order drawn anew each time: they build in slices of the
data, one slice with one thread and the next with two, and then answer the same queries, one ef after the other. So a
ratio is between two times a few seconds apart, of graphs of one size, and its spread over slices or rounds is the
noise. Before each timing an engine answers other queries, unmeasured, to warm its caches.

In the same rounds those variants of minnow that can are asked for a recall instead of an ef (targets.py). The graphs
are compared by what one search, the baseline's, finds in each. Queries are filtered after the rounds (filters.py).
Where another set has the same base, its queries are measured on the graphs that are there.

With --million: a million synthetic vectors, built by two threads, without filters.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import filters
import numpy as np
import targets
from data import MILLION, QUERIES, RECIPES, Dataset
from engines import BASELINE, ENGINES, FORCED, GRAPHS, INT4, OURS, PROCESSORS, TIMED, Worker

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import others_seconds, write_run  # noqa: E402

EFS = [10, 20, 40, 60, 80, 120, 180, 260, 400]
ENOUGH = 0.98  # no ef beyond the first that reaches this is timed,
GAIN = 0.002  # nor beyond the first that gains less than this, as with codes too coarse for more
BASELINE_EFS = [*EFS, 600, 1000]
BASELINE_ENOUGH = 0.999  # it needs a rate for whatever recall the others are asked for
TARGET = 0.95
GRAPH_EF = 80
ON_ONE_BASE = [*GRAPHS, BASELINE]  # the engines that answer the queries of a set without a base of its own
FIELDS = ["set", "measure", "engine", "threads", "ef", "target", "share", "round", "count", "value"]
Row = dict[str, object]


@dataclass(frozen=True)
class Plan:
    sets: list[str]
    engines: list[str]
    rounds: int = 5
    slices: int = 8
    threads: tuple[int, ...] = (1, 2)  # of a slice, by turns
    filtered: bool = True
    slow: float = 40  # an engine that needs more seconds for a slice of a set is left out of the rest of it


HERE = [engine for engine in ENGINES if engine not in FORCED or platform.machine() == "x86_64"]
FULL = Plan(["wordnet", "clusters-128", "clusters-768"], [engine for engine in HERE if engine != "coder"])
QUICK = Plan(["wordnet-20k"], HERE, rounds=3)
# Left out: what holds all floats and is no faster than what does not.
MILLIONS = Plan(
    ["million"],
    [OURS, INT4, BASELINE, "usearch-bf16", "usearch-i8", "faiss-sq8"],
    rounds=3,
    slices=4,
    threads=(2,),
    filtered=False,
    slow=900,
)


class Run:
    def __init__(self, plan: Plan, datasets: dict[str, Dataset], binaries: Path) -> None:
        self.plan, self.datasets, self.binaries = plan, datasets, binaries
        self.rows: list[Row] = []
        self.versions: dict[str, str] = {}
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def note(
        self, dataset: Dataset, measure: str, engine: str, value: float, threads: int = 1, **keys: float | int
    ) -> None:
        row = {"set": dataset.recipe.name, "measure": measure, "engine": engine, "threads": threads, **keys}
        self.rows.append({**row, "value": f"{value:.6g}"})

    def measure(self, name: str) -> None:
        dataset = self.datasets[name]
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(engine, dataset, self.binaries)) for engine in self.plan.engines]
            self.versions |= {worker.engine: worker.version for worker in workers}
            self.build(dataset, workers)
            alive = [worker for worker in workers if not worker.out]
            self.memory(dataset, workers)
            targets.calibrate(self, dataset, alive)
            self.graphs(dataset, alive)
            self.queries(dataset, alive)
            if self.plan.filtered:
                filters.measure(self, dataset, alive)
            for other in self.datasets.values():
                if other.recipe.of == name and other.worst.exists():
                    chosen = [worker for worker in alive if worker.engine in ON_ONE_BASE]
                    for worker in chosen:
                        worker.ask(op="queries", path=str(other.queries))
                    self.queries(other, chosen, speed_only=True)

    def build(self, dataset: Dataset, workers: list[Worker]) -> None:
        name = dataset.recipe.name
        size = len(np.load(dataset.base, mmap_mode="r"))
        edges = [size * i // self.plan.slices for i in range(self.plan.slices + 1)]
        for turn, (first, end) in enumerate(zip(edges, edges[1:])):
            for worker in random.sample(workers, len(workers)):
                if worker.out:
                    continue
                request = {"op": "add", "first": first, "count": end - first}
                threads = self.plan.threads[turn % len(self.plan.threads)]
                seconds = worker.seconds(threads, **request)
                if seconds is None:  # one thread is all it has
                    threads, seconds = 1, worker.seconds(1, **request)
                self.note(dataset, "add", worker.engine, seconds, threads=threads, round=turn, count=end - first)
                if seconds > self.plan.slow:
                    worker.out = True
                    self.say(f"{name}: {worker.engine} is left out, it took {seconds:.0f} s for {end - first} vectors")
            self.say(f"{name}: built {end} of {size}")

    def memory(self, dataset: Dataset, workers: list[Worker]) -> None:
        size = len(np.load(dataset.base, mmap_mode="r"))
        for worker in workers:
            huge = worker.memory("AnonHugePages", "smaps_rollup")
            self.note(dataset, "bytes", worker.engine, worker.anonymous() - worker.memory_before, count=size)
            self.note(dataset, "huge_bytes", worker.engine, huge, count=size)
            answer = worker.ask(op="bytes")
            if "bytes" in answer:
                self.note(dataset, "own_bytes", worker.engine, answer["bytes"], count=size)

    def graphs(self, dataset: Dataset, workers: list[Worker]) -> None:
        """Recall of each engine's graph at one ef, searched by the baseline, which loads those of others."""
        for worker in workers:
            if worker.engine == BASELINE:
                self.graph(dataset, worker.engine, worker)
            elif worker.engine in GRAPHS:
                # Beside the sets, as a million vectors are too many for some machines' /tmp.
                with tempfile.TemporaryDirectory(dir=dataset.folder.parent) as folder:
                    path = str(Path(folder) / "graph.bin")
                    worker.ask(op="save", path=path)
                    with Worker(BASELINE, dataset, self.binaries) as reader:
                        reader.ask(op="load", path=path)
                        self.graph(dataset, worker.engine, reader)

    def graph(self, dataset: Dataset, engine: str, reader: Worker) -> None:
        recall = dataset.recall(reader.answers({"ef": GRAPH_EF})[1])
        self.note(dataset, "graph-recall", engine, recall, ef=GRAPH_EF, count=QUERIES)
        self.say(f"{dataset.recipe.name}: in the graph of {engine} {BASELINE} has recall {recall:.4f} at ef {GRAPH_EF}")

    def queries(self, dataset: Dataset, workers: list[Worker], speed_only: bool = False) -> None:
        efs = self.recalls(dataset, workers)
        targets.recalls(self, dataset, workers)
        for turn in range(self.plan.rounds):
            for ef in BASELINE_EFS:
                for worker in random.sample(workers, len(workers)):
                    if ef in efs[worker.engine]:
                        self.time(dataset, worker, ef, turn)
            for target in targets.TARGETS:
                for worker in random.sample(workers, len(workers)):
                    targets.time(self, dataset, worker, target, turn)
            for worker in random.sample(workers, len(workers)):
                for ef in efs[worker.engine]:
                    if not speed_only and ef in self.around(dataset, worker.engine):
                        self.time(dataset, worker, ef, turn, threads=2)
                        self.time(dataset, worker, ef, turn, single=True)
            self.say(f"{dataset.recipe.name}: queries, round {turn + 1} of {self.plan.rounds}")

    def recalls(self, dataset: Dataset, workers: list[Worker]) -> dict[str, list[int]]:
        """Recall at every ef, and which of them are worth timing."""
        name = dataset.recipe.name
        efs: dict[str, list[int]] = {}
        for worker in workers:
            efs[worker.engine] = []
            recall = 0.0
            baseline = worker.engine == BASELINE
            for ef in BASELINE_EFS if baseline else EFS:
                seconds, answers = worker.answers({"ef": ef})
                before, recall = recall, dataset.recall(answers)
                efs[worker.engine].append(ef)
                self.note(dataset, "recall", worker.engine, recall, ef=ef, count=QUERIES)
                flat = recall - before < GAIN and not baseline
                if flat or recall >= (BASELINE_ENOUGH if baseline else ENOUGH) or seconds > self.plan.slow / 4:
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

    def time(
        self, dataset: Dataset, worker: Worker, ef: int, turn: int, threads: int = 1, single: bool = False
    ) -> None:
        seconds = worker.queries({"ef": ef}, threads, single=single)
        measure = "single" if single else "batch"
        self.note(dataset, measure, worker.engine, seconds, threads=threads, ef=ef, round=turn, count=TIMED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder that data.py filled")
    parser.add_argument("--bin", type=Path, required=True, help="folder of the Go workers")
    parser.add_argument("--quick", action="store_true", help="one set of 20,000 vectors, 3 rounds")
    parser.add_argument("--million", action="store_true", help="one set of a million vectors, 3 rounds")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sets")
    parser.add_argument("--engines")
    arguments = parser.parse_args()

    datasets = {recipe.name: Dataset(recipe, arguments.cache) for recipe in [*RECIPES, MILLION]}
    plan = MILLIONS if arguments.million else QUICK if arguments.quick else FULL
    if plan is QUICK and not datasets["wordnet-20k"].worst.exists():
        plan = replace(plan, sets=["clusters-128-20k"])
    plan = replace(
        plan,
        sets=arguments.sets.split(",") if arguments.sets else plan.sets,
        engines=arguments.engines.split(",") if arguments.engines else plan.engines,
        rounds=arguments.rounds or plan.rounds,
    )
    run = Run(plan, datasets, arguments.bin)
    others_before = others_seconds()
    for name in plan.sets:
        run.measure(name)

    seconds = time.monotonic() - run.started
    option = " --million" if arguments.million else " --quick" if arguments.quick else ""
    facts = {
        "command": "bench/hnsw/run.sh" + option,
        "seconds": round(seconds),
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
        "versions": run.versions,
        "rounds": plan.rounds,
        "others": round((others_seconds() - others_before) / (seconds * len(PROCESSORS)), 4),
    }
    write_run(arguments.output, FIELDS, run.rows, facts)


if __name__ == "__main__":
    main()
