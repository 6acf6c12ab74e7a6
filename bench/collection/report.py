"""Reads raw.csv and about.json of a run; writes README.md and a plot, and prints the targets.

    report.py FOLDER

What a person wrote in README.md between the two notes marks is kept.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from bench import ENGINES, FILTERS, OURS, RECALL
from shared import BEGIN, END, busy, machine, notes, ratios, read_run, save, spread

TITLES = {"": "no filter", "half": "50 %", "percent": "1 %", "rare": "0.01 %"}
MODES = {"vector": "text, by meaning", "own vector": "own vector", "text": "text, by words", "hybrid": "hybrid"}
IMPORT_TARGET, IMPORTING_TARGET, OPEN_TARGET = 0.95, 3.0, 1.5
Rounds = dict[int, float]


class Results:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows
        there = {row["engine"] for row in rows}
        self.engines = [engine for engine in ENGINES if engine in there]

    def values(self, measure: str, engine: str, name: str = "") -> list[dict[str, str]]:
        wanted = (measure, engine, name)
        return [row for row in self.rows if (row["measure"], row["engine"], row["filter"]) == wanted]

    def numbers(self, measure: str, engine: str, name: str = "") -> list[float]:
        return [float(row["value"]) for row in self.values(measure, engine, name)]

    def latency(self, engine: str, name: str, quantile: float) -> Rounds:
        """Milliseconds of a query, by round."""
        rounds: dict[int, list[float]] = {}
        for row in self.values("query", engine, name):
            rounds.setdefault(int(row["round"]), []).append(1000 * float(row["value"]))
        return {turn: float(np.quantile(times, quantile)) for turn, times in rounds.items()}

    def by_round(self, measure: str, name: str = "") -> Rounds:
        return {int(row["round"]): float(row["value"]) for row in self.values(measure, OURS, name)}

    def each(self, measure: str, engine: str) -> float:
        """A figure of a load, a document."""
        (row,) = self.values(measure, engine)
        return float(row["value"]) / int(row["count"])

    def quantiles(self, measure: str, mode: str) -> list[float]:
        return [1000 * float(q) for q in np.quantile(self.numbers(measure, OURS, mode), [0.5, 0.95, 0.99])]


def bold(engine: str) -> str:
    return f"**{engine}**" if engine == OURS else engine


def wanted(what: str, bound: str, found: str, reached: bool) -> str:
    return f"| {what} | {bound} | {found} | {'reached' if reached else '**missed**'} |"


def targets(results: Results) -> Iterator[str]:
    """What was wanted of ours, and what came out."""
    yield "| | wanted | median (least–greatest) | |"
    yield "|---|---|---|---|"
    for name in FILTERS:
        ours = results.latency(OURS, name, 0.5)
        rivals = {engine: results.latency(engine, name, 0.5) for engine in results.engines if engine != OURS}
        if not rivals:
            continue
        best = min(rivals, key=lambda engine: statistics.median(rivals[engine].values()))
        found = ratios(rivals[best], ours)
        what = f"query, {TITLES[name]}: time of the fastest peer ({best}) over ours"
        yield wanted(what, "≥ 1", spread(found), statistics.median(found) >= 1)
        recall = results.numbers("recall-round", OURS, name)
        yield wanted("its recall@10", f"≥ {RECALL}", spread(recall, 4), statistics.mean(recall) >= RECALL)
    if results.by_round("import"):
        yield from pipeline_targets(results)


def pipeline_targets(results: Results) -> Iterator[str]:
    found = ratios(results.by_round("embed"), results.by_round("import"))
    what, reached = "import: rate over the embedder's alone", statistics.median(found) >= IMPORT_TARGET
    yield wanted(what, f"≥ {IMPORT_TARGET}", spread(found), reached)
    for mode, title in MODES.items():
        ratio = results.quantiles("importing", mode)[2] / results.quantiles("alone", mode)[2]
        what, reached = f"p99 while importing over p99 alone, {title}", ratio <= IMPORTING_TARGET
        yield wanted(what, f"≤ {IMPORTING_TARGET:.0f}", f"{ratio:.2f}", reached)
    found = ratios(results.by_round("reopen", "good"), results.by_round("read", "good"))
    documents = int(results.values("reopen", OURS, "good")[0]["count"])
    what = f"open over reading the graph's file into memory, {documents:,} documents"
    yield wanted(what, f"≤ {OPEN_TARGET}", spread(found), statistics.median(found) <= OPEN_TARGET)


def queries(results: Results, about: dict) -> Iterator[str]:
    yield "| engine | " + " | ".join(TITLES[name] for name in FILTERS) + " |"
    yield "|---" * (len(FILTERS) + 1) + "|"
    for engine in results.engines:
        cells = []
        for place, name in enumerate(FILTERS):
            p50, p95, p99 = (statistics.median(results.latency(engine, name, q).values()) for q in (0.5, 0.95, 0.99))
            recall = statistics.mean(results.numbers("recall-round", engine, name))
            ef = about["ef"][engine][place]
            cells.append(f"{p50:.2f}, {p95:.2f}, {p99:.2f} ms at {recall:.3f}" + (f" (ef {ef})" if ef else ""))
        yield f"| {bold(engine)} | " + " | ".join(cells) + " |"


def ratio_table(results: Results) -> Iterator[str]:
    yield "| engine | " + " | ".join(TITLES[name] for name in FILTERS) + " |"
    yield "|---" * (len(FILTERS) + 1) + "|"
    for engine in results.engines:
        if engine != OURS:
            both = [(results.latency(engine, name, 0.5), results.latency(OURS, name, 0.5)) for name in FILTERS]
            yield f"| {engine} | " + " | ".join(spread(ratios(theirs, ours)) for theirs, ours in both) + " |"


def stores(results: Results) -> Iterator[str]:
    titles = ["engine", "documents a second", "disk a document", "memory a document", "open, first answer", "recall"]
    yield "| " + " | ".join(titles) + " |"
    yield "|---" * len(titles) + "|"
    for engine in results.engines:
        rate, disk, grown = (results.each(measure, engine) for measure in ("load", "disk", "grown"))
        (start,) = results.numbers("open", engine)
        own = [row["value"] for name in FILTERS for row in results.values("recall", engine, name) if row["count"] == "0"]
        cells = [f"{1 / rate:,.0f}", f"{disk:,.0f} bytes", f"{grown:,.0f} bytes", f"{start:.2f} s"]
        cells.append(", ".join(f"{float(recall):.3f}" for recall in own))
        yield f"| {bold(engine)} | " + " | ".join(cells) + " |"


def pipeline(results: Results, about: dict) -> Iterator[str]:
    n = about["imported"]
    for op, title in (("embed", "the embedder alone"), ("import", "an import")):
        rates = [n / seconds for seconds in results.by_round(op).values()]
        yield f"- {title}: {statistics.median(rates):,.0f} texts a second"
    for row in results.values("reopen", OURS, "killed"):
        good = results.values("reopen", OURS, "good")[0]
        read, skim = (statistics.median(results.by_round(measure, "good").values()) for measure in ("read", "skim"))
        yield f"- open: {float(good['value']):.2f} s of {int(good['count']):,} documents with a good graph, whose file is read"
        yield f"  into memory in {read:.2f} s, and through a buffer, from the system's cache, in {skim:.3f};"
        yield f"  {float(row['value']):.2f} s of {int(row['count']):,} after a kill, half of them in no saved graph"
    yield ""
    yield "| query | alone: p50, p95, p99 | while an import runs |"
    yield "|---|---|---|"
    for mode, title in MODES.items():
        both = [results.quantiles(measure, mode) for measure in ("alone", "importing")]
        cells = [", ".join(f"{q:.2f}" for q in quantiles) + " ms" for quantiles in both]
        yield f"| {title} | {' | '.join(cells)} |"


def document(results: Results, about: dict, kept: str) -> Iterator[str]:
    yield "# The collection and its peers\n"
    yield f"`{about['command']}` at {about['commit']}, {about['seconds'] / 60:.0f} minutes, {about['rounds']} rounds of"
    yield f"{about['queries']} queries a kind. How it is done is said in bench/collection/bench.py.\n"
    yield from machine(about)
    yield f"- {about['kernel']}; {about['python']}; {about['documents']:,} documents of 384 dimensions"
    for engine in results.engines:
        yield f"- {engine}: {about['versions'][engine]}"
    yield busy(about)
    yield f"\n{BEGIN}\n{kept}\n{END}\n"
    if results.engines != [OURS]:
        yield from targets(results)
        yield "\n![latency](latency.svg)\n"
        yield "## A query beside ours\n"
        yield "The p50 as a multiple of ours in the same round: median (least–greatest), more is slower.\n"
        yield from ratio_table(results)
    yield "\n## Queries\n"
    yield f"p50, p95, p99 and recall@10: medians of the rounds. An ef is the least of a list with a recall of {RECALL}.\n"
    yield from queries(results, about)
    yield "\n## Loading, opening, room\n"
    yield "All documents with their vectors, once; memory is what the process grew by. Opening is in a new process."
    yield "Recall is what an engine has by its own choice: no filter, 50 %, 1 %, 0.01 %.\n"
    yield from stores(results)
    if results.by_round("import"):
        yield "\n## With the model\n"
        yield from pipeline(results, about)


def draw(results: Results, path: Path) -> None:
    figure, axes = plt.subplots(1, len(FILTERS), figsize=(12, 3))
    for axis, name in zip(axes, FILTERS):
        for place, engine in enumerate(results.engines):
            values = list(results.latency(engine, name, 0.5).values())
            axis.barh(place, statistics.median(values), color="C0" if engine == OURS else "C7")
            axis.plot([min(values), max(values)], [place, place], color="black", linewidth=1)
        axis.set_yticks(range(len(results.engines)), results.engines if axis is axes[0] else [])
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_title(f"{TITLES[name]}: p50, ms", fontsize=9)
        axis.grid(True, axis="x", linewidth=0.3)
    save(figure, path)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    rows, about = read_run(folder)
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    results = Results(rows)
    readme = folder / "README.md"
    readme.write_text("\n".join(document(results, about, notes(readme))) + "\n")
    if results.engines != [OURS]:
        draw(results, folder / "latency.svg")
        print("\n".join(targets(results)))


if __name__ == "__main__":
    main()
