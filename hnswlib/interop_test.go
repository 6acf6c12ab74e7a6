package hnswlib_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
)

// pythonSays is what testdata/interop.py prints.
type pythonSays struct {
	Labels         [][]uint64  `json:"labels"`
	Distances      [][]float32 `json:"distances"`
	IDs            []uint64    `json:"ids"`
	Count          int         `json:"count"`
	Capacity       int         `json:"capacity"`
	M              int         `json:"m"`
	EfConstruction int         `json:"ef_construction"`
}

func python(t *testing.T, rows [][]float32, args ...string) pythonSays {
	t.Helper()
	interpreter := os.Getenv("MINNOW_PYTHON")
	if interpreter == "" {
		t.Skip("MINNOW_PYTHON, a Python with hnswlib 0.8.0, is not set: scripts/setup.sh test && eval \"$(scripts/setup.sh env)\"")
	}
	var in, out, trouble bytes.Buffer
	if err := binary.Write(&in, binary.LittleEndian, flatten(rows)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, append([]string{filepath.Join("testdata", "interop.py")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("python %v: %v\n%s", args, err, trouble.Bytes())
	}
	var says pythonSays
	if err := json.Unmarshal(out.Bytes(), &says); err != nil {
		t.Fatalf("python %v: %v in %s", args, err, out.Bytes())
	}
	return says
}

func TestPythonReadsOurFile(t *testing.T) {
	const n, dim, k = 400, 24, 10
	for space := range oracles {
		t.Run(space.String(), func(t *testing.T) {
			ix := worn(t, space, n, dim, nil)
			queries := clustered(newRand(61), 50, dim)
			says := python(t, queries, "read", space.String(), strconv.Itoa(dim), strconv.Itoa(k), mustSave(t, ix))
			sameAnswers(t, ix, queries, k, says)
			// Its list of ids includes the deleted, and each label once.
			if diff := cmp.Diff(sequence(1000, n), says.IDs); diff != "" {
				t.Errorf("ids in Python (-want +got):\n%s", diff)
			}
			if says.Capacity != ix.MaxElements() || says.M != ix.M() || says.EfConstruction != ix.EfConstruction() {
				t.Errorf("Python has max_elements %d, M %d, ef_construction %d, want %d, %d, %d",
					says.Capacity, says.M, says.EfConstruction, ix.MaxElements(), ix.M(), ix.EfConstruction())
			}
		})
	}
}

// Upstream walks a graph that was linked by codes as well as one that was not.
func TestPythonSearchesAGraphLinkedByCodes(t *testing.T) {
	const n, dim, k, ef, seed = 2000, 32, 10, 40, 64
	for _, space := range spaces {
		for _, q := range quantizations {
			t.Run(space.String()+"/"+q.String(), func(t *testing.T) {
				rows := clustered(newRand(seed), n+50, dim)
				rows, asked := rows[:n], rows[n:]
				ix := newIndex(t, space, dim, &hnswlib.Config{Quantization: q, EfConstruction: 80})
				mustAdd(t, ix, rows, sequence(0, n))
				says := python(t, asked, "read", space.String(), strconv.Itoa(dim), strconv.Itoa(k), mustSave(t, ix), strconv.Itoa(ef))
				found := 0
				for i, row := range exact(t, ix, asked, k, nil) {
					for _, l := range labelsOf(row) {
						if slices.Contains(says.Labels[i], l) {
							found++
						}
					}
				}
				if got := float64(found) / float64(k*len(asked)); got < 0.97 {
					t.Errorf("seed %d: Python's recall at ef %d is %.4f, want 0.97", seed, ef, got)
				}
			})
		}
	}
}

func TestWeReadPythonsFile(t *testing.T) {
	const n, dim, k = 400, 24, 10
	for space := range oracles {
		t.Run(space.String(), func(t *testing.T) {
			rows := clustered(newRand(62), n, dim)
			path := filepath.Join(t.TempDir(), "python.hnsw")
			says := python(t, rows, "write", space.String(), strconv.Itoa(dim), path)
			ix := mustLoad(t, path, space, dim, nil)
			sameAnswers(t, ix, rows[:50], k, says)
			if got, want := ix.Len()+ix.DeletedLen(), says.Count; got != want || ix.DeletedLen() != 25 {
				t.Errorf("Len()+DeletedLen() = %d, DeletedLen() = %d, want %d, 25", got, ix.DeletedLen(), want)
			}
			if ix.M() != 8 || ix.EfConstruction() != 60 || ix.MaxElements() != n {
				t.Errorf("M, EfConstruction, MaxElements = %d, %d, %d, want 8, 60, %d", ix.M(), ix.EfConstruction(), ix.MaxElements(), n)
			}
			// And go on with it, and back.
			mustAdd(t, ix, rows[200:], sequence(5000, 200))
			again := python(t, rows[:50], "read", space.String(), strconv.Itoa(dim), strconv.Itoa(k), mustSave(t, ix))
			sameAnswers(t, ix, rows[:50], k, again)
		})
	}
}

// sameAnswers holds our answers, which are exact at this ef, to Python's, which
// walk the graph and may miss an element that nothing links to.
func sameAnswers(t *testing.T, ix *hnswlib.Index, queries [][]float32, k int, says pythonSays) {
	t.Helper()
	rows, err := ix.KNNQuery(flatten(queries), k, &hnswlib.Query{Ef: 2000})
	if err != nil {
		t.Fatal(err)
	}
	missed := 0
	for i, row := range rows {
		if len(says.Labels[i]) != k || len(row) != k {
			t.Fatalf("query %d: %d answers here, %d in Python, want %d", i, len(row), len(says.Labels[i]), k)
		}
		for _, n := range row {
			j := slices.Index(says.Labels[i], n.Label)
			if j < 0 {
				missed++
				continue
			}
			got, want := float64(n.Distance), float64(says.Distances[i][j])
			// Sums of two dozen products of size 1 to 10, added in another order.
			if math.Abs(got-want) > 2e-5*(1+math.Abs(want)) {
				t.Errorf("query %d: distance to %d is %v here, %v in Python", i, n.Label, got, want)
			}
		}
	}
	if missed > len(queries)*k/100 {
		t.Errorf("%d of %d answers are not Python's", missed, len(queries)*k)
	}
}

func TestPythonAndWeShareBruteForceFiles(t *testing.T) {
	const n, dim, k = 120, 7, 5
	rows := clustered(newRand(63), n, dim)
	for space := range oracles {
		t.Run(space.String(), func(t *testing.T) {
			bf := newBruteForce(t, space, dim, &hnswlib.Config{MaxElements: n + 9})
			if err := bf.Add(flatten(rows), sequence(7, n)); err != nil {
				t.Fatal(err)
			}
			ours, theirs := filepath.Join(t.TempDir(), "ours"), filepath.Join(t.TempDir(), "theirs")
			if err := bf.Save(ours); err != nil {
				t.Fatal(err)
			}
			says := python(t, rows[:20], "flat", space.String(), strconv.Itoa(dim), ours, theirs)
			loaded, err := hnswlib.LoadBruteForce(theirs, space, dim, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer loaded.Close()
			got, err := loaded.KNNQuery(flatten(rows[:20]), k, nil)
			if err != nil || loaded.Len() != n || loaded.MaxElements() != n+9 {
				t.Fatalf("KNNQuery: %v; Len, MaxElements = %d, %d, want %d, %d", err, loaded.Len(), loaded.MaxElements(), n, n+9)
			}
			for i, row := range got {
				if diff := cmp.Diff(says.Labels[i], labelsOf(row)); diff != "" {
					t.Errorf("query %d (-Python +here):\n%s", i, diff)
				}
			}
		})
	}
}
