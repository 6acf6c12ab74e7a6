"""Reads raw.csv, about.json and crossing.txt of a run, writes README.md and recall-qps.svg, and prints the ratios.

    report.py FOLDER

What a person wrote in README.md between the two notes marks is kept.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from bench import BASELINE, ENGINES, OURS, TARGET
from shared import BEGIN, END, machine, notes, ratios, read_run, save, spread
from worker import EF_CONSTRUCTION, K, M

TARGETS = (0.90, 0.95, 0.975)
LEAST_RECALL = 0.6  # of the plot
Rounds = dict[int, float]  # round -> rate


class Results:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows
        self.sets = list(dict.fromkeys(row["set"] for row in rows))
        self.recalls: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        for row in rows:
            if row["measure"] == "recall":
                self.recalls[row["set"], row["engine"]][int(row["ef"])] = float(row["value"])

    def engines(self, name: str) -> list[str]:
        there = {row["engine"] for row in self.rows if row["set"] == name}
        return [engine for engine in ENGINES if engine in there]

    def values(self, name: str, measure: str, engine: str, threads: str = "") -> Iterator[dict[str, str]]:
        for row in self.rows:
            if (row["set"], row["measure"], row["engine"], row["threads"]) == (name, measure, engine, threads):
                yield row

    def size(self, name: str) -> int:
        return max(int(row["count"]) for row in self.rows if (row["set"], row["measure"]) == (name, "bytes"))

    def build(self, name: str, engine: str, threads: int) -> Rounds:
        """Vectors a second, by slice."""
        rows = self.values(name, "add", engine, str(threads))
        return {int(row["round"]): int(row["count"]) / float(row["value"]) for row in rows}

    def curve(self, name: str, engine: str, turn: int | None = None) -> list[tuple[float, float, int]]:
        """Recall, queries a second and ef of a round, or of the median of the rounds."""
        rates = defaultdict(list)
        for row in self.values(name, "batch", engine, "1"):
            if turn is None or int(row["round"]) == turn:
                rates[int(row["ef"])].append(int(row["count"]) / float(row["value"]))
        recalls = self.recalls[name, engine]
        return [(recalls[ef], statistics.median(rates[ef]), ef) for ef in sorted(rates)]

    def at(self, name: str, engine: str, recall: float, measure: str = "batch", threads: int = 1) -> Rounds:
        """Queries a second at a recall, by round: log QPS, linear between the two nearest efs."""
        rates: dict[int, dict[int, float]] = defaultdict(dict)
        for row in self.values(name, measure, engine, str(threads)):
            rates[int(row["round"])][int(row["ef"])] = int(row["count"]) / float(row["value"])
        found = {}
        for turn, by_ef in rates.items():
            points = [(self.recalls[name, engine][ef], math.log(by_ef[ef])) for ef in sorted(by_ef)]
            for (low, slow_rate), (high, fast_rate) in zip(points, points[1:]):
                if low < recall <= high:
                    found[turn] = math.exp(slow_rate + (fast_rate - slow_rate) * (recall - low) / (high - low))
                    break
        return found


def median(rates: Rounds) -> str:
    return f"{statistics.median(rates.values()):,.0f}" if rates else "–"


def ratio_table(results: Results, name: str) -> Iterator[str]:
    """Every engine against the baseline."""
    columns: list[tuple[str, Callable[[str], Rounds]]] = [
        *((f"QPS at {r}", lambda e, r=r: results.at(name, e, r)) for r in TARGETS),
        ("build, 1 thread", lambda e: results.build(name, e, 1)),
        ("build, 2 threads", lambda e: results.build(name, e, 2)),
        (f"batch at {TARGET}, 2 threads", lambda e: results.at(name, e, TARGET, threads=2)),
        (f"one call a query at {TARGET}", lambda e: results.at(name, e, TARGET, "single")),
    ]
    yield "| engine | " + " | ".join(title for title, _ in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    yield f"| {BASELINE}, a second | " + " | ".join(median(rates(BASELINE)) for _, rates in columns) + " |"
    for engine in results.engines(name):
        if engine != BASELINE:
            cells = (spread(ratios(rates(engine), rates(BASELINE))) for _, rates in columns)
            yield f"| {'**' + engine + '**' if engine == OURS else engine} | " + " | ".join(cells) + " |"


def absolute_table(results: Results, name: str) -> Iterator[str]:
    """Medians: what the ratios are of, and the memory."""
    size = results.size(name)
    efs = sorted({ef for engine in results.engines(name) for *_, ef in results.curve(name, engine)})
    yield "| engine | bytes a vector | on huge pages | " + " | ".join(f"ef {ef}" for ef in efs) + " |"
    yield "|---" * (len(efs) + 3) + "|"
    for engine in results.engines(name):
        used, huge = (
            sum(float(row["value"]) for row in results.values(name, measure, engine)) for measure in ("bytes", "huge_bytes")
        )
        curve = {ef: f"{recall:.3f}: {rate:,.0f}" for recall, rate, ef in results.curve(name, engine)}
        cells = " | ".join(curve.get(ef, "") for ef in efs)
        yield f"| {engine} | {used / size:,.0f} | {min(1, huge / used):.0%} | {cells} |"


def plot(results: Results, path: Path) -> None:
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, len(results.sets), figsize=(5.2 * len(results.sets), 4.4), squeeze=False)
    for axis, name in zip(axes[0], results.sets):
        for engine in results.engines(name):
            curve = results.curve(name, engine)
            axis.plot(
                [recall for recall, *_ in curve],
                [rate for _, rate, _ in curve],
                marker="o",
                markersize=3,
                color=f"C{ENGINES.index(engine)}",
                linewidth=2.2 if engine == OURS else 1.1,
                label=engine if curve and curve[-1][0] >= LEAST_RECALL else None,  # not what is left of the plot
            )
        axis.set_title(f"{name}, {results.size(name):,} vectors")
        axis.set_yscale("log")
        axis.set_xlim(LEAST_RECALL, 1.003)
        axis.set_xlabel(f"recall@{K}")
        axis.grid(True, which="both", linewidth=0.3)
    axes[0][0].set_ylabel("queries a second, one thread")
    axes[0][0].legend()
    save(figure, path)


def document(results: Results, about: dict, kept: str, crossing: str) -> Iterator[str]:
    yield "# Graph search: minnow's hnswlib and its peers\n"
    yield f"`{about['command']}` at {about['commit']}, {about['seconds'] / 60:.0f} minutes. How it is done is said in"
    yield "bench/hnsw/bench.py; the peers' versions are pinned in bench/hnsw.\n"
    yield from machine(about)
    yield f"- {about['kernel']}, huge pages {about['huge_pages']}; {about['compiler']}; {about['python']}"
    yield f"- graphs: M {M}, ef_construction {EF_CONSTRUCTION}; k {K}; everything else by default"
    for engine in ENGINES:
        if engine in about["versions"]:
            yield f"- {engine}: {about['versions'][engine]}"
    yield f"\n{BEGIN}\n{kept}\n{END}\n"
    yield "![recall against queries a second](recall-qps.svg)"
    for name in results.sets:
        yield f"\n## {name}: {results.size(name):,} vectors\n"
        yield f"Rates as a multiple of {BASELINE}'s in the same round: median (least–greatest). – is what an engine"
        yield "does not reach or cannot do.\n"
        yield from ratio_table(results, name)
        yield "\nRecall: queries a second, one thread, all queries in one call. Bytes are memory that no file backs.\n"
        yield from absolute_table(results, name)
    if crossing:
        yield "\n## From Go into C++ and back\n"
        yield "One query in an index of one vector: locks, crossing and result, next to no search.\n"
        yield f"```\n{crossing}\n```"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    rows, about = read_run(folder)
    results = Results(rows)
    readme = folder / "README.md"
    benchmarks = folder / "crossing.txt"
    crossing = benchmarks.read_text().strip() if benchmarks.exists() else ""
    readme.write_text("\n".join(document(results, about, notes(readme), crossing)) + "\n")
    plot(results, folder / "recall-qps.svg")
    for name in results.sets:
        print(f"\n{name}, rates over {BASELINE}'s: median (least–greatest)\n" + "\n".join(ratio_table(results, name)))


if __name__ == "__main__":
    main()
