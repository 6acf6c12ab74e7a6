"""What texts.py makes of its sources; run.sh runs it before it makes the texts."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from texts import PARAGRAPH, descriptions, paragraph

TRANSLATIONS = """Package: carp
Description-en: large fish
 It lives in ponds,
 and grows old.
 .
 It is eaten.
Description-md5: d943033bedada21853d2ae54a2578a7b

Package: minnow
Description-en: small fish
Description-md5: 26581e685027d5ae84824362a4ba59ee
"""


class Texts(unittest.TestCase):
    def test_descriptions_are_the_words_without_the_checksums_beside_them(self) -> None:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(TRANSLATIONS)
            file.flush()
            got = list(descriptions(Path(file.name)))
        self.assertEqual(got, ["large fish. It lives in ponds, and grows old. It is eaten.", "small fish."])

    def test_a_paragraph_leaves_out_what_would_make_it_too_long(self) -> None:
        parts = ["a " * 60, "b " * 30, "c " * 20, "d"]
        text = paragraph(iter(part.strip() for part in parts), lambda text: len(text.split()))
        self.assertEqual((len(text.split()), "b" in text), (80, False))
        self.assertIn(80, PARAGRAPH)


if __name__ == "__main__":
    unittest.main()
