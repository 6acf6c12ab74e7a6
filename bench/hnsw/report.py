"""Reads raw.csv, about.json and crossing.txt of a run, writes README.md and recall-qps.svg, and prints the ratios.

    report.py FOLDER

What a person wrote in README.md between the two notes marks is kept.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import filters
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from bench import GRAPH_EF, TARGET
from engines import BASELINE, ENGINES, F32, FILTERED, FORCED, GRAPHS, INT4, OURS
from goals import goal_table
from results import BASES, Results, Rounds
from shared import BEGIN, END, busy, machine, notes, ratios, read_run, save, spread
from targets import TARGETS
from worker import EF_CONSTRUCTION, K, M

RECALLS = (0.90, 0.95, 0.975)
LEAST_RECALL = 0.6  # of the plot
SHADES = {F32: "#7fa8d9", OURS: "#1f5fae", INT4: "#0b2545"}  # ours
Column = tuple[str, Callable[[str], Rounds]]


def median(rates: Rounds) -> str:
    return f"{statistics.median(rates.values()):,.0f}" if rates else "–"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def label(engine: str) -> str:
    return f"**{engine}**" if engine.startswith(OURS) else engine


def header(*titles: str) -> Iterator[str]:
    yield "| " + " | ".join(titles) + " |"
    yield "|---" * len(titles) + "|"


def ratio_table(results: Results, name: str) -> Iterator[str]:
    """Every engine against the baseline."""
    columns: list[Column] = [(f"QPS at {r}", lambda e, r=r: results.at(name, e, r)) for r in RECALLS]
    if BASES[name] == name:
        columns += [
            ("build, 1 thread", lambda e: results.build(name, e, 1)),
            ("build, 2 threads", lambda e: results.build(name, e, 2)),
            (f"batch at {TARGET}, 2 threads", lambda e: results.at(name, e, TARGET, threads=2)),
            (f"one call a query at {TARGET}", lambda e: results.at(name, e, TARGET, "single")),
        ]
    columns = [(title, rates) for title, rates in columns if rates(BASELINE)]
    yield from header("engine", *(title for title, _ in columns))
    yield f"| {BASELINE}, a second | " + " | ".join(median(rates(BASELINE)) for _, rates in columns) + " |"
    for engine in results.engines(name):
        if engine != BASELINE:
            cells = (spread(ratios(rates(engine), rates(BASELINE))) for _, rates in columns)
            yield f"| {label(engine)} | " + " | ".join(cells) + " |"


def best_table(results: Results, name: str) -> Iterator[str]:
    """Ours against the fastest of the others, which may be another in each round."""
    yield from header("over the best of usearch and faiss", *(f"QPS at {recall}" for recall in RECALLS))
    best = {recall: results.best_other(name, recall) for recall in RECALLS}
    yield "| the best, a second | " + " | ".join(median(best[recall]) for recall in RECALLS) + " |"
    for engine in results.engines(name):
        if engine.startswith(OURS):
            cells = (spread(ratios(results.at(name, engine, recall), best[recall])) for recall in RECALLS)
            yield f"| {label(engine)} | " + " | ".join(cells) + " |"


def target_table(results: Results, name: str, chosen: list[str]) -> Iterator[str]:
    """Of queries that ask for a recall."""
    over = f"over {BASELINE} at the measured", f"over {BASELINE} at the asked"
    yield from header("engine, recall asked for", "recall measured", "QPS", *over)
    for engine in chosen:
        for target in TARGETS:
            recall = results.value(name, "target-recall", engine, target=target) or 0
            rates = results.aimed(name, engine, target)
            at_measured, at_asked = (ratios(rates, results.at(name, BASELINE, at)) for at in (recall, target))
            cells = f"{recall:.4f} | {median(rates)} | {spread(at_measured)} | {spread(at_asked)}"
            yield f"| {label(engine)}, {target} | {cells} |"


def filter_table(results: Results, name: str) -> Iterator[str]:
    """Each cell: ratio, and the ef with the recall that it has."""
    yield from header("engine", *(f"{share:.0%} of the labels" for share in filters.SHARES))
    for engine in [BASELINE, *(engine for engine in FILTERED if engine != BASELINE)]:
        if engine not in results.engines(name):
            continue
        cells = []
        for share in filters.SHARES:
            rates, theirs = (results.filtered(name, e, share, filters.RECALL) for e in (engine, BASELINE))
            reached = results.filtered_ef(name, engine, share)
            how = f", ef {reached[0]}: {reached[1]:.3f}" if reached else ""
            cells.append((f"{median(rates)} a second" if engine == BASELINE else spread(ratios(rates, theirs))) + how)
        yield f"| {label(engine)} | " + " | ".join(cells) + " |"


def absolute_table(results: Results, name: str) -> Iterator[str]:
    """Medians: what the ratios are of."""
    efs = sorted({ef for engine in results.engines(name) for *_, ef in results.curve(name, engine)})
    yield from header("engine", *(f"ef {ef}" for ef in efs))
    for engine in results.engines(name):
        curve = {ef: f"{recall:.3f}: {rate:,.0f}" for recall, rate, ef in results.curve(name, engine)}
        if curve:
            yield f"| {engine} | " + " | ".join(curve.get(ef, "") for ef in efs) + " |"


def memory_table(results: Results, name: str) -> Iterator[str]:
    graph = f"recall of the graph at ef {GRAPH_EF}"
    yield from header("engine", "bytes a vector", "beyond its floats", "by its own count", "on huge pages", graph)
    for engine in results.engines(name):
        used, huge = (results.value(name, measure, engine) or 0 for measure in ("bytes", "huge_bytes"))
        cells = [number(results.memory(name, engine)), number(results.beyond(name, engine))]
        cells += [number(results.beyond(name, engine, "own_bytes")), f"{min(1, huge / max(1, used)):.0%}"]
        recall = results.value(name, "graph-recall", engine, ef=GRAPH_EF)
        yield f"| {label(engine)} | " + " | ".join([*cells, "" if recall is None else f"{recall:.4f}"]) + " |"


def plot(results: Results, path: Path) -> None:
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    columns = min(2, len(results.sets))
    lines = -(-len(results.sets) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(5.2 * columns, 4.4 * lines), squeeze=False)
    for axis in axes.flat[len(results.sets) :]:
        axis.set_visible(False)
    for axis, name in zip(axes.flat, results.sets):
        for engine in results.engines(name):
            curve = results.curve(name, engine)
            if engine in FORCED or not curve:
                continue
            axis.plot(
                [recall for recall, *_ in curve],
                [rate for _, rate, _ in curve],
                marker="o",
                markersize=3,
                color=SHADES.get(engine, f"C{ENGINES.index(engine) - len(FORCED) - 2}"),
                linewidth=2.6 if engine in SHADES else 1.0,
                label=engine if curve[-1][0] >= LEAST_RECALL else None,  # not what is left of the plot
            )
        axis.set_title(f"{name}, {results.size(name):,} vectors")
        axis.set_yscale("log")
        axis.set_xlim(LEAST_RECALL, 1.003)
        axis.set_xlabel(f"recall@{K}")
        axis.grid(True, which="both", linewidth=0.3)
    axes[0][0].set_ylabel("queries a second, one thread")
    axes[0][0].legend(loc="lower left", fontsize=7)
    save(figure, path)


def about_set(results: Results, name: str) -> Iterator[str]:
    base = BASES[name] == name
    yield f"\n## {name}: {results.size(name):,} vectors\n"
    if not base:
        yield f"Other queries, on the graphs of {BASES[name]}.\n"
    yield f"Rates as a multiple of {BASELINE}'s in the same round: median (least–greatest). – is what an engine"
    yield "does not reach or cannot do.\n"
    yield from ratio_table(results, name)
    if results.best_other(name, TARGET):
        yield ""
        yield from best_table(results, name)
    if chosen := [engine for engine in results.engines(name) if results.aimed(name, engine, TARGET)]:
        yield f"\nA recall is asked for instead of an ef. {BASELINE}'s rate is that at the recall that was measured,"
        yield f"or at the one that was asked for.{calibrated(results, name, chosen)}\n"
        yield from target_table(results, name, chosen)
    if results.filtered(name, BASELINE, filters.SHARES[0], filters.RECALL):
        yield f"\nFiltered queries, at a recall of {filters.RECALL} among the labels that are allowed or, where the"
        yield f"least ef has more, at that. {BASELINE} calls a Python function, as it has nothing else; faiss has a"
        yield "bitmap; usearch's Python has no filter. The ef is the first that has the recall.\n"
        yield from filter_table(results, name)
    if base:
        yield f"\nMemory that no file backs. A graph's recall is what {BASELINE}'s search finds in it.\n"
        yield from memory_table(results, name)
    yield "\nRecall: queries a second, one thread, all queries in one call.\n"
    yield from absolute_table(results, name)


def calibrated(results: Results, name: str, chosen: list[str]) -> str:
    times = [f"{results.value(BASES[name], 'calibrate', engine):.1f} s for {engine}" for engine in chosen]
    return f" Calibration came before, on one thread: {', '.join(times)}."


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
    if "coder" not in about["versions"]:
        yield "- coder/hnsw is left out, whose recall is 0.1 at any ef: see the run of 2026-11-24"
    yield busy(about)
    yield f"\nOn {results.sets[0]} where no other set is named; rates over {BASELINE}'s in the same round.\n"
    yield from goal_table(results)
    yield f"\n{BEGIN}\n{kept}\n{END}\n"
    yield "![recall against queries a second](recall-qps.svg)"
    for name in results.sets:
        yield from about_set(results, name)
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
    print("\n".join(goal_table(results)))
    for name in results.sets:
        print(f"\n{name}, rates over {BASELINE}'s: median (least–greatest)\n" + "\n".join(ratio_table(results, name)))


if __name__ == "__main__":
    main()
