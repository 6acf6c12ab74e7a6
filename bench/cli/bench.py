"""Imports definitions of WordNet with the command line, asks for some, and reports times of whole processes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import shared  # noqa: E402

QUESTIONS = [
    "a sweet yellow liquid made by bees",
    "someone who repairs shoes",
    "to walk slowly and without purpose",
    "the fear of high places",
    "instrument that measures the pressure of the air",
]
FIELDS = ["round", "what", "seconds", "user", "system", "peak_rss_mb", "documents"]


def timed(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Runs a process to its end: wall clock, processor time, and the most memory it had."""
    begin = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"bench: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": time.monotonic() - begin,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak_rss_mb": usage.ru_maxrss / 1000,
    }


def measure(minnow: str, texts: Path, count: int, rounds: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "glosses.txt"
            with texts.open() as lines, source.open("w") as out:
                out.writelines(line for _, line in zip(range(count), lines))
            environment = {"MINNOW_DB": f"{folder}/db"}

            def run(what: str, *command: str) -> None:
                row = timed([minnow, "-q", *command], environment)
                rows.append({"round": turn, "what": what, "documents": count, **{key: round(value, 4) for key, value in row.items()}})
                print(rows[-1], file=sys.stderr)

            run("import", "import", str(source))
            run("import again", "import", str(source))
            for question in QUESTIONS * 4:
                run("query", "query", question)
            run("query by words", "query", "honey bees", "--mode", "text")
            size = sum(file.stat().st_size for file in (Path(folder) / "db").iterdir())
            rows.append({"round": turn, "what": "disk", "documents": count, "seconds": size / count})
    return rows


def report(folder: Path) -> str:
    rows, about = shared.read_run(folder)

    def of(what: str, field: str, digits: int = 2) -> str:
        return shared.spread((float(row[field]) for row in rows if row["what"] == what), digits)

    rate = shared.spread((float(row["documents"]) / float(row["seconds"]) for row in rows if row["what"] == "import"), 0)
    lines = [
        "# The command line",
        "",
        f"`bench/cli/run.sh` at {about['commit']}: {int(about['texts']):,} definitions of WordNet, {about['rounds']} rounds. Times are of",
        "whole processes, by the wall clock: median (least–greatest).",
        "",
        *shared.machine(about),
        f"- {about['kernel']}; {about['version']}",
        shared.busy(about),
        "",
        shared.BEGIN,
        shared.notes(folder / "README.md"),
        shared.END,
        "",
        "| command | seconds | most memory, MB | |",
        "|---|---|---|---|",
        f"| minnow import glosses.txt | {of('import', 'seconds', 1)} | {of('import', 'peak_rss_mb', 0)} | {rate} texts a second |",
        f"| the same again: nothing is embedded | {of('import again', 'seconds', 1)} | {of('import again', 'peak_rss_mb', 0)} | |",
        f"| minnow query TEXT | {of('query', 'seconds')} | {of('query', 'peak_rss_mb', 0)} | model and graph are loaded each time |",
        f"| minnow query WORDS --mode text | {of('query by words', 'seconds')} | {of('query by words', 'peak_rss_mb', 0)} | no model |",
        "",
        f"On the disk a text takes {of('disk', 'seconds', 0)} bytes, vectors, graph and index of words included.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("minnow")
    parser.add_argument("texts", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--texts", dest="count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    others, begin = shared.others_seconds(), time.monotonic()
    rows = measure(options.minnow, options.texts, options.count, options.rounds)
    took = time.monotonic() - begin
    facts = {
        "texts": options.count,
        "rounds": options.rounds,
        "version": subprocess.run([options.minnow, "version"], capture_output=True, text=True, check=True).stdout.strip(),
        "others": (shared.others_seconds() - others) / took / (os.cpu_count() or 1),
    }
    shared.write_run(options.output, FIELDS, rows, facts)
    (options.output / "README.md").write_text(report(options.output))
    print(report(options.output))


main()
