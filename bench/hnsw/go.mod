// A module of its own: the peers are no dependency of minnow, and package embed, which needs the model, none of hnswlib's.
module github.com/minnow-search/minnow/bench/hnsw

go 1.26.0

require (
	github.com/coder/hnsw v0.6.1
	github.com/minnow-search/minnow v0.0.0
)

require (
	github.com/chewxy/math32 v1.10.1 // indirect
	github.com/daulet/tokenizers v1.24.0 // indirect
	github.com/google/renameio v1.0.1 // indirect
	github.com/viterin/partial v1.1.0 // indirect
	github.com/viterin/vek v0.4.2 // indirect
	github.com/yalue/onnxruntime_go v1.27.0 // indirect
	golang.org/x/exp v0.0.0-20240506185415-9bf2ced13842 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/minnow-search/minnow => ../..
