"""The maths of fidelity.py; run.sh runs it before a run."""

from __future__ import annotations

import unittest

import numpy as np
from fidelity import closeness, retrieval


class Fidelity(unittest.TestCase):
    def test_the_same_vectors_lose_nothing(self) -> None:
        v = np.random.default_rng(1).normal(size=(40, 8))
        for name, value in closeness(3 * v, v).items():
            self.assertAlmostEqual(value, 1, places=6, msg=name)

    def test_noise_costs_neighbours(self) -> None:
        draw = np.random.default_rng(1)
        v = draw.normal(size=(200, 8))
        near, far = (closeness(v + draw.normal(0, s, v.shape), v) for s in (0.05, 0.5))
        for name in near:
            self.assertLess(far[name], near[name])

    def test_places_of_synonyms_leave_the_word_itself_out(self) -> None:
        words = np.eye(14)
        words[1] = words[0] * 0.9 + words[5] * 0.1  # the synonym of 0, nearer than all others
        found = dict(retrieval(words, words[[1]], [[0, 1]]))
        self.assertEqual(found["word to synonym: MRR"], 1)
        self.assertEqual(found["definition to word: recall@10"], 1)


if __name__ == "__main__":
    unittest.main()
