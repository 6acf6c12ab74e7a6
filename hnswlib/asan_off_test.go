//go:build !asan

package hnswlib_test

const underASan = false
