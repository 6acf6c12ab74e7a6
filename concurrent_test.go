package minnow_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/minnow-search/minnow"
)

func TestEverythingBesideEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	c := open(t, dir, &words{}, nil)
	const writers, rounds = 3, 30
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range rounds {
				// Writers meet at "shared", and have documents of their own.
				err := c.Add(t.Context(), doc("shared", sentence(w*i)), doc(fmt.Sprintf("%d/%d", w, i), sentence(i)))
				if err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if n, err := c.Delete(t.Context(), fmt.Sprintf("%d/%d", w, i)); n != 1 || err != nil {
						t.Errorf("Delete() = %d, %v, want 1", n, err)
					}
				}
			}
		})
		work.Go(func() {
			for i := range rounds {
				hits, err := c.KNNQuery(t.Context(), sentence(i), &minnow.Query{K: 5})
				if err != nil || i > 0 && len(hits) > 5 {
					t.Errorf("KNNQuery() = %d hits, %v", len(hits), err)
				}
				if _, err := c.Get(t.Context(), "shared"); err != nil && !errors.Is(err, minnow.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	work.Go(func() {
		for range 5 {
			if err := c.Save(t.Context()); err != nil {
				t.Error(err)
			}
			if err := c.Check(t.Context()); err != nil {
				t.Error(err)
			}
			for _, err := range c.All(t.Context()) {
				if err != nil {
					t.Error(err)
				}
			}
		}
	})
	work.Wait()
	const want = 1 + writers*rounds*2/3
	if got := c.Len(); got != want {
		t.Errorf("Len() = %d, want %d", got, want)
	}
	if got := len(query(t, c, "w1", 2*want)); got != want {
		t.Errorf("a query finds %d documents, want %d", got, want)
	}
}

// While documents are changed, each is in every answer once, with one of its
// texts, and with the distance of that text. There are many of them in one Add,
// so that queries meet the graph between the store's commit and its own end.
func TestAQueryBesideAChangeSeesOneOfTheTexts(t *testing.T) {
	c := openNew(t)
	const n, rounds = 200, 8
	similarity := map[string]float32{"small fish": 1, "small bird": 0.5} // one word of two is the same
	texts := []string{"small fish", "small bird"}
	change := func(round int) {
		docs := make([]minnow.Document, n)
		for i := range docs {
			docs[i] = doc(fmt.Sprint(i), texts[round%2])
		}
		if err := c.Add(t.Context(), docs...); err != nil {
			t.Error(err)
		}
	}
	change(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for round := range rounds {
			change(round + 1)
		}
	}()
	for changing := true; changing; {
		select {
		case <-done:
			changing = false // and one more query
		default:
		}
		hits, err := c.KNNQuery(t.Context(), "small fish", &minnow.Query{K: n})
		if err != nil {
			t.Error(err)
		}
		seen := map[string]bool{}
		for _, h := range hits {
			seen[h.ID] = true
			if want := similarity[h.Text]; !near(h.Similarity, want) {
				t.Errorf("similarity of %q is %v, want %v", h.Text, h.Similarity, want)
			}
		}
		if len(hits) != n || len(seen) != n {
			t.Errorf("%d hits for %d documents, want %d for as many", len(hits), len(seen), n)
		}
	}
	<-done
}

func TestCloseWaitsForCallsUnderWay(t *testing.T) {
	c := openNew(t)
	var work sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			for i := range 50 {
				err := c.Add(t.Context(), doc(fmt.Sprintf("%d/%d", g, i), sentence(i)))
				if err == nil {
					_, err = c.KNNQuery(t.Context(), sentence(i), nil)
				}
				if errors.Is(err, minnow.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
				}
				if i == 10 {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	work.Wait()
}
