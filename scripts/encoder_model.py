"""An encoder's folder of Hugging Face: its configuration, its weights, and what it computes, in plain NumPy.

Encoders of the BERT family differ in names and in a few parts; ARCHITECTURES has the differences. All else speaks of
tensors and settings by BERT's names.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors_file import SafetensorsFile


class ModelError(Exception):
    """The model folder can't be used. The text is one sentence that says what to do."""


@dataclass(frozen=True)
class Architecture:
    """How a model_type differs from BERT."""

    prefix: str  # of tensors that were saved with the head of a task
    settings: dict[str, str] = field(default_factory=dict)  # BERT's word: its own, in config.json
    constants: dict[str, Any] = field(default_factory=dict)  # settings that its code fixes
    tensors: tuple[tuple[str, str], ...] = ()  # parts of BERT's names: its own
    layers: str = "encoder.layer."
    token_types: bool = True
    # The position of a token is that of the padding token and one for each token so far: those below are no token's.
    positions_after_padding: bool = False
    # Attention adds a number for how far two tokens are apart (MPNet, and T5 before it).
    relative_positions: bool = False

    def own_name(self, name: str) -> str:
        for theirs, own in self.tensors:
            if theirs in name:
                name = name.replace(theirs, own)
                break
        return name.replace("encoder.layer.", self.layers)


ROBERTA = Architecture("roberta.", positions_after_padding=True)
ARCHITECTURES = {
    "bert": Architecture("bert."),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "distilbert": Architecture(
        "distilbert.",
        settings={
            "hidden_size": "dim",
            "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
            "intermediate_size": "hidden_dim",
            "hidden_act": "activation",
        },
        constants={"layer_norm_eps": 1e-12, "type_vocab_size": 0},
        tensors=(
            ("attention.self.query", "attention.q_lin"),
            ("attention.self.key", "attention.k_lin"),
            ("attention.self.value", "attention.v_lin"),
            ("attention.output.dense", "attention.out_lin"),
            ("attention.output.LayerNorm", "sa_layer_norm"),
            ("intermediate.dense", "ffn.lin1"),
            ("output.dense", "ffn.lin2"),
            ("output.LayerNorm", "output_layer_norm"),
        ),
        layers="transformer.layer.",
        token_types=False,
    ),
    "mpnet": Architecture(
        "mpnet.",
        constants={"type_vocab_size": 0, "pad_token_id": 1},
        tensors=(
            ("attention.self.query", "attention.attn.q"),
            ("attention.self.key", "attention.attn.k"),
            ("attention.self.value", "attention.attn.v"),
            ("attention.output.dense", "attention.attn.o"),
            ("attention.output.LayerNorm", "attention.LayerNorm"),
        ),
        token_types=False,
        positions_after_padding=True,
        relative_positions=True,
    ),
}

# What a setting of config.json must be, and what its absence means to transformers.
ONLY_KNOWN: tuple[tuple[str, Any, Any], ...] = (
    ("hidden_act", "gelu", None),
    ("position_embedding_type", "absolute", "absolute"),
    ("is_decoder", False, False),
    ("add_cross_attention", False, False),
    ("pruned_heads", {}, {}),
    ("quantization_config", None, None),
    ("auto_map", None, None),  # code of the model's own
)


