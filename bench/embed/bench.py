"""Measures minnow's embedder and its peers in one run, interleaved, and writes OUTPUT/raw.csv and OUTPUT/about.json.

    bench.py OUTPUT --cache FOLDER --model FOLDER [--quick] [--rounds 7] [--engines A,B]

Every engine lives in a process of its own, with the same model, and only one of them works at a time, on all processors
that the run may use (taskset says which). The engines take turns, in an order drawn anew each time: in every round each
embeds every set of texts in one call, and then queries one by one. So a ratio is between two times some seconds apart,
and its spread over the rounds is the noise. Before each timing an engine embeds other texts, unmeasured. First of all
their vectors are compared: engines that do not compute the same are not worth timing. Our presets in int8 do not, and
how far off they are is measured instead (fidelity.py).
"""

from __future__ import annotations

import argparse
import hashlib
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
from fidelity import closeness, retrieval

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import Process, others_seconds, write_run  # noqa: E402

OURS = "minnow"
BASELINE = "sentence-transformers"
PRESETS = {f"{OURS}-{preset}": preset for preset in ("balanced", "fast")}
ENGINES = [OURS, *PRESETS, BASELINE, "sentence-transformers-onnx", "onnxruntime", "fastembed", "hugot"]
GO = dict.fromkeys([OURS, *PRESETS], "ours") | {"hugot": "hugot"}
SETS = ["short", "packages", "long"]
QUERIES, WARM_UP = 60, 20
COMPARED = 64  # texts of each set
LEAST_COSINE = 0.9999
OTHERS = ["questions", "code", "german", "over"]  # sets that are for fidelity alone
DIM = 384
SOAK, SOAK_STEP = 100_000, 2_500
SEED = 1  # of the order
FIELDS = ["set", "measure", "engine", "round", "count", "value"]
Row = dict[str, object]


class Worker(Process):
    """The process of one engine."""

    def __init__(self, engine: str, arguments: argparse.Namespace) -> None:
        files = [str(arguments.cache / "texts.json"), str(arguments.model)]
        if engine in GO:
            command = [str(arguments.cache / "bin" / GO[engine]), *files]
        else:
            plain = str(arguments.cache / "plain-export")
            command = [sys.executable, str(Path(__file__).with_name("worker.py")), engine, *files, plain]
        begin = time.perf_counter()
        super().__init__(engine, command, {"MINNOW_PRESET": PRESETS.get(engine, "exact")})
        self.start = time.perf_counter() - begin

    def seconds(self, op: str, name: str, first: int, count: int) -> list[float]:
        return self.ask(op=op, set=name, first=first, count=count)["seconds"]

    def vectors(self, name: str, count: int = COMPARED) -> np.ndarray:
        with tempfile.NamedTemporaryFile() as file:
            self.ask(op="vectors", set=name, first=0, count=count, path=file.name)
            return np.fromfile(file.name, dtype="<f4").reshape(-1, DIM)


