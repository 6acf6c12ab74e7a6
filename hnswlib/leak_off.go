//go:build !cgodebug

package hnswlib

const watchLeaks = false
