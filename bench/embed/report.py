"""Reads raw.csv, about.json and go-share.txt of a run; writes README.md and two plots, and prints the ratios.

    report.py FOLDER

What a person wrote in README.md between the two notes marks is kept.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from bench import BASELINE, ENGINES, OTHERS, OURS, PRESETS, SETS
from shared import BEGIN, END, busy, machine, notes, ratios, read_run, save, spread

BALANCED, FAST = PRESETS
TARGETS = {
    (OURS, BASELINE, "short"): 2.0,
    (OURS, BASELINE, "long"): 1.6,
    (OURS, "hugot", "short"): 1.3,
    (OURS, "hugot", "long"): 1.1,
    (BALANCED, BASELINE, "short"): 4.0,
    (BALANCED, BASELINE, "long"): 3.1,
    (FAST, BASELINE, "short"): 4.8,
    (FAST, BASELINE, "long"): 3.5,
    (FAST, OURS, "short"): 2.3,
    (FAST, OURS, "long"): 2.3,
}
LATENCY_TARGETS = {OURS: 1 / 5, BALANCED: 1 / 10, FAST: 1 / 12}
# Of presets, in each of the sets: mean cosine, and of ten neighbours how many stay.
FIDELITY_TARGETS = {
    (BALANCED, "short"): (0.999, 0.96),
    (BALANCED, "long"): (0.999, 0.94),
    (FAST, "short"): (0.9985, 0.95),
    (FAST, "long"): (0.9985, 0.925),
}
RETRIEVAL_LOSS = {BALANCED: 0.005, FAST: 0.01}
Rounds = dict[int, float]


class Results:
    def __init__(self, rows: list[dict[str, str]], tokens: dict[str, float]) -> None:
        self.rows, self.tokens = rows, tokens  # tokens: a text of each set, on average
        there = {row["engine"] for row in rows}
        self.engines = [engine for engine in ENGINES if engine in there]

    def values(self, measure: str, engine: str, name: str = "") -> Iterator[dict[str, str]]:
        for row in self.rows:
            if (row["measure"], row["engine"]) == (measure, engine) and name in ("", row["set"]):
                yield row

    def rate(self, name: str, engine: str) -> Rounds:
        """Tokens a second, by round."""
        rows = self.values("embed", engine, name)
        return {int(r["round"]): int(r["count"]) * self.tokens[name] / float(r["value"]) for r in rows}

    def latency(self, engine: str, quantile: float) -> Rounds:
        """Milliseconds of a query, by round."""
        rounds: dict[int, list[float]] = {}
        for row in self.values("latency", engine):
            rounds.setdefault(int(row["round"]), []).append(1000 * float(row["value"]))
        return {turn: sorted(times)[int(quantile * len(times))] for turn, times in rounds.items()}

    def retrieval(self, engine: str) -> dict[str, float]:
        return {
            row["measure"]: float(row["value"])
            for row in self.rows
            if row["set"] == "wordnet" and row["engine"] == engine
        }

    def single(self, measure: str, engine: str, pick: Callable[[list[float]], float] = max) -> float:
        return pick([float(row["value"]) for row in self.values(measure, engine)])


def bold(engine: str) -> str:
    return f"**{engine}**" if engine in (OURS, *PRESETS) else engine


def targets(results: Results) -> Iterator[str]:
    """What was wanted of ours, and what came out."""
    def verdict(reached: bool) -> str:
        return "reached" if reached else "**missed**"

    yield "| what | wanted | median (least–greatest) | |"
    yield "|---|---|---|---|"
    for (engine, peer, name), least in TARGETS.items():
        if engine in results.engines and peer in results.engines:
            found = ratios(results.rate(name, engine), results.rate(name, peer))
            good = verdict(statistics.median(found) >= least)
            yield f"| {engine} over {peer}, {name} texts, throughput | ≥ {least:.2f} | {spread(found)} | {good} |"
    for engine, most in LATENCY_TARGETS.items():
        if engine in results.engines and BASELINE in results.engines:
            found = ratios(results.latency(engine, 0.5), results.latency(BASELINE, 0.5))
            good = verdict(statistics.median(found) <= most)
            yield f"| {engine} over {BASELINE}, one query's p50 | ≤ {most:.3f} | {spread(found, 3)} | {good} |"
    for (engine, name), wanted in FIDELITY_TARGETS.items():
        if engine in results.engines:
            for measure, title, least in zip(("mean_cosine", "kept"), ("mean cosine", "of ten neighbours kept"), wanted):
                (row,) = results.values(measure, engine, name)
                got = float(row["value"])
                yield f"| {engine}, {name} texts, {title} | ≥ {least} | {got:.5f} | {verdict(got >= least)} |"
    for engine, most in RETRIEVAL_LOSS.items():
        for measure, exact in results.retrieval(OURS).items():
            if engine in results.engines:
                loss = exact - results.retrieval(engine)[measure]
                good = verdict(loss <= most)
                yield f"| {engine}, {measure}, loss in points | ≤ {100 * most:.1f} | {100 * loss:.2f} | {good} |"


def fidelity(results: Results) -> Iterator[str]:
    yield "| preset | texts | mean cosine | least | of ten neighbours kept | of ten, queries of the preset among exact |"
    yield "|---|---|---|---|---|---|"
    for engine in results.engines:
        for name in [*SETS, *OTHERS] if engine in PRESETS else []:
            mean, least, kept, mixed = (
                float(next(results.values(measure, engine, name))["value"])
                for measure in ("mean_cosine", "least_cosine", "kept", "kept_mixed")
            )
            yield f"| {engine} | {name} | {mean:.5f} | {least:.4f} | {kept:.3f} | {mixed:.3f} |"
    measures = list(results.retrieval(OURS))
    yield "\n| engine | " + " | ".join(measures) + " |"
    yield "|---" * (len(measures) + 1) + "|"
    for engine in [engine for engine in results.engines if engine in (OURS, *PRESETS)]:
        found = results.retrieval(engine)
        yield f"| {engine} | " + " | ".join(f"{100 * found[measure]:.2f}" for measure in measures) + " |"


def ratio_table(results: Results) -> Iterator[str]:
    yield "| engine | " + " | ".join(SETS) + " | a query's p50 | a query's p95 |"
    yield "|---" * (len(SETS) + 3) + "|"
    for engine in results.engines:
        if engine != BASELINE:
            cells = [spread(ratios(results.rate(name, engine), results.rate(name, BASELINE))) for name in SETS]
            cells += [spread(ratios(results.latency(engine, q), results.latency(BASELINE, q))) for q in (0.5, 0.95)]
            yield f"| {bold(engine)} | " + " | ".join(cells) + " |"


def absolute(results: Results) -> Iterator[str]:
    titles = [f"{name}: tokens a second (texts)" for name in SETS]
    yield "| engine | " + " | ".join(titles) + " | query p50, p95 | resident | start |"
    yield "|---" * (len(SETS) + 4) + "|"
    for engine in results.engines:
        cells = []
        for name in SETS:
            rate = statistics.median(results.rate(name, engine).values())
            cells.append(f"{rate:,.0f} ({rate / results.tokens[name]:,.0f})")
        p50, p95 = (statistics.median(results.latency(engine, q).values()) for q in (0.5, 0.95))
        memory, start = results.single("peak", engine), results.single("start", engine)
        cells += [f"{p50:.2f}, {p95:.2f} ms", f"{memory / 1e6:,.0f} MB", f"{start:.1f} s"]
        yield f"| {bold(engine)} | " + " | ".join(cells) + " |"


def agreement(results: Results) -> Iterator[str]:
    yield "| engine | largest difference to ours | least cosine |"
    yield "|---|---|---|"
    for engine in results.engines:
        if engine not in (OURS, *PRESETS):
            cosine = results.single("cosine", engine, min)
            yield f"| {engine} | {results.single('difference', engine):.1e} | {cosine:.7f} |"


def draw_speed(results: Results, path: Path) -> None:
    figure, axes = plt.subplots(1, len(SETS) + 1, figsize=(3.6 * (len(SETS) + 1), 3.4))
    for axis, name in zip(axes, [*SETS, "query"]):
        for place, engine in enumerate(results.engines):
            rounds = results.latency(engine, 0.5) if name == "query" else results.rate(name, engine)
            values = list(rounds.values())
            axis.barh(place, statistics.median(values), color="C0" if engine in (OURS, *PRESETS) else "C7")
            axis.plot([min(values), max(values)], [place, place], color="black", linewidth=1)
        axis.set_yticks(range(len(results.engines)), results.engines if axis is axes[0] else [])
        axis.invert_yaxis()
        axis.set_title("one query: p50, ms" if name == "query" else f"{name}: tokens a second", fontsize=9)
        axis.grid(True, axis="x", linewidth=0.3)
    save(figure, path)


def draw_memory(results: Results, path: Path) -> None:
    rows = list(results.values("memory", OURS))
    figure, axis = plt.subplots(figsize=(6, 3))
    axis.plot([int(row["count"]) for row in rows], [float(row["value"]) / 1e6 for row in rows])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("texts embedded by one process")
    axis.set_ylabel("resident, MB")
    axis.grid(True, linewidth=0.3)
    save(figure, path)


def document(results: Results, about: dict, kept: str, share: str) -> Iterator[str]:
    yield "# Embedding: minnow's onnx and its peers\n"
    yield f"`{about['command']}` at {about['commit']}, {about['seconds'] / 60:.0f} minutes, {about['rounds']} rounds."
    yield "How it is done is said in bench/embed/bench.py, what the texts are in texts.py.\n"
    yield from machine(about)
    yield f"- {about['kernel']}; {about['python']}; all-MiniLM-L6-v2, in float32 but for the presets"
    for engine in results.engines:
        yield f"- {engine}: {about['versions'][engine]}"
    lengths = ", ".join(f"{name} {about['texts'][name]} of {results.tokens[name]:.0f}" for name in SETS)
    yield f"- texts, and tokens on average: {lengths}; queries of 14; sha256 {about['texts_sha256'][:12]}"
    yield busy(about)
    yield f"\n{BEGIN}\n{kept}\n{END}\n"
    yield from targets(results)
    yield "\n![speed](speed.svg)\n"
    yield f"## Beside {BASELINE}\n"
    yield f"As a multiple of {BASELINE}'s on PyTorch in the same round: median (least–greatest). Of the sets it"
    yield "is throughput, where more is better; of a query it is time, where less is.\n"
    yield from ratio_table(results)
    yield "\n## What the ratios are of\n"
    yield "Medians of the rounds. Resident memory is after all rounds; start is the time until a model is loaded.\n"
    yield from absolute(results)
    yield "\n## The same vectors\n"
    yield from agreement(results)
    yield "\n## What the presets give up\n"
    yield "Beside the exact model's vectors and neighbours, over all texts of a set; over is 256 tokens and more, cut."
    yield "Retrieval is of WordNet's words, by their definitions and by a synonym, in per cent.\n"
    yield from fidelity(results)
    yield "\n## Memory over many texts\n"
    before, *after = [(int(row["count"]), float(row["value"]) / 1e6) for row in results.values("memory", OURS)]
    yield f"{before[1]:,.0f} MB before the first text, {after[0][1]:,.0f} after {after[0][0]:,},"
    yield f"{after[-1][1]:,.0f} after {after[-1][0]:,}.\n"
    yield "![memory](memory.svg)"
    if share:
        yield "\n## Go's share of a batch\n"
        yield "All but ONNX Runtime and the tokenizer, on one core, by BenchmarkGoShare of package onnx. Wanted: ≤ 2 %.\n"
        yield f"```\n{share}\n```"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    rows, about = read_run(folder)
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    tokens = {name: about["tokens"][name] / about["texts"][name] for name in SETS}
    results = Results(rows, tokens)
    readme, benchmark = folder / "README.md", folder / "go-share.txt"
    share = benchmark.read_text().strip() if benchmark.exists() else ""
    readme.write_text("\n".join(document(results, about, notes(readme), share)) + "\n")
    draw_speed(results, folder / "speed.svg")
    draw_memory(results, folder / "memory.svg")
    print("\n".join([*targets(results), "", *ratio_table(results)]))


if __name__ == "__main__":
    main()
