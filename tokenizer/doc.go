// Package tokenizer turns texts into the token ids that a model was trained on, exactly as the Python package
// tokenizers does: it runs the same Rust code, through github.com/daulet/tokenizers, on the same file, tokenizer.json.
//
//	t, err := tokenizer.Open("models/paraphrase-MiniLM-L6-v2/tokenizer.json", &tokenizer.Options{MaxTokens: 128})
//	e, err := t.Encode("short") // e.IDs is [101 2460 102]: [CLS] short [SEP]
//
// # Texts and ids
//
// A text becomes one id a token, between the special tokens that the model expects: [CLS] and [SEP] for BERT, <s> and
// </s> for MPNet, RoBERTa and XLM-R. An id is a row of the model's embedding table, at least 0 and, unless the file has
// gaps, below VocabSize. The empty text is the special tokens alone. A special token written in a text counts as that
// token, as in Python: the text "[SEP]" has three tokens.
//
// A text of more than MaxTokens is cut from the right, before the closing special tokens, so [SEP] stays: what
// sentence-transformers does. Encoding.Total tells how long the whole text was. Padding is left to who runs the model.
//
// # Odd texts
//
// Invalid UTF-8 is read as Python reads it with errors="replace": each maximal part of a broken sequence is one U+FFFD,
// as chapter 3.9 of the Unicode standard recommends. BERT's normalizer then drops it. NUL is a character like others.
//
// Time grows with the length of the text, what lies beyond MaxTokens included: about 0.2 s a megabyte of English.
// Memory does not, but for 4 bytes an id, because a text of more than 64 KiB is encoded in parts, wherever a cut
// between words can be shown to change nothing: in tokenizers of the families of BERT, RoBERTa and XLM-R as they are
// published. Between two places for a cut, and in other tokenizers, the Rust library takes some 60 bytes for each byte
// of text, and 500 where each is a token.
//
// # Errors
//
// A file that cannot be read gives the error of package os, which errors.Is knows (fs.ErrNotExist); one that is no
// tokenizer.json, or of a kind that the Rust library does not know, an error that says so. ErrClosed comes after Close,
// and ErrNUL for a NUL where it cannot be passed on; see there. Nothing else fails.
//
// A tokenizer.json is trusted like the program: the Rust library ends the process on some that are valid JSON and make
// no sense, such as merges of pieces that are no characters.
//
// # Goroutines
//
// A Tokenizer may be used by any number of goroutines at a time, and Close may be called beside them. Calls do not wait
// for each other; each runs on the processor of its caller.
package tokenizer
