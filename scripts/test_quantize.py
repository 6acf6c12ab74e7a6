"""Tests of the presets in int8: python -m unittest test_quantize"""

from __future__ import annotations

import json
import math
import unittest
import warnings
from dataclasses import replace
from typing import Any
from unittest import mock

import export_onnx
import numpy as np
import onnx
import quantize
import quantized_graph
from encoder_model import EncoderConfig
from test_export_onnx import ExportCase


def letters() -> dict[str, Any]:
    """A tokenizer.json whose tokens are letters."""
    known = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,-'0123456789"
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
        "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"?": 0} | {c: i for i, c in enumerate(known, 1)}, "unk_token": "?"},
    }  # fmt: skip


class Rounding(unittest.TestCase):
    def setUp(self) -> None:
        self.draw = np.random.default_rng(3)

    def test_gptq_makes_up_for_what_rounding_does_to_outputs(self) -> None:
        x = (self.draw.normal(size=(600, 8)) @ self.draw.normal(size=(8, 96))).astype(np.float32)
        x += self.draw.normal(0, 0.1, x.shape).astype(np.float32)
        weight = self.draw.normal(size=(96, 40)).astype(np.float32)
        plain, scales = quantize.round_weight(weight)
        coarse = scales * 8  # 4 bits, so that there is something to make up for
        better = quantize.gptq(x, weight, coarse)
        plain = np.clip(np.rint(weight / coarse), -127, 127)
        lost = [np.square(x @ (codes * coarse - weight)).mean() for codes in (plain, better)]
        self.assertLess(lost[1], lost[0] / 3)
        self.assertTrue((better == np.rint(better)).all() and np.abs(better).max() <= 127)

    def test_neighbouring_codes_fit_into_16_bits(self) -> None:
        x = self.draw.normal(size=(300, 9)).astype(np.float32)
        weight = np.abs(self.draw.normal(size=(9, 40))).astype(np.float32)  # of one sign, so that pairs are large
        for scales in (quantize.best_scales(weight), quantize.round_weight(weight)[1]):
            codes = quantize.gptq(x, weight, scales)
            self.assertLessEqual(np.abs(codes).max(), 127)
            self.assertEqual(np.abs(codes[0:8:2] + codes[1:8:2]).max(), quantize.PAIR)

    def test_an_input_that_is_never_there_does_no_harm(self) -> None:
        x = self.draw.normal(size=(50, 8)).astype(np.float32)
        x[:, 3] = 0
        weight = self.draw.normal(size=(8, 4)).astype(np.float32)
        codes = quantize.gptq(x, weight, quantize.best_scales(weight))
        self.assertTrue(np.isfinite(codes).all())

    def test_few_large_inputs_cost_the_others_nothing(self) -> None:
        x = self.draw.normal(size=(500, 64)).astype(np.float32)
        x[:, 5] *= 100
        weight = self.draw.normal(size=(64, 32)).astype(np.float32)
        group = quantize.Group(["a"], weight, np.zeros(32, np.float32))
        dense = quantize.quantise_group(group, x, lambda rows: lambda error: error)["a"]
        assert dense.input.smooth is not None
        got = self.compute(dense, x)
        others = np.delete(x, 5, axis=1) @ np.delete(weight, 5, axis=0)
        plain, scales = quantize.round_weight(weight)
        naive = quantize.round_input(x, float(x.min()), float(x.max())) @ (plain * scales)
        lost = [np.square(y - x @ weight).mean() / np.square(others).mean() for y in (naive, got)]
        self.assertLess(lost[1], lost[0] / 3)

    def compute(self, dense: quantize.Dense, x: np.ndarray) -> np.ndarray:
        given = dense.input
        smooth = 1 if given.smooth is None else given.smooth
        told = np.clip(np.rint(x / smooth / given.scale) + given.zero, 0, 255) - np.float32(given.zero)
        return told @ dense.codes.astype(np.float32) * given.scale * dense.scales + dense.bias

    def test_two_terms_tell_what_one_cannot(self) -> None:
        x = self.draw.normal(size=(500, 64)).astype(np.float32)
        x[3, 5] = 1000  # once in all texts
        weight = self.draw.normal(size=(64, 32)).astype(np.float32)
        group = quantize.Group(["a"], weight, np.zeros(32, np.float32))
        given = quantize.quantise_finely(group, x, lambda rows: lambda error: error).input
        one, two = (self.told(given, x, terms) for terms in (1, 2))
        self.assertGreater(np.abs(one - x).max(), 1)
        self.assertLess(np.abs(two - x).max(), 0.02)

    def told(self, given: quantize.Input, x: np.ndarray, terms: int) -> np.ndarray:
        first = (np.clip(np.rint(x / given.scale) + given.zero, 0, 255) - np.float32(given.zero)) * given.scale
        if terms == 1:
            return first
        left = np.clip(np.rint((x - first) / given.fine) + quantize.FINE_ZERO, 0, 255) - np.float32(quantize.FINE_ZERO)
        return first + left * given.fine

    def test_zero_is_told_exactly(self) -> None:
        for low, high in ((-1.3, 2.7), (0.5, 3), (-4, -1), (0, 0)):
            self.assertEqual(quantize.round_input(np.zeros(1, np.float32), low, high)[0], 0)

    def test_erf(self) -> None:
        x = np.linspace(-4, 4, 801, dtype=np.float32)
        exact = [math.erf(v) for v in x]
        self.assertLess(np.abs(quantize.erf(x) - exact).max(), 4e-7)


