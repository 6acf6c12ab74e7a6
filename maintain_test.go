package minnow_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/hnswlib"
)

func TestABackupIsTheCollection(t *testing.T) {
	dir, want := filled(t, 120)
	c := open(t, dir, &words{}, nil)
	var backup bytes.Buffer
	if err := c.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	add(t, c, doc("later", "w1 w2"))
	to := filepath.Join(t.TempDir(), "parent", "restored")
	if err := minnow.Restore(t.Context(), bytes.NewReader(backup.Bytes()), to); err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	restored := open(t, to, &words{}, &minnow.Options{Logger: log.logger()})
	if d := gocmp.Diff(want, ask(t, restored)); d != "" {
		t.Errorf("answers of the copy: -want +got\n%s", d)
	}
	if strings.Contains(log.String(), "making the graph") {
		t.Errorf("the copy had to make its graph:\n%s", log.String())
	}
	if err := minnow.Restore(t.Context(), bytes.NewReader(backup.Bytes()), to); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("Restore over a collection = %v, want ErrInvalid", err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, ".backup*")); len(names) > 0 {
		t.Errorf("the backup left %q, %v", names, err)
	}

	r := rand.New(rand.NewPCG(6, 3))
	whole := backup.Bytes()
	for i := range 40 {
		cut := r.IntN(len(whole) - 1024) // the archive ends with 1024 zeros
		spoilt := slices.Clone(whole[:cut])
		if i%2 == 1 {
			spoilt = slices.Clone(whole)
			spoilt[r.IntN(len(whole)-1024)] ^= 1 << r.IntN(8)
		}
		to := filepath.Join(t.TempDir(), "spoilt")
		err := minnow.Restore(t.Context(), bytes.NewReader(spoilt), to)
		if err == nil {
			// A bit of a header that means nothing, such as a time.
			c := open(t, to, &words{}, nil)
			if d := gocmp.Diff(want, ask(t, c)); d != "" || i%2 == 0 {
				t.Errorf("a spoilt backup was restored: cut %v, -want +got\n%s", i%2 == 0, d)
			}
			continue
		}
		if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a spoilt backup left a folder: %v", err)
		}
		if !errors.Is(err, minnow.ErrDamaged) && !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("Restore of a spoilt backup = %v, want ErrDamaged", err)
		}
	}
}

func TestReindexGivesAnotherModel(t *testing.T) {
	dir, _ := filled(t, 60)
	w := &words{id: "other"}
	if _, err := minnow.Open(dir, w, nil); !errors.Is(err, minnow.ErrModelMismatch) {
		t.Fatalf("Open with another model = %v, want ErrModelMismatch", err)
	}
	if err := minnow.Reindex(t.Context(), dir, w, &minnow.Options{Space: minnow.L2, M: 8}); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir, w, nil)
	if s := c.Stats(); s.Model != "other" || s.Space != minnow.L2 || s.M != 8 || s.Documents != 58 || !s.GraphReady {
		t.Errorf("Stats after Reindex: %+v", s)
	}
	if hit := query(t, c, "w1 w2 changed", 1)[0]; hit.ID != "5" {
		t.Errorf("the nearest after Reindex is %s, want 5", hit.ID)
	}
	closeNow(t, c)

	// The same model: nothing to embed.
	before := w.texts.Load()
	if err := minnow.Reindex(t.Context(), dir, w, nil); err != nil || w.texts.Load() != before {
		t.Errorf("Reindex for another space = %v, with %d texts embedded, want none", err, w.texts.Load()-before)
	}
	// Another way of cutting: everything.
	if err := minnow.Reindex(t.Context(), dir, w, &minnow.Options{Splitter: halves{"halves"}}); err != nil || w.texts.Load() == before {
		t.Errorf("Reindex for another splitter = %v, with %d texts embedded", err, w.texts.Load()-before)
	}
	// A failure leaves what was.
	broken := errors.New("broken")
	if err := minnow.Reindex(t.Context(), dir, &failing{words: words{id: "third"}, n: 1, err: broken}, nil); !errors.Is(err, broken) {
		t.Errorf("Reindex by a broken model = %v", err)
	}
	c = open(t, dir, w, nil)
	if s := c.Stats(); s.Space != minnow.Cosine || s.Documents != 58 {
		t.Errorf("Stats after a Reindex that failed: %+v", s)
	}
	if err := minnow.Reindex(t.Context(), dir, w, nil); !errors.Is(err, minnow.ErrLocked) {
		t.Errorf("Reindex of an open collection = %v, want ErrLocked", err)
	}
	if err := minnow.Reindex(t.Context(), filepath.Join(t.TempDir(), "no"), w, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reindex of nothing = %v, want fs.ErrNotExist", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*minnow.db*")); len(names) > 3 {
		t.Errorf("Reindex left %q", names)
	}
}

