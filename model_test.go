package minnow_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/vec"
	"github.com/minnow-search/minnow/where"
)

// model is what a collection should hold: a document and its vector, by ID.
type model map[string]modelRow

type modelRow struct {
	text   string
	vector []float32
	n      int
}

func (m model) set(d minnow.Document, v []float32) {
	m[d.ID] = modelRow{d.Text, v, d.Metadata["n"].(int)}
}

// nearest is the answer to a query, by a scan.
func (m model) nearest(v []float32, k int, below int) (distances []float64) {
	for _, row := range m {
		if row.n < below {
			distances = append(distances, vec.Cosine(v, row.vector))
		}
	}
	slices.Sort(distances)
	return distances[:min(k, len(distances))]
}

func randomDocument(r *rand.Rand, ids int) minnow.Document {
	n := r.IntN(100)
	return minnow.Document{ID: fmt.Sprint(r.IntN(ids)), Text: sentence(r.IntN(500)), Metadata: map[string]any{"n": n}}
}

// Random calls of all kinds, each followed by questions whose answers a map and
// a scan know.
func TestAModelOfTheCollection(t *testing.T) {
	steps := 400
	switch {
	case soak:
		steps = 20_000
	case testing.Short():
		steps = 80
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 60))
			dir := filepath.Join(t.TempDir(), "collection")
			c := open(t, dir, &words{}, nil)
			want := model{}
			for step := range steps {
				c, dir = randomCall(t, r, c, dir, want)
				if step%5 == 0 {
					compareWithModel(t, r, c, want)
				}
				if t.Failed() {
					t.Fatalf("after step %d", step)
				}
			}
		})
	}
}

func randomCall(t *testing.T, r *rand.Rand, c *minnow.Collection, dir string, want model) (*minnow.Collection, string) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	switch op := r.IntN(100); {
	case op < 35:
		var docs []minnow.Document
		for range 1 + r.IntN(8) { // IDs may come twice: the later counts
			d := randomDocument(r, 120)
			docs = append(docs, d)
			want.set(d, bag(d.Text))
		}
		must(c.Add(ctx, docs...))
	case op < 45:
		d := randomDocument(r, 120)
		v := make([]float32, 32)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		want.set(d, v)
		must(c.AddVectors(ctx, []minnow.Document{d}, [][]float32{v}))
	case op < 55:
		docs := make([]minnow.Document, r.IntN(40))
		for i := range docs {
			docs[i] = randomDocument(r, 120)
			want.set(docs[i], bag(docs[i].Text))
		}
		_, err := c.AddSeq(ctx, slices.Values(docs))
		must(err)
	case op < 75:
		ids := []string{fmt.Sprint(r.IntN(120)), fmt.Sprint(r.IntN(120))}
		there := 0
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if _, found := want[id]; found {
				there++
			}
			delete(want, id)
		}
		n, err := c.Delete(ctx, ids...)
		must(err)
		if n != there {
			t.Errorf("Delete(%q) = %d, want %d", ids, n, there)
		}
	case op < 83:
		must(c.Save(ctx))
	case op < 87:
		must(c.Compact(ctx))
	case op < 95:
		must(c.Close())
		c = open(t, dir, &words{}, nil)
	default:
		var backup bytes.Buffer
		must(c.Backup(ctx, &backup))
		must(c.Close())
		dir = filepath.Join(t.TempDir(), "restored")
		must(minnow.Restore(ctx, &backup, dir))
		c = open(t, dir, &words{}, nil)
	}
	return c, dir
}

func compareWithModel(t *testing.T, r *rand.Rand, c *minnow.Collection, want model) {
	t.Helper()
	if c.Len() != len(want) {
		t.Errorf("Len() = %d, want %d", c.Len(), len(want))
	}
	for _, d := range collect(t, c.All(t.Context())) {
		if row, found := want[d.ID]; !found || row.text != d.Text || fmt.Sprint(row.n) != fmt.Sprint(d.Metadata["n"]) {
			t.Errorf("document %+v, want %+v", d, row)
		}
	}
	text, k, below := sentence(r.IntN(500)), 1+r.IntN(30), 100
	q := &minnow.Query{K: k, Ef: 500}
	if r.IntN(2) == 0 {
		below = r.IntN(110)
		q.Where = where.Lt("n", below)
	}
	hits := ask1(t, c, text, q)
	distances := want.nearest(bag(text), k, below)
	if len(hits) != len(distances) {
		t.Errorf("%d hits, want %d", len(hits), len(distances))
		return
	}
	for i, h := range hits {
		if math.Abs(float64(h.Distance)-distances[i]) > 1e-5 {
			t.Errorf("hit %d of %d is at %v, want %v", i, k, h.Distance, distances[i])
		}
	}
}

// Goroutines have documents of their own to change, and all ask about all. Each
// answer must be right about the asker's, which nobody else changes.
func TestAModelOfManyGoroutines(t *testing.T) {
	rounds := 60
	switch {
	case soak:
		rounds = 3000
	case testing.Short():
		rounds = 15
	}
	c := open(t, filepath.Join(t.TempDir(), "collection"), &words{}, nil)
	models := make([]model, 6)
	var wg sync.WaitGroup
	for g := range models {
		models[g] = model{}
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 61))
			owner := fmt.Sprint("g", g)
			for range rounds {
				d := randomDocument(r, 20)
				d.ID, d.Metadata["owner"] = owner+"-"+d.ID, owner
				if r.IntN(3) == 0 {
					delete(models[g], d.ID)
					if _, err := c.Delete(t.Context(), d.ID); err != nil {
						t.Error(err)
					}
				} else {
					models[g].set(d, bag(d.Text))
					if err := c.Add(t.Context(), d); err != nil {
						t.Error(err)
					}
				}
				mode := []minnow.Mode{minnow.Vector, minnow.Hybrid}[r.IntN(2)]
				hits, err := c.KNNQuery(t.Context(), sentence(r.IntN(500)), &minnow.Query{K: 200, Ef: 400, Mode: mode, Where: where.Eq("owner", owner)})
				if err != nil || len(hits) != len(models[g]) {
					t.Errorf("%s has %d documents, and finds %d, %v", owner, len(models[g]), len(hits), err)
				}
				for _, h := range hits {
					if row, found := models[g][h.ID]; !found || row.text != h.Text {
						t.Errorf("%s finds %s as %q, want %q", owner, h.ID, h.Text, row.text)
					}
				}
				if r.IntN(10) == 0 {
					if err := c.Save(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	all := model{}
	for _, m := range models {
		for id, row := range m {
			all[id] = row
		}
	}
	compareWithModel(t, rand.New(rand.NewPCG(1, 62)), c, all)
}
