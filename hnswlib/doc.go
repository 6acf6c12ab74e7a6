// Package hnswlib finds the nearest of many vectors in about a millisecond: a
// faithful, safe binding to hnswlib 0.8.0, the original implementation of
// hierarchical navigable small world graphs.
//
// An [Index] maps labels (uint64, yours to choose) to vectors (float32, of one
// dimension) and answers which are nearest to a query, in one of three spaces:
// [L2], [InnerProduct] and [Cosine]. Vectors travel as flat row-major slices:
// n vectors of dimension d are n*d floats.
//
//	ix, err := hnswlib.New(hnswlib.Cosine, 384, nil)
//	...
//	defer ix.Close()
//	err = ix.Add(vectors, labels)
//	rows, err := ix.KNNQuery(query, 10, nil)
//
// # Recall
//
// Answers are approximate: recall, the share of the true nearest that is found,
// rises with the candidate list ([Index.SetEf], [Query]), M and EfConstruction
// ([Config]), and so does the cost. A query may ask for a recall instead
// ([Query], [Index.Calibrate]). The number of answers is never short: k, or
// all live elements if they are fewer.
//
// # Codes
//
// Walks through the graph, for queries and for adds, go by codes of the
// vectors, a byte a dimension ([Int8]) unless [Config] asks for half a byte
// ([Int4]) or [None]; answers are ranked by the vectors themselves, and their distances are
// exact. Recall at an ef is as without codes, several times as fast. Where codes
// do badly the index does without: single vectors far from all others are
// measured themselves, and if many are there are no codes.
//
// # Labels
//
// Adding a label again replaces its vector. [Index.MarkDeleted] hides a label,
// [Index.UnmarkDeleted] or a new Add brings it back, [Index.Compact] forgets
// what is deleted. [Index.AddAuto] chooses labels itself. Upstream's graph is only ever appended to, as its own update
// of an element can cut others off: a replaced vector stays as a way-point until
// a rebuild, which Add does by itself when such leftovers outnumber the labels.
//
// # Questions
//
// [Index.KNNQuery] finds the k nearest, [Index.KNNQueryInto] does so without
// allocating, [Index.Within] finds all that lies within a distance, and
// [Index.KNNQueryDocuments] the k nearest of documents that have several vectors
// each. A [Filter] says which labels an answer may contain. [BruteForce] is an
// index without a graph: exact, and the better one for few vectors.
//
// # Goroutines and threads
//
// Every method may be called from any goroutine. Queries run beside queries,
// saves and checks; changes run alone, in slices of about a millisecond, so that
// queries are answered during an import. Adds follow one another; one Add, and
// one long batch of queries, uses all cores unless [Config] says otherwise. With
// Threads of 1 a graph depends on nothing but the vectors, their order and the
// seed, and with Quantization [None] it is the one that upstream builds. An Add
// that makes the index learn its codes anew, each time that it has doubled, holds up
// queries for 0.2 µs an element.
//
// # Memory
//
// An element takes about 4*Dim + 8*M + 60 bytes outside of Go's heap, and Dim or
// Dim/2 for its code, in whole cache lines of 64; [Index.Close] frees them. The vectors may be in a file
// instead ([Config]) or be dropped ([Index.DropVectors]). Slices that you pass in are never kept, and those that you get
// are yours.
//
// # Files
//
// [Index.Save] and [Load] use upstream's format, so that Python, Elixir and C++
// read what Go wrote and the reverse; what Python does by pickling, WriteTo and
// [Read] do with any writer and reader. The format has no checksum and does not
// name the space; Load checks all that can be checked. A label's replaced vectors
// are tombstones in the file, and count as such in upstream's element counts.
//
// # Errors
//
// Every error is an [*Error] and wraps one of the Err variables, or an error of
// the file system. Wrong input never panics, and never reaches C++ unchecked.
package hnswlib
