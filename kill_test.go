package minnow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/vec"
)

// childDir names, in a child process of these tests, the collection to write,
// and childLimit how large its files may get, in bytes.
const (
	childDir   = "MINNOW_TEST_CHILD_DIR"
	childLimit = "MINNOW_TEST_CHILD_LIMIT"
)

// soak makes the long tests as long as they should be: make soak sets it.
var soak = os.Getenv("MINNOW_SOAK") != ""

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	switch {
	case dir == "":
		os.Exit(m.Run())
	case os.Getenv(childLimit) != "":
		fmt.Fprintln(os.Stderr, writeUntilFull(dir))
	default:
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
	}
	os.Exit(1)
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
	rounds := 50
	switch {
	case soak:
		rounds = 200
	case testing.Short():
		rounds = 3
	}
	r := rand.New(rand.NewPCG(uint64(rounds), uint64(time.Now().UnixNano())))
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
		kill := r.IntN(60) // after so many documents, and then in the middle of something
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
				readBeside(t, dir, i)
			}
			if n == kill {
				time.Sleep(time.Duration(r.IntN(5000)) * time.Microsecond)
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
		for id := range found {
			i, err := strconv.Atoi(id)
			if d, getErr := c.Get(t.Context(), id); err != nil || getErr != nil || d.Text != sentence(i) {
				t.Errorf("after kill %d: document %s is %q, %v: half of something", round, id, d.Text, getErr)
			}
		}
		wantBruteForce(t, c, sentence(round))
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("after kill %d: Check() = %v", round, err)
		}
		closeNow(t, c)
	}
}

// readBeside opens a collection that another process writes, and looks for a
// document that it has acknowledged.
func readBeside(t *testing.T, dir string, i int) {
	t.Helper()
	c := open(t, dir, &words{}, &minnow.Options{ReadOnly: true})
	defer closeNow(t, c)
	hits := ask1(t, c, sentence(i), &minnow.Query{K: 1 << 20, Ef: 1 << 20})
	there := slices.ContainsFunc(hits, func(h minnow.Hit) bool { return h.ID == fmt.Sprint(i) })
	if deleted := i%3 == 0; there == deleted {
		t.Errorf("a reader beside the child finds document %d: %v, want %v", i, there, !deleted)
	}
}

// wantBruteForce compares the answer to a question with that of a scan.
func wantBruteForce(t *testing.T, c *minnow.Collection, text string) {
	t.Helper()
	var vectors [][]float32
	var names []string
	for _, d := range collect(t, c.All(t.Context())) {
		vectors = append(vectors, bag(d.Text))
		names = append(names, d.ID)
	}
	hits := ask1(t, c, text, &minnow.Query{K: len(names) + 1, Ef: 1 << 20})
	if len(hits) != len(names) {
		t.Errorf("a query finds %d documents of %d", len(hits), len(names))
		return
	}
	distances := map[string]float64{}
	for i, v := range vectors {
		distances[names[i]] = vec.Cosine(bag(text), v)
	}
	for i, h := range hits {
		if math.Abs(float64(h.Distance)-distances[h.ID]) > 1e-5 || i > 0 && h.Distance < hits[i-1].Distance {
			t.Errorf("hit %d is %s at %v, by a scan at %v", i, h.ID, h.Distance, distances[h.ID])
		}
	}
}

// writeUntilFull adds documents under a limit on the size of files, which is
// what SQLite and the graph see of a full disk, and prints each that was
// acknowledged.
func writeUntilFull(dir string) error {
	limit, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // so that writes fail in place of the process
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	ctx := context.Background()
	c, err := minnow.Open(dir, &words{}, nil)
	if err != nil {
		return err
	}
	var failures []error
	for i := 0; i < 400 && len(failures) < 10; i++ {
		if err := c.Add(ctx, doc(fmt.Sprint(i), sentence(i))); err != nil {
			failures = append(failures, err)
			continue
		}
		fmt.Println(i)
		if i%50 == 49 {
			if err := c.Save(ctx); err != nil {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(append(failures, c.Close())...)
}

func TestAFullDiskLosesNothingThatWasAcknowledged(t *testing.T) {
	step := 16 << 10
	if testing.Short() {
		step = 64 << 10
	}
	stored := 0
	for limit := 0; limit <= 512<<10; limit += step {
		dir := filepath.Join(t.TempDir(), "collection")
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprint(childLimit, "=", limit))
		var problem strings.Builder
		child.Stderr = &problem
		out, err := child.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || strings.Contains(problem.String(), "panic") {
			t.Fatalf("limit %d: the child ended with %v: %s", limit, err, problem.String())
		}
		c := open(t, dir, &words{}, nil)
		for line := range strings.FieldsSeq(string(out)) {
			if _, err := c.Get(t.Context(), line); err != nil {
				t.Errorf("limit %d: %v; the child says:\n%s", limit, err, problem.String())
			}
			stored++
		}
		if got := len(strings.Fields(string(out))); got != c.Len() {
			t.Errorf("limit %d: %d documents are there, %d were acknowledged", limit, c.Len(), got)
		}
		if c.Len() > 0 {
			wantBruteForce(t, c, sentence(limit))
		}
		closeNow(t, c)
	}
	if stored == 0 {
		t.Error("no limit let a document in")
	}
}
