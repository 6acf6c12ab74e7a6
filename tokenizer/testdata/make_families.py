"""Writes small tokenizers of the families that sentence-transformers models use, and what Python makes of texts.

    python make_families.py        with the package tokenizers installed

NAME.json is a tokenizer.json: steps as the published models have them, a vocabulary trained on the sentences below.
families.json holds, for each text of all-MiniLM-L6-v2-wide.json and each tokenizer, the ids, cut by Python to
MAX_TOKENS from the right, and how many there were before.
"""
import base64
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
WIDE = HERE.parents[1] / "internal" / "testkit" / "testdata" / "all-MiniLM-L6-v2-wide.json"
MAX_TOKENS = 24

SENTENCES = [
    "A minnow is a small freshwater fish that swims in cold, clear water.",
    "The Small FISH swims in the small river; the big fish swims in the sea!",
    "Où est passé le garçon qui aimait les œufs à la coque ?",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "Маленькая рыбка плавает в чистой воде.",
    "小さな魚が澄んだ水の中を泳いでいる。",
    "تسبح السمكة الصغيرة في الماء",
    "छोटी मछली साफ़ पानी में तैरती है।",
    "func f(x int) error {   return nil        } // x != 42",
    "def g():    return    x        # spaces   that  are   tokens    of their own",
]


def cased():
    """bert-base-cased."""
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=False)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return t


def mpnet():
    """all-mpnet-base-v2: BERT's steps between RoBERTa's special tokens."""
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", AddedToken("<mask>", lstrip=True)]
    t.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return t


def roberta():
    """all-distilroberta-v1: pairs of bytes."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False,
                                                         initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return t


def xlmr():
    """paraphrase-multilingual-MiniLM-L12-v2, with Nmt and NFKC in place of the table that has the same rules."""
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    special = ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    t.train_from_iterator(SENTENCES, trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>",
                                                             show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return t


def main():
    cases = []
    for case in json.loads(WIDE.read_text())["cases"]:
        raw = base64.b64decode(case["bytes"]) if "bytes" in case else case["text"].encode()
        cases.append((case["name"], raw.decode(errors="replace")))
    lines = []
    for family in cased, mpnet, roberta, xlmr:
        made, path = family(), HERE / f"{family.__name__}.json"
        made.save(str(path), pretty=False)
        whole, cut = Tokenizer.from_file(str(path)), Tokenizer.from_file(str(path))
        cut.enable_truncation(MAX_TOKENS)
        for name, text in cases:
            lines.append(json.dumps({"family": family.__name__, "name": name, "total": len(whole.encode(text).ids),
                                     "ids": cut.encode(text).ids}, separators=(",", ":")))
        print(f"{path.name}: {whole.get_vocab_size()} tokens, {path.stat().st_size} bytes")
    out = HERE / "families.json"
    head = f'{{"source":"tokenizers {tokenizers.__version__}","max_tokens":{MAX_TOKENS},"cases":[\n'
    out.write_text(head + ",\n".join(lines) + "\n]}\n")
    print(f"{out.name}: {len(lines)} cases, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
