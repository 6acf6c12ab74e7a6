"""The maths of presets_report.py: python -m unittest discover -s bench/export, where matplotlib is."""

from __future__ import annotations

import unittest

from presets_report import EXACT, OWN, QUERY, RUNTIME, Results, apart, table


def row(variant: str, measure: str, value: float, name: str, turn: str = "", count: int = 10) -> dict[str, str]:
    kernels = RUNTIME if variant == EXACT else OWN
    return {
        "variant": variant, "kernels": kernels, "measure": measure, "set": name, "round": turn, "count": str(count),
        "value": str(value),
    }  # fmt: skip


class Labels(unittest.TestCase):
    def test_labels_with_room_stay_where_they_are(self) -> None:
        self.assertEqual(apart([5.0, 0.0, 2.0], 1), [5.0, 0.0, 2.0])

    def test_labels_at_one_place_spread_about_it(self) -> None:
        self.assertEqual(apart([3.0, 3.0, 3.0], 1), [2.0, 3.0, 4.0])

    def test_a_heap_that_grows_into_the_next_takes_it_in(self) -> None:
        self.assertEqual(apart([4.0, 0.0, 4.0, 3.25, 9.0], 1), [3.75, 0.0, 4.75, 2.75, 9.0])
        places = [0.1 * i * (7 - i) for i in range(8)]
        moved = sorted(apart(places, 1))
        self.assertTrue(all(b - a > 1 - 1e-9 for a, b in zip(moved, moved[1:])), moved)


class Table(unittest.TestCase):
    def test_speed_is_a_ratio_within_a_round(self) -> None:
        rows = [row(EXACT, "embed", 4.0, "long", "0"), row(EXACT, "embed", 2.0, "long", "1")]
        rows += [row("fast: …", "embed", 1.0, "long", "0"), row("fast: …", "embed", 1.0, "long", "1")]
        rows += [row(v, "p50", s, QUERY, "0", count=60) for v, s in ((EXACT, 0.004), ("fast: …", 0.001))]
        rows += [row("fast: …", m, 0.9, "long") for m in ("mean_cosine", "least_cosine", "kept")]  # of no round
        results = Results(rows)
        self.assertEqual(results.speed("fast: …", "long"), [4.0, 2.0])
        self.assertEqual(results.speed("fast: …", QUERY), [4.0])
        self.assertEqual(results.fidelity("fast: …", "kept", "long"), 0.9)

    def test_every_variant_has_a_line(self) -> None:
        measures = ("mean_cosine", "least_cosine", "kept")
        rows = [row(v, m, 1.0, s) for v in (EXACT, "other") for m in measures for s in ("definitions", "packages", "long")]
        lines = list(table(Results(rows)))
        self.assertEqual(len(lines), 2 + 2)
        self.assertTrue(lines[2].startswith(f"| **{EXACT}** | {RUNTIME} |"), lines[2])
        self.assertTrue(lines[3].startswith(f"| other | {OWN} |"), lines[3])


if __name__ == "__main__":
    unittest.main()
