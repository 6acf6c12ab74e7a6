"""The other half of python_test.go: Python's tokenizers.

    interop.py TOKENIZER_JSON

Reads texts from standard input, each a uint32 of its length and its bytes, decodes them with errors="replace", and
answers each with a uint32 of the number of tokens and, for each token, id, start and end as uint32. Start and end are
bytes of the text as it came.
"""
import codecs
import struct
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_padding()
tokenizer.no_truncation()

broken = []  # (start, end) of what the decoder replaced, in bytes


def replace(error):
    broken.append((error.start, error.end))
    return "\ufffd", error.end


codecs.register_error("note", replace)


def decode(raw):
    """The text, and for each of its characters, and its end, the byte where it begins in raw."""
    broken.clear()
    text = raw.decode(errors="note")
    assert text == raw.decode(errors="replace")
    begins, at, gaps = [], 0, dict(broken)
    for c in text:
        begins.append(at)
        at = gaps.get(at) or at + len(c.encode())
    assert at == len(raw)
    return text, begins + [at]


data = sys.stdin.buffer.read()
texts, begins, at = [], [], 0
while at < len(data):
    (n,) = struct.unpack_from("<I", data, at)
    text, starts = decode(data[at + 4 : at + 4 + n])
    texts.append(text)
    begins.append(starts)
    at += 4 + n
for encoding, starts in zip(tokenizer.encode_batch(texts), begins):
    row = [len(encoding.ids)]
    for token, (start, end) in zip(encoding.ids, encoding.offsets):
        row += token, starts[start], starts[end]
    sys.stdout.buffer.write(struct.pack(f"<{len(row)}I", *row))
