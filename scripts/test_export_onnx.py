"""Tests of export_onnx.py on small random models, made anew for each test: python -m unittest test_export_onnx"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import encoder_graph  # noqa: E402
import encoder_model  # noqa: E402
import export_onnx  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from safetensors_file import SafetensorsError, SafetensorsFile  # noqa: E402

CONFIG: dict[str, Any] = {
    "architectures": ["BertModel"],
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 40,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 100,
}
# float32 rounding, over two layers of values no greater than 4; a wrong weight or formula is off by 1e-2 and more.
ROUNDING = 5e-6


def tensors(config: dict[str, Any] = CONFIG, seed: int = 1) -> dict[str, np.ndarray]:
    """Random weights under the names of a saved BertModel. Large ones, so that attention and GELU have work to do."""
    draw = np.random.default_rng(seed)
    hidden, inner = config["hidden_size"], config["intermediate_size"]

    def dense(name: str, rows: int, columns: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": draw.normal(0, 0.3, (rows, columns)), f"{name}.bias": draw.normal(0, 0.3, rows)}

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": draw.normal(1, 0.2, hidden), f"{name}.bias": draw.normal(0, 0.2, hidden)}

    made = {
        "embeddings.word_embeddings.weight": draw.normal(0, 1, (config["vocab_size"], hidden)),
        "embeddings.position_embeddings.weight": draw.normal(0, 1, (config["max_position_embeddings"], hidden)),
        "embeddings.token_type_embeddings.weight": draw.normal(0, 1, (config["type_vocab_size"], hidden)),
        **norm("embeddings.LayerNorm"),
        **dense("pooler.dense", hidden, hidden),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            made |= dense(f"{at}.{part}", hidden, hidden)
        made |= dense(f"{at}.intermediate.dense", inner, hidden) | dense(f"{at}.output.dense", hidden, inner)
        made |= norm(f"{at}.attention.output.LayerNorm") | norm(f"{at}.output.LayerNorm")
    return {name: values.astype(np.float32) for name, values in made.items()}


def encode(values: np.ndarray, dtype: str) -> bytes:
    if dtype == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8"}[dtype]).tobytes()


def save(path: Path, weights: dict[str, np.ndarray], dtype: str = "F32") -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in weights.items():
        raw = encode(values, dtype)
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    save_raw(path, json.dumps(header).encode(), data)


def save_raw(path: Path, header: bytes, data: bytes = b"") -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


class ExportCase(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name) / "model"
        self.folder.mkdir()
        self.output = self.folder / "onnx" / "model.onnx"
        self.configure()
        save(self.folder / "model.safetensors", tensors())

    def configure(self, **changes: Any) -> None:
        """Writes config.json with changes; a change to None takes the key out."""
        config = {key: value for key, value in (CONFIG | changes).items() if value is not None}
        (self.folder / "config.json").write_text(json.dumps(config))

    def run_export(self, *arguments: str) -> tuple[int, str, str]:
        """Runs the command in this process; returns its exit code, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        argv = ["export_onnx.py", *(arguments or (str(self.folder),))]
        before = signal.getsignal(signal.SIGTERM)
        try:
            with mock.patch("sys.argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = export_onnx.main()
                except SystemExit as exit_:
                    code = int(exit_.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        return code, out.getvalue(), err.getvalue()

    def exported(self) -> onnx.ModelProto:
        code, _, err = self.run_export()
        self.assertEqual((code, err), (0, ""))
        return onnx.load(self.output)

    def assert_refused(self, *parts: str) -> None:
        """The export ends with 1 and one line that has all parts, and writes nothing."""
        code, _, err = self.run_export()
        self.assertEqual(code, 1, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertTrue(err.startswith("export_onnx: "), err)
        for part in parts:
            self.assertIn(part, err)
        self.assert_no_output()

    def assert_no_output(self) -> None:
        left = [path.name for path in self.output.parent.glob("*")] if self.output.parent.is_dir() else []
        self.assertEqual(left, [])


class Exports(ExportCase):
    def run_both(
        self, model: onnx.ModelProto, lengths: list[int], seed: int = 0
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of (graph in one padded batch, formulas text by text), for each text and output."""
        draw = np.random.default_rng(seed)
        shape = len(lengths), max(lengths)
        batch = {
            "input_ids": draw.integers(0, 100, shape),
            "attention_mask": (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64),
            "token_type_ids": draw.integers(0, 2, shape),
        }
        names = [output.name for output in model.graph.output]
        got = dict(zip(names, ReferenceEvaluator(model).run(names, batch)))
        config = encoder_model.EncoderConfig.load(self.folder / "config.json")
        weights = encoder_model.EncoderWeights(self.folder / "model.safetensors", config)
        pairs = []
        for text, length in enumerate(lengths):
            ids, types = batch["input_ids"][text, :length], batch["token_type_ids"][text, :length]
            for name, want in encoder_model.forward(config, weights, ids, types).items():
                pairs.append((got[name][text, :length] if want.ndim == 2 else got[name][text], want))
        return pairs

    def assert_agrees(self, model: onnx.ModelProto, lengths: list[int]) -> None:
        for got, want in self.run_both(model, lengths):
            self.assertEqual(got.shape, want.shape)
            self.assertEqual(got.dtype, np.float32)
            self.assertLess(np.abs(got - want).max(), ROUNDING)

    def test_graph_computes_what_the_formulas_say(self) -> None:
        model = self.exported()
        for lengths in ([5], [1], [7, 7], [3, 11, 1, 6], [40, 2]):
            with self.subTest(lengths=lengths):
                self.assert_agrees(model, lengths)

    def test_inputs_and_outputs_are_dynamic(self) -> None:
        graph = self.exported().graph

        def shapes(values: Any) -> dict[str, list[Any]]:
            return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}

        names = ("input_ids", "attention_mask", "token_type_ids")
        self.assertEqual(shapes(graph.input), dict.fromkeys(names, ["batch", "sequence"]))
        self.assertEqual(
            shapes(graph.output),
            {"last_hidden_state": ["batch", "sequence", 32], "pooler_output": ["batch", 32]},
        )

    def test_padding_contributes_nothing(self) -> None:
        session = ReferenceEvaluator(self.exported())
        ids = np.array([[5, 6, 7, 0, 0], [1, 2, 3, 4, 5]])
        mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
        batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden, pooled = session.run(None, batch)
        ids[0, 3:], batch["token_type_ids"][0, 3:] = 99, 1
        other_hidden, other_pooled = session.run(None, batch)
        np.testing.assert_array_equal(other_hidden[mask == 1], hidden[mask == 1])
        np.testing.assert_array_equal(other_pooled, pooled)

    def test_padding_may_stand_anywhere(self) -> None:
        session = ReferenceEvaluator(self.exported())
        ids = np.array([[8, 9, 10, 11], [8, 9, 10, 11]])
        mask = np.array([[1, 0, 1, 1], [1, 1, 1, 0]])
        batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        together, _ = session.run(None, batch)
        for text in (0, 1):
            alone, _ = session.run(None, {name: values[text : text + 1] for name, values in batch.items()})
            np.testing.assert_allclose(together[text][mask[text] == 1], alone[0][mask[text] == 1], atol=ROUNDING)

    def test_same_input_gives_the_same_bytes(self) -> None:
        self.exported()
        first = self.output.read_bytes()
        for seed in ("1", "2"):  # of Python's string hashes, which must not reach the order of anything
            subprocess.run(
                [sys.executable, HERE / "export_onnx.py", self.folder],
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
            )
            self.assertEqual(self.output.read_bytes(), first)

    def test_metadata_names_weights_exporter_and_preset(self) -> None:
        model = self.exported()
        self.assertEqual(
            {entry.key: entry.value for entry in model.metadata_props},
            {
                "minnow.exporter_version": encoder_graph.EXPORTER_VERSION,
                "minnow.preset": "exact",
                "minnow.weights_sha256": SafetensorsFile(self.folder / "model.safetensors").sha256(),
            },
        )

    def test_only_standard_operators(self) -> None:
        model = self.exported()
        self.assertEqual({node.domain for node in model.graph.node}, {""})
        self.assertEqual([(opset.domain, opset.version) for opset in model.opset_import], [("", 20)])

    def test_output_may_be_chosen(self) -> None:
        chosen = self.folder / "deep" / "er" / "x.onnx"
        code, out, err = self.run_export(str(self.folder), "--output", str(chosen))
        self.assertEqual((code, err), (0, ""))
        self.assertIn(str(chosen), out)
        onnx.checker.check_model(onnx.load(chosen))
        self.assert_no_output()

    def test_weights_of_a_task_model_are_found(self) -> None:
        self.exported()
        plain = onnx.load(self.output)
        weights = {f"bert.{name}": values for name, values in tensors().items()}
        weights["cls.predictions.bias"] = np.zeros(100, np.float32)
        weights["bert.embeddings.position_ids"] = np.zeros((1, 40), np.float32)
        save(self.folder / "model.safetensors", weights)
        self.assertEqual(self.exported().graph, plain.graph)

    def test_half_precision_weights_are_widened(self) -> None:
        for dtype in ("F16", "BF16"):
            with self.subTest(dtype=dtype):
                save(self.folder / "model.safetensors", tensors(), dtype)
                self.assert_agrees(self.exported(), [4, 9])
                halves = SafetensorsFile(self.folder / "model.safetensors").float32("pooler.dense.weight")
                np.testing.assert_allclose(halves, tensors()["pooler.dense.weight"], rtol=2**-7)

    def test_model_without_pooler_has_no_pooler_output(self) -> None:
        weights = {name: values for name, values in tensors().items() if not name.startswith("pooler.")}
        save(self.folder / "model.safetensors", weights)
        code, out, _ = self.run_export()
        self.assertEqual(code, 0)
        self.assertIn("no pooler_output", out)
        model = onnx.load(self.output)
        self.assertEqual([output.name for output in model.graph.output], ["last_hidden_state"])
        self.assert_agrees(model, [4, 9])

    def test_other_dimensions(self) -> None:
        for changes in (
            {"num_attention_heads": 8, "num_hidden_layers": 1},
            {"hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 20},
            {"type_vocab_size": 1, "max_position_embeddings": 3, "vocab_size": 7},
        ):
            with self.subTest(**changes):
                self.configure(**changes)
                save(self.folder / "model.safetensors", tensors(CONFIG | changes))
                self.exported()  # which checks itself


class Architectures(ExportCase):
    """Each as transformers saves it; the export itself checks the graph against the formulas. That the formulas are
    those of transformers, onnx/testdata/make_models.py checks.
    """

    def arrange(self, model_type: str, **changes: Any) -> None:
        own = encoder_model.ARCHITECTURES[model_type]
        sizes = {key: value for key, value in CONFIG.items() if key not in own.constants}
        config = {own.settings.get(key, key): value for key, value in sizes.items()} | {"model_type": model_type}
        (self.folder / "config.json").write_text(json.dumps(config | changes))
        weights = tensors()
        if not own.token_types:
            del weights["embeddings.token_type_embeddings.weight"]
        if own.relative_positions:
            bias = np.random.default_rng(2).normal(0, 1, (32, CONFIG["num_attention_heads"]))
            weights["encoder.relative_attention_bias.weight"] = bias.astype(np.float32)
        save(self.folder / "model.safetensors", {own.prefix + own.own_name(name): w for name, w in weights.items()})

    def test_each_is_exported_with_its_inputs(self) -> None:
        for model_type, own in encoder_model.ARCHITECTURES.items():
            with self.subTest(model_type=model_type):
                self.arrange(model_type)
                names = [graph_input.name for graph_input in self.exported().graph.input]
                self.assertEqual(names, ["input_ids", "attention_mask"] + ["token_type_ids"] * own.token_types)

    def test_a_part_that_is_left_out_fails_the_check(self) -> None:
        for model_type, method in (("mpnet", "relative_bias"), ("roberta", "positions")):
            with self.subTest(model_type=model_type):
                self.arrange(model_type)
                wrong = {
                    "relative_bias": lambda graph: graph.constant("none", np.float32(0)),
                    "positions": lambda graph: graph.constant("none", np.zeros(32, np.float32)),
                }[method]
                with mock.patch.object(encoder_graph.EncoderGraph, method, wrong):
                    self.assert_refused("away from the formulas")

    def test_padding_ids_that_leave_no_positions(self) -> None:
        self.arrange("roberta", pad_token_id=39)
        self.assert_refused("config.json", "pad_token_id 39", "leaves no positions")


class RefusesConfigs(ExportCase):
    def test_settings_it_does_not_know(self) -> None:
        for key, value in (
            ("model_type", "t5"),
            ("model_type", None),
            ("hidden_act", "gelu_new"),
            ("hidden_act", "relu"),
            ("hidden_act", None),
            ("position_embedding_type", "relative_key"),
            ("is_decoder", True),
            ("add_cross_attention", True),
            ("pruned_heads", {"0": [1]}),
            ("quantization_config", {"bits": 8}),
            ("auto_map", {"AutoModel": "modeling_bert.JinaBertModel"}),
        ):
            with self.subTest(key=key, value=value):
                self.configure(**{key: value})
                self.assert_refused("config.json", key, "choose another model")

    def test_numbers_that_are_missing_or_wrong(self) -> None:
        for key in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "layer_norm_eps"):
            for value in (None, 0, -1, "32", True, 1e300 if key != "layer_norm_eps" else 0.0, [32]):
                with self.subTest(key=key, value=value):
                    self.configure(**{key: value})
                    self.assert_refused("config.json", key, "must be a positive")

    def test_heads_that_do_not_divide_the_hidden_size(self) -> None:
        self.configure(num_attention_heads=5)
        self.assert_refused("hidden_size 32", "5 heads")

    def test_files_that_are_no_config(self) -> None:
        for text in ("", "{", "[]", '"bert"', "\xff", "[" * 100_000):
            with self.subTest(text=text[:10]):
                (self.folder / "config.json").write_text(text, encoding="latin-1")
                self.assert_refused("config.json", "download the model again")

    def test_missing_files(self) -> None:
        (self.folder / "model.safetensors").unlink()
        self.assert_refused("model.safetensors is missing")
        (self.folder / "config.json").unlink()
        self.assert_refused("config.json is missing", "name the folder")


class RefusesWeights(ExportCase):
    def save(self, weights: dict[str, np.ndarray], dtype: str = "F32") -> None:
        save(self.folder / "model.safetensors", weights, dtype)

    def test_every_missing_tensor(self) -> None:
        for name in tensors():
            with self.subTest(name=name):
                self.save({other: values for other, values in tensors().items() if other != name})
                self.assert_refused("model.safetensors lacks the tensor", name)

    def test_every_wrong_shape(self) -> None:
        for name, values in tensors().items():
            with self.subTest(name=name):
                self.save(tensors() | {name: np.zeros((*values.shape[:-1], values.shape[-1] + 1), np.float32)})
                self.assert_refused(name, "has shape", "config.json")

    def test_tensors_that_config_does_not_account_for(self) -> None:
        self.configure(num_hidden_layers=1)
        self.assert_refused("encoder.layer.1.", "does not account for")

    def test_types_it_can_not_widen(self) -> None:
        for dtype in ("F64", "I64"):
            with self.subTest(dtype=dtype):
                self.save(tensors(), dtype)
                self.assert_refused(dtype, "original weights")

    def test_values_that_are_not_numbers(self) -> None:
        for value in (np.nan, np.inf):
            weights = tensors()
            weights["embeddings.word_embeddings.weight"][50, 3] = value
            with self.subTest(value=value):
                self.save(weights)
                self.assert_refused("word_embeddings.weight", "is not finite")


class RefusesDamagedFiles(ExportCase):
    def assert_damaged(self, *parts: str) -> None:
        self.assert_refused("model.safetensors is damaged", "download the model again", *parts)

    def test_every_kind_of_truncation(self) -> None:
        path = self.folder / "model.safetensors"
        whole = path.read_bytes()
        header_end = 8 + int.from_bytes(whole[:8], "little")
        for length in (0, 7, 8, 9, header_end - 1, header_end, header_end + 1, len(whole) - 1):
            with self.subTest(length=length):
                path.write_bytes(whole[:length])
                self.assert_damaged()
        path.write_bytes(whole + b"\0")
        self.assert_damaged("describes")

    def test_headers(self) -> None:
        def entry(**changes: Any) -> bytes:
            return json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}}).encode()

        for name, header in {
            "not UTF-8": b"\xff\xff",
            "not JSON": b"{",
            "a deep nest": b"[" * 100_000,
            "a list": b"[]",
            "an entry that is no object": b'{"a": 1}',
            "an entry without a shape": b'{"a": {"dtype": "F32", "data_offsets": [0, 4]}}',
            "an unknown type": entry(dtype="F33"),
            "a type that is no text": entry(dtype=32),
            "a shape that contradicts the offsets": entry(shape=[2]),
            "a negative shape": entry(shape=[-1, -1]),
            "a fractional shape": entry(shape=[1.0]),
            "a boolean shape": entry(shape=[True]),
            "a shape that is text": entry(shape="1"),
            "an endless shape": entry(shape=[2**62, 2**62]),
            "offsets in reverse": entry(data_offsets=[4, 0]),
            "one offset": entry(data_offsets=[0]),
            "offsets past the end": entry(data_offsets=[4, 8]),
            "a gap at the end": entry(shape=[0], data_offsets=[0, 0]),
        }.items():
            with self.subTest(name):
                save_raw(self.folder / "model.safetensors", header, b"\0" * 4)
                self.assert_damaged()

    def test_overlapping_tensors(self) -> None:
        one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        save_raw(self.folder / "model.safetensors", json.dumps({"a": one, "b": one}).encode(), b"\0" * 4)
        self.assert_damaged("begins at byte 0")

    def test_header_that_claims_to_be_huge(self) -> None:
        for claim in (2**63, 2**64 - 1, 100_000_001):
            with self.subTest(claim=claim):
                (self.folder / "model.safetensors").write_bytes(struct.pack("<Q", claim) + b"{}")
                self.assert_damaged("header claims")

    def test_random_damage_never_ends_in_a_traceback(self) -> None:
        """Flips bytes of the header; the reader must read the file or refuse it, and do nothing else."""
        path = self.folder / "model.safetensors"
        whole = path.read_bytes()
        end = 8 + int.from_bytes(whole[:8], "little")
        draw = np.random.default_rng(7)
        for turn in range(300):
            damaged = bytearray(whole)
            for place in draw.integers(0, end, 1 + turn % 3):
                damaged[place] = draw.integers(0, 256)
            path.write_bytes(damaged)
            with self.subTest(turn=turn), contextlib.suppress(SafetensorsError):
                SafetensorsFile(path)


class Writes(ExportCase):
    def test_a_graph_that_fails_its_check_is_not_written(self) -> None:
        right = encoder_graph.EncoderGraph.dense

        def wrong(graph: encoder_graph.EncoderGraph, x: str, name: str, scale: float = 1.0) -> str:
            return right(graph, x, name, 1.001 if name.endswith("layer.1.attention.self.value") else scale)

        with mock.patch.object(encoder_graph.EncoderGraph, "dense", wrong):
            self.assert_refused("from the formulas", "was not written")

    def test_a_graph_that_gives_no_numbers_is_not_written(self) -> None:
        with mock.patch.object(encoder_graph, "MASKED", np.float32("nan")):
            self.assert_refused("nan away from the formulas")

    def test_tanh_gelu_fails_the_check(self) -> None:
        def tanh(graph: encoder_graph.EncoderGraph, x: str, name: str) -> str:
            return graph.op("Gelu", graph.dense(x, name), approximate="tanh")

        with mock.patch.object(encoder_graph.EncoderGraph, "gelu_dense", tanh):
            self.assert_refused("from the formulas", "was not written")

    def test_an_interrupted_write_leaves_the_old_file(self) -> None:
        self.exported()
        before = self.output.read_bytes()
        for interruption, code in ((KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 1)):
            with self.subTest(code=code), mock.patch("os.fsync", side_effect=interruption):
                got, _, err = self.run_export()
                self.assertEqual(got, code)
                self.assertNotIn("Traceback", err)
                self.assertEqual([path.name for path in self.output.parent.iterdir()], ["model.onnx"])
                self.assertEqual(self.output.read_bytes(), before)

    def test_termination_leaves_nothing(self) -> None:
        def terminate(_: int) -> None:
            signal.raise_signal(signal.SIGTERM)

        with mock.patch("os.fsync", terminate):
            code, _, err = self.run_export()
        self.assertEqual((code, err), (143, ""))
        self.assert_no_output()

    def test_an_output_that_can_not_be_written(self) -> None:
        (self.folder / "file").write_text("")
        self.output.mkdir(parents=True)
        for output in (self.folder / "file" / "model.onnx", self.output):
            with self.subTest(output=output.name):
                code, _, err = self.run_export(str(self.folder), "--output", str(output))
                self.assertEqual((code, err.count("\n")), (1, 1), err)
                self.assertIn(str(output.parent), err)
                self.assertEqual(list(self.output.iterdir()), [])

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere: run as another user")
    def test_a_folder_without_permission(self) -> None:
        self.output.parent.mkdir()
        self.output.parent.chmod(0o500)
        self.addCleanup(self.output.parent.chmod, 0o700)
        self.assert_refused("Permission denied")

    def test_usage(self) -> None:
        for arguments in (("--nonsense",), (str(self.folder), "--output"), (str(self.folder), "another")):
            with self.subTest(arguments=arguments):
                code, _, err = self.run_export(*arguments)
                self.assertEqual(code, 2)
                self.assertIn("usage:", err)


if __name__ == "__main__":
    unittest.main()
