#!/usr/bin/env python3
"""Exports a sentence-embedding model of the BERT family from safetensors to ONNX.

    export_onnx.py MODEL_DIR [--output FILE]

Reads MODEL_DIR/config.json and MODEL_DIR/model.safetensors (a Hugging Face
BertModel, DistilBertModel, RobertaModel, XLMRobertaModel or MPNetModel) and
writes MODEL_DIR/onnx/model.onnx, in float32:

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
and its outputs must agree with the formulas in encoder_model.py.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator
except ImportError as error:
    sys.exit(f"export_onnx: {error}: pip install -r {Path(__file__).with_name('requirements.txt')}")

from encoder_model import EncoderConfig, EncoderWeights, ModelError, forward, relative_buckets
from safetensors_file import SafetensorsError

EXPORTER_VERSION = "1"  # raise it when the same weights give other bytes
PRESET = "exact"
OPSET = 20  # the first with Gelu
IR_VERSION = 9  # opset 20's
PROTOBUF_LIMIT = 2**31 - 1

# Added to the attention score of padding. Softmax makes an exact zero of it, whatever the score was.
MASKED = np.finfo(np.float32).min

# How far the graph, in float32, may be from the formulas, in float64, as a share of an output's largest value. Rounding
# alone makes it 9e-7 for MiniLM's six layers and has made it 2e-5 for twelve layers of random weights; the subtlest
# mistake of a whole part, the tanh form of GELU for the exact one, makes it 1e-3 in MiniLM.
TOLERANCE = 1e-4


class EncoderGraph:
    """The encoder as an ONNX graph, of standard operators alone.

    All but the attention works on one row a token, and on no row for padding:
    the rows of padding are dropped behind the embeddings, put back for the
    attention, which needs equal lengths, and dropped again.

    Rows are in sequence-major order: row s * batch + b is token s of text b.
    With padding, such a matrix [rows, hidden] is also [sequence, batch, heads,
    head_size] with no byte moved, and ONNX Runtime can multiply over its first
    and last axis in place.
    """

    def __init__(self, config: EncoderConfig, weights: EncoderWeights) -> None:
        self.config = config
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._scope = ""

    def model(self, metadata: dict[str, str]) -> onnx.ModelProto:
        outputs = self.network()
        graph = helper.make_graph(
            self.nodes,
            self.config.model_type,
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
                for name in inputs(self.config)
            ],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph,
            producer_name="minnow export_onnx",
            producer_version=EXPORTER_VERSION,
            opset_imports=self.opsets(),
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, metadata)
        return model

    def opsets(self) -> list[onnx.OperatorSetIdProto]:
        return [helper.make_opsetid("", OPSET)]

    # The network, in the order of the data. Each method adds its nodes and returns the name of what they compute.

    def network(self) -> dict[str, list[str | int]]:
        """Adds every node; returns the outputs and their shapes."""
        hidden = self.config.hidden_size
        outputs: dict[str, list[str | int]] = {"last_hidden_state": ["batch", "sequence", hidden]}
        self.prepare()
        x = self.pack(self.embeddings())
        for layer in range(self.config.num_hidden_layers):
            x = self.layer(x, f"encoder.layer.{layer}")
        x = self.unpack(x)
        self.last_hidden_state(x)
        if self.weights.has_pooler:
            self.pooler(x)
            outputs["pooler_output"] = ["batch", hidden]
        return outputs

    def prepare(self) -> None:
        """Computes what all layers share."""
        c = self.config
        self._scope = "shared"
        self.ids = self.sequence_major("input_ids")
        if c.architecture.token_types:
            self.types = self.sequence_major("token_type_ids")
        lengths = self.op("Shape", self.ids)  # sequence, batch
        self.sequence = self.op("Slice", lengths, self.ints("zero", 0), self.ints("one", 1))
        self.flat_shape = self.ints("flat", -1, c.hidden_size)
        self.cube_shape = self.op("Concat", lengths, self.ints("hidden", c.hidden_size), axis=0)
        self.heads_shape = self.op("Concat", lengths, self.ints("heads", c.num_attention_heads, c.head_size), axis=0)

        present = self.op("Cast", "attention_mask", to=TensorProto.BOOL)
        penalty = self.op("Where", present, self.constant("kept", np.float32(0)), self.constant("masked", MASKED))
        self.penalty = self.op("Unsqueeze", penalty, self.ints("one_two", 1, 2))  # batch, 1, 1, sequence
        if c.architecture.relative_positions:
            self.penalty = self.op("Add", self.penalty, self.relative_bias())  # batch, heads, sequence, sequence

        # kept[i] is the padded row of packed row i; places[r] the packed row of padded row r, and any row for padding.
        flat = self.op("Reshape", self.sequence_major(present), self.ints("all", -1))
        flat = self.op("Cast", flat, to=TensorProto.INT64)
        self.kept = self.op("Squeeze", self.op("NonZero", flat), self.ints("zero", 0))
        counted = self.op("Sub", self.op("CumSum", flat, self.constant("axis", np.int64(0))), self.ints("one", 1))
        self.places = self.op("Max", counted, self.ints("zero", 0))

    def sequence_major(self, x: str) -> str:
        return self.op("Transpose", x, perm=[1, 0])

    def pack(self, x: str) -> str:
        return self.op("Gather", x, self.kept)

    def unpack(self, x: str) -> str:
        return self.op("Gather", x, self.places)

    def embeddings(self) -> str:
        self._scope = "embeddings"
        x = self.op("Add", self.words(), self.positions())
        if self.config.architecture.token_types:
            x = self.op("Add", x, self.token_types())
        return self.op("Reshape", self.norm(x, "embeddings.LayerNorm"), self.flat_shape)

    def words(self) -> str:
        return self.op("Gather", self.weight("embeddings.word_embeddings.weight"), self.ids)

    def positions(self) -> str:
        table = self.weight("embeddings.position_embeddings.weight")
        if self.config.architecture.positions_after_padding:
            pad = self.constant("pad", np.int64(self.config.pad_token_id))
            counted = self.op("Cast", self.op("Not", self.op("Equal", self.ids, pad)), to=TensorProto.INT64)
            so_far = self.op("CumSum", counted, self.constant("axis", np.int64(0)))
            return self.op("Gather", table, self.op("Add", self.op("Mul", so_far, counted), pad))
        rows = self.op("Slice", table, self.ints("zero", 0), self.sequence)
        return self.op("Unsqueeze", rows, self.ints("one", 1))

    def token_types(self) -> str:
        return self.op("Gather", self.weight("embeddings.token_type_embeddings.weight"), self.types)

    def relative_bias(self) -> str:
        """What attention adds for the distance of two tokens, as [heads, sequence, sequence]."""
        by_distance = self.weights["encoder.relative_attention_bias.weight"][relative_buckets(self.config)]
        length = self.op("Squeeze", self.sequence)
        row = self.op("Range", self.constant("start", np.int64(0)), length, self.constant("step", np.int64(1)))
        distance = self.op("Sub", row, self.op("Unsqueeze", row, self.ints("one", 1)))
        index = self.op("Add", distance, self.constant("centre", np.int64(self.config.max_tokens - 1)))
        return self.op("Transpose", self.op("Gather", self.constant("by_distance", by_distance), index), perm=[2, 0, 1])

    def layer(self, x: str, at: str) -> str:
        self._scope = f"{at}.attention"
        y = self.pack(self.attend(*self.query_key_value(x, f"{at}.attention.self")))
        x = self.add_norm(x, self.dense(y, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        self._scope = f"{at}.mlp"
        y = self.gelu_dense(x, f"{at}.intermediate.dense")
        return self.add_norm(x, self.dense(y, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    def query_key_value(self, x: str, at: str) -> list[str]:
        """The three as [sequence, batch, heads, head_size]."""
        # The scores' division by sqrt(head_size) is done here, to the query's weights.
        scales = {"query": self.config.head_size**-0.5, "key": 1.0, "value": 1.0}
        rows = [self.unpack(self.dense(x, f"{at}.{part}", scale)) for part, scale in scales.items()]
        return [self.op("Reshape", matrix, self.heads_shape) for matrix in rows]

    def attend(self, query: str, key: str, value: str) -> str:
        # To [batch, heads, …]. From level "extended" on, ONNX Runtime makes these three part of the multiplications.
        query = self.op("Transpose", query, perm=[1, 2, 0, 3])
        key = self.op("Transpose", key, perm=[1, 2, 3, 0])
        value = self.op("Transpose", value, perm=[1, 2, 0, 3])
        scores = self.op("Add", self.op("MatMul", query, key), self.penalty)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        return self.op("Reshape", self.op("Transpose", context, perm=[2, 0, 1, 3]), self.flat_shape)

    def last_hidden_state(self, x: str) -> None:
        self._scope = "last_hidden_state"
        cube = self.op("Reshape", x, self.cube_shape)
        self.op("Transpose", cube, perm=[1, 0, 2], output="last_hidden_state")

    def pooler(self, x: str) -> None:
        """A dense layer and tanh over the first token of each text."""
        self._scope = "pooler"
        self.op("Tanh", self.dense(self.first_tokens(x), "pooler.dense"), output="pooler_output")

    def first_tokens(self, x: str) -> str:
        return self.op("Gather", self.op("Reshape", x, self.cube_shape), self.constant("first", np.int64(0)), axis=0)

    # The pieces.

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"] * np.float32(scale))
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"] * np.float32(scale))
        return self.op("Gemm", x, weight, bias, transB=1)

    def gelu_dense(self, x: str, name: str) -> str:
        return self.op("Gelu", self.dense(x, name))

    def add_norm(self, x: str, y: str, name: str) -> str:
        return self.norm(self.op("Add", x, y), name)

    def norm(self, x: str, name: str) -> str:
        return self.op(
            "LayerNormalization",
            x,
            self.weight(f"{name}.weight"),
            self.weight(f"{name}.bias"),
            axis=-1,
            epsilon=self.config.layer_norm_eps,
        )

    # The bookkeeping.

    def op(self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> str:
        name = f"{self._scope}/{kind}.{len(self.nodes)}"
        output = output or name
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, domain=domain, **attributes))
        return output

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def ints(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, np.int64))

    def constant(self, name: str, values: np.ndarray | np.generic) -> str:
        self._constants[name] = onnx.numpy_helper.from_array(np.asarray(values), name)
        return name


def inputs(config: EncoderConfig) -> list[str]:
    return ["input_ids", "attention_mask"] + ["token_type_ids"] * config.architecture.token_types


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


def export(folder: Path, output: Path) -> None:
    config = EncoderConfig.load(folder / "config.json")
    weights = EncoderWeights(folder / "model.safetensors", config)
    say(f"read {folder}: {config.num_hidden_layers} layers, hidden size {config.hidden_size}")
    if not weights.has_pooler:
        say("the model has no pooler weights: the graph gets no pooler_output")
    metadata = {
        "minnow.exporter_version": EXPORTER_VERSION,
        "minnow.preset": PRESET,
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
    write(model, output)
    say(f"wrote {output}")


def say(line: str) -> None:
    print(f"export_onnx: {line}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Exports a sentence-embedding model of the BERT family to ONNX.")
    parser.add_argument("model_dir", type=Path, help="folder with config.json and model.safetensors")
    parser.add_argument("--output", type=Path, help="file to write (default: MODEL_DIR/onnx/model.onnx)")
    arguments = parser.parse_args()
    output = arguments.output or arguments.model_dir / "onnx" / "model.onnx"
    # So that a terminated export cleans up after itself like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        export(arguments.model_dir, output)
    except (ModelError, SafetensorsError) as error:
        problem = str(error)
    except OSError as error:
        problem = f"can't read or write {error.filename or output}: {error.strerror or error}"
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    else:
        return 0
    print(f"export_onnx: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
