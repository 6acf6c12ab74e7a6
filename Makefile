# Both need Go, a C++ compiler, Python 3 with venv, and Rust's cargo; all else is fetched by set-up.
.PHONY: screenshots image-test dist dist-test help demo test soak sanitize bench-hnsw bench-embed bench-collection setup setup-test build lint test-go test-race test-scripts test-arm64

# What a build needs to find the native parts; set-up prints it.
env := eval "$$(scripts/setup.sh env)" &&

help:          ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## */\1\t/p' Makefile | column -t -s "$$(printf '\t')"

demo: build    ## the walk-through and a search, on the real model
	@bin/minnow demo

test: lint test-scripts test-go test-race  ## all that CI runs

soak: setup    ## the tests that go on at random, for as long as they should: some minutes
	@$(env) MINNOW_SOAK=1 go test -count=1 -timeout 60m -run 'Model|Kill|FullDisk' .

sanitize: setup ## the C++ shim under the address, undefined-behaviour and thread sanitizers
	@$(env) csrc/sanitize.sh

test-arm64: setup ## the arm64 kernels under an emulator
	@$(env) csrc/test/arm64.sh

screenshots: build ## the pictures of README, drawn of what a terminal shows
	@$(env) venv=$$MINNOW_HOME/screenshot-python && python3 -m venv "$$venv" && \
		"$$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r docs/tour/requirements.txt && \
		"$$venv/bin/python" docs/tour/screenshot.py bin/minnow docs/tour

image-test: setup ## build the Docker image without Docker, and use it; some minutes the first time
	@packaging/image-test.sh

dist:          ## what a release carries, into dist/: a tarball, a Debian package, checksums
	@packaging/dist.sh

dist-test:     ## the same twice, and used in a bare Debian and on lesser processors
	@packaging/dist-test.sh

bench-hnsw:    ## hnswlib beside its peers, into bench/runs; a quiet machine, 20 minutes
	@bench/hnsw/run.sh

bench-embed:   ## the embedder beside its peers, into bench/runs; likewise, and some gigabytes of PyTorch
	@bench/embed/run.sh

bench-collection: ## the collection beside its peers, into bench/runs; likewise
	@bench/collection/run.sh

setup:         ## fetch and build the native parts and the model, once
	@scripts/setup.sh

build: setup   ## bin/minnow
	@$(env) go build -o bin/minnow ./cmd/minnow

lint: setup    ## format, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted; run gofmt -w on:"; gofmt -l .; exit 1; }
	@$(env) go vet ./...
	@$(env) go tool -modfile=tools/go.mod staticcheck ./...
	@bash -n scripts/setup.sh

setup-test:
	@scripts/setup.sh test

test-go: setup-test
	$(env) go test -count=1 ./...

test-race: setup-test
	$(env) go test -race -short ./...

test-scripts: setup
	scripts/setup.sh python -m unittest discover -s scripts