func TestRepairRecoversWhatCanBeRead(t *testing.T) {
	const n = 800
	whole := filepath.Join(t.TempDir(), "collection")
	c := open(t, whole, &words{}, nil)
	if _, err := c.AddSeq(t.Context(), supply(n)); err != nil {
		t.Fatal(err)
	}
	closeNow(t, c)
	report, err := minnow.Repair(t.Context(), whole, &words{}, nil)
	if err != nil || report.Damage != nil || report.Documents != 0 {
		t.Errorf("Repair of a sound collection = %+v, %v, want nothing done", report, err)
	}

	r := rand.New(rand.NewPCG(6, 4))
	rounds, repaired := 12, 0
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		dir := copyFolder(t, whole)
		edit(t, filepath.Join(dir, "minnow.db"), func(b []byte) []byte {
			at := 8192 * (1 + r.IntN(len(b)/8192-1))
			for i := range 8192 {
				b[at+i] = byte(r.Uint32())
			}
			return b
		})
		report, err := minnow.Repair(t.Context(), dir, &words{}, nil)
		if errors.Is(err, minnow.ErrDamaged) {
			continue // a page of the list of tables
		}
		if err != nil {
			t.Fatalf("Repair = %+v, %v", report, err)
		}
		if report.Damage == nil {
			continue // a free page
		}
		repaired++
		c := open(t, dir, &words{}, nil)
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("Check after Repair = %v", err)
		}
		if c.Len() != report.Documents || report.Documents < n/2 || !errors.Is(report.Damage, minnow.ErrDamaged) {
			t.Errorf("after Repair %d documents; the report is %+v", c.Len(), report)
		}
		for _, d := range collect(t, c.All(t.Context())) {
			var i int
			fmt.Sscan(d.ID, &i)
			if d.Text != sentence(i) && !slices.Contains(report.Doubtful, d.ID) {
				t.Errorf("document %s came back as %q", d.ID, d.Text)
			}
		}
		if got := len(query(t, c, "w1", n)); got != c.Len() {
			t.Errorf("after Repair a query finds %d documents of %d", got, c.Len())
		}
		if _, err := os.Stat(filepath.Join(dir, "minnow.db.old")); err != nil {
			t.Errorf("the damaged database is not kept: %v", err)
		}
		closeNow(t, c)
	}
	if repaired < rounds/2 {
		t.Errorf("only %d of %d were repaired", repaired, rounds)
	}

	dir := copyFolder(t, whole)
	edit(t, filepath.Join(dir, "minnow.db"), func(b []byte) []byte { return bytes.Repeat([]byte("fish"), 10000) })
	if _, err := minnow.Open(dir, &words{}, nil); !errors.Is(err, minnow.ErrDamaged) || !strings.Contains(err.Error(), "Repair") {
		t.Errorf("Open of what is no database = %v, want ErrDamaged that names Repair", err)
	}
	if _, err := minnow.Repair(t.Context(), dir, &words{}, nil); !errors.Is(err, minnow.ErrDamaged) {
		t.Errorf("Repair of what is no database = %v, want ErrDamaged", err)
	}
	if _, err := minnow.Repair(t.Context(), filepath.Join(t.TempDir(), "no"), &words{}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Repair of nothing = %v, want fs.ErrNotExist", err)
	}
}

// A text that SQLite reads without complaint may have been changed all the same.
func TestRepairNamesTextsThatChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	add(t, c, doc("a", "the original text"), doc("b", "another"))
	closeNow(t, c)
	edit(t, filepath.Join(dir, "minnow.db"), func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte("the original text"), []byte("thx original text"))
	})
	report, err := minnow.Repair(t.Context(), dir, &words{}, nil)
	if err != nil || !slices.Equal(report.Doubtful, []string{"a"}) || report.Embedded != 1 || report.Documents != 2 {
		t.Errorf("Repair = %+v, %v, want a to be doubtful and embedded again", report, err)
	}
}

