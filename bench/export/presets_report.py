"""Reads raw.csv and about.json of a run of presets.py; writes README.md and speed-fidelity.svg.

    presets_report.py FOLDER

What a person wrote in README.md between the two notes marks is kept.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import BEGIN, END, busy, machine, notes, ratios, read_run, save, spread  # noqa: E402

EXACT = "exact"
OWN, RUNTIME = "own kernels", "ONNX Runtime"
COLOURS = {OWN: "C0", RUNTIME: "C1"}
KEPT = ["definitions", "packages", "long"]  # sets that are for fidelity,
TIMED = ["definitions", "long"]  # and those for speed
QUERY = "query"
HIGHLIGHTED = ("exact", "balanced:", "fast:")  # how the names of what users can choose begin
LABELS = 26  # of the plot, that many have room above each other between its highest and lowest point


class Results:
    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows
        self.kernels = {row["variant"]: row["kernels"] for row in rows}
        self.variants = list(self.kernels)

    def fidelity(self, variant: str, measure: str, name: str) -> float:
        wanted = (variant, measure, name)
        return next(float(r["value"]) for r in self.rows if (r["variant"], r["measure"], r["set"]) == wanted)

    def rate(self, variant: str, name: str) -> dict[int, float]:
        """Texts a second, by round."""
        return {
            int(row["round"]): (1 if name == QUERY else int(row["count"])) / float(row["value"])
            for row in self.rows
            if row["round"] and (row["variant"], row["set"]) == (variant, name)
        }

    def speed(self, variant: str, name: str) -> list[float]:
        """As a multiple of exact's, in each round."""
        return ratios(self.rate(variant, name), self.rate(EXACT, name))


def bold(variant: str) -> str:
    return f"**{variant}**" if variant.startswith(HIGHLIGHTED) else variant


def table(results: Results) -> Iterator[str]:
    speeds = [f"speed, {name}" for name in [*TIMED, QUERY]]
    yield "| " + " | ".join(["variant", "computed by", *speeds, *KEPT]) + " |"
    yield "|---" * (2 + len(speeds) + len(KEPT)) + "|"
    for variant in results.variants:
        cells = [bold(variant), results.kernels[variant]]
        cells += [spread(results.speed(variant, name)) for name in [*TIMED, QUERY]]
        for name in KEPT:
            mean, least, kept = (results.fidelity(variant, m, name) for m in ("mean_cosine", "least_cosine", "kept"))
            cells.append(f"{mean:.5f} / {least:.3f} / {kept:.3f}")
        yield "| " + " | ".join(cells) + " |"


def document(results: Results, about: dict[str, Any], kept: str) -> Iterator[str]:
    yield "# Presets in int8: speed against fidelity\n"
    took = f"{about['seconds'] / 60:.0f} minutes, {about['rounds']} rounds"
    yield f"`bench/export/{about['command']}` at {about['commit']}, {took}."
    yield "How it is done is said in its head; what the variants are of, in docs/int8.md.\n"
    yield from machine(about)
    yield f"- {about['kernel']}; {about['model']}; {about['worker']}; ONNX Runtime {about['runtime']}"
    yield f"- made with {about['python']}"
    yield "- texts: " + ", ".join(f"{name} {count}" for name, count in about["texts"].items())
    yield busy(about) if "others" in about else "- the run ended early"
    yield f"\n{BEGIN}\n{kept}\n{END}\n"
    yield "![speed against fidelity](speed-fidelity.svg)\n"
    yield "Speed is a multiple of exact's in the same round, median (least–greatest); of a query, by the median of its times."
    yield "Fidelity, beside the exact model's vectors, is mean cosine / least / of ten neighbours kept. All dense layers are"
    yield "int8, but the last ones of so many first encoder layers have their input in two terms, or are in float32 (FC2)."
    rates = [f"{statistics.median(results.rate(EXACT, name).values()):,.0f} {name}" for name in TIMED]
    query = 1000 / statistics.median(results.rate(EXACT, QUERY).values())
    yield f"exact embeds {' or '.join(rates)} a second, and a query in {query:.1f} ms.\n"
    yield from table(results)


def apart(places: list[float], gap: float) -> list[float]:
    """The places moved as little as need be, so that each is a gap away from the next, in the same order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    heaps: list[list[int]] = []  # of neighbours that touch; each lies about the mean of where its members want to be

    def bottom(heap: list[int]) -> float:
        return statistics.mean(places[i] for i in heap) - gap * (len(heap) - 1) / 2

    for i in order:
        heaps.append([i])
        while len(heaps) > 1 and bottom(heaps[-1]) < bottom(heaps[-2]) + gap * len(heaps[-2]):
            heaps[-2:] = [heaps[-2] + heaps[-1]]
    moved = list(places)
    for heap in heaps:
        for step, i in enumerate(heap):
            moved[i] = bottom(heap) + gap * step
    return moved


def draw(results: Results, path: Path) -> None:
    """Labels stand in columns beside the points, those of ONNX Runtime's to the left, so that none is on another."""
    figure, axis = plt.subplots(figsize=(10, 6.5))
    points = {
        variant: (statistics.median(results.speed(variant, "definitions")), results.fidelity(variant, "kept", "definitions"))
        for variant in results.variants
    }
    speeds, kept = zip(*points.values())
    width, height = max(speeds) - min(speeds), max(kept) - min(kept)
    columns = {RUNTIME: (min(speeds) - width / 8, "right"), OWN: (max(speeds) + width / 8, "left")}
    for kernels, (column, align) in columns.items():
        axis.plot([], [], "o", color=COLOURS[kernels], label=kernels)
        variants = [variant for variant in results.variants if results.kernels[variant] == kernels]
        for variant, at in zip(variants, apart([points[variant][1] for variant in variants], height / LABELS)):
            mark(axis, variant, points[variant], (column, at), align, COLOURS[kernels])
    axis.set_xlim(min(speeds) - 0.75 * width, max(speeds) + 0.75 * width)
    axis.set_xticks([x / 2 for x in range(1, 100) if min(speeds) - 0.5 < x / 2 < max(speeds) + 0.5])
    axis.margins(y=0.1)
    axis.set_xlabel("times as quick as exact: definitions, all cores")
    axis.set_ylabel("of ten neighbours kept: definitions")
    axis.legend(loc="upper right")
    axis.grid(True, linewidth=0.3)
    save(figure, path)


def mark(
    axis: Any, variant: str, point: tuple[float, float], label: tuple[float, float], align: str, colour: str
) -> None:
    chosen = variant.startswith(HIGHLIGHTED)
    size, edge, weight = (9, "black", "bold") if chosen else (5, "none", "normal")
    axis.plot(*point, "o", color=colour, markersize=size, markeredgecolor=edge, zorder=3)
    side = (1, 0.5) if align == "right" else (0, 0.5)  # of the label, where its line begins
    line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "relpos": side, "shrinkA": 2, "shrinkB": 0}
    axis.annotate(variant, point, label, ha=align, va="center", fontsize=8, fontweight=weight, arrowprops=line)


def write(folder: Path) -> None:
    rows, about = read_run(folder)
    plt.rcParams.update({"svg.hashsalt": "minnow", "svg.fonttype": "none", "font.size": 9})
    results, readme = Results(rows), folder / "README.md"
    readme.write_text("\n".join(document(results, about, notes(readme))) + "\n")
    draw(results, folder / "speed-fidelity.svg")
    print("\n".join(table(results)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