@dataclass(frozen=True)
class EncoderConfig:
    """What of config.json shapes the network."""

    model_type: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    pad_token_id: int
    relative_attention_num_buckets: int

    @property
    def head_size(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @property
    def architecture(self) -> Architecture:
        return ARCHITECTURES[self.model_type]

    @property
    def max_tokens(self) -> int:
        """How many tokens a text may have."""
        unused = self.pad_token_id + 1 if self.architecture.positions_after_padding else 0
        return self.max_position_embeddings - unused

    @classmethod
    def load(cls, path: Path) -> EncoderConfig:
        """Reads config.json, and refuses every model that the formulas would get wrong."""
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{path} is missing: name the folder of a Hugging Face model") from None
        except (ValueError, RecursionError):
            raise ModelError(f"{path} is not JSON: download the model again") from None
        if not isinstance(config, dict):
            raise ModelError(f"{path} is not a JSON object: download the model again")

        model_type = config.get("model_type")
        architecture = ARCHITECTURES.get(model_type) if isinstance(model_type, str) else None
        if architecture is None:
            raise ModelError(
                f"{path} has model_type {json.dumps(model_type)}, and only {', '.join(sorted(ARCHITECTURES))} can be "
                f"exported: choose another model"
            )
        for name, known, default in ONLY_KNOWN:
            key = architecture.settings.get(name, name)
            if (value := config.get(key, default)) != known:
                raise ModelError(
                    f"{path} has {key} {json.dumps(value)}, and only {json.dumps(known)} can be exported: "
                    f"choose another model"
                )
        numbers: dict[str, Any] = dict(architecture.constants)
        if not architecture.positions_after_padding:
            numbers["pad_token_id"] = 0  # of no meaning
        if not architecture.relative_positions:
            numbers["relative_attention_num_buckets"] = 0
        config = {"pad_token_id": 1, "relative_attention_num_buckets": 32} | config  # transformers' defaults
        for part in fields(cls)[1:]:
            if part.name not in numbers:
                key = architecture.settings.get(part.name, part.name)
                numbers[part.name] = _positive(path, config, key, str(part.type))
        self = cls(model_type, **numbers)
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(
                f"{path} has hidden_size {self.hidden_size}, which {self.num_attention_heads} heads can't share: "
                f"download the model again"
            )
        if self.max_tokens < 1 or self.pad_token_id >= self.vocab_size:
            raise ModelError(
                f"{path} has pad_token_id {self.pad_token_id}, which leaves no positions for tokens: "
                f"download the model again"
            )
        return self


def _positive(path: Path, config: dict[str, Any], key: str, kind: str) -> Any:
    value: Any = config.get(key)
    if type(value).__name__ == kind and 0 < value < 2**31:
        return value
    found = f"has {key} {json.dumps(value)}" if key in config else f"lacks {key}"
    raise ModelError(f"{path} {found}, which must be a positive {kind}: download the model again")


class EncoderWeights:
    """The tensors of an encoder by BERT's names, in float32; every one is present and has the shape config asks for."""

    def __init__(self, path: Path, config: EncoderConfig) -> None:
        self._file = SafetensorsFile(path)
        self._architecture = config.architecture
        names = self._file.names()
        # Saved from a BertFor…, the encoder's tensors are named bert.*, beside those of the task's head.
        prefix = self._architecture.prefix
        self._prefix = prefix if any(name.startswith(prefix) for name in names) else ""
        ours = {name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}
        self.has_pooler = any(name.startswith("pooler.") for name in ours)

        shapes = {self._architecture.own_name(name): shape for name, shape in _shapes(config, self.has_pooler).items()}
        for name, shape in shapes.items():
            full = self._prefix + name
            if name not in ours:
                raise ModelError(
                    f"{path} lacks the tensor {full}: it is no complete {config.model_type} model, choose another model"
                )
            if (found := self._file.shape(full)) != shape:
                raise ModelError(
                    f"tensor {full} in {path} has shape {found} where config.json asks for {shape}: "
                    f"take both files from the same model"
                )
        for name in sorted(ours - shapes.keys()):
            if name.startswith(("embeddings.", "encoder.", "transformer.", "pooler.")) and not name.endswith(
                ".position_ids"
            ):
                raise ModelError(
                    f"{path} has the tensor {self._prefix + name}, which config.json does not account for: "
                    f"take both files from the same model"
                )

    def __getitem__(self, name: str) -> np.ndarray:
        full = self._prefix + self._architecture.own_name(name)
        values = self._file.float32(full)
        if not np.isfinite(values).all():
            raise ModelError(f"tensor {full} in {self._file.path} is not finite: download the model again")
        return values

    def sha256(self) -> str:
        """The checksum of the whole file."""
        return self._file.sha256()


def _shapes(c: EncoderConfig, has_pooler: bool) -> dict[str, tuple[int, ...]]:
    """Every tensor of the encoder. A dense layer's weight is stored as [outputs, inputs]."""
    hidden, inner = c.hidden_size, c.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (c.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (c.max_position_embeddings, hidden),
    }
    if c.architecture.token_types:
        shapes["embeddings.token_type_embeddings.weight"] = (c.type_vocab_size, hidden)
    if c.architecture.relative_positions:
        shapes["encoder.relative_attention_bias.weight"] = (c.relative_attention_num_buckets, c.num_attention_heads)
    dense: dict[str, tuple[int, int]] = {}
    norms = ["embeddings.LayerNorm"]
    for layer in range(c.num_hidden_layers):
        at = f"encoder.layer.{layer}"
        dense |= {f"{at}.attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        dense |= {f"{at}.attention.output.dense": (hidden, hidden)}
        dense |= {f"{at}.intermediate.dense": (inner, hidden), f"{at}.output.dense": (hidden, inner)}
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    if has_pooler:
        dense["pooler.dense"] = (hidden, hidden)
    for name, shape in dense.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    return shapes


def relative_buckets(config: EncoderConfig) -> np.ndarray:
    """The bucket of each distance from -(max_tokens - 1) to max_tokens - 1, as MPNet counts them: half of the buckets
    for tokens behind and half for those ahead; near ones have a bucket each, those farther off share, up to 128.

    The logarithm is in float32, as in transformers: where it is whole, rounding decides.
    """
    longest = config.max_tokens - 1
    distance = np.arange(-longest, longest + 1)
    half = config.relative_attention_num_buckets // 2
    near = half // 2
    away = np.abs(distance)
    log = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(near)) / np.float32(math.log(128 / near))
    far = near + (log * np.float32(half - near)).astype(np.int64)
    return np.where(distance > 0, half, 0) + np.where(away < near, away, np.minimum(far, half - 1))


def forward(
    config: EncoderConfig, weights: EncoderWeights, ids: np.ndarray, types: np.ndarray
) -> dict[str, np.ndarray]:
    """What the model computes for one text of ids [sequence], by the formulas and in float64.

    It takes no mask and no batch, and shares no code with the exported graph but
    relative_buckets: it is what the graph is checked against. Returns
    last_hidden_state [sequence, hidden] and, where the weights have a pooler,
    pooler_output [hidden].
    """
    erf = np.vectorize(math.erf, otypes=[np.float64])
    architecture = config.architecture

    def tensor(name: str) -> np.ndarray:
        return weights[name].astype(np.float64)

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ tensor(f"{name}.weight").T + tensor(f"{name}.bias")

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + config.layer_norm_eps)
        return centred / deviation * tensor(f"{name}.weight") + tensor(f"{name}.bias")

    def gelu(x: np.ndarray) -> np.ndarray:
        return x * 0.5 * (1 + erf(x / math.sqrt(2)))

    def heads(x: np.ndarray) -> np.ndarray:  # [sequence, hidden] to [heads, sequence, head_size]
        return x.reshape(len(x), config.num_attention_heads, config.head_size).swapaxes(0, 1)

    def attention(x: np.ndarray, name: str) -> np.ndarray:
        query, key, value = (heads(dense(x, f"{name}.{part}")) for part in ("query", "key", "value"))
        scores = np.exp(query @ key.swapaxes(1, 2) / math.sqrt(config.head_size) + bias)
        context = scores / scores.sum(axis=-1, keepdims=True) @ value
        return context.swapaxes(0, 1).reshape(x.shape)

    bias: Any = 0.0
    if architecture.relative_positions:
        buckets = relative_buckets(config)
        rows = [[buckets[j - i + config.max_tokens - 1] for j in range(len(ids))] for i in range(len(ids))]
        bias = tensor("encoder.relative_attention_bias.weight")[np.array(rows)].transpose(2, 0, 1)
    positions = np.arange(len(ids))
    if architecture.positions_after_padding:
        pad = config.pad_token_id
        so_far = [np.count_nonzero(ids[: i + 1] != pad) for i in range(len(ids))]
        positions = np.where(ids == pad, pad, pad + np.array(so_far))
    x = weights["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x += weights["embeddings.position_embeddings.weight"][positions]
    if architecture.token_types:
        x += weights["embeddings.token_type_embeddings.weight"][types]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(config.num_hidden_layers):
        at = f"encoder.layer.{layer}"
        y = dense(attention(x, f"{at}.attention.self"), f"{at}.attention.output.dense")
        x = norm(x + y, f"{at}.attention.output.LayerNorm")
        y = dense(gelu(dense(x, f"{at}.intermediate.dense")), f"{at}.output.dense")
        x = norm(x + y, f"{at}.output.LayerNorm")
    outputs = {"last_hidden_state": x}
    if weights.has_pooler:
        outputs["pooler_output"] = np.tanh(dense(x[0], "pooler.dense"))
    return outputs