// A crash between the steps of a swap is brought to its end by the next Open.
func TestASwapThatWasCutOffIsFinished(t *testing.T) {
	dir, want := filled(t, 40)
	for step := range 3 {
		dir := copyFolder(t, dir)
		path := func(name string) string { return filepath.Join(dir, name) }
		database, err := os.ReadFile(path("minnow.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path("minnow.db.new"), database, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path("minnow.db-wal"), []byte("the old one's log"), 0o600); err != nil {
			t.Fatal(err)
		}
		if step > 0 {
			if err := os.Rename(path("minnow.db"), path("minnow.db.old")); err != nil {
				t.Fatal(err)
			}
		}
		if step > 1 {
			if err := os.Rename(path("minnow.db-wal"), path("minnow.db.old-wal")); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path(".minnow.db.making-wal"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c := open(t, dir, &words{}, nil)
		if d := gocmp.Diff(want, ask(t, c)); d != "" {
			t.Errorf("step %d: -want +got\n%s", step, d)
		}
		for _, name := range []string{"minnow.db.new", ".minnow.db.making-wal"} {
			if _, err := os.Stat(path(name)); err == nil {
				t.Errorf("step %d: %s is still there", step, name)
			}
		}
	}
}

func TestIndexFilesGoOutAndIn(t *testing.T) {
	dir, want := filled(t, 120)
	c := open(t, dir, &words{}, nil)
	path := filepath.Join(t.TempDir(), "out.hnsw")
	if err := c.ExportIndex(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	ix, err := hnswlib.Load(path, hnswlib.Cosine, 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	names := map[uint64]string{}
	labels, err := os.ReadFile(path + ".labels.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(labels) {
		var l struct {
			Label uint64
			ID    string
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		names[l.Label] = l.ID
	}
	rows, err := ix.KNNQuery(bag(sentence(9)), 5, &hnswlib.Query{Ef: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range rows[0] {
		if hit := ask(t, c)[3][i]; n.Distance != hit.Distance {
			t.Errorf("neighbour %d of the file is %s at %v, the collection says %v", i, names[n.Label], n.Distance, hit.Distance)
		}
	}

	in := open(t, t.TempDir(), minnow.OwnVectors(32, "words"), nil)
	if n, err := in.ImportIndex(t.Context(), path); err != nil || n != 118 || in.Len() != 118 {
		t.Fatalf("ImportIndex = %d, %v, want 118", n, err)
	}
	hits, err := in.KNNQueryVector(t.Context(), bag(sentence(0)), &minnow.Query{K: 20, Ef: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range hits {
		if want := want[0][i].Distance; h.Distance-want > 1e-6 || want-h.Distance > 1e-6 {
			t.Errorf("hit %d of the import is at %v, want %v", i, h.Distance, want)
		}
	}

	if err := os.Remove(path + ".labels.jsonl"); err != nil {
		t.Fatal(err)
	}
	bare := open(t, t.TempDir(), minnow.OwnVectors(32, "words"), nil)
	if n, err := bare.ImportIndex(t.Context(), path); err != nil || n != 118 {
		t.Errorf("ImportIndex without labels = %d, %v, want 118", n, err)
	}
	if _, err := bare.Get(t.Context(), "1"); err != nil {
		t.Errorf("the document of label 1: %v", err)
	}
	for name, lines := range map[string]string{
		"not JSON":         "fish\n",
		"a label left out": `{"label":1,"id":"a"}` + "\n",
		"one ID for two":   `{"label":1,"id":"a"}` + "\n" + `{"label":2,"id":"a"}` + "\n",
		"an ID left out":   strings.Repeat(`{"label":1}`+"\n", 1),
	} {
		if err := os.WriteFile(path+".labels.jsonl", []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := bare.ImportIndex(t.Context(), path); !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("%s: ImportIndex = %d, %v, want ErrInvalid", name, n, err)
		}
	}
	os.Remove(path + ".labels.jsonl")
	narrow := open(t, t.TempDir(), minnow.OwnVectors(31, "words"), nil)
	if _, err := narrow.ImportIndex(t.Context(), path); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("an index of another dimension = %v, want ErrInvalid", err)
	}
}

func TestCompactForgetsWhatIsDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	if _, err := c.AddSeq(t.Context(), supply(600)); err != nil {
		t.Fatal(err)
	}
	var gone []string
	for i := 100; i < 600; i++ {
		gone = append(gone, fmt.Sprint(i))
	}
	if _, err := c.Delete(t.Context(), gone...); err != nil {
		t.Fatal(err)
	}
	want := ask(t, c)
	if err := c.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); s.GraphDeleted != 0 || s.SavedSequence != s.Sequence {
		t.Errorf("Stats after Compact: %+v", s)
	}
	if d := gocmp.Diff(want, ask(t, c)); d != "" {
		t.Errorf("answers after Compact: -want +got\n%s", d)
	}
	closeNow(t, c)
	var log logBuffer
	c = open(t, dir, &words{}, &minnow.Options{Logger: log.logger()})
	if d := gocmp.Diff(want, ask(t, c)); d != "" || log.String() != "" {
		t.Errorf("after Open: log %q, answers -want +got\n%s", log.String(), d)
	}
}
