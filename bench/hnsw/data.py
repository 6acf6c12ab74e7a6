"""The data sets, made once and kept in a folder: base and queries as unit vectors, and the truth by exact search.

    data.py texts WORDNET_FOLDER FOLDER     WordNet's definitions in glosses.txt, some of its words in words.txt
    data.py packages FOLDER                 some of descriptions.txt, which are of Debian's packages, in packages.txt
    data.py million FOLDER                  a million clustered vectors, which bench/collection has too
    data.py sets FOLDER                     everything else; needs glosses.npy, and words.npy or packages.npy as queries

A query of the WordNet sets is a word, and what it looks for are definitions. That is harder for a graph than
definitions that look for others: the queries lie beside the indexed vectors, not among them. In the sets of packages,
which have the same definitions, a query is the description of a package: of another world than a dictionary.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import descriptions  # noqa: E402

K = 10
QUERIES = 2000
EPSILON = 1e-6  # similarities this close are a tie: WordNet has texts that occur twice


@dataclass(frozen=True)
class Recipe:
    name: str
    space: str
    dim: int
    size: int = 0  # 0: all there are
    clusters: int = 0  # 0: WordNet
    queries: str = "words"  # of WordNet
    of: str = ""  # the set that has the same base


RECIPES = [
    Recipe("wordnet", "ip", 384),
    Recipe("clusters-128", "l2", 128, size=40_000, clusters=16),
    Recipe("clusters-768", "l2", 768, size=15_000, clusters=8),
    Recipe("packages", "ip", 384, queries="packages", of="wordnet"),
    Recipe("wordnet-20k", "ip", 384, size=20_000),
    Recipe("packages-20k", "ip", 384, size=20_000, queries="packages", of="wordnet-20k"),
    Recipe("clusters-128-20k", "l2", 128, size=20_000, clusters=10),
]


MILLION = Recipe("million", "ip", 384, size=1_000_000, clusters=1000)


@dataclass(frozen=True)
class Dataset:
    recipe: Recipe
    folder: Path

    def __init__(self, recipe: Recipe, cache: Path) -> None:
        object.__setattr__(self, "recipe", recipe)
        object.__setattr__(self, "folder", cache / "sets" / recipe.name)

    @property
    def base(self) -> Path:
        return self.folder.with_name(self.recipe.of or self.recipe.name) / "base.npy"

    @property
    def queries(self) -> Path:
        return self.folder / "queries.npy"

    @property
    def worst(self) -> Path:
        """Per query the similarity of the K-th nearest."""
        return self.folder / "worst.npy"

    def recall(self, answers: np.ndarray, first: int = 0, worst: np.ndarray | None = None) -> float:
        """The share of the K nearest among the answers (rows of K labels, -1 for none).

        worst is another than that of all vectors, where only some may be in an answer.
        """
        base, queries = (np.load(path, mmap_mode="r") for path in (self.base, self.queries))
        worst = np.load(self.worst, mmap_mode="r") if worst is None else worst
        good = 0
        for row, labels in enumerate(answers, first):
            labels = np.unique(labels[labels >= 0])
            good += int((base[labels] @ queries[row] >= worst[row] - EPSILON).sum())
        return good / answers.size


def write_texts(wordnet: Path, folder: Path) -> None:
    glosses, words = [], set()
    for kind in ("adj", "adv", "noun", "verb"):
        for line in (wordnet / f"data.{kind}").read_text("utf-8").splitlines():
            if line.startswith("  "):  # the licence
                continue
            glosses.append(line.split(" | ", 1)[1].strip())
            words.add(line.split()[4].partition("(")[0].replace("_", " "))
    (folder / "glosses.txt").write_text("\n".join(glosses) + "\n", "utf-8")
    queries = random.Random(1).sample(sorted(words), QUERIES)
    (folder / "words.txt").write_text("\n".join(queries) + "\n", "utf-8")


def write_packages(folder: Path) -> None:
    texts = sorted(set(descriptions(folder / "descriptions.txt")))
    (folder / "packages.txt").write_text("\n".join(random.Random(1).sample(texts, QUERIES)) + "\n", "utf-8")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds around random centres; the queries come from the same clouds."""
    draw = np.random.default_rng(recipe.dim)
    centres = draw.standard_normal((recipe.clusters, recipe.dim))
    n = recipe.size + QUERIES
    rows = centres[draw.integers(0, recipe.clusters, n)] + draw.standard_normal((n, recipe.dim)) * 0.6
    rows = unit(rows)
    return rows[QUERIES:], rows[:QUERIES]


def wordnet(recipe: Recipe, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """All definitions, or some, in WordNet's order, in which like stands by like."""
    rows = np.load(cache / "glosses.npy", mmap_mode="r")
    if recipe.size:
        rows = rows[np.sort(np.random.default_rng(1).permutation(len(rows))[: recipe.size])]
    return unit(rows), unit(np.load(cache / f"{recipe.queries}.npy"))


def kth_similarity(base: np.ndarray, queries: np.ndarray) -> np.ndarray:
    worst = np.empty(len(queries), dtype=np.float32)
    for start in range(0, len(queries), 100):
        similarities = queries[start : start + 100] @ base.T
        worst[start : start + 100] = -np.partition(-similarities, K - 1, axis=1)[:, K - 1]
    return worst


def make(recipe: Recipe, cache: Path) -> None:
    dataset = Dataset(recipe, cache)
    if dataset.worst.exists():
        return
    if not recipe.clusters and not (cache / f"{recipe.queries}.npy").exists():
        print(f"{recipe.name}: left out, as nothing is embedded yet")
        return
    base, queries = clustered(recipe) if recipe.clusters else wordnet(recipe, cache)
    dataset.folder.mkdir(parents=True, exist_ok=True)
    if not recipe.of:
        np.save(dataset.base, base)
    np.save(dataset.queries, queries)
    np.save(dataset.worst, kth_similarity(base, queries))  # last: it says that all is there
    print(f"{recipe.name}: {len(base)} vectors of {base.shape[1]} dimensions, {len(queries)} queries")


def main() -> None:
    match sys.argv[1:]:
        case ["texts", source, folder]:
            write_texts(Path(source), Path(folder))
        case ["packages", folder]:
            write_packages(Path(folder))
        case ["million", folder]:
            make(MILLION, Path(folder))
        case ["sets", folder]:
            for recipe in RECIPES:
                make(recipe, Path(folder))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
