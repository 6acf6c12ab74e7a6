"""The graphs that were candidates for the export, as changes to the one that scripts/export_onnx.py writes.

Each class answers one question: what if this part were done the other way?
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from encoder_graph import EncoderGraph  # noqa: E402

MS = "com.microsoft"


def several(graph: EncoderGraph, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
    """Adds a node with many outputs, which no graph of the exporter has."""
    names = [f"{kind}.{len(graph.nodes)}.{i}" for i in range(outputs)]
    graph.nodes.append(helper.make_node(kind, inputs, names, name=names[0], **attributes))
    return names


class Padded(EncoderGraph):
    """Computes the rows of padding like all others."""

    def pack(self, x: str) -> str:
        return x

    def unpack(self, x: str) -> str:
        return x


class BatchMajor(EncoderGraph):
    """Row b * sequence + s, the usual order: no transposition of the ends, but the heads' are real ones."""

    def sequence_major(self, x: str) -> str:
        return x

    def positions(self) -> str:
        lengths = self.op("Shape", self.ids)  # batch, sequence
        sequence = self.op("Slice", lengths, self.ints("one", 1), self.ints("two", 2))
        return self.op("Slice", self.weight("embeddings.position_embeddings.weight"), self.ints("zero", 0), sequence)

    def attend(self, query: str, key: str, value: str) -> str:
        query = self.op("Transpose", query, perm=[0, 2, 1, 3])
        key = self.op("Transpose", key, perm=[0, 2, 3, 1])
        value = self.op("Transpose", value, perm=[0, 2, 1, 3])
        scores = self.op("Add", self.op("MatMul", query, key), self.penalty)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        return self.op("Reshape", self.op("Transpose", context, perm=[0, 2, 1, 3]), self.flat_shape)

    def last_hidden_state(self, x: str) -> None:
        self.op("Reshape", x, self.cube_shape, output="last_hidden_state")

    def first_tokens(self, x: str) -> str:
        return self.op("Gather", self.op("Reshape", x, self.cube_shape), self.constant("first", np.int64(0)), axis=1)


class Textbook(BatchMajor, Padded):
    """What tracing BertModel gives: three axes, MatMul and Add, GELU spelt with Erf, scores divided.

    ONNX Runtime's optimiser was made for this shape and may fuse what it likes.
    """

    def prepare(self) -> None:
        super().prepare()
        self.flat_shape = self.cube_shape

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self.weights[f"{name}.weight"].T))
        return self.op("Add", self.op("MatMul", x, weight), self.weight(f"{name}.bias"))

    def attend(self, query: str, key: str, value: str) -> str:
        query = self.op("Transpose", query, perm=[0, 2, 1, 3])
        key = self.op("Transpose", key, perm=[0, 2, 3, 1])
        value = self.op("Transpose", value, perm=[0, 2, 1, 3])
        root = self.constant("root", np.float32(self.config.head_size**0.5))
        scores = self.op("Add", self.op("Div", self.op("MatMul", query, key), root), self.penalty)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        return self.op("Reshape", self.op("Transpose", context, perm=[0, 2, 1, 3]), self.cube_shape)

    def gelu_dense(self, x: str, name: str) -> str:
        x = self.dense(x, name)
        erf = self.op("Erf", self.op("Div", x, self.constant("sqrt2", np.float32(2**0.5))))
        return self.op(
            "Mul",
            self.op("Mul", x, self.op("Add", erf, self.constant("unit", np.float32(1)))),
            self.constant("half", np.float32(0.5)),
        )

    def last_hidden_state(self, x: str) -> None:
        self.op("Identity", x, output="last_hidden_state")

    def first_tokens(self, x: str) -> str:
        return self.op("Gather", x, self.constant("first", np.int64(0)), axis=1)


class WithContrib(EncoderGraph):
    """A base for graphs that use ONNX Runtime's own operators."""

    def opsets(self) -> list[onnx.OperatorSetIdProto]:
        return [*super().opsets(), helper.make_opsetid(MS, 1)]


class SkipLayerNorm(WithContrib):
    """SkipLayerNormalization for Add and LayerNormalization."""

    def add_norm(self, x: str, y: str, name: str) -> str:
        inputs = (x, y, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))
        return self.op("SkipLayerNormalization", *inputs, domain=MS, epsilon=self.config.layer_norm_eps)


class BiasGelu(WithContrib):
    """BiasGelu behind a MatMul, for a Gemm with its bias and Gelu."""

    def gelu_dense(self, x: str, name: str) -> str:
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self.weights[f"{name}.weight"].T))
        return self.op("BiasGelu", self.op("MatMul", x, weight), self.weight(f"{name}.bias"), domain=MS)


