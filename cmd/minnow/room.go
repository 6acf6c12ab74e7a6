package main

import (
	"fmt"
	"syscall"

	"github.com/dustin/go-humanize"
)

// room says how much is free on a folder's disk.
func room(dir string) string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Sprintf("no telling how much room is left: %v", err)
	}
	return humanize.Bytes(fs.Bavail*uint64(fs.Bsize)) + " free"
}
