package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/minnow-search/minnow/internal/encoder"
	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/tokenizer"
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("model is closed")

// Options are the settings of a Model. Nil and zero are good defaults: what the model's own files say.
type Options struct {
	// Pooling and Normalization override the model's modules.json.
	Pooling       Pooling
	Normalization Normalization
	// MaxTokens cuts texts shorter than the model's own limit; it cannot raise that limit. 0 is the model's own.
	MaxTokens int
	// Dim cuts embeddings to their first Dim numbers, for models trained for that (Matryoshka). With Normalization L2
	// they are scaled to length 1 afterwards, which sentence-transformers leaves to its caller. 0 is all.
	Dim int
	// Prompts replace the model's own, all three; &Prompts{} is none.
	Prompts *Prompts
	// PromptName chooses one of the model's own for Embed, by its name in config_sentence_transformers.json.
	PromptName string
	// Preset trades the numbers' exactness for speed. "" is $MINNOW_PRESET, or else Exact.
	Preset Preset
	// Threads is how many processor cores one Embed uses. 0 means all.
	Threads int
	// Provider is what the network runs on: the processor by default.
	Provider Provider
	// BatchTokens is how many tokens, padding included, go through the network at a time: memory, on a GPU, against speed. 0
	// is what measured best for the provider.
	BatchTokens int
	// Runtime is the path of the ONNX Runtime library, version 1.24 or newer. "" looks at $MINNOW_ONNXRUNTIME, beside
	// the binary, and where set-up put it. A process has one runtime: the first Open decides.
	Runtime string
}

// Prompts are put in front of a text, without a space between.
type Prompts struct {
	Text     string // of Embed
	Query    string // of EmbedQueries
	Document string // of EmbedDocuments
}

// Model turns texts into embeddings. Goroutines may share it. Close frees its memory, about the size of the weights.
type Model struct {
	shared        *shared
	pooling       Pooling
	pooled        pooled // pooling, checked
	layers        []*dense
	normalization Normalization
	prompts       Prompts
	skip          [3]int // tokens of each prompt that pooling leaves out
	dim           int

	mu     sync.RWMutex // guards closed: read-locked for every use of shared, locked by Close
	closed bool
}

// shared is what a model and those made from it by With have in common.
type shared struct {
	folder    *folder
	maxTokens int
	threads   int
	batch     int // tokens, padding included, that a run takes
	provider  Provider
	print     string // of weights and tokenizer
	tokenizer *tokenizer.Tokenizer
	network   *network
	library   string           // ONNX Runtime's, or ""
	encoder   *encoder.Encoder // the network on kernels of our own, or nil
	runner    runner           // on one core a run
	lone      lone             // on all cores, for a single batch
	batches   sync.Pool

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
	m, err := open(model, o)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

func open(model string, o *Options) (*Model, error) {
	if o.Threads < 0 || o.MaxTokens < 0 || o.Dim < 0 || o.BatchTokens < 0 {
		return nil, fmt.Errorf("option Threads is %d, MaxTokens %d, Dim %d and BatchTokens %d; none can be negative", o.Threads, o.MaxTokens, o.Dim, o.BatchTokens)
	}
	path, err := native.Model(model)
	if err != nil {
		return nil, err
	}
	s, err := openShared(path, o)
	if err != nil {
		return nil, err
	}
	m, err := s.model(o)
	if err != nil {
		return nil, errors.Join(err, s.free())
	}
	return m, nil
}

func openShared(path string, o *Options) (*shared, error) {
	preset, err := o.Preset.orDefault()
	if err != nil {
		return nil, err
	}
	f, err := readFolder(path, preset)
	if err != nil {
		return nil, err
	}
	s := &shared{
		folder: f, maxTokens: f.maxTokens, threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0)),
		provider: o.Provider, library: o.Runtime,
	}
	s.batches.New = func() any { return new(batch) }
	if o.MaxTokens > 0 {
		s.maxTokens = min(s.maxTokens, o.MaxTokens)
	}
	if s.network, err = readNetwork(f.graph, f.hidden); err != nil {
		return nil, err
	}
	if s.tokenizer, err = tokenizer.Open(f.tokenizer(), &tokenizer.Options{MaxTokens: s.maxTokens, LowerCase: f.lowerCase}); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the model lacks a file: %w; %s with MINNOW_MODEL=%s", err, native.SetupHint, path)
		}
		return nil, err
	}
	if size := s.tokenizer.VocabSize(); size > f.vocabSize {
		return nil, errors.Join(fmt.Errorf("%s knows %d tokens and the network %d: they belong to different models; fetch the model anew", f.tokenizer(), size, f.vocabSize), s.free())
	}
	if o.Provider == CPU {
		if s.encoder, err = openEncoder(s.network); err != nil {
			return nil, errors.Join(err, s.free())
		}
	}
	s.batch = cmp.Or(o.BatchTokens, s.batchTokens())
	if s.runner, err = s.open(1); err != nil {
		return nil, errors.Join(err, s.free())
	}
	if s.print, err = fingerprint(s.network, f); err != nil {
		return nil, errors.Join(err, s.free())
	}
	return s, nil
}

