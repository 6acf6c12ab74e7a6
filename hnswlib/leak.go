package hnswlib

import "runtime"

// leak is an index whose owner forgot Close: the C++ side, and where it was
// made if leaks are watched for.
type leak struct {
	c      interface{ Free() }
	origin string
}

// setAlarm frees ix.c should ix become unreachable before Close.
func (ix *Index) setAlarm() { ix.alarm = newAlarm(ix, ix.c) }

// newAlarm frees c should owner become unreachable before its Close. A safety
// net, not a feature: it runs late or never.
func newAlarm[T any](owner *T, c interface{ Free() }) runtime.Cleanup {
	l := leak{c: c}
	if watchLeaks {
		l.origin = creator()
	}
	return runtime.AddCleanup(owner, freeLeak, l)
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
