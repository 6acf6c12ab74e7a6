package minnow_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/minnow-search/minnow"
)

// openExample opens a collection in a folder that cleanup removes. A real
// program has a real model, such as *onnx.Model, and keeps its folder.
func openExample() (c *minnow.Collection, cleanup func()) {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	c, err = minnow.Open(dir, &words{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		if err := c.Close(); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

func ExampleCollection_Add() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "minnow", Text: "A small freshwater fish."},
		minnow.Document{ID: "whale", Text: "A large marine mammal.", Metadata: map[string]any{"page": 7}})
	if err != nil {
		log.Fatal(err)
	}
	// An ID that is there is replaced.
	if err := c.Add(ctx, minnow.Document{ID: "minnow", Text: "A very small fish."}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Len(), "documents")
	// Output: 2 documents
}

func ExampleCollection_KNNQuery() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx,
		minnow.Document{ID: "minnow", Text: "A small freshwater fish."},
		minnow.Document{ID: "whale", Text: "A large marine mammal."})
	if err != nil {
		log.Fatal(err)
	}
	hits, err := c.KNNQuery(ctx, "small fish", &minnow.Query{K: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits {
		fmt.Printf("%s %.2f: %s\n", h.ID, h.Similarity, h.Text)
	}
	// Output: minnow 0.87: A small freshwater fish.
}

func ExampleCollection_All() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	err := c.Add(ctx, minnow.Document{ID: "1", Text: "one"}, minnow.Document{ID: "2", Text: "two"})
	if err != nil {
		log.Fatal(err)
	}
	for d, err := range c.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.ID, d.Text)
	}
	// Output:
	// 1 one
	// 2 two
}

func ExampleCollection_Delete() {
	c, cleanup := openExample()
	defer cleanup()
	ctx := context.Background()
	if err := c.Add(ctx, minnow.Document{ID: "1", Text: "one"}); err != nil {
		log.Fatal(err)
	}
	removed, err := c.Delete(ctx, "1", "2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed, "removed")
	// Output: 1 removed
}
