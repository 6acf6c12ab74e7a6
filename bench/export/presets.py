"""What each part of the int8 recipe is good for: variants of the presets beside the exact graph, on ONNX Runtime.

    presets.py MODEL_DIR CACHE OUTPUT_DIR [--rounds 5]

Fidelity is to the exact graph's vectors: mean cosine and how many of ten neighbours stay, of definitions and of
descriptions of packages, and of definitions joined to paragraphs. Speed is on one core, interleaved: every variant
embeds the same texts in every round, and a ratio is of two times of one round. CACHE is the folder that
bench/embed/run.sh --prepare fills, which has the texts. Writes OUTPUT_DIR/raw.csv, README.md and speed-fidelity.svg. Needs
onnxruntime and matplotlib beside scripts/requirements.txt, as bench/embed has them.
"""

from __future__ import annotations

import argparse
import csv
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import matplotlib
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "scripts"), str(HERE.parents[1] / "embed"), str(HERE.parents[1])]
import quantize  # noqa: E402
import quantized_graph  # noqa: E402
from encoder_graph import EncoderGraph  # noqa: E402
from encoder_model import EncoderConfig, EncoderWeights  # noqa: E402
from fidelity import closeness  # noqa: E402
from quantize import Dense  # noqa: E402
from quantized_graph import Batch, QuantizedGraph  # noqa: E402

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

TIMED = {"definitions": 400, "long": 60}
FIELDS = ["variant", "measure", "set", "round", "value"]


class DynamicRanges(QuantizedGraph):
    """Ranges measured in each run."""

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        dense = self.quantized.get(name)
        at = "" if dense is None else f"{dense.input.name}.input"
        if dense is not None and at not in self._told:
            smoothed = x
            if dense.input.smooth is not None:
                smoothed = self.op("Mul", x, self.constant(f"{at}.smooth", 1 / dense.input.smooth))
            outputs = [f"{at}.told", f"{at}.scale", f"{at}.zero"]
            self.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", [smoothed], outputs, name=at))
            self._told[at] = outputs[0]
        if dense is None:
            return super().dense(x, name, scale)
        constants = [
            self.constant(f"{name}.weight", dense.codes),
            self.constant(f"{name}.scale", dense.scales * np.float32(scale)),
            self.constant(f"{name}.bias", dense.bias * np.float32(scale)),
        ]
        inputs = [self._told[at], constants[0], f"{at}.scale", constants[1], f"{at}.zero", "", constants[2]]
        return self.op("MatMulIntegerToFloat", *inputs, domain=quantized_graph.MICROSOFT)


class Variants:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = EncoderConfig.load(folder / "config.json")
        self.weights = EncoderWeights(folder / "model.safetensors", self.config)
        plain = quantized_graph.tokens(folder, self.config, quantized_graph.texts(held_out=False))
        self.rows = {"plain": plain, "stirred": plain + quantized_graph.stirred(self.config, plain)}

    def quantised(self, rows: str = "stirred") -> dict[str, Dense]:
        given = quantized_graph.batches(self.config, self.rows[rows])
        inputs = quantized_graph.dense_inputs(self.config, self.weights, given)
        return {n: d for layer in quantize.quantise(self.config, self.weights, inputs) for n, d in layer.items()}

    def graph(self, dense: dict[str, Dense], floats: int, kind: type[QuantizedGraph] = QuantizedGraph) -> onnx.ModelProto:
        left = {f"encoder.layer.{i}.output.dense" for i in range(floats)}
        return kind(self.config, self.weights, {n: d for n, d in dense.items() if n not in left}).model({})

    def exact(self) -> onnx.ModelProto:
        return EncoderGraph(self.config, self.weights).model({})

    def runtimes_own(self) -> onnx.ModelProto:
        with tempfile.TemporaryDirectory() as folder:
            before, after = (str(Path(folder) / name) for name in ("before.onnx", "after.onnx"))
            onnx.save(self.exact(), before)
            quantize_dynamic(before, after, per_channel=True, weight_type=QuantType.QInt8)
            return onnx.load(after)

    def all(self) -> Iterator[tuple[str, onnx.ModelProto]]:
        yield "exact", self.exact()
        yield "onnxruntime's quantize_dynamic, per channel", self.runtimes_own()
        dense = self.quantised()
        layers = self.config.num_hidden_layers
        for floats in (0, 1, 2, 3, layers):
            name = {1: "fast: FC2 of 1 layer in float32", 3: "balanced: of 3"}.get(floats, f"of {floats}")
            yield name, self.graph(dense, floats)
        yield "fast, ranges of each batch", self.graph(dense, 1, DynamicRanges)
        yield "fast, calibrated without stirred texts", self.graph(self.quantised("plain"), 1)
        nothing = lambda x, weight: iter([np.ones(x.shape[1], np.float32)])  # noqa: E731
        with mock.patch.object(quantize, "smoothings", nothing):
            yield "fast, without smoothing", self.graph(self.quantised(), 1)
        plain: Callable[..., np.ndarray] = lambda x, weight, scales: np.clip(  # noqa: E731
            np.rint(quantize.fit_pairs(weight / scales)), -127, 127
        )
        with mock.patch.object(quantize, "gptq", plain):
            yield "fast, without GPTQ", self.graph(self.quantised(), 1)


