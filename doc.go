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
// own you need not link it: see [OwnVectors].
//
// # Adding
//
// [Collection.Add] adds or replaces some documents at once, and
// [Collection.AddSeq] any number in bounded memory, with reading, embedding and
// storing side by side. A text that is stored already is not embedded again,
// so a long import that was cut off goes on where it was by being run again.
// [Collection.AddVectors] takes vectors of the caller's.
//
// A model reads so many tokens of a text and no more. A [Splitter], such as
// split.Sentences of package github.com/minnow-search/minnow/split, cuts longer
// texts into passages, each with a vector of its own; a hit then points at its
// passage. Without one, [Hit.Truncated] says that the end was not read.
//
// # Asking
//
// [Collection.KNNQuery] takes words, [Collection.KNNQueryVector] a vector and
// [Collection.SimilarTo] a document. [Query] says how: by meaning, by words or
// by both (Mode); among documents of some metadata only (Where, with package
// github.com/minnow-search/minnow/where); like some examples and unlike others
// (Near, Away); hits that differ from each other (Diversity); page by page
// (Offset). [Hit] says what its numbers mean. [Collection.Where] lists documents
// by metadata alone.
//
// # What is durable when
//
//	call                  after a crash of the process        after a power cut
//	Add, AddVectors,
//	Delete, ImportIndex   kept, once it returned              kept, once it returned
//	AddSeq                kept, as far as ImportStats count   the same
//	 with DeferSync       kept, once it returned              kept, once Save or Close returned
//	Save, Close, Compact  the graph need not be made again    the same
//	Backup, ExportIndex   what was written is the caller's    the same, of ExportIndex
//	Restore, Reindex,
//	Repair                the old or the new, whole           the same
//
// A call that returned an error, or that was cut off, left nothing: there is no
// half of an Add. (AddSeq and ImportIndex are a row of Adds: the first ones
// stay.) Documents whose Add returned need no Save.
//
// # What others see
//
// One process writes a collection; in it, any number of goroutines may use it.
// Others may open it with [Options.ReadOnly] beside that, and see each write
// from their next query on. A query that runs beside an Add sees each document
// as it was before or as it is after.
//
// # When something breaks
//
// A damaged, missing or outdated graph is made again by Open, said in the log.
// A damaged minnow.db is [ErrDamaged], and [Repair] recovers what can be read.
// [Collection.Check] reads everything and tells. [Collection.Backup] copies a
// collection that is in use, and [Restore] brings the copy back. After a change
// of model, [Reindex] embeds all texts again.
//
// # Errors
//
// Errors that a program can act on are variables of this package, to be tested
// for with [errors.Is]. Errors of the embedder and of the context come through,
// wrapped.
package minnow
