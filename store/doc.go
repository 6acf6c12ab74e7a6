// Package store keeps the documents of a minnow collection in one SQLite
// file. It is the only truth of a collection: the search graph is a cache that
// can be made again from what is here.
//
// # What is kept
//
// A document has an ID, a text, JSON metadata, a content hash and one vector.
// Each vector has a label, a positive number that the search graph knows it
// by. Labels only ever grow and are never given twice: when a document gets
// another vector, it gets another label, and the old one is recorded as
// removed. A label therefore names one text and one vector for good, and a
// graph never has to change a node in place.
//
// Every write is one transaction, and every transaction that changes a
// document takes the next sequence number. A graph built at sequence N is
// brought up to date by [Store.Changes] since N: the vectors added after N and
// the labels removed after N. [Store.SetGraph] records which graph is saved;
// removals up to its sequence are of no further use and are forgotten.
//
// # Durability
//
// The file is in WAL mode. A write that returned nil is on the disk, unless
// [Options] ask for [Options.DeferSync]. A write that returned an error, or
// was cut short by a crash, left nothing.
//
// # Goroutines and processes
//
// A Store may be used by many goroutines. Writes take turns; reads run beside
// them and beside each other, each on a snapshot. Only one process may have
// the file open as a Store at a time: the collection's lock file sees to that,
// not this package.
package store
