package tokenizer_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

// A text of 10 MiB is encoded in a process of its own, whose greatest memory the system then tells. In one
// piece, the exclamation marks take 5 GB.
func TestTenMegabytesTakeLittleMemory(t *testing.T) {
	bert := filepath.Join(testkit.Model(t, testkit.GoldenModel), "tokenizer.json")
	for name, c := range map[string]struct {
		path, unit string
		tokens     int // in a unit
		megabytes  int
		slow       bool
	}{
		"English":            {bert, "the small fish swims in cold water. ", 9, 300, false},
		"Chinese":            {bert, "小鱼在水里", 5, 300, true},
		"lines":              {bert, "fish\n", 1, 300, true},
		"exclamation marks":  {bert, "!", 1, 300, true},
		"English to RoBERTa": {filepath.Join("testdata", "roberta.json"), " the river", 0, 300, true},
		"English to XLM-R":   {filepath.Join("testdata", "xlmr.json"), " the river", 0, 300, true},
		"one word":           {bert, "a", 0, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			times := 10 << 20 / len(c.unit)
			if os.Getenv("MINNOW_TEST_BIG") == t.Name() {
				tok, err := tokenizer.Open(c.path, &tokenizer.Options{MaxTokens: 256})
				if err != nil {
					t.Fatal(err)
				}
				defer tok.Close()
				e, err := tok.Encode(strings.Repeat(c.unit, times))
				if err != nil {
					t.Fatal(err)
				}
				if want := times*c.tokens + 2; c.tokens > 0 && (e.Total != want || len(e.IDs) != 256) {
					t.Errorf("%d ids of %d, want 256 of %d", len(e.IDs), e.Total, want)
				}
				return
			}
			if c.slow && testing.Short() {
				t.Skip("takes seconds; run without -short")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // it takes 2 to 6 seconds
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
			cmd.Env = append(os.Environ(), fmt.Sprint("MINNOW_TEST_BIG=", t.Name()))
			start := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10 // it counts kilobytes
			if runtime.GOOS == "darwin" {
				peak >>= 10 // it counts bytes
			}
			t.Logf("%v, %d MiB", time.Since(start).Round(time.Millisecond), peak)
			if int(peak) > c.megabytes {
				t.Errorf("%d MiB of memory, want at most %d", peak, c.megabytes)
			}
		})
	}
}
