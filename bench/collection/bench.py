"""Measures minnow's collection and its peers in one run, interleaved, and writes OUTPUT/raw.csv and OUTPUT/about.json.

    bench.py OUTPUT --cache FOLDER --model FOLDER [--quick] [--million] [--rounds 5] [--engines A,B]

Every engine lives in a process of its own and gets the same: WordNet's definitions with their vectors and three fields
of metadata. Only one of them works at a time, on all processors that the run may use. First each loads all documents,
and opens them again in a new process. Engines that look at a part of the vectors are asked how many candidates (ef) they
need for a recall of 0.99, without a filter and with each; that is what the rounds use. Then they take turns, in an order
drawn anew each time: in every round each answers the same queries one by one, which are words of WordNet. So a ratio is
between two times some seconds apart, and its spread over the rounds is the noise.

After that, ours alone: an import with the model beside the model alone, queries beside an import, and opening.

With --million: a million synthetic vectors, ours and the engines that are named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import Process, others_seconds, write_run  # noqa: E402

OURS = "minnow"
ENGINES = [OURS, "chromem-go", "chroma", "sqlite-vec", "lancedb", "lancedb-hnsw"]
GO = {OURS: "ours", "chromem-go": "chromem"}
SEARCHES = [OURS, "chroma", "lancedb-hnsw"]  # the engines with an ef
EFS = [50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600]
FILTERS = ["", "half", "percent", "rare"]
RECALL = 0.99
K = 10
EPSILON = 1e-6  # similarities this close are a tie: WordNet has texts that occur twice
SAMPLE = 200  # queries by which ef is found
FIELDS = ["measure", "engine", "filter", "round", "count", "value"]
SEED = 1
Row = dict[str, object]


class Worker(Process):
    """The process of one engine, with files in a folder of its own."""

    def __init__(self, engine: str, run: Run) -> None:
        files = [run.folder / engine, run.cache / "glosses.txt", run.base, run.queries, run.size]
        if engine in GO:
            command = [run.cache / "bin" / "collection" / GO[engine], *files]
        else:
            command = [sys.executable, Path(__file__).with_name("worker.py"), engine, *files]
        (run.folder / engine).mkdir(exist_ok=True)
        environment = {"RUST_LOG": "error", "GOMAXPROCS": str(len(os.sched_getaffinity(0)))}
        super().__init__(engine, [str(part) for part in command], environment)

    def seconds(self, op: str, **request: object) -> float:
        return float(self.ask(op=op, **request)["seconds"])


class Truth:
    """Exact answers to all queries, for each filter."""

    def __init__(self, base: np.ndarray, queries: np.ndarray) -> None:
        self.base, self.queries = base, queries
        n = np.arange(len(base))
        masks = {"": n >= 0, "half": n % 2 == 0, "percent": n % 100 == 7, "rare": n // 12 == 77}
        self.masks = masks
        self.worst = {name: self.kth(mask) for name, mask in masks.items()}

    def kth(self, mask: np.ndarray) -> np.ndarray:
        """Per query the similarity of the K-th nearest."""
        rows = self.base[mask]
        k = min(K, len(rows))
        worst = np.empty(len(self.queries), dtype=np.float32)
        for start in range(0, len(self.queries), 50):
            similarities = self.queries[start : start + 50] @ rows.T
            worst[start : start + 50] = -np.partition(-similarities, k - 1, axis=1)[:, k - 1]
        return worst

    def recall(self, found: list[list[int]], name: str, first: int) -> float:
        mask, good = self.masks[name], 0
        for row, numbers in enumerate(found, first):
            unique = np.unique(np.array(numbers, dtype=np.int64))
            if not mask[unique].all():
                raise SystemExit(f"bench: an answer with filter {name!r} has documents that do not pass")
            good += int((self.base[unique] @ self.queries[row] >= self.worst[name][row] - EPSILON).sum())
        return good / (len(found) * min(K, int(mask.sum())))


class Run:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.rows: list[Row] = []
        self.started = time.monotonic()
        self.cache, self.folder, self.model = arguments.cache, folder, arguments.model
        kind = "million" if arguments.million else "wordnet"
        self.base, self.queries = (self.cache / "sets" / kind / f"{part}.npy" for part in ("base", "queries"))
        base, queries = np.load(self.base, mmap_mode="r"), np.load(self.queries)
        self.size = 10_000 if arguments.quick else len(base)
        self.count = 20 if arguments.quick else 50  # queries of each kind and round
        self.imported = 2_000 if arguments.quick else 20_000
        self.words = (self.cache / "words.txt").read_text("utf-8").splitlines()
        self.truth = Truth(np.asarray(base[: self.size]), queries[: max(SAMPLE, arguments.rounds * self.count)])
        self.ef: dict[tuple[str, str], int] = {}

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def note(self, measure: str, engine: str, value: float, **keys: object) -> None:
        self.rows.append({"measure": measure, "engine": engine, "value": f"{value:.6g}", **keys})

    def load(self, engine: str) -> None:
        with Worker(engine, self) as worker:
            before = worker.memory("VmRSS")
            seconds = worker.seconds("load")
            self.note("load", engine, seconds, count=self.size)
            self.note("grown", engine, worker.memory("VmRSS") - before, count=self.size)
        self.note("disk", engine, disk(self.folder / engine), count=self.size)
        self.say(f"{engine} loaded {self.size} documents in {seconds:.1f} s")

    def tune(self, worker: Worker) -> None:
        """Finds the least ef of each filter with enough recall, and notes what the engine's own choice has."""
        for name in FILTERS:
            count = self.count if worker.engine not in SEARCHES else min(SAMPLE, 5 * self.count)
            found = worker.ask(op="query", filter=name, ef=0, first=0, count=count)["found"]
            self.note("recall", worker.engine, self.truth.recall(found, name, 0), filter=name, count=0)
            self.ef[worker.engine, name] = 0
            for ef in EFS if worker.engine in SEARCHES else []:
                found = worker.ask(op="query", filter=name, ef=ef, first=0, count=count)["found"]
                recall = self.truth.recall(found, name, 0)
                self.ef[worker.engine, name] = ef
                self.note("recall", worker.engine, recall, filter=name, count=ef)
                if recall >= RECALL:
                    break

    def round(self, workers: list[Worker], turn: int) -> None:
        for name in FILTERS:
            for worker in random.sample(workers, len(workers)):
                ef = self.ef[worker.engine, name]
                first = turn * self.count
                worker.ask(op="query", filter=name, ef=ef, first=first, count=self.count // 10)  # unmeasured
                answer = worker.ask(op="query", filter=name, ef=ef, first=first, count=self.count)
                for i, seconds in enumerate(answer["seconds"]):
                    self.note("query", worker.engine, seconds, filter=name, round=turn, count=i)
                recall = self.truth.recall(answer["found"], name, first)
                self.note("recall-round", worker.engine, recall, filter=name, round=turn, count=ef)

    def pipeline(self, turns: int) -> None:
        """Ours alone, with the model."""
        n, model = self.imported, str(self.model)
        with Worker(OURS, self) as worker:
            worker.seconds("embed", model=model, first=0, count=1024)  # unmeasured
            for turn in range(turns):
                for op in random.sample(["embed", "import"], 2):
                    name = f"import-{turn}"
                    seconds = worker.seconds(op, model=model, name=name, first=turn * n, count=n)
                    self.note(op, OURS, seconds, round=turn, count=n)
                self.say(f"import {turn + 1} of {turns}")
            words = self.words[:500]
            for mode in ("vector", "own vector", "text", "hybrid"):
                asked = {"model": model, "name": "import-0", "words": words, "mode": mode}
                worker.ask(op="latency", **asked | {"words": words[:50]})  # unmeasured
                for seconds in worker.ask(op="latency", **asked)["seconds"]:
                    self.note("alone", OURS, seconds, filter=mode)
                answer = worker.ask(op="latency-importing", **asked, first=0, count=n // 2)
                for seconds in answer["seconds"]:
                    self.note("importing", OURS, seconds, filter=mode)
                self.say(f"latency of mode {mode}")
        for turn in range(turns + 2):
            with Worker(OURS, self) as worker:
                worker.ask(op="reopen", model=model)  # unmeasured: the file comes into the machine's memory
                answer = worker.ask(op="reopen", model=model)
                self.note("reopen", OURS, answer["seconds"], filter="good", round=turn, count=answer["documents"])
                self.note("read", OURS, answer["read"], filter="good", round=turn, count=answer["bytes"])
                self.note("skim", OURS, answer["skim"], filter="good", round=turn, count=answer["bytes"])
        with Worker(OURS, self) as worker:
            worker.ask(op="import-until-killed", model=model, name="killed", first=0, count=n // 2)
            worker.process.kill()
            worker.process.wait()
        with Worker(OURS, self) as worker:
            answer = worker.ask(op="reopen", model=model, name="killed")
            self.note("reopen", OURS, answer["seconds"], filter="killed", count=answer["documents"])
        self.say("opened again")


def disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder that run.sh filled")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="10,000 documents, 2 rounds")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 2
    engines = arguments.engines.split(",") if arguments.engines else ENGINES

    random.seed(SEED)
    others = others_seconds()
    folder = Path(tempfile.mkdtemp(prefix="collections-", dir=arguments.cache))
    try:
        run = Run(arguments, folder)
        for engine in engines:
            run.load(engine)
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(engine, run)) for engine in engines]
            for worker in workers:
                run.note("open", worker.engine, worker.seconds("open"))
                run.tune(worker)
                run.say(f"{worker.engine} needs ef {[run.ef[worker.engine, name] for name in FILTERS]}")
            versions = {worker.engine: worker.version for worker in workers}
            for turn in range(arguments.rounds):
                run.round(workers, turn)
                run.say(f"round {turn + 1} of {arguments.rounds}")
            for worker in workers:
                run.note("resident", worker.engine, worker.memory("VmRSS"), count=run.size)
        if OURS in engines and not arguments.million:
            run.pipeline(2 if arguments.quick else 3)
    finally:
        shutil.rmtree(folder)
    others = (others_seconds() - others) / (time.monotonic() - run.started) / (os.cpu_count() or 1)

    option = " --quick" if arguments.quick else " --million" if arguments.million else ""
    facts = {
        "command": f"bench/collection/run.sh{option}",
        "seconds": round(time.monotonic() - run.started),
        "versions": versions,
        "rounds": arguments.rounds,
        "python": f"Python {platform.python_version()}",
        "others": others,
        "documents": run.size,
        "imported": run.imported,
        "queries": run.count,
        "ef": {engine: [run.ef[engine, name] for name in FILTERS] for engine in versions},
    }
    write_run(arguments.output, FIELDS, run.rows, facts)


if __name__ == "__main__":
    main()
