"""Writes all-MiniLM-L6-v2-wide.json: what sentence-transformers makes of texts chosen to be awkward.

    python make_wide_golden.py MODEL_FOLDER     with sentence-transformers installed

Each text goes through SentenceTransformer.encode alone, on the CPU, in 32-bit floats, cut at the model's own limit.
"ids" are what the network then sees, "total" counts the tokens before the cut, and "embedding" is base64 of 384
little-endian float32. A text that is not valid UTF-8 is stored as base64 in "bytes"; Python reads it with
errors="replace".
"""
import base64
import hashlib
import json
import pathlib
import sys
import unicodedata

# Words of one token each, so a text of n of them has n + 2 tokens.
WORDS = "the small fish swims in cold clear water near old stone bridge while boats pass under green trees and rain falls".split()


def words(n):
    return " ".join(WORDS[i % len(WORDS)] for i in range(n))


SCRIPTS = {
    "English": "She sells sea shells by the sea shore.",
    "German": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "French": "Où est passé le garçon qui aimait les œufs à la coque ?",
    "Spanish": "¿Dónde está el pingüino? ¡Mañana lo sabremos!",
    "Portuguese": "A avó não põe açúcar no café da manhã.",
    "Polish": "Źdźbło trawy drży na łące, gdzie śpi żółty pies.",
    "Czech": "Příliš žluťoučký kůň běží přes řeku.",
    "Turkish": "İstanbul'da ılık bir ığdır rüzgârı esiyor.",
    "Icelandic": "Þetta er ægilega góður fiskur, sagði Ólöf.",
    "Vietnamese": "Con cá nhỏ bơi dưới dòng suối mát lạnh.",
    "Greek": "Το μικρό ψάρι κολυμπά στο καθαρό νερό· πού πάει;",
    "Greek with breathings": "ἐν ἀρχῇ ἦν ὁ λόγος ᾳ ᾧ",
    "Russian": "Маленькая рыбка плавает в чистой воде.",
    "Ukrainian": "Щука їсть рибку, ґава ловить їжу.",
    "Bulgarian": "Малката риба плува в бистрата вода.",
    "Armenian": "Փոքրիկ ձուկը լողում է ջրում։",
    "Georgian": "პატარა თევზი ცურავს წყალში.",
    "Georgian capitals": "ᲞᲐᲢᲐᲠᲐ ᲗᲔᲕᲖᲘ",
    "Hebrew": "הדג הקטן שוחה במים הצלולים.",
    "Hebrew with points": "שָׁלוֹם עֲלֵיכֶם",
    "Arabic": "تسبح السمكة الصغيرة في الماء الصافي؟",
    "Arabic with vowels": "السَّلَامُ عَلَيْكُمْ ـــ ٣٫١٤",
    "Persian": "ماهی کوچک می‌خواهد شنا کند، ۱۲۳",
    "Urdu": "چھوٹی مچھلی صاف پانی میں تیرتی ہے۔",
    "Syriac": "ܢܘܢܐ ܙܥܘܪܐ",
    "Thaana": "މަސް ފެނުގައި",
    "Hindi": "छोटी मछली साफ़ पानी में तैरती है।",
    "Marathi": "लहान मासा पाण्यात पोहतो, क्षत्रिय ज्ञान",
    "Bengali": "ছোট মাছ পরিষ্কার জলে সাঁতার কাটে।",
    "Punjabi": "ਛੋਟੀ ਮੱਛੀ ਪਾਣੀ ਵਿੱਚ ਤੈਰਦੀ ਹੈ।",
    "Gujarati": "નાની માછલી પાણીમાં તરે છે.",
    "Tamil": "சிறிய மீன் தெளிந்த நீரில் நீந்துகிறது.",
    "Telugu": "చిన్న చేప నీటిలో ఈదుతుంది.",
    "Kannada": "ಸಣ್ಣ ಮೀನು ನೀರಿನಲ್ಲಿ ಈಜುತ್ತದೆ.",
    "Malayalam": "ചെറിയ മീൻ വെള്ളത്തിൽ നീന്തുന്നു.",
    "Sinhala": "කුඩා මාළුවා ජලයේ පිහිනයි.",
    "Thai": "ปลาตัวเล็กว่ายอยู่ในน้ำใส",
    "Lao": "ປາໂຕນ້ອຍລອຍຢູ່ໃນນ້ຳ",
    "Khmer": "ត្រីតូចហែលក្នុងទឹក។",
    "Burmese": "ငါးလေး ရေထဲမှာ ကူးနေသည်။",
    "Tibetan": "ཉ་ཆུང་ཆུ་ནང་རྐྱལ།",
    "Mongolian": "ᠵᠢᠭᠠᠰᠤ ᠤᠰᠤᠨ",
    "Ethiopic": "ትንሹ ዓሣ በንጹህ ውሃ ውስጥ ይዋኛል።",
    "Cherokee, both cases": "ᎠᏣᏗ ꭰꮳꮧ",
    "Inuktitut": "ᐃᖃᓗᒃ ᐃᒪᕐᒥ",
    "Chinese, simplified": "小鱼在清澈的水里游泳。",
    "Chinese, traditional": "小魚在清澈的水裡游泳，真好！",
    "Chinese, extension B": "𠀀𠮷野家𪚥",
    "Chinese, compatibility": "豈更車賈",
    "Japanese, kana and kanji": "小さな魚が澄んだ水の中を泳いでいる。",
    "Japanese, half width": "ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟﾌﾟ ｱｲｳ",
    "Japanese, voiced kana": "がぎぐげご パピプペポ ヴァイオリン",
    "Korean": "작은 물고기가 맑은 물에서 헤엄친다.",
    "Korean, conjoining jamo": unicodedata.normalize("NFD", "작은 물고기"),
    "Gothic": "𐍆𐌹𐍃𐌺𐍃",
    "Egyptian": "𓆟 𓈖𓈗",
    "Deseret, both cases": "𐐔𐐇𐐝 𐐼𐐯𐑅",
    "mixed scripts in one word": "pаypаl Ωmega 東京tower γ-rays",
}

