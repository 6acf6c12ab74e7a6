package tokenizer_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"bytes"

	"github.com/minnow-search/minnow/tokenizer"
)

func vm() string {
	b, _ := os.ReadFile("/proc/self/status")
	var out []string
	for _, l := range bytes.Split(b, []byte("\n")) {
		if bytes.HasPrefix(l, []byte("VmHWM")) || bytes.HasPrefix(l, []byte("VmRSS")) {
			out = append(out, string(l))
		}
	}
	return strings.Join(out, " ")
}

func TestScratchBig(t *testing.T) {
	tok := open(t, &tokenizer.Options{MaxTokens: 256})
	fmt.Println(vm())
	unit := os.Getenv("UNIT")
	text := strings.Repeat(unit, 10<<20/len(unit))
	start := time.Now()
	e, err := tok.Encode(text)
	fmt.Printf("%.20q %v %d %v\n", unit, time.Since(start), e.Total, err)
	runtime.GC()
	fmt.Println(vm())
}