class Presets(ExportCase):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "tokenizer.json").write_text(json.dumps(letters()))

    def preset(self, name: str) -> onnx.ModelProto:
        code, out, err = self.run_export(str(self.folder), "--preset", name)
        self.assertEqual((code, err), (0, ""), out)
        return onnx.load(self.folder / "onnx" / f"model_{name}.onnx")

    def loose(self) -> Any:
        """Random weights have no such redundancy as a trained model's."""
        presets = {name: replace(preset, least_cosine=0.99) for name, preset in export_onnx.INT8.items()}
        return mock.patch.object(export_onnx, "INT8", presets)

    def test_presets_are_int8_and_near_the_exact_model(self) -> None:
        with self.loose():
            models = {name: self.preset(name) for name in ("balanced", "fast")}
        self.assertEqual(self.run_export()[0], 0)
        exact = onnx.load(self.output)
        config = EncoderConfig.load(self.folder / "config.json")
        for name, model in models.items():
            kinds = [node.op_type for node in model.graph.node]
            # Two layers of six dense ones with four inputs, of which one or both have another in two terms.
            two_terms = {"balanced": 2, "fast": 1}[name]
            self.assertEqual(kinds.count("MatMulIntegerToFloat"), 12 + two_terms)
            self.assertEqual(kinds.count("QuantizeLinear"), 8 + two_terms)
            self.assertEqual({p.key: p.value for p in model.metadata_props}["minnow.preset"], name)
            rows = quantized_graph.tokens(self.folder, config, quantized_graph.texts(held_out=True))
            given = quantized_graph.batches(config, rows)
            self.assertGreater(quantized_graph.cosines(model, exact, given).min(), 0.98)

    def test_fp16_is_half_as_large_and_next_to_exact(self) -> None:
        model = self.preset("fp16")
        self.assertEqual(self.run_export()[0], 0)
        exact = onnx.load(self.output)
        kinds = {weight.data_type for weight in model.graph.initializer}
        self.assertEqual(kinds, {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64})
        outputs = {output.type.tensor_type.elem_type for output in model.graph.output}
        self.assertEqual(outputs, {onnx.TensorProto.FLOAT})
        config = EncoderConfig.load(self.folder / "config.json")
        rows = quantized_graph.tokens(self.folder, config, quantized_graph.texts(held_out=True))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nothing may overflow, masks included
            near = quantized_graph.cosines(model, exact, quantized_graph.batches(config, rows))
        self.assertGreater(near.min(), 0.99999)

    def test_same_input_gives_the_same_bytes(self) -> None:
        with self.loose():
            self.assertEqual(*(self.preset("fast").SerializeToString(deterministic=True) for _ in range(2)))

    def test_a_vector_does_not_depend_on_its_batch(self) -> None:
        with self.loose():
            run = quantized_graph.evaluator(self.preset("fast"))
        config = EncoderConfig.load(self.folder / "config.json")
        rows = [[3, 9, 4], [7, 7, 1, 2, 30, 11, 8], [5]]
        (together, *_) = run.run(None, quantized_graph.batch(config, rows))
        for number, row in enumerate(rows):
            (alone, *_) = run.run(None, quantized_graph.batch(config, [row]))
            np.testing.assert_allclose(together[number, : len(row)], alone[0], atol=1e-5)

    def test_a_preset_below_its_bound_is_not_written(self) -> None:
        right = quantize.gptq

        def wrong(x: np.ndarray, weight: np.ndarray, scales: np.ndarray) -> np.ndarray:
            return -right(x, weight, scales)

        with mock.patch.object(quantize, "gptq", wrong), self.loose():
            code, _, err = self.run_export(str(self.folder), "--preset", "fast")
        self.assertEqual(code, 1)
        self.assertIn("mean cosine", err)
        self.assertIn("preset exact", err)
        self.assert_no_output()

    def test_an_unknown_preset_is_refused(self) -> None:
        code, _, err = self.run_export(str(self.folder), "--preset", "quick")
        self.assertEqual(code, 2)
        self.assertIn("quick", err)

    def test_a_model_without_a_tokenizer_is_refused(self) -> None:
        (self.folder / "tokenizer.json").unlink()
        code, _, err = self.run_export(str(self.folder), "--preset", "fast")
        self.assertEqual(code, 1)
        self.assertIn("tokenizer.json", err)
        self.assert_no_output()


if __name__ == "__main__":
    unittest.main()
