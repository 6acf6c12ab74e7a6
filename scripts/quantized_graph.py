"""The encoder's graph with dense layers in int8, and what the texts of calibration.txt say of a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import half_graph
import numpy as np
import onnx
from encoder_graph import EncoderGraph, inputs
from encoder_model import EncoderConfig, EncoderWeights, ModelError
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from quantize import FINE_ZERO, Dense, gelu
from tokenizers import Tokenizer

MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators

TEXTS = Path(__file__).with_name("calibration.txt")
JOINED = ((5, " "), (5, "; "), (9, " "))  # so many lines, with this between them, make a long text
STIRRED = 0.3
MOST_TOKENS = 256
TOKENS_A_BATCH = 2048


class QuantizedGraph(EncoderGraph):
    """The graph in which those dense layers that are given are int8."""

    def __init__(self, config: EncoderConfig, weights: EncoderWeights, dense: dict[str, Dense]) -> None:
        super().__init__(config, weights)
        self.quantized = dense
        self._told: dict[str, list[str]] = {}  # inputs that were told in 8 bits already, by name

    def model(self, metadata: dict[str, str]) -> onnx.ModelProto:
        return super().model(metadata | {"minnow.encoder": json.dumps(self.shape())})

    def shape(self) -> dict[str, int | float]:
        """What kernels that compute the network without reading its nodes must know: all but the weights, by their names."""
        c = self.config
        return {
            "layers": c.num_hidden_layers,
            "hidden": c.hidden_size,
            "heads": c.num_attention_heads,
            "inner": c.intermediate_size,
            "vocabulary": c.vocab_size,
            "positions": c.max_position_embeddings,
            "padding": c.pad_token_id if c.architecture.positions_after_padding else -1,
            "reach": c.max_tokens if c.architecture.relative_positions else 0,
            "epsilon": c.layer_norm_eps,
        }

    def opsets(self) -> list[onnx.OperatorSetIdProto]:
        return [*super().opsets(), onnx.helper.make_opsetid(MICROSOFT, 1)]

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        dense = self.quantized.get(name)
        if dense is None:
            return super().dense(x, name, scale)
        at = f"{dense.input.name}.input"
        weight = self.constant(f"{name}.weight", dense.codes)
        scales = self.constant(f"{name}.scale", dense.scales * np.float32(scale))
        bias = self.constant(f"{name}.bias", dense.bias * np.float32(scale))
        terms = self.told(x, dense)
        y = self.integer_product(terms[0], weight, f"{at}.scale", scales, f"{at}.zero", bias)
        if len(terms) == 1:
            return y
        return self.op("Add", y, self.integer_product(terms[1], weight, f"{at}.fine", scales, f"{at}.fine_zero"))

    def told(self, x: str, dense: Dense) -> list[str]:
        """What a dense layer gets, in 8 bits: in one term or two. Layers of one input share it."""
        given = dense.input
        at = f"{given.name}.input"
        if at in self._told:
            return self._told[at]
        if given.smooth is not None:
            x = self.op("Mul", x, self.constant(f"{at}.inverse_smooth", 1 / given.smooth))
        scale, zero = self.constant(f"{at}.scale", given.scale), self.constant(f"{at}.zero", given.zero)
        terms = [self.op("QuantizeLinear", x, scale, zero)]
        if given.fine is not None:
            left = self.op("Sub", x, self.op("DequantizeLinear", terms[0], scale, zero))
            fine, middle = self.constant(f"{at}.fine", given.fine), self.constant(f"{at}.fine_zero", FINE_ZERO)
            terms.append(self.op("QuantizeLinear", left, fine, middle))
        self._told[at] = terms
        return terms

    def integer_product(self, x: str, weight: str, scale: str, scales: str, zero: str, bias: str = "") -> str:
        return self.op("MatMulIntegerToFloat", x, weight, scale, scales, zero, "", bias, domain=MICROSOFT)


class TappedGraph(EncoderGraph):
    """The graph in float32 whose outputs are the inputs of its dense layers."""

    def __init__(self, config: EncoderConfig, weights: EncoderWeights) -> None:
        super().__init__(config, weights)
        self.taps: dict[str, str] = {}  # by the dense layer

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        if name.startswith("encoder."):
            self.taps[name] = x
        return super().dense(x, name, scale)

    def network(self) -> dict[str, list[str | int]]:
        outputs = super().network()
        return outputs | {tap: ["rows", "numbers"] for tap in self.taps.values()}


class MatMulIntegerToFloat(OpRun):
    """ONNX Runtime's operator, for the evaluator: whole numbers are added up exactly."""

    op_domain = MICROSOFT

    def _run(self, a, b, a_scale, b_scale, a_zero, b_zero=None, bias=None):  # type: ignore[no-untyped-def]
        sums = (a.astype(np.float64) - np.float64(a_zero)) @ b.astype(np.float64)
        return ((sums * (a_scale * b_scale) + (0 if bias is None else bias)).astype(np.float32),)