SYMBOLS = {
    "emoji, joined family": "👨‍👩‍👧‍👦 family 👩🏽‍🚀 astronaut",
    "emoji, skin tones": "👍🏻👍🏼👍🏽👍🏾👍🏿 thumbs",
    "emoji, flags": "🇩🇪🇯🇵🇺🇳 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏳️‍🌈",
    "emoji, keycaps and variation selectors": "1️⃣ #️⃣ ☎︎ ☎️ ❤️‍🔥",
    "emoji inside words": "great😀work🎉🎉done",
    "mathematics": "∀ε>0 ∃δ: |x−a|<δ ⇒ |ƒ(x)−L|≤ε; ∑∞ n=1 1/n² = π²∕6",
    "mathematical alphabets": "𝒻𝒾𝓈𝒽 𝐟𝐢𝐬𝐡 𝔣𝔦𝔰𝔥 𝟙𝟚𝟛",
    "roman numerals, fractions, powers": "Ⅷ ⅷ ½ ⅓ x² y₃ ①②③ №5 ℃ Å",
    "currency": "€100, £20, ¥300, ₹45, ₿1, $9.99, ¢50",
    "quotation marks and dashes": "“double” ‘single’ «guillemets» „low“ – en — em … ellipsis",
    "box drawing and braille": "┌─┐│█│└─┘ ⠋⠊⠎⠓",
    "music and games": "♩♪♫♬ ♔♕♖ ♠♥♦♣ 𝄞 🂡",
    "private use and noncharacters": "a\ue000b\uf8ff \ufdd0\ufffe\uffff \U0010ffff end",
    "unassigned": "a\u0378b \U000e0fffc",
    "only punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "ascii art": "><((((º> ~~~~ ><>   <><",
}

MARKS = {
    "accents composed": unicodedata.normalize("NFC", "àéîõü ÀÉÎÕÜ Ångström crème brûlée"),
    "accents decomposed": unicodedata.normalize("NFD", "àéîõü ÀÉÎÕÜ Ångström crème brûlée"),
    "many marks on one letter": "Z̸̧̛͖͎̠̈́̋a̵͓͐l̶̰̃g̷͍̅o̴̟͑",
    "marks alone": "\u0301\u0308\u0327 \u20dd",
    "marks in another order": "q\u0323\u0307 q\u0307\u0323 \u1ed9 o\u0323\u0302 o\u0302\u0323",
    "mixed case and accents": "ÉCOLE École éCOLE ecole ÇA ça",
    "case that changes length": "İ i̇ ẞ ß ŉ ǰ ΐ ﬀ ﬃ ĲSSEL ǅ",
    "final sigma": "ΟΔΥΣΣΕΥΣ οδυσσευς ὈΔΥΣΣΕΎΣ",
    "ligatures and long s": "ﬁnance oﬃce ﬂow ﬆone ſtill",
    "full and half width": "ＡＢＣａｂｃ１２３！？ ｢half｣ ￥",
    "Hangul composed": "한국어",
    "Hangul decomposed": unicodedata.normalize("NFD", "한국어"),
}

SPACES = {
    "spaces of Unicode": "a\u00a0b\u1680c\u2000d\u2003e\u2009f\u202fg\u205fh\u3000i",
    "line breaks of every kind": "a\nb\rc\r\nd\x0be\x0cf\x85g\u2028h\u2029i",
    "zero width": "zero\u200bwidth\u200cjoin\u200der\u2060word\ufeffmark",
    "byte order mark first": "\ufeffhello world",
    "many spaces": "  a   \t\t b \n\n\n c    ",
    "only line breaks": "\r\n\n\t\u2028",
    "directions": "abc \u202eright to left\u202c \u2066isolate\u2069 \u200fmark\u200e",
    "English within Hebrew": "שלום world עולם 123 hello",
    "soft hyphens": "in\u00adcom\u00adpre\u00adhen\u00adsi\u00adble",
}

CONTROLS = {
    "control characters": "".join(chr(c) for c in range(1, 32)) + "x" + "".join(chr(c) for c in range(127, 160)) + "y",
    "escape sequences": "\x1b[31mred\x1b[0m plain\x07",
    "a NUL": "one\x00two three",
    "NULs alone": "\x00\x00\x00",
    "a NUL first and last": "\x00middle\x00",
    "a NUL inside a special token": "[SE\x00P] [\x00CLS]",
    "the replacement character": "a\ufffdb \ufffd",
    "tags and annotations": "a\U000e0041\U000e007fb \ufff9x\ufffay\ufffb",
}

BYTES = {
    "a lone byte": b"caf\xe9 au lait",
    "a surrogate in UTF-8": b"a\xed\xa0\x80b \xed\xb0\x80 c",
    "a surrogate pair in UTF-8": b"x \xed\xa0\xbd\xed\xb8\x80 y",
    "an overlong slash": b"path\xc0\xafname \xe0\x80\xaf",
    "beyond the last plane": b"a\xf4\x90\x80\x80b \xf8\x88\x80\x80\x80",
    "cut short": b"fish \xe2\x82",
    "cut short before a letter": b"\xf0\x9f\x98fish \xe6\x97x",
    "continuation bytes": b"a\x80\xbf\x80b",
    "UTF-16": "small fish".encode("utf-16"),
    "broken within a special token": b"[SE\xffP] [MASK\xc3]",
}

TOKENS = {
    "special tokens alone": "[CLS][SEP][PAD][UNK][MASK]",
    "special tokens in a sentence": "the [MASK] swims [SEP] in the [UNK] water [PAD]",
    "a special token after letters": "fish[SEP]water x[MASK]y",
    "almost special tokens": "[cls] [Sep] [ MASK ] [SEP [[SEP]] (CLS)",
    "word pieces spelled out": "##ing ## #fish play##ing",
    "unused entries of the vocabulary": "[unused0] [unused99]",
}

CODE = {
    "Go": 'func (t *Tokenizer) Encode(text string) (Encoding, error) { return t.enc, fmt.Errorf("%w", err) }',
    "Python": "def f(x, *, n=1_000):\n    return [y**2 for y in x if y != n]  # ok",
    "C++": "template <class T> auto&& g(T&& x) noexcept { return static_cast<T&&>(x) ->* p; }",
    "SQL": "SELECT id, COUNT(*) FROM docs WHERE text LIKE '%fish%' GROUP BY 1;",
    "HTML": '<a href="/x?y=1&amp;z=2" class=\'big\'>caf&eacute;</a><!-- no -->',
    "JSON": '{"id": 42, "tags": ["a", "b\\u00e9"], "ok": null, "x": -1.5e-7}',
    "a shell line": "grep -rnE '^\\s*#' ~/src | awk '{print $1}' > /dev/null 2>&1 && echo \"$?\"",
    "a regular expression": r"^(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]+)@(?:[a-z]\.)+\w{2,}$",
    "a URL": "https://user:pw@example.org:8080/a/b%20c/d.html?q=fish+water&lang=de&x[]=1#frag-2",
    "an address and a path": "mailto:jane.doe+test@mail.example.co.uk C:\\Program Files\\x86 /usr/lib/x86_64-linux-gnu",
    "a hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "base64": "TWlubm93cyBhcmUgc21hbGwgZnJlc2h3YXRlciBmaXNoLg==",
    "numbers": "0 007 1,234,567.89 1e-9 0xFF 3.14159265358979 12:30:45 2026-01-31 +49 (30) 123456",
    "names in camel and snake case": "getHTTPResponseCode get_http_response_code MAX_VALUE kebab-case-name",
    "markdown": "# Title\n\n* **bold** and _it_\n\n| a | b |\n|---|---|\n```go\nx := 1\n```",
}

LONG_WORDS = {
    "a word of 100 letters": "a" * 100,
    "a word of 101 letters": "a" * 101,
    "a word of 99 letters and an accent": "a" * 99 + "é",
    "a word of 100 letters and a mark that goes": "a" * 100 + "\u0301",
    "a word of 5000 letters": "fish " + "longword" * 625 + " water",
    "no space at all": "thefishswimsincoldclearwaternearthebridge" * 2,
    "one letter 600 times, apart": "x " * 600,
    "punctuation 300 times": "!" * 300,
    "Chinese without a space, cut": "水里的小鱼游得很快" * 40,
    "cut within a word": words(252) + " unbelievableness",
    "cut between emoji": "😀 " * 300,
    "spaces up to the cut": words(254) + " " * 500,
    "a word beyond many spaces": words(10) + " " * 3000 + "far away",
}

LENGTHS = [0, 1, 2, 7, 31, 63, 126, 127, 200, 253, 254, 255, 256, 400, 510, 511, 600]


def cases():
    for group in SCRIPTS, SYMBOLS, MARKS, SPACES, CONTROLS, BYTES, TOKENS, CODE, LONG_WORDS:
        yield from group.items()
    for n in LENGTHS:
        yield f"{n} words", words(n)


def main():
    import sentence_transformers
    import tokenizers
    import torch
    import transformers

    folder = pathlib.Path(sys.argv[1])
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    torch.set_num_threads(1)
    out = []
    for name, text in cases():
        stored = {"text": text}
        if isinstance(text, bytes):
            stored = {"bytes": base64.b64encode(text).decode()}
            text = text.decode(errors="replace")
        ids = model.preprocess([text])["input_ids"][0].tolist()
        total = len(model.tokenizer(text, truncation=False)["input_ids"])
        embedding = model.encode([text], batch_size=1)[0]
        assert embedding.dtype == "float32" and len(ids) == min(total, model.max_seq_length)
        out.append({"name": name, **stored, "total": total, "ids": ids,
                    "embedding": base64.b64encode(embedding.astype("<f4").tobytes()).decode()})
    head = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "source": f"sentence-transformers {sentence_transformers.__version__}, transformers {transformers.__version__}, "
                  f"tokenizers {tokenizers.__version__}, torch {torch.__version__}, fp32 on CPU, one text at a time",
        "max_length": model.max_seq_length,
    }
    # One case a line, so that diffs can be read.
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out)
    path = pathlib.Path(__file__).with_name("all-MiniLM-L6-v2-wide.json")
    path.write_text(json.dumps(head)[:-1] + ',\n"cases": [\n' + lines + "\n]}\n")
    print(f"{path}: {len(out)} texts, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
