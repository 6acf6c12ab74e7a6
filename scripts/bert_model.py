"""A BertModel folder of Hugging Face: its configuration, its weights, and what it computes, in plain NumPy."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors_file import SafetensorsFile


class ModelError(Exception):
    """The model folder can't be used. The text is one sentence that says what to do."""


# What a setting of config.json must be, and what its absence means to transformers.
ONLY_KNOWN: tuple[tuple[str, Any, Any], ...] = (
    ("model_type", "bert", None),
    ("hidden_act", "gelu", None),
    ("position_embedding_type", "absolute", "absolute"),
    ("is_decoder", False, False),
    ("add_cross_attention", False, False),
    ("pruned_heads", {}, {}),
    ("quantization_config", None, None),
    ("auto_map", None, None),  # code of the model's own
)


@dataclass(frozen=True)
class BertConfig:
    """The numbers of config.json that shape the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float

    @property
    def head_size(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def load(cls, path: Path) -> BertConfig:
        """Reads config.json, and refuses every model that BertModel's formulas would get wrong."""
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{path} is missing: name the folder of a Hugging Face model") from None
        except (ValueError, RecursionError):
            raise ModelError(f"{path} is not JSON: download the model again") from None
        if not isinstance(config, dict):
            raise ModelError(f"{path} is not a JSON object: download the model again")

        for key, known, default in ONLY_KNOWN:
            if (value := config.get(key, default)) != known:
                raise ModelError(
                    f"{path} has {key} {json.dumps(value)}, and only {json.dumps(known)} can be exported: "
                    f"choose another model"
                )
        self = cls(**{field.name: _positive(path, config, field.name, str(field.type)) for field in fields(cls)})
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(
                f"{path} has hidden_size {self.hidden_size}, which {self.num_attention_heads} heads can't share: "
                f"download the model again"
            )
        return self


def _positive(path: Path, config: dict[str, Any], key: str, kind: str) -> Any:
    value: Any = config.get(key)
    if type(value).__name__ == kind and 0 < value < 2**31:
        return value
    found = f"has {key} {json.dumps(value)}" if key in config else f"lacks {key}"
    raise ModelError(f"{path} {found}, which must be a positive {kind}: download the model again")


class BertWeights:
    """The tensors of a BertModel by name, in float32; every one is present and has the shape config asks for."""

    def __init__(self, path: Path, config: BertConfig) -> None:
        self._file = SafetensorsFile(path)
        names = self._file.names()
        # Saved from a BertFor…, the encoder's tensors are named bert.*, beside those of the task's head.
        self._prefix = "bert." if any(name.startswith("bert.") for name in names) else ""
        ours = {name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}
        self.has_pooler = any(name.startswith("pooler.") for name in ours)

        shapes = _shapes(config, self.has_pooler)
        for name, shape in shapes.items():
            full = self._prefix + name
            if name not in ours:
                raise ModelError(f"{path} lacks the tensor {full}: it is no complete BertModel, choose another model")
            if (found := self._file.shape(full)) != shape:
                raise ModelError(
                    f"tensor {full} in {path} has shape {found} where config.json asks for {shape}: "
                    f"take both files from the same model"
                )
        for name in sorted(ours - shapes.keys()):
            if name.startswith(("embeddings.", "encoder.", "pooler.")) and not name.endswith(".position_ids"):
                raise ModelError(
                    f"{path} has the tensor {self._prefix + name}, which config.json does not account for: "
                    f"take both files from the same model"
                )

    def __getitem__(self, name: str) -> np.ndarray:
        values = self._file.float32(self._prefix + name)
        if not np.isfinite(values).all():
            raise ModelError(
                f"tensor {self._prefix + name} in {self._file.path} is not finite: download the model again"
            )
        return values

    def sha256(self) -> str:
        """The checksum of the whole file."""
        return self._file.sha256()


def _shapes(c: BertConfig, has_pooler: bool) -> dict[str, tuple[int, ...]]:
    """Every tensor of the encoder. A dense layer's weight is stored as [outputs, inputs]."""
    hidden, inner = c.hidden_size, c.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (c.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (c.max_position_embeddings, hidden),
        "embeddings.token_type_embeddings.weight": (c.type_vocab_size, hidden),
    }
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


def forward(config: BertConfig, weights: BertWeights, ids: np.ndarray, types: np.ndarray) -> dict[str, np.ndarray]:
    """What BertModel computes for one text of ids [sequence], by the formulas and in float64.

    It takes no mask and no batch, and shares no code with the exported graph:
    it is what the graph is checked against. Returns last_hidden_state [sequence,
    hidden] and, where the weights have a pooler, pooler_output [hidden].
    """
    erf = np.vectorize(math.erf, otypes=[np.float64])

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
        scores = np.exp(query @ key.swapaxes(1, 2) / math.sqrt(config.head_size))
        context = scores / scores.sum(axis=-1, keepdims=True) @ value
        return context.swapaxes(0, 1).reshape(x.shape)

    x = weights["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x += weights["embeddings.position_embeddings.weight"][: len(ids)]
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
