package minnow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/minnow-search/minnow"
)

// childDir names, in a child process of these tests, the collection to write.
const childDir = "MINNOW_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled adds documents, and prints the number of each once its Add
// has returned. Every third one is deleted again before it is printed.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	c, err := minnow.Open(dir, &words{}, nil)
	if err != nil {
		return err
	}
	for i := c.Stats().Sequence; ; i++ {
		if err := c.Add(ctx, doc(fmt.Sprint(i), sentence(int(i)))); err != nil {
			return err
		}
		if i%3 == 0 {
			if _, err := c.Delete(ctx, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		if i%20 == 19 {
			if err := c.Save(ctx); err != nil {
				return err
			}
		}
		fmt.Println(i)
	}
}

func TestAKillLosesNothingThatWasAcknowledged(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	dir := filepath.Join(t.TempDir(), "collection")
	acknowledged := map[int]bool{}
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		var problem strings.Builder
		child.Stderr = &problem
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			i, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			acknowledged[i] = true
			if n == 0 {
				_, err := minnow.Open(dir, &words{}, nil)
				if !errors.Is(err, minnow.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", child.Process.Pid)) {
					t.Errorf("Open beside the child = %v, want ErrLocked naming process %d", err, child.Process.Pid)
				}
			}
			if n == 13+7*round { // somewhere in Add, Delete or Save
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || problem.Len() > 0 {
			t.Fatalf("the child ended with %v: %s", err, problem.String())
		}

		c := open(t, dir, &words{}, nil)
		found := map[string]bool{}
		for _, d := range collect(t, c.All(t.Context())) {
			found[d.ID] = true
		}
		for i := range acknowledged {
			if want := i%3 != 0; found[fmt.Sprint(i)] != want {
				t.Errorf("after kill %d: document %d is there: %v, want %v", round, i, !want, want)
			}
		}
		if got := len(query(t, c, "w1", 1<<20)); got != c.Len() {
			t.Errorf("after kill %d: a query finds %d documents of %d", round, got, c.Len())
		}
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("after kill %d: Check() = %v", round, err)
		}
		closeNow(t, c)
	}
}
