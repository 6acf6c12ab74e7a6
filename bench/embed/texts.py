"""The texts, made once and kept: texts.json, a list for each set.

    texts.py FOLDER MODEL_FOLDER     needs glosses.txt and descriptions.txt in FOLDER

short       definitions of WordNet, drawn at random
packages    descriptions of Debian packages, drawn at random from those of at most 128 tokens
long        definitions of WordNet joined to 80 tokens, give or take 4
queries     definitions of 14 tokens, for latency
soak        100,000 definitions, one after the other, to see memory

No text is beyond the limit of an engine (fastembed: 128 tokens), so all of them have the same work.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared import descriptions  # noqa: E402

SIZES = {"short": 2400, "packages": 480, "long": 480, "queries": 120}
SOAK = 100_000
PARAGRAPH = range(76, 85)
QUERY = 14
LIMIT = 128


def paragraph(rest: Iterator[str], count: Callable[[str], int]) -> str:
    """Joins definitions, without those that would make it too long."""
    text = ""
    while count(text) not in PARAGRAPH:
        longer = f"{text} {next(rest)}".strip()
        if count(longer) < PARAGRAPH.stop:
            text = longer
    return text


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, model = Path(sys.argv[1]), Path(sys.argv[2])
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    draw = random.Random(1)
    glosses = (folder / "glosses.txt").read_text("utf-8").splitlines()
    soak = glosses[:SOAK]
    draw.shuffle(glosses)
    rest = (text for text in glosses if count(text) <= LIMIT)
    known = sorted(set(descriptions(folder / "descriptions.txt")))
    texts = {
        "short": [next(rest) for _ in range(SIZES["short"])],
        "packages": [d for d in draw.sample(known, 4 * SIZES["packages"]) if count(d) <= LIMIT][: SIZES["packages"]],
        "long": [paragraph(rest, count) for _ in range(SIZES["long"])],
        "queries": [text for text in rest if count(text) == QUERY][: SIZES["queries"]],
        "soak": soak,
    }
    tokens = {name: [count(text) for text in some] for name, some in texts.items() if name != "soak"}
    (folder / "tokens.json").write_text(json.dumps(tokens), "utf-8")
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")  # last: it says that all is there
    for name, counts in tokens.items():
        average = sum(counts) / len(counts)
        print(f"{name}: {len(counts)} texts of {min(counts)} to {max(counts)} tokens, {average:.1f} on average")


if __name__ == "__main__":
    main()
