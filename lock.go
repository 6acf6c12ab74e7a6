// flock is what a lock that dies with its process takes. Other systems have no
// such call, and no collection.
//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package minnow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// lockName is the file whose lock says that a collection is open. The kernel
// lets go of the lock when the process ends, however it ends. The file stays:
// to remove it would let two processes hold locks on two files of that name.
const lockName = "LOCK"

// lockFolder takes the lock of a collection's folder, or fails with ErrLocked.
// Closing the file gives it back.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil {
		err = writeHolder(f)
	}
	if err != nil {
		holder := readHolder(f)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by %s; close it there first", ErrLocked, holder)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

// writeHolder leaves this process's number for the error of the next one.
func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readHolder(f *os.File) string {
	content, err := io.ReadAll(io.LimitReader(f, 32))
	pid, convErr := strconv.Atoi(string(bytes.TrimSpace(content)))
	switch {
	case err != nil || convErr != nil:
		return "another process"
	case pid == os.Getpid():
		return fmt.Sprintf("this process (%d)", pid)
	}
	return fmt.Sprintf("process %d", pid)
}
