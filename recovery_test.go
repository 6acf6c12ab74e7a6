package minnow_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
)

// filled makes a collection of n sentences that was saved at some point, and
// returns its folder and the answers it gives when closed.
func filled(t *testing.T, n int) (dir string, answers [][]minnow.Hit) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	for i := range n {
		add(t, c, doc(fmt.Sprint(i), sentence(i)))
		if i == n/2 {
			if err := c.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := c.Delete(t.Context(), "3", fmt.Sprint(n-3)); err != nil {
		t.Fatal(err)
	}
	add(t, c, doc("5", "w1 w2 changed"), doc(fmt.Sprint(n-5), "w3 w4 changed"))
	answers = ask(t, c)
	closeNow(t, c)
	return dir, answers
}

// ask puts some questions that the graph must answer exactly.
func ask(t *testing.T, c *minnow.Collection) [][]minnow.Hit {
	t.Helper()
	var answers [][]minnow.Hit
	for i := range 10 {
		hits, err := c.KNNQuery(t.Context(), sentence(i*i), &minnow.Query{K: 1000, Ef: 1000})
		if err != nil {
			t.Fatal(err)
		}
		// Labels, which order ties, may differ between a graph and its replay.
		slices.SortFunc(hits, func(a, b minnow.Hit) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
		})
		answers = append(answers, hits)
	}
	return answers
}

