"""sentence-transformers on the GPU, on the texts that cuda takes: peer.py TEXTS.json MODEL_FOLDER

It prints rows of CSV as cuda does: what, set, value.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from sentence_transformers import SentenceTransformer

QUERIES = 200


def seconds(rounds: int, work: Callable[[int], object]) -> float:
    times = []
    for turn in range(rounds):
        begin = time.perf_counter()
        work(turn)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    texts, folder = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
    for dtype in (torch.float32, torch.float16):
        model = SentenceTransformer(folder, device="cuda", model_kwargs={"torch_dtype": dtype})
        name = f"sentence-transformers {str(dtype).removeprefix('torch.')}"
        for batch in (32, 256, 1024):
            for kind in ("short", "packages", "long"):
                model.encode(texts[kind][:2000], batch_size=batch, normalize_embeddings=True)
                took = seconds(3, lambda _: model.encode(texts[kind], batch_size=batch, normalize_embeddings=True))
                print(f"{name} {batch},{kind} texts a second,{len(texts[kind]) / took:.0f}", flush=True)
        queries = texts["queries"]
        took = seconds(QUERIES, lambda turn: model.encode([queries[turn % len(queries)]]))
        print(f"{name},query p50 ms,{1e3 * took:.3f}", flush=True)


if __name__ == "__main__":
    main()
