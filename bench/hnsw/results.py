"""What a run measured, as rates by round, and what can be computed of them."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator

from data import MILLION, RECIPES
from engines import ENGINES, OTHERS

DIMENSIONS = {recipe.name: recipe.dim for recipe in [*RECIPES, MILLION]}
BASES = {recipe.name: recipe.of or recipe.name for recipe in [*RECIPES, MILLION]}
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

    def values(self, name: str, measure: str, engine: str, **keys: float) -> Iterator[dict[str, str]]:
        for row in self.rows:
            if (row["set"], row["measure"], row["engine"]) == (name, measure, engine):
                if all(row[key] and float(row[key]) == value for key, value in keys.items()):
                    yield row

    def value(self, name: str, measure: str, engine: str, **keys: float) -> float | None:
        """Of what is measured once."""
        return next((float(row["value"]) for row in self.values(name, measure, engine, **keys)), None)

    def size(self, name: str) -> int:
        rows = (row for row in self.rows if (row["set"], row["measure"]) == (BASES[name], "bytes"))
        return max(int(row["count"]) for row in rows)

    def build(self, name: str, engine: str, threads: int) -> Rounds:
        """Vectors a second, by slice."""
        rows = self.values(name, "add", engine, threads=threads)
        return {int(row["round"]): int(row["count"]) / float(row["value"]) for row in rows}

    def memory(self, name: str, engine: str, measure: str = "bytes") -> float | None:
        """Bytes a vector."""
        used = self.value(name, measure, engine)
        return None if used is None else used / self.size(name)

    def beyond(self, name: str, engine: str, measure: str = "bytes") -> float | None:
        """Bytes a vector, without its floats: less than none where an engine does not keep them."""
        used = self.memory(name, engine, measure)
        return None if used is None else used - 4 * DIMENSIONS[name]

    def curve(self, name: str, engine: str) -> list[tuple[float, float, int]]:
        """Recall, queries a second and ef, of the median of the rounds."""
        rates = defaultdict(list)
        for row in self.values(name, "batch", engine, threads=1):
            rates[int(row["ef"])].append(int(row["count"]) / float(row["value"]))
        recalls = self.recalls[name, engine]
        return [(recalls[ef], statistics.median(rates[ef]), ef) for ef in sorted(rates)]

    def by_ef(self, name: str, measure: str, engine: str, **keys: float) -> dict[int, dict[int, float]]:
        """Queries a second, by round and ef."""
        rates: dict[int, dict[int, float]] = defaultdict(dict)
        for row in self.values(name, measure, engine, **keys):
            rates[int(row["round"])][int(row["ef"])] = int(row["count"]) / float(row["value"])
        return rates

    def at(self, name: str, engine: str, recall: float, measure: str = "batch", threads: int = 1) -> Rounds:
        """Queries a second at a recall, by round."""
        recalls = self.recalls[name, engine]
        rates = self.by_ef(name, measure, engine, threads=threads)
        found = {turn: rate_at([(recalls[ef], of[ef]) for ef in sorted(of)], recall) for turn, of in rates.items()}
        return {turn: rate for turn, rate in found.items() if rate is not None}

    def best_other(self, name: str, recall: float) -> Rounds:
        """What the fastest of the other engines has in each round."""
        best: Rounds = {}
        for engine in OTHERS:
            for turn, rate in self.at(name, engine, recall).items():
                best[turn] = max(rate, best.get(turn, 0))
        return best

    def aimed(self, name: str, engine: str, target: float) -> Rounds:
        """Queries a second that ask for a recall, by round."""
        rows = self.values(name, "target", engine, target=target)
        return {int(row["round"]): int(row["count"]) / float(row["value"]) for row in rows}

    def filtered(self, name: str, engine: str, share: float, recall: float) -> Rounds:
        """Queries a second among a share of the labels, at a recall or at the least ef if that has more, by round."""
        recalls = {
            int(row["ef"]): float(row["value"]) for row in self.values(name, "filtered-recall", engine, share=share)
        }
        found = {}
        for turn, of in self.by_ef(name, "filtered", engine, share=share).items():
            points = [(recalls[ef], of[ef]) for ef in sorted(of)]
            rate = points[0][1] if points[0][0] >= recall else rate_at(points, recall)
            if rate is not None:
                found[turn] = rate
        return found

    def filtered_ef(self, name: str, engine: str, share: float) -> tuple[int, float] | None:
        """The ef that had the recall, and what recall it had."""
        rows = list(self.values(name, "filtered", engine, share=share))
        if not rows:
            return None
        ef = max(int(row["ef"]) for row in rows)
        return ef, self.value(name, "filtered-recall", engine, share=share, ef=ef) or 0


def rate_at(points: list[tuple[float, float]], recall: float) -> float | None:
    """The rate at a recall, of points of recall and rate: its logarithm is linear between two of them."""
    for (low, slow), (high, fast) in zip(points, points[1:]):
        if low < recall <= high:
            return math.exp(math.log(slow) + (math.log(fast) - math.log(slow)) * (recall - low) / (high - low))
    return None