func graphFile(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "index-*.hnsw"))
	if err != nil || len(names) != 1 {
		t.Fatalf("graph files in %s: %q, %v, want one", dir, names, err)
	}
	return names[0]
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestAGraphThatIsLostOrDamagedIsMadeAgain(t *testing.T) {
	whole, want := filled(t, 120)
	for _, test := range []struct {
		name    string
		spoil   func(t *testing.T, dir string)
		rebuilt bool
	}{
		{"nothing happened", func(t *testing.T, dir string) {}, false},
		{"the manifest is gone", func(t *testing.T, dir string) {
			if err := os.Remove(strings.TrimSuffix(graphFile(t, dir), "hnsw") + "json"); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"the graph is gone", func(t *testing.T, dir string) {
			if err := os.Remove(graphFile(t, dir)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"the graph is empty", func(t *testing.T, dir string) {
			edit(t, graphFile(t, dir), func([]byte) []byte { return nil })
		}, true},
		{"the graph is cut short", func(t *testing.T, dir string) {
			edit(t, graphFile(t, dir), func(b []byte) []byte { return b[:len(b)-1] })
		}, true},
		{"one bit is flipped", func(t *testing.T, dir string) {
			edit(t, graphFile(t, dir), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, true},
		{"the graph is something else", func(t *testing.T, dir string) {
			edit(t, graphFile(t, dir), func(b []byte) []byte { return []byte("fish") })
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := copyFolder(t, whole)
			test.spoil(t, dir)
			var log logBuffer
			w := &words{}
			c := open(t, dir, w, &minnow.Options{Logger: log.logger()})
			if got := strings.Contains(log.String(), "making the graph from the store"); got != test.rebuilt {
				t.Errorf("rebuilt is %v, want %v; log:\n%s", got, test.rebuilt, log.String())
			}
			if got := w.texts.Load(); got != 0 {
				t.Errorf("Open embedded %d texts, want none", got)
			}
			if d := gocmp.Diff(want, ask(t, c)); d != "" {
				t.Errorf("answers: -want +got\n%s", d)
			}
			if err := c.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			closeNow(t, c)
			log = logBuffer{}
			open(t, dir, w, &minnow.Options{Logger: log.logger()})
			if got := log.String(); got != "" {
				t.Errorf("after it was saved again, Open logs %q, want nothing", got)
			}
		})
	}
}

func TestAGraphOfAnotherStateIsNotTrusted(t *testing.T) {
	// Two states of a folder at the same sequence, by restoring a copy.
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	add(t, c, doc("a", "small fish"))
	closeNow(t, c)
	before := copyFolder(t, dir)
	for folder, text := range map[string]string{dir: "old house", before: "red car"} {
		c := open(t, folder, &words{}, nil)
		add(t, c, doc("b", text))
		closeNow(t, c)
	}
	if filepath.Base(graphFile(t, dir)) != filepath.Base(graphFile(t, before)) {
		t.Fatal("the two graphs have different names")
	}
	if err := os.Rename(filepath.Join(before, "minnow.db"), filepath.Join(dir, "minnow.db")); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir, &words{}, nil)
	if got := query(t, c, "red car", 1)[0]; got.ID != "b" || got.Similarity < 0.999 {
		t.Errorf("nearest to the restored text = %v, want itself", got)
	}
}

func TestADatabaseThatIsLostIsNotStartedAnew(t *testing.T) {
	dir, _ := filled(t, 20)
	if err := os.Remove(filepath.Join(dir, "minnow.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := minnow.Open(dir, &words{}, nil); !errors.Is(err, minnow.ErrDamaged) {
		t.Errorf("Open without minnow.db = %v, want ErrDamaged", err)
	}
}

func TestADatabaseThatIsDamagedIsAnError(t *testing.T) {
	dir, _ := filled(t, 20)
	edit(t, filepath.Join(dir, "minnow.db"), func(b []byte) []byte { clear(b[:100]); return b })
	if _, err := minnow.Open(dir, &words{}, nil); !errors.Is(err, minnow.ErrDamaged) {
		t.Errorf("Open with a damaged minnow.db = %v, want ErrDamaged", err)
	}
}

func TestANewerFolderIsRefused(t *testing.T) {
	dir, _ := filled(t, 20)
	db, err := sql.Open("sqlite", filepath.Join(dir, "minnow.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 77"); err != nil {
		t.Fatal(err)
	}
	if _, err := minnow.Open(dir, &words{}, nil); !errors.Is(err, minnow.ErrVersion) || !strings.Contains(err.Error(), "77") {
		t.Errorf("Open of format 77 = %v, want ErrVersion naming it", err)
	}
}

func TestAFolderCopiedWhileOpenHasAllThatWasAcknowledged(t *testing.T) {
	for _, saved := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "collection")
		c := open(t, dir, &words{}, nil)
		add(t, c, doc("a", "small fish"), doc("b", "old house"))
		if saved {
			if err := c.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		add(t, c, doc("b", "green tree"), doc("c", "red car"))
		if _, err := c.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		var log logBuffer
		after := open(t, copyFolder(t, dir), &words{}, &minnow.Options{Logger: log.logger()})
		wantDocuments(t, after, doc("b", "green tree"), doc("c", "red car"))
		if d := gocmp.Diff(ask(t, c), ask(t, after)); d != "" {
			t.Errorf("answers: -want +got\n%s", d)
		}
		if rebuilt := log.String() != ""; rebuilt == saved {
			t.Errorf("saved is %v, and Open logs %q", saved, log.String())
		}
	}
}

func TestSaveLeavesOneGraph(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	list := func() []string {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "minnow.db-") {
				names = append(names, e.Name())
			}
		}
		return names
	}
	if err := os.WriteFile(filepath.Join(dir, "index-notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for _, name := range []string{".index-1.hnsw.00ff.tmp", "index-77.hnsw"} { // left by a crash
			if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		add(t, c, doc(fmt.Sprint(i), sentence(i)))
		if err := c.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		graph := fmt.Sprintf("index-%d", i+1)
		want := []string{"LOCK", graph + ".hnsw", graph + ".json", "index-notes.txt", "minnow.db"}
		if d := gocmp.Diff(want, list()); d != "" {
			t.Errorf("files after Save: -want +got\n%s", d)
		}
	}
	before, err := os.Stat(graphFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(graphFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Errorf("Save with nothing to save wrote the graph again")
	}
}

func TestSaveShedsDeletedDocuments(t *testing.T) {
	c := openNew(t)
	var docs []minnow.Document
	var old []string
	for i := range 1500 {
		docs = append(docs, doc(fmt.Sprint(i), sentence(i)))
		if i >= 200 {
			old = append(old, fmt.Sprint(i))
		}
	}
	add(t, c, docs...)
	if n, err := c.Delete(t.Context(), old...); err != nil || n != len(old) {
		t.Fatalf("Delete() = %d, %v, want %d", n, err, len(old))
	}
	if got := c.Stats().GraphDeleted; got != len(old) {
		t.Errorf("GraphDeleted = %d before Save, want %d", got, len(old))
	}
	want := ask(t, c)
	if err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.Stats().GraphDeleted; got != 0 {
		t.Errorf("GraphDeleted = %d after Save, want 0", got)
	}
	if d := gocmp.Diff(want, ask(t, c)); d != "" {
		t.Errorf("answers after Save: -want +got\n%s", d)
	}
}

func TestDeferredSyncsAreMadeUpFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, &minnow.Options{DeferSync: true})
	add(t, c, doc("a", "small fish"))
	closeNow(t, c)
	c = open(t, dir, &words{}, nil)
	wantDocuments(t, c, doc("a", "small fish"))
}

func TestACollectionIsOpenOnce(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, &words{}, nil)
	_, err := minnow.Open(dir, &words{}, nil)
	if !errors.Is(err, minnow.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("Open of an open collection = %v, want ErrLocked naming process %d", err, os.Getpid())
	}
	closeNow(t, c)
	open(t, dir, &words{}, nil)
}

func TestAnOpenThatFailsLetsGo(t *testing.T) {
	dir, _ := filled(t, 20)
	if _, err := minnow.Open(dir, &words{id: "others"}, nil); err == nil {
		t.Fatal("Open with another model = nil, want an error")
	}
	c, err := minnow.Open(dir, &words{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Check(context.Background()), c.Close()); err != nil {
		t.Error(err)
	}
}
