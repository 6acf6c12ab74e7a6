#!/usr/bin/env python3
"""Exports a sentence-embedding model of the BERT family from safetensors to ONNX.

    export_onnx.py MODEL_DIR [--preset exact | balanced | fast | fp16]… [--output FILE]

Reads MODEL_DIR/config.json and MODEL_DIR/model.safetensors (a Hugging Face
BertModel, DistilBertModel, RobertaModel, XLMRobertaModel or MPNetModel) and
writes MODEL_DIR/onnx/model.onnx, in float32, or model_balanced.onnx or
model_fast.onnx beside it, with dense layers in int8 (quantize.py), or
model_fp16.onnx, in float16, for GPUs:

    input_ids, attention_mask, token_type_ids    int64   [batch, sequence]
    last_hidden_state                            float32 [batch, sequence, hidden]
    pooler_output                                float32 [batch, hidden]

The mask is 1 for a token and 0 for padding, wherever it stands; a batch needs
one token at least, and the rows of last_hidden_state that belong to padding mean
nothing. DistilBERT and MPNet have no token_type_ids. RoBERTa and MPNet count
positions from the ids, as transformers does: padding must be their padding id. A
model without pooler weights gets no pooler_output. The same weights
and the same script give the same bytes.

Before the file is written, the evaluator of the onnx package runs the graph,
and its outputs must agree with the formulas in encoder_model.py. A graph of
another preset must agree with that in float32 on texts that it was not calibrated
with, as nearly as its preset promises.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

try:
    import numpy as np
    import onnx
    import tokenizers  # noqa: F401  (quantized_graph does; here, so that its absence says what to install)
    from onnx.reference import ReferenceEvaluator
except ImportError as error:
    sys.exit(f"export_onnx: {error}: pip install -r {Path(__file__).with_name('requirements.txt')}")

from encoder_graph import EXPORTER_VERSION, EncoderGraph, inputs
from encoder_model import EncoderConfig, EncoderWeights, ModelError, forward
from half_graph import HalfGraph
from quantize import Dense, in_two_terms, quantise
from quantized_graph import QuantizedGraph, batches, cosines, dense_inputs, stirred, texts, tokens
from safetensors_file import SafetensorsError

PROTOBUF_LIMIT = 2**31 - 1

# How far the graph, in float32, may be from the formulas, in float64, as a share of an output's largest value. Rounding
# alone makes it 9e-7 for MiniLM's six layers and has made it 2e-5 for twelve layers of random weights; the subtlest
# mistake of a whole part, the tanh form of GELU for the exact one, makes it 1e-3 in MiniLM.
TOLERANCE = 1e-4


def example(config: EncoderConfig) -> dict[str, np.ndarray]:
    """A batch that takes every turn of the graph: two lengths, both token types, padding that isn't id 0."""
    longest = min(12, config.max_tokens)
    lengths = np.array([[longest // 2 + 1], [longest]])
    ids = (np.arange(2 * longest) * 7919 + 101) % config.vocab_size
    if config.architecture.positions_after_padding:
        ids[longest + 1] = config.pad_token_id  # in the midst of the longer text
    types = np.arange(2 * longest) // 3 % max(config.type_vocab_size, 1)
    mask = np.arange(longest) < lengths
    batch = {
        "input_ids": ids.reshape(2, longest),
        "attention_mask": mask.astype(np.int64),
        "token_type_ids": types.reshape(2, longest),
    }
    return {name: batch[name] for name in inputs(config)}


def check(model: onnx.ModelProto, config: EncoderConfig, weights: EncoderWeights) -> float:
    """Runs the model on the example; returns its greatest distance from the formulas, as a share of the largest value.

    The graph gets the texts as one padded batch, the formulas one by one: the mask is checked too.
    """
    onnx.checker.check_model(model, full_check=True)
    batch = example(config)
    names = [output.name for output in model.graph.output]
    got = dict(zip(names, ReferenceEvaluator(model).run(names, batch)))
    distances = []
    for text, length in enumerate(batch["attention_mask"].sum(axis=1)):
        types = batch.get("token_type_ids", batch["input_ids"])
        want = forward(config, weights, batch["input_ids"][text, :length], types[text, :length])
        for name, values in want.items():
            row = got[name][text, :length] if values.ndim == 2 else got[name][text]
            distances.append(np.abs(row - values).max() / np.abs(values).max())
    return float(np.max(distances))  # NaN if one is


def write(model: onnx.ModelProto, path: Path) -> None:
    """Writes a temporary file beside path and renames it: path is the old file or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(model.SerializeToString(deterministic=True))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class Preset:
    # Of six encoder layers, how many have the input of their last dense layer in two terms: the first. That is what 8 bits tell
    # worst, and in the first layers some tokens make single ones that are many times as large as all others
    # (massive activations, Sun et al. 2024).
    two_terms_of_six: int
    least_cosine: float  # of a text's vector with that in float32, in the mean

    def two_terms(self, config: EncoderConfig) -> int:
        return math.ceil(self.two_terms_of_six * config.num_hidden_layers / 6)


INT8 = {
    "balanced": Preset(6, 0.999),
    "fast": Preset(2, 0.9985),
}
HALF = "fp16"
HALF_LEAST_COSINE = 0.9999
FILES = {"exact": "model.onnx"} | {preset: f"model_{preset}.onnx" for preset in (*INT8, HALF)}
# Raise it when the same weights give other numbers: vectors of both can't be compared to the bit any more.
RECIPE = "3"


def export(folder: Path, outputs: dict[str, Path]) -> None:
    """Writes the networks of some presets, each to its file."""
    config = EncoderConfig.load(folder / "config.json")
    weights = EncoderWeights(folder / "model.safetensors", config)
    say(f"read {folder}: {config.num_hidden_layers} layers, hidden size {config.hidden_size}")
    if not weights.has_pooler:
        say("the model has no pooler weights: the graph gets no pooler_output")
    metadata = {
        "minnow.exporter_version": EXPORTER_VERSION,
        "minnow.preset": "exact",
        "minnow.weights_sha256": weights.sha256(),
    }
    model = EncoderGraph(config, weights).model(metadata)
    size = model.ByteSize()
    if size > PROTOBUF_LIMIT:
        raise ModelError(f"{folder} would take {size} bytes, and an ONNX file holds 2 GiB: choose a smaller model")
    say(f"built the graph: {len(model.graph.node)} nodes, {size / 1e6:.1f} MB")
    distance = check(model, config, weights)
    if not distance <= TOLERANCE:  # or NaN
        raise ModelError(
            f"the graph is {distance:.1e} away from the formulas, more than {TOLERANCE:.0e}, and was not written: "
            f"download the model again, and if that doesn't help, report this"
        )
    say(f"checked it against the formulas: off by {distance:.1e} of the largest value, {TOLERANCE:.0e} allowed")
    models = {"exact": model}
    int8 = [preset for preset in outputs if preset in INT8]
    if int8:
        dense = quantised(folder, config, weights, max(INT8[preset].two_terms(config) for preset in int8))
        for preset in int8:
            say(f"preset {preset}")
            made = QuantizedGraph(config, weights, in_int8(dense, INT8[preset], config))
            models[preset] = made.model(metadata | {"minnow.preset": preset, "minnow.recipe": RECIPE})
            check_preset(models[preset], INT8[preset].least_cosine, model, folder, config)
    if HALF in outputs:
        say(f"preset {HALF}")
        models[HALF] = HalfGraph(config, weights).model(metadata | {"minnow.preset": HALF, "minnow.recipe": RECIPE})
        check_preset(models[HALF], HALF_LEAST_COSINE, model, folder, config)
    for preset, output in outputs.items():
        write(models[preset], output)
        say(f"wrote {output}")


def quantised(folder: Path, config: EncoderConfig, weights: EncoderWeights, two_terms: int) -> dict[str, Dense]:
    rows = tokens(folder, config, texts(held_out=False))
    rows += stirred(config, rows)
    say(f"calibrating with {sum(map(len, rows))} tokens")
    given = dense_inputs(config, weights, batches(config, rows))
    dense: dict[str, Dense] = {}
    for number, layer in enumerate(quantise(config, weights, given, two_terms), 1):
        dense |= layer
        worst = max(layer.values(), key=lambda d: d.error)
        say(f"layer {number} of {config.num_hidden_layers}: loses at most {worst.error:.1e}, in {worst.input.name}")
    return dense


def in_int8(dense: dict[str, Dense], preset: Preset, config: EncoderConfig) -> dict[str, Dense]:
    """The dense layers of a preset by name."""
    names = [f"encoder.layer.{i}.output.dense" for i in range(preset.two_terms(config))]
    say(f"in two terms: {', '.join(names) or 'none'}")
    return dense | {name: dense[in_two_terms(name)] for name in names}


def check_preset(
    model: onnx.ModelProto, least_cosine: float, exact: onnx.ModelProto, folder: Path, config: EncoderConfig
) -> None:
    """Refuses a model that is farther from the exact one than its preset allows."""
    onnx.checker.check_model(model, full_check=True)
    near = cosines(model, exact, batches(config, tokens(folder, config, texts(held_out=True))))
    mean = float(near.mean())
    say(f"cosine to float32 on {len(near)} other texts: mean {mean:.5f}, least {near.min():.4f}; {model.ByteSize() / 1e6:.1f} MB")
    if not mean >= least_cosine:
        raise ModelError(
            f"the vectors have a mean cosine of {mean:.5f} with those in float32, less than {least_cosine}, and "
            f"the model was not written: use the preset exact"
        )


def say(line: str) -> None:
    print(f"export_onnx: {line}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Exports a sentence-embedding model of the BERT family to ONNX.")
    parser.add_argument("model_dir", type=Path, help="folder with config.json and model.safetensors")
    parser.add_argument(
        "--preset", action="append", choices=FILES, help="how exact, and how fast (default: exact); may be said again"
    )
    parser.add_argument("--output", type=Path, help="file to write (default: in MODEL_DIR/onnx, named by the preset)")
    arguments = parser.parse_args()
    presets = arguments.preset or ["exact"]
    if arguments.output and len(presets) > 1:
        parser.error("--output is one file, and there are several presets")
    outputs = {preset: arguments.output or arguments.model_dir / "onnx" / FILES[preset] for preset in presets}
    # So that a terminated export cleans up after itself like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        export(arguments.model_dir, outputs)
    except (ModelError, SafetensorsError) as error:
        problem = str(error)
    except OSError as error:
        problem = f"can't read or write {error.filename or outputs[presets[0]]}: {error.strerror or error}"
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    else:
        return 0
    print(f"export_onnx: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
