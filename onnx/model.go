package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/tokenizer"
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("model is closed")

// Options are the settings of a Model. Nil and zero are good defaults.
type Options struct {
	// Pooling and Normalization override the model's modules.json.
	Pooling       Pooling
	Normalization Normalization
	// MaxTokens cuts texts shorter than the model's own limit; it cannot raise that limit. 0 is the model's own.
	MaxTokens int
	// Threads is how many processor cores one Embed of many texts uses; a single text uses one. 0 means all.
	Threads int
	// Runtime is the path of the ONNX Runtime library, version 1.24 or newer. "" looks at $MINNOW_ONNXRUNTIME, beside
	// the binary, and where set-up put it. A process has one runtime: the first Open decides.
	Runtime string
}

// Model turns texts into embeddings. Goroutines may share it. Close frees its memory, about the size of the weights.
type Model struct {
	shared        *shared
	pooling       Pooling
	normalization Normalization

	mu     sync.RWMutex // guards closed: read-locked for every use of shared, locked by Close
	closed bool
}

// shared is what a model and those made from it by With have in common.
type shared struct {
	folder    *folder
	maxTokens int
	threads   int
	weights   string
	tokenizer *tokenizer.Tokenizer
	session   *session

	mu    sync.Mutex // guards users
	users int        // models not yet closed
}

// Open loads a model: a folder, or the name of one that set-up fetched. The empty string is $MINNOW_MODEL, or else
// paraphrase-MiniLM-L6-v2, or else all-MiniLM-L6-v2, which set-up puts in its place where Hugging Face cannot be
// reached; [Model.Name] tells. Every error says what to do about it.
func Open(model string, o *Options) (*Model, error) {
	if o == nil {
		o = &Options{}
	}
	if o.Threads < 0 || o.MaxTokens < 0 {
		return nil, fmt.Errorf("open model: Threads is %d and MaxTokens is %d; neither can be negative", o.Threads, o.MaxTokens)
	}
	path, err := native.Model(model)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	s, err := openShared(path, o)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m, err := s.model(cmp.Or(o.Pooling, s.folder.pooling), cmp.Or(o.Normalization, s.folder.normalization))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open model: %w", err), s.free())
	}
	return m, nil
}

func openShared(path string, o *Options) (*shared, error) {
	f, err := readFolder(path)
	if err != nil {
		return nil, err
	}
	for _, file := range []string{f.tokenizer(), f.graph()} {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("the model lacks a file: %w; %s with MINNOW_MODEL=%s", err, native.SetupHint, path)
		}
	}
	s := &shared{folder: f, maxTokens: f.maxTokens, threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0))}
	if o.MaxTokens > 0 {
		s.maxTokens = min(s.maxTokens, o.MaxTokens)
	}
	if s.tokenizer, err = tokenizer.Open(f.tokenizer(), &tokenizer.Options{MaxTokens: s.maxTokens}); err != nil {
		return nil, err
	}
	if size := s.tokenizer.VocabSize(); size > f.vocabSize {
		return nil, errors.Join(fmt.Errorf("%s knows %d tokens and the network %d: they belong to different models; fetch the model anew", f.tokenizer(), size, f.vocabSize), s.free())
	}
	if err := start(o.Runtime); err != nil {
		return nil, errors.Join(err, s.free())
	}
	if s.session, err = openSession(f.graph(), f.hidden); err != nil {
		return nil, errors.Join(err, s.free())
	}
	if s.weights, err = fingerprint(s.session, f); err != nil {
		return nil, errors.Join(err, s.free())
	}
	return s, nil
}

func (s *shared) free() error {
	var err error
	if s.session != nil {
		err = s.session.close()
	}
	return errors.Join(err, s.tokenizer.Close())
}

// model is another user of s.
func (s *shared) model(p Pooling, n Normalization) (*Model, error) {
	switch p {
	case Mean, CLS:
	case Pooler:
		if !s.session.hasPooler {
			return nil, fmt.Errorf("the network %s has no pooler output; choose mean or cls", s.folder.graph())
		}
	default:
		return nil, fmt.Errorf("unknown pooling %q; choose mean, cls or pooler", p)
	}
	if n != L2 && n != None {
		return nil, fmt.Errorf("unknown normalization %q; choose l2 or none", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	return &Model{shared: s, pooling: p, normalization: n}, nil
}

// With is the same model with another pooling and normalization. It shares the weights, so it costs next to nothing.
// Each of the two is closed on its own; the memory goes with the last.
func (m *Model) With(p Pooling, n Normalization) (*Model, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	f := m.shared.folder
	return m.shared.model(cmp.Or(p, f.pooling), cmp.Or(n, f.normalization))
}

// Name is the name of the model's folder, such as "paraphrase-MiniLM-L6-v2".
func (m *Model) Name() string { return filepath.Base(m.shared.folder.path) }

// Dir is the model's folder.
func (m *Model) Dir() string { return m.shared.folder.path }

// Dim is how many numbers an embedding has.
func (m *Model) Dim() int { return m.shared.folder.hidden }

// MaxTokens is the number of tokens, special ones included, beyond which a text is cut.
func (m *Model) MaxTokens() int { return m.shared.maxTokens }

// Pooling is how this model pools.
func (m *Model) Pooling() Pooling { return m.pooling }

// Normalization says whether this model's embeddings have length 1.
func (m *Model) Normalization() Normalization { return m.normalization }

// ID names all that decides an embedding: weights and tokenizer (by content, not by the folder's name), pooling,
// normalization and the limit of tokens, as in "1f0c8e5d3a7b9246 mean l2 128". Vectors of models with different IDs
// cannot be compared.
func (m *Model) ID() string {
	return fmt.Sprintf("%s %s %s %d", m.shared.weights, m.pooling, m.normalization, m.shared.maxTokens)
}

// Close gives back what the model holds. It may be called again, and waits for calls under way.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.shared.mu.Lock()
	defer m.shared.mu.Unlock()
	if m.shared.users--; m.shared.users > 0 {
		return nil
	}
	return m.shared.free()
}
