"""Makes food.csv of WordNet 3.0: what is food, in its lexicographer file noun.food.

usage: make_food.py FOLDER-OF-data.noun > food.csv
"""

import csv
import sys
from pathlib import Path

FOOD = "13"  # the number of noun.food


def synsets(path: Path) -> dict[str, tuple[str, list[str], str, str]]:
    """File number, words, first hypernym and gloss of each synset, by its offset. Lines are as wndb(5WN) says."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("  "):  # the licence
            continue
        data, _, gloss = line.partition(" | ")
        offset, file, _, count, *rest = data.split()
        words = [word.replace("_", " ") for word in rest[: 2 * int(count, 16) : 2]]
        pointers = rest[2 * int(count, 16) + 1 :]
        parent = next((pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] in ("@", "@i")), "")
        found[offset] = file, words, parent, gloss.strip()
    return found


def main() -> None:
    all_synsets = synsets(Path(sys.argv[1]) / "data.noun")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["id", "word", "kind", "gloss"])
    for offset, (file, words, parent, gloss) in all_synsets.items():
        if file == FOOD:
            kind = all_synsets[parent][1][0] if parent else ""
            out.writerow([offset, words[0], kind, gloss])


main()
