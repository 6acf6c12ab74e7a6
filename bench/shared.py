"""What the benchmarks have in common: texts, processes of engines, facts of a machine, and the words of a report."""

from __future__ import annotations

import csv
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

BEGIN, END = "<!-- notes -->", "<!-- end of notes -->"
QUIET = 0.03  # of the processors, for others
DESCRIPTION = "Description-{}:"  # en, de, …; not Description-md5, which stands beside it
NO_NOTES = "No notes yet: write here what explains the ratios."


class Process:
    """An engine in a process of its own, which answers JSON lines with JSON lines."""

    def __init__(self, engine: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.engine = engine
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (environment or {}),
        )
        self.version = str(self.ask(op="version")["version"])

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait()

    def ask(self, **request: object) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: the worker of {self.engine} ended at {request}")
        return json.loads(line)

    def memory(self, field: str, source: str = "status") -> int:
        """Bytes of a field of /proc/PID/status or smaps_rollup, 0 where there is none."""
        try:
            lines = Path(f"/proc/{self.process.pid}/{source}").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), 0)


def descriptions(path: Path, language: str = "en") -> Iterator[str]:
    """Without their format: a line of the text begins with a space, and a lone dot is an empty line."""
    begin = DESCRIPTION.format(language)
    parts: list[str] = []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if line.startswith(begin):
            parts = [line.removeprefix(begin).strip() + "."]
        elif parts and line.startswith(" "):
            parts += [line.strip()] if line.strip() != "." else []
        elif parts:
            yield " ".join(parts)
            parts = []


def shell(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()


def about_machine() -> dict[str, object]:
    cpu = dict(
        (key.strip(), value.strip())
        for key, _, value in (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    )
    wanted = ("avx", "fma", "f16c", "amx", "sve", "asimd")
    huge_pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    caches = [
        f"L{(cache / 'level').read_text().strip()} {(cache / 'type').read_text().strip().lower()}"
        f" {(cache / 'size').read_text().strip()}"
        for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    ]
    return {
        "commit": shell("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "cpu": cpu.get("model name", platform.machine()),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": caches,
        "flags": [flag for flag in cpu.get("flags", cpu.get("Features", "")).split() if flag.startswith(wanted)],
        "huge_pages": huge_pages.read_text().strip() if huge_pages.exists() else "not known",
        "kernel": platform.system() + " " + platform.release().split("-")[0],
        "compiler": shell("g++", "--version").partition("\n")[0],
    }


def others_seconds() -> float:
    """Processor time since the machine's start that neither this process had nor its children that have ended.

    Both clocks are sampled: a per cent either way is noise.
    """
    user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().partition("\n")[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


def spread(values: Iterable[float], digits: int = 2) -> str:
    values = list(values)
    if not values:
        return "–"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def ratios(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Of two engines' rates by round."""
    return [ours[turn] / theirs[turn] for turn in ours if turn in theirs]


def write_run(output: Path, fields: list[str], rows: list[dict[str, object]], facts: dict[str, object]) -> None:
    facts = about_machine() | facts  # before a tracked file is written, which would make the tree dirty
    output.mkdir(parents=True, exist_ok=True)
    with (output / "raw.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (output / "about.json").write_text(json.dumps(facts, indent=1) + "\n")


def read_run(folder: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    with (folder / "raw.csv").open(newline="") as file:
        return list(csv.DictReader(file)), json.loads((folder / "about.json").read_text())


def machine(about: dict[str, Any]) -> Iterator[str]:
    yield f"- {about['cpu']}, {about['processors']} processors, caches {', '.join(about['caches'])}"
    yield f"- flags: {' '.join(about['flags'])}"


def busy(about: dict[str, Any]) -> str:
    """What else ran on the machine, and whether that was too much."""
    warning = " **Too much to trust the ratios.**" if about["others"] > QUIET else ""
    return f"- other processes had {about['others']:.1%} of the processors meanwhile.{warning}"


def save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def notes(readme: Path) -> str:
    """What a person wrote between the two marks of a report."""
    if not readme.exists():
        return NO_NOTES
    _, found, rest = readme.read_text().partition(BEGIN)
    return rest.partition(END)[0].strip() if found else NO_NOTES
