package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func TestASoundFileIsSalvagedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	want := []store.Document{withMetadata(doc("a", "one", 1), `{"n":1}`), doc("b", "two", 2)}
	put(t, s, want...)
	if err := s.SetSettings(t.Context(), map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := store.SalvageFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Sequence, want[i].Passages[0].Label = 1, 0
	}
	for i := range got.Documents {
		got.Documents[i].Passages[0].Label = 0
	}
	if d := diff(store.Salvage{Settings: map[string]string{"k": "v"}, Documents: want}, got); d != "" {
		t.Errorf("SalvageFile: -want +got\n%s", d)
	}
}

// Pages are overwritten at random. Whatever is salvaged must be as it was, and
// what is on no page that was hit must be there.
func TestWhatIsLeftOfADamagedFileIsSalvaged(t *testing.T) {
	const pageSize = 8192
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	texts := map[string]string{}
	for i := range 20 {
		var docs []store.Document
		for j := range 50 {
			id := fmt.Sprint(50*i + j)
			texts[id] = strings.Repeat(id+" ", 20+j)
			docs = append(docs, doc(id, texts[id], make([]float32, 64)...))
		}
		put(t, s, docs...)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(6, 2))
	least := len(texts)
	for range 30 {
		spoilt := append([]byte(nil), whole...)
		for range 2 {
			at := pageSize * (1 + r.IntN(len(spoilt)/pageSize-1)) // not the first
			for i := range pageSize {
				spoilt[at+i] = byte(r.Uint32())
			}
		}
		path := filepath.Join(t.TempDir(), "minnow.db")
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := store.SalvageFile(t.Context(), path)
		if errors.Is(err, store.ErrDamaged) {
			continue // a page of the list of tables
		}
		if err != nil {
			t.Fatalf("SalvageFile() = %v, want nil or ErrDamaged", err)
		}
		for _, d := range got.Documents {
			if texts[d.ID] != d.Text {
				t.Errorf("document %q came back as %.40q", d.ID, d.Text)
			}
		}
		least = min(least, len(got.Documents))
	}
	// An inner page of the table may be hit, with all that hangs on it.
	if least == len(texts) {
		t.Error("no damage did any harm: the test tests nothing")
	}
	t.Logf("of %d documents %d were salvaged at least", len(texts), least)
}
