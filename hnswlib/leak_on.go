//go:build cgodebug

package hnswlib

// watchLeaks makes an index that was never closed a panic that says where it
// came from.
const watchLeaks = true
