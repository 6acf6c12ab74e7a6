"""The texts, made once and kept: texts.json, a list for each set.

    texts.py FOLDER MODEL_FOLDER WORDNET    needs glosses.txt, descriptions.txt and descriptions-de.txt in FOLDER

short       definitions of WordNet, drawn at random
packages    descriptions of Debian packages, drawn at random from those of at most 128 tokens
long        definitions of WordNet joined to 80 tokens, give or take 4
queries     definitions of 14 tokens, for latency
soak        100,000 definitions, one after the other, to see memory

No text of these is beyond the limit of an engine (fastembed: 128 tokens), so all of them have the same work.

Others say what a preset in int8 gives up (fidelity.py):

questions   "What is the word for …?", of definitions
code        functions of Go's standard library
german      descriptions of Debian packages in German
over        definitions joined to more than 256 tokens, beyond the limit
lemmas      the words of some thousand synsets of WordNet,
meanings    and their definitions. synsets.json has which belong together: for each synset, its words' numbers.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
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
OTHERS = 1000
SYNSETS = 4000


def paragraph(rest: Iterator[str], count: Callable[[str], int]) -> str:
    """Joins definitions, without those that would make it too long."""
    text = ""
    while count(text) not in PARAGRAPH:
        longer = f"{text} {next(rest)}".strip()
        if count(longer) < PARAGRAPH.stop:
            text = longer
    return text


def functions(draw: random.Random) -> list[str]:
    """With their comments, of at most some 20 lines."""
    root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    pattern = re.compile(r"(?:^//.*\n)*^func .*\{\n(?:[\t\n].*\n|\n){1,20}^\}", re.MULTILINE)
    found: list[str] = []
    for package in ("strings", "net/http", "os", "encoding/json", "go/parser", "math/big", "sort", "time", "database/sql"):
        for path in sorted((root / "src" / package).glob("*.go")):
            found += pattern.findall(path.read_text("utf-8"))
    return draw.sample(sorted(set(found)), OTHERS)


def synsets(wordnet: Path, draw: random.Random) -> tuple[list[str], list[str], list[list[int]]]:
    """Words, definitions, and of each definition which words have it: of synsets of two words and more."""
    known: list[tuple[list[str], str]] = []
    for kind in ("adj", "adv", "noun", "verb"):
        for line in (wordnet / f"data.{kind}").read_text("utf-8").splitlines():
            if line.startswith("  "):  # the licence
                continue
            data, _, meaning = line.partition(" | ")
            columns = data.split()
            words = [w.partition("(")[0].replace("_", " ") for w in columns[4 : 4 + 2 * int(columns[3], 16) : 2]]
            if len(words) > 1:
                known.append((words, meaning.partition(";")[0].strip()))
    chosen = draw.sample(known, SYNSETS)
    lemmas = sorted({word for words, _ in chosen for word in words})
    number = {word: i for i, word in enumerate(lemmas)}
    return lemmas, [meaning for _, meaning in chosen], [[number[w] for w in words] for words, _ in chosen]


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, model, wordnet = map(Path, sys.argv[1:])
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
    rest = iter(random.Random(5).sample(glosses, len(glosses)))
    lemmas, meanings, belong = synsets(wordnet, random.Random(2))
    texts |= {
        "questions": [f"What is the word for {next(rest).partition(';')[0]}?" for _ in range(OTHERS)],
        "code": functions(random.Random(3)),
        "german": random.Random(4).sample(sorted(set(descriptions(folder / "descriptions-de.txt", "de"))), OTHERS),
        "over": ["; ".join(next(rest) for _ in range(24)) for _ in range(OTHERS // 2)],
        "lemmas": lemmas,
        "meanings": meanings,
    }
    (folder / "synsets.json").write_text(json.dumps(belong), "utf-8")
    (folder / "tokens.json").write_text(json.dumps(tokens), "utf-8")
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")  # last: it says that all is there
    for name, counts in tokens.items():
        average = sum(counts) / len(counts)
        print(f"{name}: {len(counts)} texts of {min(counts)} to {max(counts)} tokens, {average:.1f} on average")


if __name__ == "__main__":
    main()
