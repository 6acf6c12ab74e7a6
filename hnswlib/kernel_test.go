package hnswlib_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/hnswlib"
)

// In a process of its own, since the choice is made once.
func TestTheEnvironmentChoosesTheKernel(t *testing.T) {
	const answer = "MINNOW_TEST_KERNEL"
	if os.Getenv(answer) != "" {
		name, err := hnswlib.Kernel()
		_, newErr := hnswlib.New(hnswlib.L2, 3, nil)
		if errors.Is(newErr, hnswlib.ErrConfig) != (err != nil) {
			t.Errorf("Kernel says %v, and New %v", err, newErr)
		}
		if newErr != nil {
			name = newErr.Error()
		}
		os.Stdout.WriteString("kernel: " + name + "\n")
		return
	}
	for i := range csrc.KernelCount() {
		name := csrc.KernelName(i)
		want := "kernel: " + name + "\n"
		if !csrc.KernelUsable(i) {
			want = "this processor has"
		}
		for name, want := range map[string]string{name: want, "fish": `MINNOW_KERNEL is "fish", and this processor has`} {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
			cmd.Env = append(os.Environ(), answer+"=1", "MINNOW_KERNEL="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("with MINNOW_KERNEL=%s: %v\n%s\nwant %q", name, err, out, want)
			}
		}
	}
}
