"""What minnow wants to reach, beside what a run measured, on the first of its sets unless a goal says another."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import filters
from bench import TARGET
from engines import BASELINE, F32, INT4, OURS
from results import BASES, Results, Rounds
from shared import ratios, spread

SLACK = 0.005  # by which a recall may miss what was asked for


@dataclass(frozen=True)
class Goal:
    text: str
    wanted: str
    measured: str
    reached: bool


def goals(results: Results) -> Iterator[Goal]:
    name = results.sets[0]
    there = results.engines(name)
    baseline = results.at(name, BASELINE, TARGET)
    for engine, what, least in [
        (F32, "float32", 1.5),
        (OURS, "int8, the default", 4.5),
        (INT4, "int4", 6.5),
        ("minnow-avx2", "int8, kernels of AVX2", 3),
        ("minnow-int4-avx2", "int4, kernels of AVX2", 4),
    ]:
        if engine in there:
            yield at_least(f"QPS at {TARGET}: {what}", least, results.at(name, engine, TARGET), baseline)
    for queries in (queries for queries in results.sets if BASES[queries] == name):
        for engine in (OURS, INT4):
            if results.aimed(queries, engine, TARGET):
                yield aimed(results, queries, engine)
    for engine in (OURS, INT4):
        if results.at(name, engine, TARGET):
            best = results.best_other(name, TARGET)
            text = f"QPS at {TARGET} over the fastest of usearch and faiss: {engine}"
            yield at_least(text, 4, results.at(name, engine, TARGET), best)
    for threads in (1, 2):
        if rates := results.build(name, BASELINE, threads):
            for engine in (OURS, INT4):
                text = f"build, {threads} thread{'s' if threads > 1 else ''}: {engine}"
                yield at_least(text, 5, results.build(name, engine, threads), rates)
    for other in results.sets[1:]:
        for engine in (OURS, INT4):
            if other.startswith("clusters"):
                rates = results.at(other, engine, TARGET), results.at(other, BASELINE, TARGET)
                yield at_least(f"QPS at {TARGET} on {other}: {engine}", 4, *rates)
    for share in filters.SHARES:
        if theirs := results.filtered(name, BASELINE, share, filters.RECALL):
            for engine in (OURS, INT4):
                ours = results.filtered(name, engine, share, filters.RECALL)
                yield at_least(f"QPS at {filters.RECALL} among {share:.0%} of the labels: {engine}", 5, ours, theirs)
    used, own = (results.beyond(name, INT4, measure) for measure in ("bytes", "own_bytes"))
    if used is not None and own is not None:
        measured = f"{used:,.0f} (of the process; {own:,.0f} by its own count)"
        yield Goal(f"bytes a vector beyond its floats: {INT4}", "≤ 400", measured, max(used, own) <= 400)


def at_least(text: str, least: float, ours: Rounds, theirs: Rounds) -> Goal:
    found = ratios(ours, theirs)
    return Goal(text, f"≥ {least:g}", spread(found), bool(found) and statistics.median(found) >= least)


def aimed(results: Results, name: str, engine: str) -> Goal:
    recall = results.value(name, "target-recall", engine, target=TARGET) or 0
    rates = results.aimed(name, engine, TARGET)
    equal = ratios(rates, results.at(name, BASELINE, recall))
    asked = ratios(rates, results.at(name, BASELINE, TARGET))
    measured = f"recall {recall:.4f}: {spread(equal)}; over {BASELINE} at {TARGET}: {spread(asked)}"
    reached = recall >= TARGET - SLACK and bool(equal) and statistics.median(equal) >= 8
    text = f"QPS with a recall of {TARGET} asked for, {name}: {engine}"
    return Goal(text, f"recall ≥ {TARGET - SLACK}, ≥ 8", measured, reached)


def goal_table(results: Results) -> Iterator[str]:
    yield "| target | wanted | measured | |"
    yield "|---|---|---|---|"
    for goal in goals(results):
        yield f"| {goal.text} | {goal.wanted} | {goal.measured} | {'' if goal.reached else '**missed**'} |"
