package minnow

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/minnow-search/minnow/hnswlib"
)

// spec is what a collection is made of. It is kept in the store's settings and
// never changes while the collection is open.
type spec struct {
	space          hnswlib.Space
	dim            int
	model          string
	m              int
	efConstruction int
	splitter       Splitter // not kept: it may be another at each Open
}

// newSpec is the spec of a new collection.
func newSpec(e Embedder, o *Options) (spec, error) {
	space, err := hnswlib.ParseSpace(string(cmp.Or(o.Space, Cosine)))
	if err != nil {
		return spec{}, fmt.Errorf("%w: space %q is none of cosine, ip, l2", ErrInvalid, o.Space)
	}
	s := spec{space: space, dim: e.Dim(), model: e.ID(), m: o.M, efConstruction: o.EfConstruction, splitter: o.Splitter}
	// The graph checks the numbers, and knows the defaults.
	ix, err := s.newGraph(1)
	if err != nil {
		return spec{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	defer ix.Close()
	s.m, s.efConstruction = ix.M(), ix.EfConstruction()
	return s, nil
}

// newGraph makes an empty graph with room for some vectors. It grows.
func (s spec) newGraph(room int) (*hnswlib.Index, error) {
	return hnswlib.New(s.space, s.dim, s.config(room))
}

func (s spec) config(room int) *hnswlib.Config {
	return &hnswlib.Config{M: s.m, EfConstruction: s.efConstruction, MaxElements: max(room, 1)}
}

// settings lays the spec out for the store. docs/FORMAT.md describes it.
func (s spec) settings() map[string]string {
	return map[string]string{
		"space":           s.space.String(),
		"dim":             strconv.Itoa(s.dim),
		"model":           s.model,
		"m":               strconv.Itoa(s.m),
		"ef_construction": strconv.Itoa(s.efConstruction),
	}
}

// parseSpec reads settings back.
func parseSpec(settings map[string]string) (spec, error) {
	s := spec{model: settings["model"]}
	var err error
	if s.space, err = hnswlib.ParseSpace(settings["space"]); err != nil {
		return spec{}, fmt.Errorf("%w: setting space is %q", ErrDamaged, settings["space"])
	}
	for name, n := range map[string]*int{"dim": &s.dim, "m": &s.m, "ef_construction": &s.efConstruction} {
		if *n, err = strconv.Atoi(settings[name]); err != nil || *n < 1 {
			return spec{}, fmt.Errorf("%w: setting %s is %q", ErrDamaged, name, settings[name])
		}
	}
	return s, nil
}

// withoutPreset is an embedder's ID without what names a variant of its model.
func withoutPreset(id string) string {
	id, _, _ = strings.Cut(id, " preset ")
	return id
}

// matches reports, as ErrModelMismatch, what e and o ask for that s is not.
func (s spec) matches(e Embedder, o *Options) error {
	differ := func(what string, has, asked any) error {
		return fmt.Errorf("%w: its %s is %v, not %v", ErrModelMismatch, what, has, asked)
	}
	switch {
	case withoutPreset(e.ID()) != withoutPreset(s.model):
		return differ("model", s.model, e.ID())
	case e.ID() != s.model && !o.MixPresets:
		return fmt.Errorf("%w: open it with the model's preset that it was made with, or mix the two (Options.MixPresets, --mix-presets)",
			differ("model", s.model, e.ID()))
	case e.Dim() != s.dim:
		return differ("dimension", s.dim, e.Dim())
	case o.Space != "" && string(o.Space) != s.space.String():
		return differ("space", s.space, o.Space)
	case o.M != 0 && o.M != s.m:
		return differ("M", s.m, o.M)
	case o.EfConstruction != 0 && o.EfConstruction != s.efConstruction:
		return differ("ef_construction", s.efConstruction, o.EfConstruction)
	}
	return nil
}