class Gelu(OpRun):
    """The evaluator's own goes number by number."""

    op_domain = ""

    def _run(self, x, approximate=None):  # type: ignore[no-untyped-def]
        return (gelu(x).astype(x.dtype),)


def evaluator(model: onnx.ModelProto) -> ReferenceEvaluator:
    operators = [MatMulIntegerToFloat, Gelu]
    return ReferenceEvaluator(model, new_ops=operators + half_graph.OPERATORS if half_graph.is_half(model) else operators)


Batch = dict[str, np.ndarray]


def texts(held_out: bool) -> list[str]:
    """Texts to calibrate with, or every fourth, held out to check with; the same again, joined to long ones."""
    lines = TEXTS.read_text(encoding="utf-8").splitlines()
    chosen = [line for number, line in enumerate(lines) if (number % 4 == 3) == held_out]
    made = list(chosen)
    for seed, (count, between) in enumerate(JOINED):
        order = np.random.default_rng(seed).permutation(len(chosen))
        made += [between.join(chosen[i] for i in order[at : at + count]) for at in range(0, len(order), count)]
    return made


def stirred(config: EncoderConfig, rows: list[list[int]]) -> list[list[int]]:
    """Texts with a part of their tokens replaced by others, drawn at random. Some tokens make inputs of dense layers
    that are larger than all others, and a few hundred texts have too few of the tokens to know which."""
    draw = np.random.default_rng(1)
    made = []
    for row in rows:
        replaced = np.array(row)
        at = draw.random(len(row)) < STIRRED
        at[[0, -1]] = False  # the ends have a meaning of their own
        replaced[at] = draw.integers(config.vocab_size, size=int(at.sum()))
        made.append(replaced.tolist())
    return made


def tokens(folder: Path, config: EncoderConfig, chosen: list[str]) -> list[list[int]]:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise ModelError(f"{path} is missing: calibration needs it, download the model again")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(config.max_tokens, MOST_TOKENS))
    return [encoding.ids for encoding in tokenizer.encode_batch(chosen)]


def batches(config: EncoderConfig, rows: list[list[int]]) -> Iterator[Batch]:
    """Texts as inputs of the graph, those of about the same length together."""
    rows = sorted(rows, key=len)
    while rows:
        count = 1
        while count < len(rows) and (count + 1) * len(rows[count]) <= TOKENS_A_BATCH:
            count += 1
        yield batch(config, rows[:count])
        rows = rows[count:]


def batch(config: EncoderConfig, rows: list[list[int]]) -> Batch:
    longest = max(map(len, rows))
    made = {name: np.zeros((len(rows), longest), np.int64) for name in inputs(config)}
    if config.architecture.positions_after_padding:
        made["input_ids"][:] = config.pad_token_id
    for number, row in enumerate(rows):
        made["input_ids"][number, : len(row)] = row
        made["attention_mask"][number, : len(row)] = 1
    return made


def dense_inputs(config: EncoderConfig, weights: EncoderWeights, given: Iterator[Batch]) -> dict[str, np.ndarray]:
    """What each dense layer gets when the model reads the texts: [tokens, inputs], by the layer's name."""
    graph = TappedGraph(config, weights)
    run = evaluator(graph.model({}))
    names = sorted(set(graph.taps.values()))
    got: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for one in given:
        for name, values in zip(names, run.run(names, one)):
            got[name].append(values)
    whole = {name: np.concatenate(values) for name, values in got.items()}
    return {dense: whole[tap] for dense, tap in graph.taps.items()}


def cosines(model: onnx.ModelProto, exact: onnx.ModelProto, given: Iterator[Batch]) -> np.ndarray:
    """How near the two models' vectors are, text by text: the mean of their tokens'."""
    runs = [evaluator(m) for m in (model, exact)]
    found = []
    for one in given:
        mask = one["attention_mask"][:, :, None]
        ours, theirs = ((r.run(["last_hidden_state"], one)[0] * mask).sum(axis=1) for r in runs)
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        found.append((ours * theirs).sum(axis=1) / lengths)
    return np.concatenate(found)