// open makes a runner whose runs take so many threads.
func (s *shared) open(threads int) (runner, error) {
	if s.encoder != nil {
		return &own{s.encoder, s.network, threads}, nil
	}
	if err := start(s.library); err != nil {
		return nil, err
	}
	session, err := openSession(s.network, s.folder.padID, threads, s.provider)
	if err != nil {
		return nil, err
	}
	return session, nil
}

func (s *shared) free() error {
	var err error
	if s.runner != nil {
		err = s.runner.close()
	}
	err = errors.Join(err, s.lone.close(), s.tokenizer.Close())
	if s.encoder != nil {
		s.encoder.Close()
	}
	return err
}

// model is another user of s.
func (s *shared) model(o *Options) (*Model, error) {
	f := s.folder
	m := &Model{
		shared: s, layers: f.modules.layers,
		pooling:       cmp.Or(o.Pooling, f.modules.pooling),
		normalization: cmp.Or(o.Normalization, f.modules.normalization),
	}
	if err := m.setPooling(o.Pooling); err != nil {
		return nil, err
	}
	if m.normalization != L2 && m.normalization != None {
		return nil, fmt.Errorf("unknown normalization %q; choose l2 or none", m.normalization)
	}
	full := m.fullDim()
	if o.Dim > full {
		return nil, fmt.Errorf("Dim is %d, and the model's embeddings have %d numbers", o.Dim, full)
	}
	m.dim = cmp.Or(o.Dim, full)
	if err := m.setPrompts(o); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	return m, nil
}

// With is the same model with another pooling and normalization, prompts and all numbers. It shares the weights, so it
// costs next to nothing. Each of the two is closed on its own; the memory goes with the last.
func (m *Model) With(p Pooling, n Normalization) (*Model, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	prompts := m.prompts
	return m.shared.model(&Options{Pooling: p, Normalization: n, Prompts: &prompts})
}

// Name is the name of the model's folder, such as "paraphrase-MiniLM-L6-v2".
func (m *Model) Name() string { return filepath.Base(m.shared.folder.path) }

// Dir is the model's folder.
func (m *Model) Dir() string { return m.shared.folder.path }

// Preset is the one that this model was opened with.
func (m *Model) Preset() Preset { return m.shared.folder.preset }

// Dim is how many numbers an embedding has.
func (m *Model) Dim() int { return m.dim }

// MaxTokens is the number of tokens, special ones and those of a prompt included, beyond which a text is cut.
func (m *Model) MaxTokens() int { return m.shared.maxTokens }

// Pooling is how this model pools.
func (m *Model) Pooling() Pooling { return m.pooling }

// Normalization says whether this model's embeddings have length 1.
func (m *Model) Normalization() Normalization { return m.normalization }

// Prompts are what is put in front of this model's texts.
func (m *Model) Prompts() Prompts { return m.prompts }

// ID names all that decides an embedding: weights and tokenizer (by content, not by the folder's name), pooling,
// normalization and the limit of tokens, as in "1f0c8e5d3a7b9246 mean l2 128", and where there are any, Dense steps,
// prompts and a cut to fewer numbers. At the end, after " preset ", is what is not Exact, and by which recipe it was made.
// Vectors of models with different IDs cannot be compared; those of presets of one model can, at a loss (docs/int8.md).
func (m *Model) ID() string {
	var id strings.Builder
	fmt.Fprintf(&id, "%s %s %s %d", m.shared.print, m.pooling, m.normalization, m.shared.maxTokens)
	for _, layer := range m.layers {
		fmt.Fprintf(&id, " dense %s", layer.print)
	}
	if m.prompts != (Prompts{}) {
		fmt.Fprintf(&id, " prompts %q %q %q", m.prompts.Text, m.prompts.Query, m.prompts.Document)
	}
	if m.dim != m.fullDim() {
		fmt.Fprintf(&id, " dim %d", m.dim)
	}
	if variant := m.shared.network.variant; variant != "" {
		fmt.Fprintf(&id, " preset %s", variant)
	}
	return id.String()
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
