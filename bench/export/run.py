"""Times the candidate graphs of graphs.py against the exported one on ONNX Runtime.

    run.py MODEL_DIR OUTPUT_DIR [--generations 3] [--rounds 4] [--only NAME,…]

Every graph runs every batch in every round, in an order drawn anew each time, in this one process; a ratio is between
two times of the same round. A generation opens all sessions anew, for the speed of a session depends a little on where
its weights come to lie. "exported again" is a second session of the exported graph: its spread is the noise, and a
ratio within it says nothing. With one thread the ratios are of processor time, which a busy machine disturbs less; with
two they are of wall time, for an idle thread of ONNX Runtime spins. raw.csv has both.

Token ids are random, lengths drawn uniformly: neither the time of a Gemm nor that of softmax depends on the values.
Writes OUTPUT_DIR/raw.csv and prints the table. Needs onnxruntime beside scripts/requirements.txt.
"""

from __future__ import annotations

import argparse
import csv
import platform
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import graphs
import numpy as np
import onnx
import onnxruntime as ort
from encoder_model import EncoderConfig, EncoderWeights  # graphs adds scripts/ to the path
from encoder_graph import EncoderGraph

LEVELS = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
BASE = "exported"
CANDIDATES: dict[str, tuple[type[EncoderGraph], str]] = {
    BASE: (EncoderGraph, "extended"),
    "exported again": (EncoderGraph, "extended"),
    "optimiser disabled": (EncoderGraph, "disabled"),
    "optimiser basic": (EncoderGraph, "basic"),
    "optimiser all": (EncoderGraph, "all"),
    "padding computed": (graphs.Padded, "extended"),
    "batch-major": (graphs.BatchMajor, "extended"),
    "textbook, basic": (graphs.Textbook, "basic"),
    "textbook, extended": (graphs.Textbook, "extended"),
    "merged QKV": (graphs.MergedQKV, "extended"),
    "weights transposed": (graphs.TransposedWeights, "extended"),
    "residual in Gemm": (graphs.ResidualInGemm, "extended"),
    "SkipLayerNormalization": (graphs.SkipLayerNorm, "extended"),
    "BiasGelu": (graphs.BiasGelu, "extended"),
    "contrib Gelu": (graphs.ContribGelu, "extended"),
    "EmbedLayerNormalization": (graphs.EmbedLayerNorm, "extended"),
    "MultiHeadAttention": (graphs.MultiHead, "extended"),
    "contrib Attention": (graphs.Attention, "extended"),
    "standard Attention": (graphs.StandardAttention, "extended"),
    "no token types (wrong)": (graphs.NoTypes, "extended"),
    "no mask (wrong)": (graphs.NoMask, "extended"),
}
Batch = dict[str, np.ndarray]


def pad(lengths: list[int], random_ids: np.random.Generator) -> Batch:
    ids = random_ids.integers(1000, 30000, (len(lengths), max(lengths)))
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def cut(lengths: list[int], budget: int) -> list[list[int]]:
    """Consecutive batches of at most budget tokens, padding included."""
    batches: list[list[int]] = [[]]
    for length in lengths:
        if max([length, *batches[-1]]) * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(length)
    return batches


def workloads() -> dict[str, list[Batch]]:
    draw = np.random.default_rng(1)
    lengths = {"query of 9": [[9]] * 6, "query of 25": [[25]] * 3, "25, no padding": [[25] * 20]}
    for kind, low, high in (("short", 5, 15), ("medium", 16, 35), ("long", 80, 128)):
        texts = draw.integers(low, high + 1, 128).tolist()
        for budget in (512, 2048):
            batches = cut(sorted(texts), budget)
            lengths[f"{kind} {budget}"] = [batches[len(batches) // 2]]  # a typical one
    lengths["unsorted 512"] = [cut(draw.integers(5, 129, 128).tolist(), 512)[3]]
    return {name: [pad(batch, draw) for batch in batches] for name, batches in lengths.items()}


def open_session(model: bytes, level: str, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def seconds(session: ort.InferenceSession, batches: list[Batch]) -> dict[str, float]:
    wall, processor = time.perf_counter(), time.process_time()
    for batch in batches:
        session.run(None, batch)
    return {
        "wall_seconds": round(time.perf_counter() - wall, 6),
        "processor_seconds": round(time.process_time() - processor, 6),
    }


def measure(models: dict[str, bytes], generations: int, rounds: int) -> Iterator[dict[str, object]]:
    work = workloads()
    for threads in (1, 2):
        for generation in range(generations):
            sessions = {name: open_session(model, CANDIDATES[name][1], threads) for name, model in models.items()}
            for session in sessions.values():
                session.run(None, work["long 2048"][0])  # sizes the arena
            for turn in range(rounds):
                for workload, batches in work.items():
                    for name in random.sample(list(sessions), len(sessions)):
                        yield {
                            "threads": threads,
                            "generation": generation,
                            "round": turn,
                            "workload": workload,
                            "graph": name,
                            "runs": len(batches),
                            "batch": len(batches[0]["input_ids"]),
                            "sequence": batches[0]["input_ids"].shape[1],
                            "tokens": int(batches[0]["attention_mask"].sum()),
                            **seconds(sessions[name], batches),
                        }
            print(f"{threads} threads, generation {generation}: done", flush=True)


def table(rows: list[dict[str, object]], threads: int) -> Iterator[str]:
    """How many times as fast as the exported graph: median (least to greatest) over the rounds."""
    clock = "processor_seconds" if threads == 1 else "wall_seconds"
    times: dict[tuple[object, ...], float] = {
        (row["workload"], row["graph"], row["generation"], row["round"]): float(str(row[clock]))
        for row in rows
        if row["threads"] == threads
    }
    work = list(dict.fromkeys(row["workload"] for row in rows))
    turns = list(dict.fromkeys((row["generation"], row["round"]) for row in rows))
    runs = {row["workload"]: int(str(row["runs"])) for row in rows}
    yield f"| threads {threads} | " + " | ".join(map(str, work)) + " |"
    yield "|---" * (len(work) + 1) + "|"
    milliseconds = [
        statistics.median(times[workload, BASE, *turn] for turn in turns) / runs[workload] * 1e3 for workload in work
    ]
    yield "| exported, ms a run | " + " | ".join(f"{value:.1f}" for value in milliseconds) + " |"
    measured = {row["graph"] for row in rows}
    for name in [name for name in CANDIDATES if name in measured and name != BASE]:
        cells = []
        for workload in work:
            ratios = [times[workload, BASE, *turn] / times[workload, name, *turn] for turn in turns]
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
        yield f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", help="some graphs instead of all, with commas between")
    arguments = parser.parse_args()

    config = EncoderConfig.load(arguments.model_dir / "config.json")
    weights = EncoderWeights(arguments.model_dir / "model.safetensors", config)
    names = [BASE, *arguments.only.split(",")] if arguments.only else list(CANDIDATES)
    models = {name: CANDIDATES[name][0](config, weights).model({}).SerializeToString() for name in names}
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    print(f"{cpu.split(':')[1].strip()}; Python {platform.python_version()}, onnxruntime {ort.__version__},", end=" ")
    print(f"onnx {onnx.__version__}, NumPy {np.__version__}", flush=True)

    rows = list(measure(models, arguments.generations, arguments.rounds))
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    with (arguments.output_dir / "raw.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    for threads in (1, 2):
        print("\n" + "\n".join(table(rows, threads)))


if __name__ == "__main__":
    main()