def texts(cache: Path) -> dict[str, list[str]]:
    definitions = (cache / "glosses.txt").read_text("utf-8").splitlines()
    random.Random(6).shuffle(definitions)
    rest = iter(definitions)
    return {
        "definitions": [next(rest) for _ in range(1000)],
        "packages": (cache / "packages.txt").read_text("utf-8").splitlines()[:1000],
        "long": ["; ".join(next(rest) for _ in range(5)) for _ in range(600)],
    }


class Session:
    def __init__(self, model: onnx.ModelProto) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self.session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def vectors(self, given: list[Batch]) -> np.ndarray:
        found = []
        for one in given:
            (hidden,) = self.session.run(["last_hidden_state"], one)
            found.append((hidden * one["attention_mask"][:, :, None]).sum(axis=1))
        return np.concatenate(found)

    def seconds(self, given: list[Batch]) -> float:
        begin = time.perf_counter()
        for one in given:
            self.session.run(["last_hidden_state"], one)
        return time.perf_counter() - begin


def draw(rows: list[dict[str, object]], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(7, 4.2))
    for name in dict.fromkeys(row["variant"] for row in rows):
        if name == "exact":
            continue
        speed, kept = speed_of(rows, str(name), "definitions"), value(rows, str(name), "kept", "definitions")
        axis.plot(speed, kept, "o", color="C0" if str(name).startswith(("fast:", "balanced:")) else "C7")
        axis.annotate(str(name), (speed, kept), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axis.set_xlabel("times as quick as exact, definitions, one core")
    axis.set_ylabel("of ten neighbours kept")
    axis.margins(x=0.25)
    axis.grid(True, linewidth=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def value(rows: list[dict[str, object]], variant: str, measure: str, name: str) -> float:
    return next(
        float(str(row["value"]))
        for row in rows
        if (row["variant"], row["measure"], row["set"]) == (variant, measure, name)
    )


def speed_of(rows: list[dict[str, object]], variant: str, name: str) -> float:
    times = {
        which: {r["round"]: float(str(r["value"])) for r in rows if (r["variant"], r["measure"], r["set"]) == (which, "seconds", name)}
        for which in ("exact", variant)
    }  # fmt: skip
    return statistics.median(times["exact"][turn] / times[variant][turn] for turn in times[variant])


def document(rows: list[dict[str, object]], versions: str) -> Iterator[str]:
    yield "# Variants of the presets\n"
    yield "Written by bench/export/presets.py, whose head says how it is done.\n"
    yield f"- {versions}\n"
    yield "Speed is the median of the rounds, as a multiple of exact's; fidelity is mean cosine / least / of ten neighbours kept.\n"
    yield "| variant | speed, definitions | long | definitions | packages | long |"
    yield "|---|---|---|---|---|---|"
    for name in dict.fromkeys(str(row["variant"]) for row in rows):
        if name == "exact":
            continue
        cells = [f"{speed_of(rows, name, s):.2f}" for s in TIMED]
        for s in ("definitions", "packages", "long"):
            mean, least, kept = (value(rows, name, m, s) for m in ("mean_cosine", "least_cosine", "kept"))
            cells.append(f"{mean:.5f} / {least:.3f} / {kept:.3f}")
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield "\n![speed and fidelity](speed-fidelity.svg)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    variants = Variants(arguments.model_dir)
    given = {}
    for name, some in texts(arguments.cache).items():
        rows = quantized_graph.tokens(arguments.model_dir, variants.config, some)
        given[name] = list(quantized_graph.batches(variants.config, rows))
        if name in TIMED:
            part = sorted(random.Random(1).sample(rows, TIMED[name]), key=len)
            size = 512 // (sum(map(len, part)) // len(part)) or 1
            given[f"timed {name}"] = [quantized_graph.batch(variants.config, part[i : i + size]) for i in range(0, len(part), size)]
    rows_: list[dict[str, object]] = []
    sessions: dict[str, Session] = {}
    exact: dict[str, np.ndarray] = {}
    for variant, model in variants.all():
        sessions[variant] = Session(model)
        for name in ("definitions", "packages", "long"):
            vectors = sessions[variant].vectors(given[name])
            exact.setdefault(name, vectors)
            for measure, number in closeness(vectors, exact[name]).items():
                rows_.append({"variant": variant, "measure": measure, "set": name, "value": f"{number:.6f}"})
        print(f"{variant}: made", flush=True)
    for turn in range(arguments.rounds):
        for name in TIMED:
            for variant in random.sample(list(sessions), len(sessions)):
                seconds = sessions[variant].seconds(given[f"timed {name}"])
                rows_.append({"variant": variant, "measure": "seconds", "set": name, "round": turn, "value": f"{seconds:.5f}"})
    arguments.output.mkdir(parents=True, exist_ok=True)
    with (arguments.output / "raw.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows_)
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    versions = f"{cpu.split(':')[1].strip()}; Python {platform.python_version()}, onnxruntime {ort.__version__}, onnx {onnx.__version__}, NumPy {np.__version__}"
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    (arguments.output / "README.md").write_text("\n".join(document(rows_, versions)) + "\n")
    draw(rows_, arguments.output / "speed-fidelity.svg")


if __name__ == "__main__":
    main()
