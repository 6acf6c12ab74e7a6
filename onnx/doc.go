// Package onnx turns texts into embeddings on this machine: a sentence-transformers model on ONNX Runtime
// (github.com/yalue/onnxruntime_go), with the same numbers as Python's, or nearly so at nearly three times the speed ([Preset]).
//
//	m, err := onnx.Open("", nil) // the model that set-up fetched
//	defer m.Close()
//	vecs, err := m.Embed(ctx, []string{"short", "tall"}) // [][]float32, 2 × m.Dim()
//
// A text goes through the tokenizer (at most [Model.MaxTokens] ids, longer texts are cut from the right), through the
// network, which gives one vector a token, and through pooling, which makes one vector of them. How to pool, and
// whether to scale the result to length 1, is written in the model's own modules.json; [Options] and [Model.With]
// choose otherwise.
//
// A model is a folder in Hugging Face's layout: config.json, modules.json, sentence_bert_config.json, tokenizer.json,
// and the network in onnx/model.onnx, which scripts/export_onnx.py makes from model.safetensors. Networks of the BERT
// family are read: BERT, DistilBERT, RoBERTa, XLM-R and MPNet; another one is refused by name. docs/models.md has a table.
//
// # Forms
//
// [Model.Embed] is the usual one; [Model.EmbedQueries] and [Model.EmbedDocuments] put the model's prompts in front,
// [Model.EmbedInto] writes into the caller's memory, [Model.EmbedSeq] takes a sequence as long as it may be,
// [Model.EmbedReport] tells how long each text was and which were cut, and [Model.EmbedTokens] gives the vectors of
// single tokens.
//
// # Numbers
//
// A vector is within 2e-6 a number of what sentence-transformers computes in float32 (tested on 194 texts; 3e-7 is
// usual), and the same to the bit alone, in any batch and in any order, on the machines that this was tried on: 1e-6 is
// promised.
//
// The presets [Balanced] and [Fast] compute most of the network in int8, on kernels of our own, two to three times as fast, and
// near the exact vectors: a mean cosine of 0.999 and 0.9985 at least. Theirs are the same to the bit on every processor, in
// every batch. [FP16] is for GPUs; [CUDA] was tried on an H100, the other providers were not.
//
// # Goroutines, cores and memory
//
// Every method may be called from any goroutine. One call runs as many batches at a time as [Options].Threads says, each
// on one core; a call of a single batch, such as a query, runs on all cores where that has been quicker of late, for
// which [Exact] keeps a second copy of the weights from the fourth such call on. Close waits for calls under way.
//
// *Model satisfies the Embedder and PromptedEmbedder interfaces of package minnow.
package onnx
