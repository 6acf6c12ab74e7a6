"""The encoder as an ONNX graph: how it is laid out, and what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from encoder_model import EncoderConfig, EncoderWeights, relative_buckets
from onnx import TensorProto, helper

EXPORTER_VERSION = "1"  # raise it when the same weights give other bytes
OPSET = 20  # the first with Gelu
IR_VERSION = 9  # opset 20's

# Added to the attention score of padding. Softmax makes an exact zero of it, whatever the score was.
MASKED = np.finfo(np.float32).min


def inputs(config: EncoderConfig) -> list[str]:
    return ["input_ids", "attention_mask"] + ["token_type_ids"] * config.architecture.token_types


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
