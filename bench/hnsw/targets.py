"""Queries that ask for a recall instead of an ef: which they get, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data import QUERIES, Dataset
from engines import CALIBRATED, TIMED, Worker

if TYPE_CHECKING:
    from bench import Run

TARGETS = [0.90, 0.95, 0.975, 0.99]


def calibrate(run: Run, dataset: Dataset, workers: list[Worker]) -> None:
    for worker in workers:
        if worker.engine in CALIBRATED:
            seconds = worker.seconds(1, op="calibrate")
            run.note(dataset, "calibrate", worker.engine, seconds, threads=1)


def recalls(run: Run, dataset: Dataset, workers: list[Worker]) -> None:
    for worker in workers:
        if worker.engine in CALIBRATED:
            found = [dataset.recall(worker.answers({"recall": target})[1]) for target in TARGETS]
            for target, recall in zip(TARGETS, found):
                run.note(dataset, "target-recall", worker.engine, recall, threads=1, target=target, count=QUERIES)
            pairs = ", ".join(f"{recall:.4f} for {target}" for target, recall in zip(TARGETS, found))
            run.say(f"{dataset.recipe.name}: {worker.engine} has recall {pairs}")


def time(run: Run, dataset: Dataset, worker: Worker, target: float, turn: int) -> None:
    if worker.engine in CALIBRATED:
        seconds = worker.queries({"recall": target})
        run.note(dataset, "target", worker.engine, seconds, threads=1, target=target, round=turn, count=TIMED)
