"""Filtered queries: labels drawn at random, of which an answer may have no others.

Every engine is told the labels before, in the form that suits it, and its ef is raised until it has the recall. Then
they take turns.
"""

from __future__ import annotations

import random
import tempfile
from typing import TYPE_CHECKING

import numpy as np
from data import Dataset, kth_similarity
from engines import FILTERED, Worker

if TYPE_CHECKING:
    from bench import Run

SHARES = [0.5, 0.1, 0.01]  # of the labels
RECALL = 0.95
EFS = [round(10 * 2 ** (i / 2)) for i in range(20)]  # 10 to 7241
COUNT = 400  # queries whose recall is measured
TIMED = 200  # some engines are slow here
SLOW_SECONDS = 12  # for the queries of COUNT: no larger ef is tried


def measure(run: Run, dataset: Dataset, workers: list[Worker]) -> None:
    chosen = [worker for worker in workers if worker.engine in FILTERED]
    base, queries = np.load(dataset.base, mmap_mode="r"), np.load(dataset.queries)[:COUNT]
    order = np.random.default_rng(2).permutation(len(base)).astype("<u8")
    for share in SHARES:
        allowed = np.sort(order[: round(len(base) * share)])
        worst = kth_similarity(base[allowed], queries)
        with tempfile.NamedTemporaryFile() as file:
            allowed.tofile(file.name)
            for worker in chosen:
                worker.ask(op="allow", path=file.name)
        efs = {worker.engine: enough(run, dataset, worker, share, worst) for worker in chosen}
        for turn in range(run.plan.rounds):
            for worker in random.sample(chosen, len(chosen)):
                for ef in efs[worker.engine]:
                    seconds = worker.queries({"ef": ef}, count=TIMED)
                    run.note(dataset, "filtered", worker.engine, seconds, share=share, ef=ef, round=turn, count=TIMED)
        for worker in chosen:
            worker.ask(op="allow", path="")
        run.say(f"{dataset.recipe.name}: queries among {share:.0%}")


def enough(run: Run, dataset: Dataset, worker: Worker, share: float, worst: np.ndarray) -> list[int]:
    """The efs on the two sides of the recall, or the least if that has it, or none if no ef has."""
    before: list[int] = []
    for ef in EFS:
        seconds, answers = worker.answers({"ef": ef}, COUNT)
        recall = dataset.recall(answers, worst=worst)
        run.note(dataset, "filtered-recall", worker.engine, recall, share=share, ef=ef, count=COUNT)
        if recall >= RECALL:
            return [*before, ef]
        if seconds > SLOW_SECONDS:
            break
        before = [ef]
    return []
