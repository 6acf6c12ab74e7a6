"""One Python peer in a process of its own: answers requests, JSON lines on standard input, one after the other.

    worker.py ENGINE TEXTS.json MODEL_FOLDER PLAIN_FOLDER
    worker.py export MODEL_FOLDER PLAIN_FOLDER               writes the export of sentence-transformers' ONNX backend

The protocol is that of package protocol, which serves the Go engines. A worker measures its own time. Every engine has
its own defaults but for the processor: batches of 32 (fastembed: 256), threads as it likes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np


class Engine(Protocol):
    version: str

    def embed(self, texts: list[str]) -> np.ndarray: ...


class SentenceTransformers:
    """As its users call it: it sorts texts by length."""

    def __init__(self, folder: str, backend: str) -> None:
        import sentence_transformers
        import torch

        kwargs: dict[str, Any] = {"provider": "CPUExecutionProvider"} if backend == "onnx" else {}
        load = sentence_transformers.SentenceTransformer
        self.model = load(folder, device="cpu", backend=backend, model_kwargs=kwargs)
        beneath = {"torch": f"torch {torch.__version__}, {torch.get_num_threads()} threads", "onnx": "its ONNX backend"}
        self.version = f"sentence-transformers {sentence_transformers.__version__}, {beneath[backend]}"

    def embed(self, texts: list[str]) -> np.ndarray:
        return self.model.encode(texts, show_progress_bar=False)


class OnnxRuntime:
    """What one writes by hand: tokenize, pad to the longest of a batch, run, take the mean; in the order of texts."""

    def __init__(self, folder: str) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx", providers=["CPUExecutionProvider"])
        self.inputs = [graph_input.name for graph_input in self.session.get_inputs()]
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()
        self.version = f"onnxruntime {onnxruntime.__version__}"

    def embed(self, texts: list[str]) -> np.ndarray:
        out = []
        for start in range(0, len(texts), 32):
            encoded = self.tokenizer.encode_batch(texts[start : start + 32])
            feed = {
                "input_ids": np.array([e.ids for e in encoded]),
                "attention_mask": np.array([e.attention_mask for e in encoded]),
                "token_type_ids": np.array([e.type_ids for e in encoded]),
            }
            hidden = self.session.run(None, {name: feed[name] for name in self.inputs})[0]
            mask = feed["attention_mask"][:, :, None].astype(np.float32)
            mean = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
            out.append(mean / np.linalg.norm(mean, axis=1, keepdims=True))
        return np.concatenate(out)


class FastEmbed:
    def __init__(self, folder: str) -> None:
        import fastembed
        from fastembed.common.model_description import ModelSource, PoolingType

        fastembed.TextEmbedding.add_custom_model(
            model="minnow/plain",
            pooling=PoolingType.MEAN,
            normalization=True,
            sources=ModelSource(url="file:///unused"),
            dim=384,
            model_file="onnx/model.onnx",
        )
        self.model = fastembed.TextEmbedding("minnow/plain", specific_model_path=folder)
        self.version = f"fastembed {fastembed.__version__}"

    def embed(self, texts: list[str]) -> np.ndarray:
        return np.array(list(self.model.embed(texts)))


def engine(name: str, model: str, plain: str) -> Engine:
    if name == "sentence-transformers":
        return SentenceTransformers(model, "torch")
    if name == "sentence-transformers-onnx":
        return SentenceTransformers(plain, "onnx")
    if name == "onnxruntime":
        return OnnxRuntime(plain)
    if name == "fastembed":
        return FastEmbed(plain)
    raise SystemExit(f"worker: no engine {name}")


def export(model: str, plain: str) -> None:
    """Writes the folder whole or not at all."""
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(
        model, device="cpu", backend="onnx", model_kwargs={"export": True, "provider": "CPUExecutionProvider"}
    )
    loaded.save_pretrained(plain + ".tmp")
    Path(plain + ".tmp").rename(plain)


def main() -> None:
    if sys.argv[1] == "export":
        return export(*sys.argv[2:])
    name, texts_path, model, plain = sys.argv[1:]
    # What a library prints is not for the pipe.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    texts = json.loads(Path(texts_path).read_text("utf-8"))
    e = engine(name, model, plain)
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, object] = {}
        if request["op"] == "version":
            answer["version"] = e.version
        else:
            some = texts[request["set"]][request["first"] :][: request["count"]]
            calls = [[text] for text in some] if request["op"] == "latency" else [some]
            seconds = []
            for call in calls:
                begin = time.perf_counter()
                vectors = e.embed(call)
                seconds.append(time.perf_counter() - begin)
            if request["op"] == "vectors":
                vectors.astype("<f4").tofile(request["path"])
            answer["seconds"] = seconds
        print(json.dumps(answer), file=pipe, flush=True)


if __name__ == "__main__":
    main()
