"""The maths of report.py; run.sh runs it before a run."""

from __future__ import annotations

import unittest

from bench import BASELINE, OURS
from report import Results, targets


def row(engine: str, measure: str, value: float, name: str = "short", turn: int = 0, count: int = 1) -> dict[str, str]:
    return {
        "set": name, "measure": measure, "engine": engine, "round": str(turn), "count": str(count), "value": str(value)
    }  # fmt: skip


def results(ours_seconds: float, ours_latency: float) -> Results:
    rows = [
        row(engine, "embed", seconds, name, turn, count=10)
        for engine, seconds in ((OURS, ours_seconds), (BASELINE, 4.0))
        for name in ("short", "long")
        for turn in (0, 1)
    ]
    rows += [row(OURS, "latency", ours_latency), row(BASELINE, "latency", 1.0)]
    return Results(rows, {"short": 20.0, "long": 80.0})


class Report(unittest.TestCase):
    def test_rates_are_tokens_a_second(self) -> None:
        self.assertEqual(results(2.0, 0.1).rate("short", OURS), {0: 100.0, 1: 100.0})

    def test_a_quantile_is_of_one_round_in_milliseconds(self) -> None:
        rows = [row(OURS, "latency", i / 1000, turn=turn) for turn in (0, 1) for i in range(1 + turn, 101 + turn)]
        self.assertEqual(Results(rows, {}).latency(OURS, 0.95), {0: 96.0, 1: 97.0})

    def test_a_target_that_is_missed_says_so(self) -> None:
        for ours_seconds, ours_latency, missed in ((1.0, 0.1, 0), (2.2, 0.1, 1), (3.0, 0.1, 2), (1.0, 0.3, 1)):
            with self.subTest(seconds=ours_seconds, latency=ours_latency):
                table = "\n".join(targets(results(ours_seconds, ours_latency)))
                self.assertEqual(table.count("**missed**"), missed, table)
                self.assertNotIn("hugot", table)  # which was not there


if __name__ == "__main__":
    unittest.main()
