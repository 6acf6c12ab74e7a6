// Package minnow is semantic search in a Go program: texts go in, and a
// question in plain words finds those that mean the same. It runs on this
// machine, without a service.
//
//	c, err := minnow.Open("fish.minnow", model, nil)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = c.Add(ctx,
//		minnow.Document{ID: "1", Text: "Minnows are small freshwater fish."},
//		minnow.Document{ID: "2", Text: "The bank raised its interest rate."})
//	if err != nil {
//		return err
//	}
//	hits, err := c.KNNQuery(ctx, "tiny animals that live in rivers", nil)
//
// A [Collection] is a folder. It holds documents in an SQLite database, which
// is the truth, and a search graph, which is a cache of it: to lose the graph
// costs time, never data.
//
// The model is anything with the three methods of [Embedder]. *onnx.Model of
// package github.com/minnow-search/minnow/onnx is one; with vectors of your
// own you need not link it.
//
// # What is durable when
//
//	call            after a crash of the process        after a power cut
//	Add, Delete     kept, once it returned              kept, once it returned
//	 with DeferSync kept, once it returned              kept, once Save or Close returned
//	Save, Close     the graph need not be made again    the same
//
// A call that returned an error, or that was cut off, left nothing: there is no
// half of an Add. Documents whose Add returned need no Save.
//
// # What others see
//
// One process has a collection open at a time; in it, any number of goroutines
// may use it. A query that runs beside an Add sees each document as it was
// before or as it is after.
//
// # Errors
//
// Errors that a program can act on are variables of this package, to be tested
// for with [errors.Is]. Errors of the embedder and of the context come through,
// wrapped.
package minnow
