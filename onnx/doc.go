// Package onnx turns texts into embeddings on this machine: a sentence-transformers model on ONNX Runtime
// (github.com/yalue/onnxruntime_go), with the same numbers as Python's.
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
// and the network in onnx/model.onnx, which scripts/export_onnx.py makes from model.safetensors. So far networks of
// the BERT family with token_type_ids are read; another one is refused by name.
//
// *Model satisfies the Embedder and PromptedEmbedder interfaces of package minnow.
package onnx
