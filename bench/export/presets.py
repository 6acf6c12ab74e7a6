"""Speed against fidelity of the presets in int8, and of every variant of their recipe that was tried.

    bench/embed/run.sh --prepare
    eval "$(scripts/setup.sh env)"
    python=$MINNOW_HOME/bench/python-$(sha256sum <bench/embed/requirements.txt | head -c 8)/bin/python
    $python bench/export/presets.py OUTPUT [--rounds 5] [--quick]      OUTPUT is a folder, such as bench/runs/DATE-presets

It takes less than ten minutes on two idle cores. Each variant is a network that takes the place of preset fast in a
model folder of its own, and package onnx computes it, on all cores, in a worker of bench/embed: by our own kernels, or
by ONNX Runtime where the network does not say that it is for these. So vectors and times are those that users get.

Fidelity is to the exact model's vectors: cosines, and how many of ten neighbours stay, of definitions of WordNet, of
descriptions of Debian's packages, and of definitions joined to longer texts. For speed all take turns, in an order drawn
anew each time, and a ratio is of two times of one round, some seconds apart.

OUTPUT/raw.csv has each figure from when it was measured, and about.json what is known of a run after each round, so that a
run that ends early keeps what it has: presets_report.py, which writes README.md and the plot, needs a round at least.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO
from unittest import mock

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "bench" / "embed"), str(ROOT / "bench")]
import presets_report  # noqa: E402
import quantize  # noqa: E402
import quantized_graph  # noqa: E402
from bench import OURS, PRESETS, QUERIES, WARM_UP, Worker  # noqa: E402
from encoder_model import EncoderConfig, EncoderWeights  # noqa: E402
from export_onnx import FILES, INT8  # noqa: E402
from fidelity import closeness  # noqa: E402
from presets_report import EXACT, KEPT, QUERY, TIMED  # noqa: E402
from quantize import Dense, in_two_terms  # noqa: E402
from quantized_graph import QuantizedGraph  # noqa: E402
from shared import about_machine, descriptions, others_seconds  # noqa: E402

FIELDS = ["variant", "kernels", "measure", "set", "round", "count", "value"]
PART = 8  # of the texts, and of those to calibrate with, one in so many with --quick
LONG_TIMED = 240
FAST = next(engine for engine, preset in PRESETS.items() if preset == "fast")
GPTQ = quantize.gptq  # before anything is put in its place
Inputs = dict[str, np.ndarray]


class RangesOfBatch(QuantizedGraph):
    """Ranges are measured in each run, but for inputs in two terms, which need none."""

    def told(self, x: str, dense: Dense) -> list[str]:
        given = dense.input
        at = f"{given.name}.input"
        if given.fine is not None or at in self._told:
            return super().told(x, dense)
        if given.smooth is not None:
            x = self.op("Mul", x, self.constant(f"{at}.inverse_smooth", 1 / given.smooth))
        outputs = [f"{at}.told", f"{at}.scale", f"{at}.zero"]  # the last two are constants elsewhere
        self.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", [x], outputs, name=at))
        self._told[at] = outputs[:1]
        return self._told[at]


def unsmoothed(x: np.ndarray, weight: np.ndarray) -> Iterator[np.ndarray]:
    yield np.ones(x.shape[1], np.float32)


def plainly(x: np.ndarray, weight: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """GPTQ for inputs that have nothing to do with each other: no row makes up for another, and pairs keep their rule."""
    return GPTQ(np.eye(len(weight), dtype=np.float32), weight, scales)


def for_onnx_runtime(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network without what tells package onnx that our own kernels can compute it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.metadata_props[:]
    return copy


def kernels(model: onnx.ModelProto) -> str:
    ours = any(entry.key == "minnow.encoder" for entry in model.metadata_props)
    return presets_report.OWN if ours else presets_report.RUNTIME


class Variants:
    def __init__(self, folder: Path, part: int) -> None:
        self.folder, self.part = folder, part
        self.config = EncoderConfig.load(folder / "config.json")
        self.weights = EncoderWeights(folder / "model.safetensors", self.config)
        self.layers = {preset: made.two_terms(self.config) for preset, made in INT8.items()}

    def all(self) -> Iterator[tuple[str, onnx.ModelProto]]:
        yield "quantize_dynamic, per channel", self.by_onnx_runtime()
        inputs = self.calibrated(stir=True)
        yield from self.of_one_quantisation(self.quantised(inputs, self.config.num_hidden_layers))
        with mock.patch.object(quantize, "smoothings", unsmoothed):
            yield "fast without smoothing", self.fast(self.quantised(inputs, self.layers["fast"]))
        with mock.patch.object(quantize, "gptq", plainly):
            yield "fast without GPTQ", self.fast(self.quantised(inputs, self.layers["fast"]))
        del inputs  # some gigabytes
        unstirred = self.calibrated(stir=False)
        yield "fast without stirred texts", self.fast(self.quantised(unstirred, self.layers["fast"]))

    def of_one_quantisation(self, dense: dict[str, Dense]) -> Iterator[tuple[str, onnx.ModelProto]]:
        preset_of = {layers: preset for preset, layers in self.layers.items()}
        for layers in sorted({0, 1, 3, *preset_of}):
            name = f"two terms in {layers} layer{'s' * (layers != 1)}"
            yield f"{preset_of[layers]}: {name}" if layers in preset_of else name, self.graph(dense, layers)
        for preset, layers in self.layers.items():
            yield f"{preset} on ONNX Runtime", for_onnx_runtime(self.graph(dense, layers))
        for layers in (1, 3):  # the recipe before there were two terms, which our kernels do not compute
            left = dense.keys() - set(self.last(layers))
            floats = QuantizedGraph(self.config, self.weights, {name: dense[name] for name in left})
            yield f"FC2 of {layers} layer{'s' * (layers != 1)} in float32", for_onnx_runtime(floats.model({}))
        yield "fast with ranges of each batch", for_onnx_runtime(self.graph(dense, self.layers["fast"], RangesOfBatch))

    def calibrated(self, stir: bool) -> Inputs:
        """What the dense layers get from the texts of calibration.txt, as export_onnx.py asks for it."""
        rows = quantized_graph.tokens(self.folder, self.config, quantized_graph.texts(held_out=False))[:: self.part]
        if stir:
            rows += quantized_graph.stirred(self.config, rows)
        return quantized_graph.dense_inputs(self.config, self.weights, quantized_graph.batches(self.config, rows))

    def quantised(self, inputs: Inputs, two_terms: int) -> dict[str, Dense]:
        made: dict[str, Dense] = {}
        for layer in quantize.quantise(self.config, self.weights, inputs, two_terms):
            made |= layer
        return made

    def last(self, layers: int) -> list[str]:
        """The last dense layer of each of the first encoder layers."""
        return [f"encoder.layer.{i}.output.dense" for i in range(layers)]

    def graph(
        self, dense: dict[str, Dense], two_terms: int, kind: type[QuantizedGraph] = QuantizedGraph
    ) -> onnx.ModelProto:
        chosen = dense | {name: dense[in_two_terms(name)] for name in self.last(two_terms)}
        return kind(self.config, self.weights, chosen).model({})

    def fast(self, dense: dict[str, Dense]) -> onnx.ModelProto:
        return self.graph(dense, self.layers["fast"])

    def by_onnx_runtime(self) -> onnx.ModelProto:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "model.onnx"
            exact = self.folder / "onnx" / FILES["exact"]
            logging.disable(logging.WARNING)  # of tensors that are not in float32 anyway
            quantize_dynamic(exact, output, per_channel=True, weight_type=QuantType.QInt8)
            return onnx.load(output)


def texts(cache: Path, part: int) -> dict[str, list[str]]:
    definitions = (cache / "glosses.txt").read_text("utf-8").splitlines()
    random.Random(6).shuffle(definitions)
    rest = iter(definitions)
    packages = sorted(set(descriptions(cache / "descriptions.txt")))
    return {
        "definitions": [next(rest) for _ in range(1000 // part)],
        "packages": random.Random(7).sample(packages, 1000 // part),
        "long": ["; ".join(next(rest) for _ in range(5)) for _ in range(600 // part)],
        "queries": json.loads((cache / "texts.json").read_text("utf-8"))["queries"],
    }


def model_folder(real: Path, folder: Path, network: onnx.ModelProto) -> Path:
    """A folder with all files of the real one, but of the networks: the exact one, and this one as preset fast."""
    (folder / "onnx").mkdir(parents=True)
    for path in [*real.iterdir(), real / "onnx" / FILES["exact"]]:
        if path.name != "onnx":
            (folder / path.relative_to(real)).symlink_to(path.resolve())
    onnx.save(network, folder / "onnx" / FILES["fast"])
    return folder


class Run:
    def __init__(self, raw: TextIO, sets: dict[str, list[str]]) -> None:
        self.started = time.monotonic()
        self.writer = csv.DictWriter(raw, FIELDS, restval="", lineterminator="\n")
        self.writer.writeheader()
        self.sizes = {name: len(some) for name, some in sets.items()}
        self.exact: dict[str, np.ndarray] = {}
        self.workers: dict[str, Worker] = {}
        self.kernels: dict[str, str] = {}

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:5.0f} s  {text}", flush=True)

    def note(self, variant: str, measure: str, name: str, value: float, **keys: int) -> None:
        row = {"variant": variant, "kernels": self.kernels[variant], "measure": measure, "set": name}
        self.writer.writerow(row | {"value": f"{value:.6g}"} | keys)

    def add(self, variant: str, worker: Worker, computed_by: str) -> None:
        """The first one is exact, and what the others are compared with."""
        self.workers[variant], self.kernels[variant] = worker, computed_by
        for name in KEPT:
            vectors = worker.vectors(name, self.sizes[name])
            for measure, value in closeness(vectors, self.exact.setdefault(name, vectors)).items():
                self.note(variant, measure, name, value, count=self.sizes[name])
        self.say(f"{variant}: fidelity")

    def round(self, turn: int) -> None:
        for name in [*TIMED, QUERY]:
            for variant, worker in random.sample(list(self.workers.items()), len(self.workers)):
                if name == QUERY:
                    worker.seconds("latency", "queries", QUERIES, WARM_UP)
                    seconds = sorted(worker.seconds("latency", "queries", 0, QUERIES))[QUERIES // 2]
                    self.note(variant, "p50", QUERY, seconds, round=turn, count=QUERIES)
                else:
                    worker.seconds("embed", "queries", QUERIES, WARM_UP)
                    count = min(self.sizes[name], LONG_TIMED) if name == "long" else self.sizes[name]
                    (seconds,) = worker.seconds("embed", name, 0, count)
                    self.note(variant, "embed", name, seconds, round=turn, count=count)


def pinned(name: str) -> str:
    lines = (ROOT / "scripts" / "pins.env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))


def measure(arguments: argparse.Namespace, facts: dict[str, object]) -> None:
    part = PART if arguments.quick else 1
    sets = texts(arguments.cache, part)
    with ExitStack() as stack:
        raw = stack.enter_context((arguments.output / "raw.csv").open("w", newline="", buffering=1))  # line by line
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minnow-presets-")))
        (folder / "texts.json").write_text(json.dumps(sets), "utf-8")
        (folder / "bin").symlink_to((arguments.cache / "bin").resolve())
        run, others = Run(raw, sets), others_seconds()

        def start(engine: str, model: Path) -> Worker:
            return stack.enter_context(Worker(engine, argparse.Namespace(cache=folder, model=model)))

        run.add(EXACT, start(OURS, arguments.model), presets_report.RUNTIME)
        for number, (variant, network) in enumerate(Variants(arguments.model, part).all()):
            model = model_folder(arguments.model, folder / str(number), network)
            run.add(variant, start(FAST, model), kernels(network))
        facts |= {"worker": run.workers[EXACT].version, "texts": run.sizes}
        for turn in range(arguments.rounds):
            run.round(turn)
            run.say(f"round {turn + 1} of {arguments.rounds}")
            seconds = time.monotonic() - run.started
            # Workers count as others until they have ended, so no more can be said of these than below.
            facts |= {"rounds": turn + 1, "seconds": round(seconds)}
            write_about(arguments.output, facts)
    seconds = time.monotonic() - run.started
    facts["others"] = (others_seconds() - others) / seconds / (os.cpu_count() or 1)
    write_about(arguments.output, facts)


def write_about(folder: Path, facts: dict[str, object]) -> None:
    (folder / "about.json").write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    home = Path(os.environ["MINNOW_HOME"])
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path, default=home / "bench", help="folder that bench/embed/run.sh filled")
    parser.add_argument("--model", type=Path, default=home / "models" / "all-MiniLM-L6-v2")
    parser.add_argument("--quick", action="store_true", help="an eighth of the texts, those to calibrate with included")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that folders and workers go
    random.seed(1)  # of the order
    facts = about_machine() | {  # before a tracked file is written, which would make the tree dirty
        "command": "presets.py" + " --quick" * arguments.quick,
        "model": arguments.model.name,
        "runtime": pinned("ONNXRUNTIME_VERSION"),
        "python": f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}, "
        f"NumPy {np.__version__}",
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    measure(arguments, facts)
    presets_report.write(arguments.output)


if __name__ == "__main__":
    main()
