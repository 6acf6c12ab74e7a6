package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/onnx"
)

// figure is one line of the walk-through: what it computes, what came out, and what is published for the model
// paraphrase-MiniLM-L6-v2 by the Elixir walk-through (hnswlib and Bumblebee) that it follows.
type figure struct {
	Step      string    `json:"step"`
	Got       []float64 `json:"got"`
	Published []float64 `json:"published"` // for the model paraphrase-MiniLM-L6-v2
}

// tolerance is how far a figure may lie from the published one. The published ones were computed by another runtime
// (XLA), whose sums run in another order; a wrong step is off by far more.
const tolerance = 1e-4

// off is the largest difference between what came out and what is published.
func (f figure) off() float64 {
	if len(f.Got) != len(f.Published) {
		return math.Inf(1)
	}
	var most float64
	for i, x := range f.Got {
		if d := math.Abs(x - f.Published[i]); !(d <= most) { // so that a NaN counts
			most = d
		}
	}
	return most
}

func (f figure) wrong() bool { return !(f.off() <= tolerance) }

// walk runs the walk-through with the model's weights, keeps its index in dir/my_index.bin, and returns its figures.
func walk(ctx context.Context, m *onnx.Model, dir string) ([]figure, error) {
	w := &walker{path: filepath.Join(dir, "my_index.bin")}
	defer w.close()
	var err error
	if w.pooler, err = m.With(onnx.Pooler, onnx.None); err != nil {
		return nil, err
	}
	if w.mean, err = m.With(onnx.Mean, onnx.L2); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{w.newIndex, w.addShort, w.addTall, w.query, w.cosine, w.pooled, w.reload} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return w.figures, nil
}

type walker struct {
	path         string
	pooler, mean *onnx.Model
	index        *hnswlib.Index
	short, tall  []float32 // pooler outputs
	small        []float32
	figures      []figure
}

func (w *walker) close() {
	if w.index != nil {
		w.index.Close()
	}
	for _, m := range []*onnx.Model{w.pooler, w.mean} {
		if m != nil {
			m.Close()
		}
	}
}

func (w *walker) note(step string, got []float64, published ...float64) {
	w.figures = append(w.figures, figure{step, got, published})
}

func (w *walker) newIndex(context.Context) (err error) {
	w.index, err = hnswlib.New(hnswlib.L2, w.pooler.Dim(), &hnswlib.Config{MaxElements: 200})
	if err != nil {
		return err
	}
	w.note("new index (l2, 200 elements): count", []float64{float64(w.index.Len())}, 0)
	return nil
}

func (w *walker) addShort(ctx context.Context) (err error) {
	if w.short, err = embedOne(ctx, w.pooler, "short"); err != nil {
		return err
	}
	w.note(`embed "short", pooler output`, first3(w.short), -0.013410531915724277, 0.07099384069442749, -0.013070221990346909)
	return w.addAndSave(w.short, 0, `add "short", save: count`, 1)
}

func (w *walker) addTall(ctx context.Context) (err error) {
	if w.tall, err = embedOne(ctx, w.pooler, "tall"); err != nil {
		return err
	}
	return w.addAndSave(w.tall, 1, `add "tall", save: count`, 2)
}

func (w *walker) addAndSave(vec []float32, label uint64, step string, count float64) error {
	if err := w.index.Add(vec, []uint64{label}); err != nil {
		return err
	}
	if err := w.index.Save(w.path); err != nil {
		return err
	}
	w.note(step, []float64{float64(w.index.Len())}, count)
	return nil
}

func (w *walker) query(ctx context.Context) (err error) {
	if w.small, err = embedOne(ctx, w.pooler, "small"); err != nil {
		return err
	}
	label, err := w.nearest(w.index, `nearest to "small": label, squared l2 distance`, 0, 0.2972676455974579)
	if err != nil {
		return err
	}
	items, err := w.index.Items([]uint64{label})
	if err != nil {
		return err
	}
	w.note("that item, recovered", first3(items[0]), -0.013410531915724277, 0.07099384069442749, -0.013070221990346909)
	return nil
}

func (w *walker) cosine(context.Context) error {
	index, err := hnswlib.New(hnswlib.Cosine, w.pooler.Dim(), &hnswlib.Config{MaxElements: 200})
	if err != nil {
		return err
	}
	defer index.Close()
	if err := index.Add(append(w.short[:len(w.short):len(w.short)], w.tall...), []uint64{0, 1}); err != nil {
		return err
	}
	label, err := w.nearest(index, `the same in a cosine index: label, distance`, 0, 0.06562089920043945)
	if err != nil {
		return err
	}
	items, err := index.Items([]uint64{label})
	if err != nil {
		return err
	}
	w.note("that item, stored normalised", first3(items[0]), -0.008871854282915592, 0.04696659371256828, -0.00864671915769577)
	return nil
}

func (w *walker) pooled(ctx context.Context) error {
	vec, err := embedOne(ctx, w.mean, "short")
	if err != nil {
		return err
	}
	w.note(`embed "short", mean, normalised`, first3(vec), -0.03144508972764015, 0.12630629539489746, 0.018703171983361244)
	return nil
}

func (w *walker) reload(context.Context) error {
	index, err := hnswlib.Load(w.path, hnswlib.L2, w.pooler.Dim(), nil)
	if err != nil {
		return err
	}
	defer index.Close()
	_, err = w.nearest(index, "my_index.bin, loaded again: the same answer", 0, 0.2972676455974579)
	return err
}

// nearest notes, and returns the label of, the element of index that is nearest to "small".
func (w *walker) nearest(index *hnswlib.Index, step string, published ...float64) (uint64, error) {
	found, err := index.KNNQuery(w.small, 1, nil)
	if err != nil {
		return 0, err
	}
	if len(found[0]) == 0 {
		return 0, fmt.Errorf("%s: the index found nothing", step)
	}
	hit := found[0][0]
	w.note(step, []float64{float64(hit.Label), float64(hit.Distance)}, published...)
	return hit.Label, nil
}

func embedOne(ctx context.Context, m *onnx.Model, text string) ([]float32, error) {
	vecs, err := m.Embed(ctx, []string{text})
	if err != nil {
		return nil, err
	}
	return vecs[0], nil
}

func first3(vec []float32) []float64 {
	return []float64{float64(vec[0]), float64(vec[1]), float64(vec[2])}
}