class ContribGelu(WithContrib):
    """com.microsoft's Gelu for the standard one."""

    def gelu_dense(self, x: str, name: str) -> str:
        return self.op("Gelu", self.dense(x, name), domain=MS)


class MergedQKV(EncoderGraph):
    """One multiplication for query, key and value, and a Split."""

    def query_key_value(self, x: str, at: str) -> list[str]:
        c = self.config
        scales = {"query": np.float32(c.head_size**-0.5), "key": np.float32(1), "value": np.float32(1)}
        weight, bias = (
            np.concatenate([self.weights[f"{at}.{part}.{kind}"] * scale for part, scale in scales.items()])
            for kind in ("weight", "bias")
        )
        merged = self.op("Gemm", x, self.constant(f"{at}.w", weight), self.constant(f"{at}.b", bias), transB=1)
        merged = self.op("Reshape", self.unpack(merged), self.merged_shape())
        return several(self, "Split", 3, merged, axis=2, num_outputs=3)

    def merged_shape(self) -> str:
        c = self.config
        shape = self.op("Shape", self.ids)
        return self.op("Concat", shape, self.ints("heads3", 3 * c.num_attention_heads, c.head_size), axis=0)


class WholeAttention(BatchMajor):
    """A base for graphs in which one operator does all between the projections; it divides the scores itself."""

    def query_key_value(self, x: str, at: str) -> list[str]:
        rows = [self.unpack(self.dense(x, f"{at}.{part}")) for part in ("query", "key", "value")]
        return [self.op("Reshape", matrix, self.cube_shape) for matrix in rows]

    def present(self) -> str:
        return self.op("Cast", "attention_mask", to=TensorProto.INT32)


class MultiHead(WholeAttention, WithContrib):
    """com.microsoft's MultiHeadAttention."""

    def attend(self, query: str, key: str, value: str) -> str:
        inputs = (query, key, value, "", self.present())
        context = self.op("MultiHeadAttention", *inputs, domain=MS, num_heads=self.config.num_attention_heads)
        return self.op("Reshape", context, self.flat_shape)


class Attention(WholeAttention, WithContrib):
    """com.microsoft's Attention, which does the projections too."""

    def query_key_value(self, x: str, at: str) -> list[str]:
        weight, bias = (
            np.concatenate([self.weights[f"{at}.{part}.{kind}"] for part in ("query", "key", "value")])
            for kind in ("weight", "bias")
        )
        cube = self.op("Reshape", self.unpack(x), self.cube_shape)
        return [cube, self.constant(f"{at}.w", np.ascontiguousarray(weight.T)), self.constant(f"{at}.b", bias)]

    def attend(self, cube: str, weight: str, bias: str) -> str:
        inputs = (cube, weight, bias, self.present())
        context = self.op("Attention", *inputs, domain=MS, num_heads=self.config.num_attention_heads)
        return self.op("Reshape", context, self.flat_shape)


class StandardAttention(WholeAttention):
    """The Attention of ONNX itself, from opset 23 on."""

    def opsets(self) -> list[onnx.OperatorSetIdProto]:
        return [helper.make_opsetid("", 23)]

    def prepare(self) -> None:
        super().prepare()
        square = self.op("Gather", self.op("Shape", self.penalty), self.ints("square", 0, 1, 3, 3))
        self.penalty = self.op("Expand", self.penalty, square)  # batch, 1, sequence, sequence

    def attend(self, query: str, key: str, value: str) -> str:
        heads = self.config.num_attention_heads
        context = self.op("Attention", query, key, value, self.penalty, q_num_heads=heads, kv_num_heads=heads)
        return self.op("Reshape", context, self.flat_shape)


class EmbedLayerNorm(BatchMajor, WithContrib):
    """EmbedLayerNormalization for the three lookups, their sum and its LayerNormalization."""

    def embeddings(self) -> str:
        kinds = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight")
        tables = [self.weight(f"embeddings.{kind}") for kind in (*kinds, "LayerNorm.weight", "LayerNorm.bias")]
        ids = [self.op("Cast", name, to=TensorProto.INT32) for name in ("input_ids", "token_type_ids")]
        x, _ = several(self, "EmbedLayerNormalization", 2, *ids, *tables, domain=MS, epsilon=self.config.layer_norm_eps)
        return self.op("Reshape", x, self.flat_shape)