class Run:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.rows: list[Row] = []
        self.started = time.monotonic()
        texts = json.loads((arguments.cache / "texts.json").read_text("utf-8"))
        part = 8 if arguments.quick else 1
        self.sizes = {name: len(texts[name]) // part for name in SETS}
        self.all = {name: len(some) for name, some in texts.items()}
        self.soak = SOAK // part

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def note(self, name: str, measure: str, engine: str, value: float, **keys: int) -> None:
        self.rows.append({"set": name, "measure": measure, "engine": engine, "value": f"{value:.6g}", **keys})

    def compare(self, workers: list[Worker]) -> None:
        """Ends the run where an engine computes something else than ours."""
        ours = next(worker for worker in workers if worker.engine == OURS)
        for name in SETS:
            want = ours.vectors(name)
            for worker in workers:
                if worker.engine in PRESETS:
                    continue
                got = worker.vectors(name)
                lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1)
                cosine = float(((got * want).sum(axis=1) / lengths).min())
                self.note(name, "cosine", worker.engine, cosine, count=COMPARED)
                self.note(name, "difference", worker.engine, float(np.abs(got - want).max()), count=COMPARED)
                if not cosine >= LEAST_COSINE:
                    raise SystemExit(f"bench: {worker.engine} computes other vectors for {name}: cosine {cosine:.6f}")

    def fidelity(self, workers: list[Worker], synsets: list[list[int]]) -> None:
        """Of our presets, over all texts; of retrieval, the exact model's too."""
        presets = [worker for worker in workers if worker.engine in PRESETS]
        ours = next(worker for worker in workers if worker.engine == OURS)
        for name in [*SETS, *OTHERS]:
            exact = ours.vectors(name, self.all[name])
            for worker in presets:
                for measure, value in closeness(worker.vectors(name, self.all[name]), exact).items():
                    self.note(name, measure, worker.engine, value, count=self.all[name])
        for worker in [ours, *presets]:
            words, meanings = (worker.vectors(name, self.all[name]) for name in ("lemmas", "meanings"))
            for measure, value in retrieval(words, meanings, synsets):
                self.note("wordnet", measure, worker.engine, value, count=len(synsets))

    def round(self, workers: list[Worker], turn: int) -> None:
        for name in SETS:
            for worker in random.sample(workers, len(workers)):
                worker.seconds("embed", "queries", QUERIES, WARM_UP)
                (seconds,) = worker.seconds("embed", name, 0, self.sizes[name])
                self.note(name, "embed", worker.engine, seconds, round=turn, count=self.sizes[name])
        for worker in random.sample(workers, len(workers)):
            worker.seconds("latency", "queries", QUERIES, WARM_UP)
            for i, seconds in enumerate(worker.seconds("latency", "queries", 0, QUERIES)):
                self.note("queries", "latency", worker.engine, seconds, round=turn, count=i)

    def memory(self, arguments: argparse.Namespace) -> None:
        """Of ours, over many texts in one process."""
        with Worker(OURS, arguments) as worker:
            self.note("soak", "memory", OURS, worker.memory("VmRSS"), count=0)
            for first in range(0, self.soak, SOAK_STEP):
                worker.seconds("embed", "soak", first, SOAK_STEP)
                self.note("soak", "memory", OURS, worker.memory("VmRSS"), count=first + SOAK_STEP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder that run.sh filled")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="an eighth of the texts, 2 rounds")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engines")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 2
    engines = arguments.engines.split(",") if arguments.engines else ENGINES

    random.seed(SEED)
    run = Run(arguments)
    others = others_seconds()
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(engine, arguments)) for engine in engines]
        for worker in workers:
            run.note("", "start", worker.engine, worker.start)
        versions = {worker.engine: worker.version for worker in workers}
        run.compare(workers)
        run.say("all compute the same, but for the presets")
        run.fidelity(workers, json.loads((arguments.cache / "synsets.json").read_text()))
        run.say("fidelity of the presets")
        for turn in range(arguments.rounds):
            run.round(workers, turn)
            run.say(f"round {turn + 1} of {arguments.rounds}")
        for worker in workers:
            run.note("", "peak", worker.engine, worker.memory("VmRSS"))
    run.memory(arguments)
    run.say(f"memory over {run.soak} texts")
    others = (others_seconds() - others) / (time.monotonic() - run.started) / (os.cpu_count() or 1)

    tokens = json.loads((arguments.cache / "tokens.json").read_text())
    facts = {
        "command": "bench/embed/run.sh" + (" --quick" if arguments.quick else ""),
        "seconds": round(time.monotonic() - run.started),
        "versions": versions,
        "rounds": arguments.rounds,
        "python": f"Python {platform.python_version()}",
        "others": others,
        "texts": run.sizes,
        "tokens": {name: sum(tokens[name][:size]) for name, size in run.sizes.items()},
        "texts_sha256": hashlib.sha256((arguments.cache / "texts.json").read_bytes()).hexdigest(),
    }
    write_run(arguments.output, FIELDS, run.rows, facts)


if __name__ == "__main__":
    main()
