// Package background marks work that makes way for what somebody waits for: an
// import beside queries. The mark goes with a context, down to the goroutines
// that compute.
package background

import (
	"context"
	"runtime"
)

type key struct{}

// With marks what is done under the context.
func With(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, true) }

// Is reports whether the context has the mark.
func Is(ctx context.Context) bool { return ctx.Value(key{}) != nil }

// Step lowers the priority of the calling goroutine, if the context has the
// mark and the system can. It is for a goroutine that does this work alone and
// ends with it: its thread can't go back, and ends too.
func Step(ctx context.Context) {
	if !Is(ctx) {
		return
	}
	runtime.LockOSThread() // and never unlocks: the runtime then ends the thread
	lower()
}