class TransposedWeights(EncoderGraph):
    """Weights stored as [inputs, outputs], for a Gemm that need not transpose them."""

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        weight = self.weights[f"{name}.weight"].T * np.float32(scale)
        weight_name = self.constant(f"{name}.weight", np.ascontiguousarray(weight))
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"] * np.float32(scale))
        return self.op("Gemm", x, weight_name, bias)


class NoTypes(EncoderGraph):
    """Wrong for pairs of texts: the first token type everywhere. What does the true input cost?"""

    def token_types(self) -> str:
        return self.constant("type", self.weights["embeddings.token_type_embeddings.weight"][0])


class NoMask(Padded):
    """Wrong for padding: ignores attention_mask. What does the mask cost?"""

    def attend(self, query: str, key: str, value: str) -> str:
        query = self.op("Transpose", query, perm=[1, 2, 0, 3])
        key = self.op("Transpose", key, perm=[1, 2, 3, 0])
        value = self.op("Transpose", value, perm=[1, 2, 0, 3])
        context = self.op("MatMul", self.op("Softmax", self.op("MatMul", query, key), axis=-1), value)
        return self.op("Reshape", self.op("Transpose", context, perm=[2, 0, 1, 3]), self.flat_shape)


class ResidualInGemm(EncoderGraph):
    """No Add for the residuals: each goes into the next Gemm as its C.

    Gemm then has no room for its bias, so the norm before it adds that bias to the residual, and the layers that read
    the same matrix take it out again: W x + c = W (x + b) + (c - W b). Key's bias shifts all of a query's scores alike
    and goes; value's passes through softmax unchanged and moves to the bias behind it.
    """

    def layer(self, x: str, at: str) -> str:
        number = int(at.rsplit(".", 1)[1])
        following = f"encoder.layer.{number + 1}" if number + 1 < self.config.num_hidden_layers else ""
        out, inner, fc2 = f"{at}.attention.output.dense", f"{at}.intermediate.dense", f"{at}.output.dense"
        query, key, value = (f"{at}.attention.self.{part}" for part in ("query", "key", "value"))
        scale = self.config.head_size**-0.5
        q = self.gemm(x, query, scale, self.without(query, self.out_bias(at)) * scale)
        rows = [self.unpack(matrix) for matrix in (q, self.gemm(x, key), self.gemm(x, value))]
        context = self.pack(self.attend(*(self.op("Reshape", matrix, self.heads_shape) for matrix in rows)))
        x = self.gemm(context, out, residual=x)
        x = self.norm_plus(x, f"{at}.attention.output.LayerNorm", self.weights[f"{fc2}.bias"])
        y = self.op("Gelu", self.gemm(x, inner, 1.0, self.without(inner, self.weights[f"{fc2}.bias"])))
        x = self.gemm(y, fc2, residual=x)
        return self.norm_plus(x, f"{at}.output.LayerNorm", self.out_bias(following) if following else 0.0)

    def embeddings(self) -> str:
        x = self.op("Add", self.op("Add", self.words(), self.positions()), self.token_types())
        x = self.norm_plus(x, "embeddings.LayerNorm", self.out_bias("encoder.layer.0"))
        return self.op("Reshape", x, self.flat_shape)

    def out_bias(self, at: str) -> np.ndarray:
        """The bias behind the attention, with value's in it, less what value's weights make of it itself."""
        out, value = f"{at}.attention.output.dense", f"{at}.attention.self.value"
        w, v = (self.weights[f"{name}.weight"].astype(np.float64) for name in (out, value))
        target = self.weights[f"{out}.bias"] + w @ self.weights[f"{value}.bias"]
        return np.linalg.solve(np.eye(len(w)) + w @ v, target)  # b = target - W V b

    def without(self, name: str, shift: np.ndarray) -> np.ndarray:
        return self.weights[f"{name}.bias"] - self.weights[f"{name}.weight"].astype(np.float64) @ shift

    def gemm(self, x: str, name: str, scale: float = 1.0, bias: np.ndarray | None = None, residual: str = "") -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"] * np.float32(scale))
        if bias is not None:
            residual = self.constant(f"{name}.bias", bias.astype(np.float32))
        return self.op("Gemm", *filter(None, (x, weight, residual)), transB=1)

    def norm_plus(self, x: str, name: str, shift: np.ndarray | float) -> str:
        weight, bias = self.weight(f"{name}.weight"), self.weights[f"{name}.bias"] + shift
        bias_name = self.constant(f"{name}.bias", bias.astype(np.float32))
        return self.op("LayerNormalization", x, weight, bias_name, axis=-1, epsilon=self.config.layer_norm_eps)
