package minnow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/where"
)

func ExampleCollection_KNNQuery_hybrid() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "E1042", Text: "Error E1042: the pump is blocked."},
		minnow.Document{ID: "E1043", Text: "Error E1043: the pump runs dry."},
		minnow.Document{ID: "manual", Text: "How to clean the pump."})
	if err != nil {
		log.Fatal(err)
	}
	// A name that no model knows: words find it.
	hits, err := c.KNNQuery(ctx, "E1043: pump?", &minnow.Query{Mode: minnow.Hybrid, K: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hits[0].ID, hits[0].Words)
	// Output: E1043 [E1043 pump]
}

func ExampleCollection_KNNQuery_where() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "1", Text: "A small fish.", Metadata: map[string]any{"lang": "en", "year": 2024}},
		minnow.Document{ID: "2", Text: "A small bird.", Metadata: map[string]any{"lang": "en", "year": 2012}},
		minnow.Document{ID: "3", Text: "Ein kleiner Fisch.", Metadata: map[string]any{"lang": "de", "year": 2023}})
	if err != nil {
		log.Fatal(err)
	}
	recent := where.And(where.Eq("lang", "en"), where.Ge("year", 2020))
	hits, err := c.KNNQuery(ctx, "small animals", &minnow.Query{Where: recent})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits {
		fmt.Println(h.ID, h.Text)
	}
	// Output: 1 A small fish.
}

func ExampleCollection_SimilarTo() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "minnow", Text: "A small freshwater fish."},
		minnow.Document{ID: "trout", Text: "A freshwater fish."},
		minnow.Document{ID: "whale", Text: "A large marine mammal."})
	if err != nil {
		log.Fatal(err)
	}
	hits, err := c.SimilarTo(ctx, "minnow", &minnow.Query{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hits[0].ID)
	// Output: trout
}

func ExampleCollection_AddSeq() {
	c, cleanup := openExample()
	defer cleanup()
	lines := []string{"one fish", "two fish", "red fish"}
	stats, err := c.AddSeq(context.Background(), func(yield func(minnow.Document) bool) {
		for i, line := range lines {
			if !yield(minnow.Document{ID: fmt.Sprint(i), Text: line}) {
				return
			}
		}
	})
	fmt.Printf("%+v %v\n", stats, err)
	// Output: {Documents:3 Embedded:3} <nil>
}

func ExampleCollection_AddVectors() {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := minnow.Open(dir, minnow.OwnVectors(2, "my model, version 3"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	docs := []minnow.Document{{ID: "east"}, {ID: "north"}}
	if err := c.AddVectors(ctx, docs, [][]float32{{1, 0}, {0, 1}}); err != nil {
		log.Fatal(err)
	}
	hits, err := c.KNNQueryVector(ctx, []float32{0.6, 0.8}, &minnow.Query{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %.1f\n", hits[0].ID, hits[0].Similarity)
	// Output: north 0.8
}

func ExampleCollection_Where() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "1", Text: "one", Metadata: map[string]any{"tags": []string{"odd", "small"}}},
		minnow.Document{ID: "2", Text: "two", Metadata: map[string]any{"tags": []string{"even", "small"}}})
	if err != nil {
		log.Fatal(err)
	}
	for d, err := range c.Where(ctx, where.Eq("tags", "even")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.ID)
	}
	// Output: 2
}

func ExampleCollection_Backup() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	if err := c.Add(ctx, minnow.Document{ID: "1", Text: "one"}); err != nil {
		log.Fatal(err)
	}
	var backup bytes.Buffer // or a file, a compressor, a connection
	if err := c.Backup(ctx, &backup); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	restored := filepath.Join(dir, "restored")
	if err := minnow.Restore(ctx, &backup, restored); err != nil {
		log.Fatal(err)
	}
	copied, err := minnow.Open(restored, &words{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer copied.Close()
	fmt.Println(copied.Len(), "document")
	// Output: 1 document
}

func ExampleCollection_ExportIndex() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	if err := c.Add(ctx, minnow.Document{ID: "minnow", Text: "A small fish."}); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "fish.hnsw")
	if err := c.ExportIndex(ctx, path); err != nil {
		log.Fatal(err)
	}
	labels, err := os.ReadFile(path + ".labels.jsonl")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(labels))
	// Output: {"label":1,"id":"minnow","end":13}
}

func ExampleQuery() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	for id, text := range map[string]string{
		"puppy": "dog small pet", "kitten": "cat small pet", "dog": "dog pet", "cat": "cat pet", "car": "engine wheel",
	} {
		if err := c.Add(ctx, minnow.Document{ID: id, Text: text}); err != nil {
			log.Fatal(err)
		}
	}
	// Small, more like the dog, and nothing like a cat.
	hits, err := c.KNNQuery(ctx, "small", &minnow.Query{
		K:    1,
		Near: []minnow.Example{{ID: "dog"}},
		Away: []minnow.Example{{Text: "cat"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hits[0].ID)
	// Output: puppy
}

func ExampleCollection_ImportIndex() {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	// An index that Python wrote with save_index would do as well.
	ix, err := hnswlib.New(hnswlib.Cosine, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()
	path := filepath.Join(dir, "python.hnsw")
	if err := errors.Join(ix.Add([]float32{1, 0, 0, 1}, []uint64{7, 8}), ix.Save(path)); err != nil {
		log.Fatal(err)
	}
	labels := []byte(`{"label": 7, "id": "east"}` + "\n" + `{"label": 8, "id": "north", "text": "where the needle points"}` + "\n")
	if err := os.WriteFile(path+".labels.jsonl", labels, 0o600); err != nil {
		log.Fatal(err)
	}
	c, err := minnow.Open(filepath.Join(dir, "collection"), minnow.OwnVectors(2, "python's model"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	n, err := c.ImportIndex(context.Background(), path)
	fmt.Println(n, "documents", err)
	// Output: 2 documents <nil>
}

func ExampleRepair() {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := minnow.Open(dir, &words{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
	report, err := minnow.Repair(context.Background(), dir, &words{}, nil)
	fmt.Println("damage:", report.Damage, err)
	// Output: damage: <nil> <nil>
}

func ExampleCollection_Get() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	if err := c.Add(ctx, minnow.Document{ID: "1", Text: "one"}); err != nil {
		log.Fatal(err)
	}
	d, err := c.Get(ctx, "1")
	fmt.Println(d.Text, err)
	_, err = c.Get(ctx, "2")
	fmt.Println(errors.Is(err, minnow.ErrNotFound))
	// Output:
	// one <nil>
	// true
}

func ExampleReindex() {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	c, err := minnow.Open(dir, &words{id: "old model"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Add(ctx, minnow.Document{ID: "1", Text: "one"}); err != nil {
		log.Fatal(err)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
	better := &words{id: "new model"}
	if err := minnow.Reindex(ctx, dir, better, nil); err != nil {
		log.Fatal(err)
	}
	c, err = minnow.Open(dir, better, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.Stats().Model)
	// Output: new model
}

func ExampleDocument() {
	d := minnow.Document{
		ID:       "minnow",
		Text:     "A small freshwater fish.",
		Metadata: map[string]any{"page": 7, "tags": []string{"fish", "river"}},
	}
	fmt.Println(slices.Sorted(maps.Keys(d.Metadata)))
	// Output: [page tags]
}
