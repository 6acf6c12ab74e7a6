package hnswlib

import (
	"runtime"

	"github.com/minnow-search/minnow/csrc"
)

// leak is an index whose owner forgot Close: the C++ side, and where it was
// made if leaks are watched for.
type leak struct {
	c      csrc.Index
	origin string
}

// setAlarm frees ix.c should ix become unreachable before Close. A safety net,
// not a feature: it runs late or never.
func (ix *Index) setAlarm() {
	l := leak{c: ix.c}
	if watchLeaks {
		l.origin = creator()
	}
	ix.alarm = runtime.AddCleanup(ix, freeLeak, l)
}

// freeLeak must not be a closure: it would keep the Index reachable.
func freeLeak(l leak) {
	l.c.Free()
	if watchLeaks {
		panic("hnswlib: index was never closed; it was made at\n" + l.origin)
	}
}

func creator() string {
	buf := make([]byte, 4<<10)
	return string(buf[:runtime.Stack(buf, false)])
}
