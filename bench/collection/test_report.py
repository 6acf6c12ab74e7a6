"""The maths of bench.py and report.py; run.sh runs it before a run."""

from __future__ import annotations

import unittest

import numpy as np
from bench import FILTERS, OURS, Truth
from report import Results, targets


def row(engine: str, measure: str, value: float, name: str = "", turn: int = 0, count: int = 1) -> dict[str, str]:
    return {
        "filter": name, "measure": measure, "engine": engine, "round": str(turn), "count": str(count), "value": str(value)
    }  # fmt: skip


class Report(unittest.TestCase):
    def test_a_query_slower_than_the_fastest_peer_is_missed(self) -> None:
        rows = [row(OURS, "query", 0.002, name) for name in FILTERS]
        rows += [row(OURS, "recall-round", 0.995, name) for name in FILTERS]
        rows += [row("lancedb", "query", 0.001 if name == "rare" else 0.003, name) for name in FILTERS]
        rows += [row("chroma", "query", 0.005, name) for name in FILTERS]
        table = "\n".join(targets(Results(rows)))
        self.assertEqual(table.count("**missed**"), 1, table)
        self.assertIn("(lancedb)", table)
        self.assertNotIn("(chroma)", table)


class Recall(unittest.TestCase):
    def setUp(self) -> None:
        draw = np.random.default_rng(1)
        self.base = draw.standard_normal((2000, 8)).astype(np.float32)
        self.queries = draw.standard_normal((3, 8)).astype(np.float32)
        self.truth = Truth(self.base, self.queries)

    def exact(self, name: str, row: int) -> list[int]:
        numbers = np.flatnonzero(self.truth.masks[name])
        order = np.argsort(-(self.base[numbers] @ self.queries[row]))
        return [int(i) for i in numbers[order][:10]]

    def test_exact_answers_have_all(self) -> None:
        for name in FILTERS:
            self.assertEqual(self.truth.recall([self.exact(name, row) for row in range(3)], name, 0), 1.0)

    def test_an_answer_that_is_half_wrong_has_half(self) -> None:
        answer = self.exact("", 1)
        far = np.argsort(self.base @ self.queries[1])[:5]
        self.assertEqual(self.truth.recall([answer[:5] + [int(i) for i in far]], "", 1), 0.5)

    def test_one_document_ten_times_counts_once(self) -> None:
        self.assertEqual(self.truth.recall([self.exact("", 0)[:1] * 10], "", 0), 0.1)

    def test_an_answer_beyond_the_filter_ends_the_run(self) -> None:
        with self.assertRaises(SystemExit):
            self.truth.recall([[1]], "half", 0)


if __name__ == "__main__":
    unittest.main()
