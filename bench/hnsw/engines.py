"""The engines that are measured, each in a process of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from data import QUERIES, Dataset, K

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import Process  # noqa: E402

OURS = "minnow"  # as users get it
INT4, F32 = "minnow-int4", "minnow-f32"
BASELINE = "hnswlib"
FORCED = {"minnow-avx2": OURS, "minnow-int4-avx2": INT4}  # the kernels of an older x86-64
OTHERS = ["usearch-f32", "usearch-bf16", "usearch-i8", "faiss-flat", "faiss-sq8"]
# Coder's graph has a recall of 0.1 at any ef: it is in the quick run alone, which shows that.
ENGINES = [OURS, INT4, F32, *FORCED, BASELINE, *OTHERS, "coder"]
VARIANTS = {OURS: "", INT4: "int4", F32: "f32"}
GRAPHS = [OURS, INT4, F32]  # saves what the baseline loads
CALIBRATED = [OURS, INT4]  # takes a recall instead of an ef
FILTERED = [OURS, INT4, BASELINE, "faiss-flat", "faiss-sq8"]
TIMED = 1600  # queries a timing; recall is over all of them
WARM_UP = 100
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def command(engine: str, dataset: Dataset, binaries: Path) -> list[str]:
    files = [dataset.recipe.space, str(dataset.base), str(dataset.queries)]
    if engine.startswith(OURS):
        return [str(binaries / "ours"), *files, VARIANTS[FORCED.get(engine, engine)]]
    if engine == "coder":
        return [str(binaries / "coder"), *files, ""]
    return [sys.executable, str(Path(__file__).with_name("worker.py")), engine, *files]


class Worker(Process):
    """The process of one engine."""

    def __init__(self, engine: str, dataset: Dataset, binaries: Path) -> None:
        environment = {
            "OMP_WAIT_POLICY": "passive",
            "OPENBLAS_NUM_THREADS": "1",
            # Left alone, Go follows the processors that pin allows with up to a second's delay, and meanwhile two of
            # its threads take turns: our build on two lost a seventh so, our batches all that the second one brings.
            "GOMAXPROCS": str(len(PROCESSORS)),
        }
        if engine in FORCED:
            environment["MINNOW_KERNEL"] = "avx2"
        super().__init__(engine, command(engine, dataset, binaries), environment)
        self.out = False
        self.memory_before = self.anonymous()

    def anonymous(self) -> int:
        """Bytes of memory that no file backs."""
        return self.memory("VmRSS") - self.memory("RssFile")

    def pin(self, threads: int) -> None:
        if not hasattr(os, "sched_setaffinity"):
            return
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                os.sched_setaffinity(int(task), PROCESSORS[:threads])
            except ProcessLookupError:
                pass  # the thread has ended

    def seconds(self, threads: int, **request: object) -> float | None:
        """How long a request took; None where the engine cannot do it."""
        self.pin(threads)
        answer = self.ask(threads=threads, **request)
        return None if answer.get("unsupported") else float(str(answer["seconds"]))

    def queries(
        self, search: dict[str, float], threads: int = 1, count: int = TIMED, **request: object
    ) -> float | None:
        """How long queries take that look as search says: by an ef or for a recall. The caches are warm."""
        self.seconds(1, op="query", first=QUERIES - WARM_UP, count=WARM_UP, **search)
        return self.seconds(threads, op="query", first=0, count=count, **search, **request)

    def answers(self, search: dict[str, float], count: int = QUERIES) -> tuple[float, np.ndarray]:
        with tempfile.NamedTemporaryFile() as file:
            seconds = self.seconds(1, op="query", first=0, count=count, answers=file.name, **search)
            return seconds or 0, np.fromfile(file.name, dtype="<i8").reshape(-1, K)
