#!/usr/bin/env python3
"""Makes the small networks in int8/: one of each way to count positions and to add them, of random weights in int8.

    make_int8.py        needs scripts/requirements.txt, and scripts/ beside it

The same versions of the packages make the same files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))

import encoder_model  # noqa: E402
from encoder_model import EncoderConfig  # noqa: E402
from export_onnx import write  # noqa: E402
from quantize import in_two_terms, quantise  # noqa: E402
from quantized_graph import QuantizedGraph, batches, dense_inputs  # noqa: E402

MODELS = {"bert": True, "distilbert": False, "roberta": True, "mpnet": False}  # with a pooler or without
PADDING = 1


class RandomWeights:
    def __init__(self, config: EncoderConfig, has_pooler: bool) -> None:
        self.has_pooler = has_pooler
        draw = np.random.default_rng(5)
        self._made = {}
        for name, shape in encoder_model._shapes(config, has_pooler).items():
            is_norm = "LayerNorm" in name
            self._made[name] = draw.normal(is_norm and name.endswith("weight"), 0.2 if is_norm else 0.3, shape).astype(np.float32)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._made[name]


def main() -> None:
    for name, has_pooler in MODELS.items():
        config = EncoderConfig(
            model_type=name, vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=80,
            max_position_embeddings=40, type_vocab_size=2, layer_norm_eps=1e-5, pad_token_id=PADDING, relative_attention_num_buckets=32,
        )  # fmt: skip
        weights = RandomWeights(config, has_pooler)
        draw = np.random.default_rng(6)
        rows = [draw.integers(2, 60, size).tolist() for size in draw.integers(1, 30, 60)]
        dense = {}
        for layer in quantise(config, weights, dense_inputs(config, weights, batches(config, rows)), 1):
            dense |= layer
        outer = "encoder.layer.0.output.dense"
        graph = QuantizedGraph(config, weights, dense | {outer: dense[in_two_terms(outer)]})
        write(graph.model({"minnow.preset": "fast"}), HERE / "int8" / f"{name}.onnx")


if __name__ == "__main__":
    main()
