package hnswlib_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/minnow-search/minnow/hnswlib"
)

func Example() {
	ix, err := hnswlib.New(hnswlib.L2, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()

	// Three vectors of two components, under labels of our choice.
	err = ix.Add([]float32{0, 0, 3, 4, 6, 8}, []uint64{7, 8, 9})
	if err != nil {
		log.Fatal(err)
	}
	rows, err := ix.KNNQuery([]float32{0, 1}, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range rows[0] {
		fmt.Printf("label %d at squared distance %v\n", n.Label, n.Distance)
	}
	// Output:
	// label 7 at squared distance 1
	// label 8 at squared distance 18
}

func ExampleSpace() {
	for _, space := range []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine} {
		ix, err := hnswlib.New(space, 2, nil)
		if err != nil {
			log.Fatal(err)
		}
		defer ix.Close()
		if err := ix.Add([]float32{2, 0}, []uint64{1}); err != nil {
			log.Fatal(err)
		}
		rows, err := ix.KNNQuery([]float32{1, 0}, 1, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: %v\n", space, rows[0][0].Distance)
	}
	// Output:
	// l2: 1
	// ip: -1
	// cosine: 0
}

func ExampleIndex_Add() {
	ix, err := hnswlib.New(hnswlib.L2, 2, &hnswlib.Config{MaxElements: 2, FixedCapacity: true})
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()

	fmt.Println(ix.Add([]float32{1, 1, 2, 2}, []uint64{1, 2}))
	fmt.Println(ix.Add([]float32{5, 5}, []uint64{1})) // replaces
	err = ix.Add([]float32{3, 3}, []uint64{3})
	fmt.Println(err)
	fmt.Println(errors.Is(err, hnswlib.ErrFull))
	// Output:
	// <nil>
	// <nil>
	// hnswlib: add: index is full: 2 labels and 1 new ones are over the fixed capacity 2
	// true
}

func ExampleIndex_MarkDeleted() {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Add([]float32{1, 2, 3}, []uint64{1, 2, 3}); err != nil {
		log.Fatal(err)
	}
	if err := ix.MarkDeleted([]uint64{2}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ix.Labels(), ix.DeletedLen())
	if err := ix.UnmarkDeleted([]uint64{2}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(ix.Labels(), ix.DeletedLen())
	// Output:
	// [1 3] 1
	// [1 2 3] 0
}

func ExampleIndex_Save() {
	dir, err := os.MkdirTemp("", "minnow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "index.hnsw")

	ix, err := hnswlib.New(hnswlib.Cosine, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Add([]float32{3, 4}, []uint64{1}); err != nil {
		log.Fatal(err)
	}
	if err := ix.Save(path); err != nil {
		log.Fatal(err)
	}

	loaded, err := hnswlib.Load(path, hnswlib.Cosine, 2, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer loaded.Close()
	items, err := loaded.Items([]uint64{1})
	fmt.Println(items, err) // cosine keeps directions, not lengths

	_, err = hnswlib.Load(path, hnswlib.Cosine, 3, nil)
	fmt.Println(err)
	// Output:
	// [[0.6 0.8]] <nil>
	// hnswlib: load: wrong dimension: the file has dimension 2, the index 3
}
