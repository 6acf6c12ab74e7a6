"""What a preset gives up: how near its vectors are to the exact ones, and what it finds beside what these find."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

NEIGHBOURS = 10
ROWS = 512  # compared at a time
Vectors = np.ndarray


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nearest(queries: Vectors, documents: Vectors, k: int, itself: bool = False) -> np.ndarray:
    """Rows of the k nearest documents' numbers, nearest first. With itself, query i is document i, and left out."""
    queries, columns = unit(queries), unit(documents).T
    found = []
    for first in range(0, len(queries), ROWS):
        near = queries[first : first + ROWS] @ columns
        if itself:
            near[np.arange(len(near)), first + np.arange(len(near))] = -np.inf
        found.append(np.argsort(-near, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def closeness(vectors: Vectors, exact: Vectors) -> dict[str, float]:
    """Cosines between the two vectors of each text, and how many of the ten nearest texts stay the same."""
    cosines = (unit(vectors) * unit(exact)).sum(axis=1)
    ours, theirs = (nearest(v, v, NEIGHBOURS, itself=True) for v in (vectors, exact))
    kept = np.mean([len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(ours, theirs)])
    mixed = nearest(vectors, exact, NEIGHBOURS, itself=True)  # queries of the preset, documents of the exact model
    mixed_kept = np.mean([len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(mixed, theirs)])
    return {
        "mean_cosine": float(cosines.mean()),
        "least_cosine": float(cosines.min()),
        "kept": float(kept),
        "kept_mixed": float(mixed_kept),
    }


def retrieval(words: Vectors, meanings: Vectors, synsets: list[list[int]]) -> Iterator[tuple[str, float]]:
    """Of WordNet: a definition looks for its words, and a synset's first word for the others, among all words.

    Recall is the share of queries with a right word among the first ten; MRR the mean of one over its place, 0 beyond.
    """
    tasks = {
        "definition to word": (meanings, [set(s) for s in synsets]),
        "word to synonym": (words[[s[0] for s in synsets]], [set(s[1:]) - {s[0]} for s in synsets]),
    }
    for task, (queries, right) in tasks.items():
        found = nearest(queries, words, NEIGHBOURS + 1)
        places = []
        for query, (row, wanted) in enumerate(zip(found, right)):
            if not wanted:
                continue
            row = [r for r in row if task != "word to synonym" or r != synsets[query][0]][:NEIGHBOURS]
            places.append(next((place for place, r in enumerate(row, 1) if r in wanted), 0))
        hits = np.array(places)
        yield f"{task}: recall@10", float((hits > 0).mean())
        yield f"{task}: MRR", float(np.where(hits > 0, 1 / np.maximum(hits, 1), 0).mean())
