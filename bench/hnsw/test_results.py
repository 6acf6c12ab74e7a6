"""What is computed of a run's rows; run.sh runs it before it measures."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from goals import goals  # noqa: E402
from results import Results, rate_at  # noqa: E402


def row(measure: str, engine: str, value: float, **keys: float) -> dict[str, str]:
    empty = dict.fromkeys(("ef", "target", "share", "round", "count"), "")
    keys = {"threads": 1, **keys}
    return {
        "set": "wordnet",
        "measure": measure,
        "engine": engine,
        "value": str(value),
        **empty,
        **{key: str(value) for key, value in keys.items()},
    }


def timings(engine: str, recalls: dict[int, float], seconds: dict[int, float]) -> list[dict[str, str]]:
    rows = [row("recall", engine, recall, ef=ef) for ef, recall in recalls.items()]
    return rows + [row("batch", engine, taken, ef=ef, round=0, count=800) for ef, taken in seconds.items()]


class Measured(unittest.TestCase):
    def test_a_rate_between_two_efs_is_their_geometric_mean_half_way(self) -> None:
        self.assertAlmostEqual(rate_at([(0.90, 400), (1.00, 100)], 0.95) or 0, 200)

    def test_a_recall_that_no_ef_has_has_no_rate(self) -> None:
        self.assertIsNone(rate_at([(0.90, 400), (0.94, 100)], 0.95))

    def test_the_best_of_the_others_may_be_another_in_each_round(self) -> None:
        recalls = {10: 0.9, 20: 1.0}
        rows = timings("usearch-i8", recalls, {10: 1, 20: 4}) + timings("faiss-sq8", recalls, {10: 2, 20: 2})
        self.assertAlmostEqual(Results(rows).best_other("wordnet", 0.95)[0], 400)

    def test_a_filtered_rate_at_the_least_ef_may_have_more_than_the_recall(self) -> None:
        rows = [
            row("filtered-recall", "minnow", 1, ef=10, share=0.01),
            row("filtered", "minnow", 0.5, ef=10, share=0.01, round=0, count=200),
        ]
        self.assertEqual(Results(rows).filtered("wordnet", "minnow", 0.01, 0.95), {0: 400})

    def test_a_goal_is_missed_where_the_median_is_less(self) -> None:
        recalls = {10: 0.9, 20: 1.0}
        rows = timings("minnow", recalls, {10: 1, 20: 2}) + timings("hnswlib", recalls, {10: 4, 20: 8})
        rows.append(row("bytes", "minnow", 1, count=1))
        goal = next(iter(goals(Results(rows))))
        self.assertEqual((goal.measured, goal.reached), ("4.00 (4.00–4.00)", False))


if __name__ == "__main__":
    unittest.main()
