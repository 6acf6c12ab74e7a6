package background

import (
	"context"
	"sync"
	"syscall"
	"testing"
)

// priority is what getpriority(2) says of the calling thread; the kernel gives
// 20 - nice.
func priority(t *testing.T) int {
	t.Helper()
	p, err := syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	return 20 - p
}

func TestOnlyMarkedWorkStepsBack(t *testing.T) {
	usual := priority(t)
	for _, test := range []struct {
		ctx  context.Context
		want int
	}{
		{context.Background(), usual},
		{With(context.Background()), max(usual, nice)},
	} {
		var wg sync.WaitGroup
		wg.Go(func() {
			Step(test.ctx)
			if got := priority(t); got != test.want {
				t.Errorf("marked %v: nice %d, want %d", Is(test.ctx), got, test.want)
			}
		})
		wg.Wait()
	}
	// No thread with the lower priority is left for others.
	for range 100 {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if got := priority(t); got != usual {
					t.Errorf("a goroutine without the mark has nice %d, want %d", got, usual)
				}
			})
		}
		wg.Wait()
	}
}
