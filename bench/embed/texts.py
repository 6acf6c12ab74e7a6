"""The texts, made once and kept: texts.json, a list for each set.

    texts.py FOLDER MODEL_FOLDER     needs glosses.txt and packages.txt in FOLDER

short       definitions of WordNet, drawn at random
packages    descriptions of Debian packages, drawn at random: a line each, unless apt has their translations too
long        definitions of WordNet joined until they have 80 tokens
queries     definitions of 14 tokens, for latency
soak        100,000 definitions, one after the other, to see memory
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

SIZES = {"short": 2400, "packages": 1200, "long": 480, "queries": 120}
SOAK = 100_000
PARAGRAPH = 80
QUERY = 14


def descriptions(path: Path) -> Iterator[str]:
    """The long descriptions, without their format: a line begins with a space, and a lone dot is an empty line."""
    lines: list[str] = []
    reading = False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("Description"):
            lines, reading = [line.partition(":")[2].strip() + "."], True
        elif reading and line.startswith(" "):
            lines.append("" if line.strip() == "." else line.strip())
        elif reading:
            yield " ".join(part for part in lines if part)
            reading = False


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
    long: list[str] = []
    rest = iter(glosses)
    while len(long) < SIZES["long"]:
        parts: list[str] = []
        while count(" ".join(parts)) < PARAGRAPH:
            if count(gloss := next(rest)) <= 30:  # so that no engine's limit, 128 of fastembed, is reached
                parts.append(gloss)
        long.append(" ".join(parts))
    known = sorted(set(descriptions(folder / "packages.txt")))
    texts = {
        "short": [next(rest) for _ in range(SIZES["short"])],
        "packages": draw.sample([d for d in known if count(d) <= 128], SIZES["packages"]),
        "long": long,
        "queries": [text for text in rest if count(text) == QUERY][: SIZES["queries"]],
        "soak": soak,
    }
    tokens = {name: sum(min(count(text), 256) for text in some) for name, some in texts.items() if name != "soak"}
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
    (folder / "tokens.json").write_text(json.dumps(tokens), "utf-8")
    for name, total in tokens.items():
        print(f"{name}: {len(texts[name])} texts, {total / len(texts[name]):.1f} tokens each")


if __name__ == "__main__":
    main()
