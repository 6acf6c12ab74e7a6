package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/internal/testkit"
)

var update = flag.Bool("update", false, "write what the commands of README print into it")

// What a slow machine prints beside the rest: long work tells of itself every ten seconds.
var progressLine = regexp.MustCompile("(?m)^minnow: [a-z ]+: [0-9,]+( of [0-9,]+, [0-9hms]+ left)?, [0-9]+/s\n")

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```\n")

// The lines after "$ " in README's console blocks are run, all in one shell, and print what stands below them.
func TestTheTourOfReadmeIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it imports a file, with a process a command: run the test without -short")
	}
	root := filepath.Join("..", "..")
	path := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, block := range consoleBlock.FindAllSubmatch(readme, -1) {
		for line := range strings.Lines(string(block[1])) {
			if command, found := strings.CutPrefix(line, "$ "); found {
				commands = append(commands, strings.TrimSuffix(command, "\n"))
			}
		}
	}
	if len(commands) < 10 {
		t.Fatalf("README has %d commands in console blocks", len(commands))
	}
	outputs := runTour(t, root, commands)

	next := 0
	got := consoleBlock.ReplaceAllFunc(readme, func(block []byte) []byte {
		out := "```console\n"
		for line := range strings.Lines(string(block)) {
			if strings.HasPrefix(line, "$ ") {
				out += line + outputs[next]
				next++
			}
		}
		return []byte(out + "```\n")
	})
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(strings.Split(string(readme), "\n"), strings.Split(string(got), "\n")); d != "" {
		t.Errorf("README says otherwise than the commands; if they are right: go test -run %s -update ./cmd/minnow\n-README +commands\n%s", t.Name(), d)
	}
}

// runTour returns what each command prints, on both outputs.
func runTour(t *testing.T, dir string, commands []string) []string {
	t.Helper()
	const mark = "=== next command ==="
	script := "exec 2>&1\n"
	for _, command := range commands {
		script += command + "\necho '" + mark + "'\n"
	}
	home, err := native.Home()
	if err != nil {
		t.Fatal(err)
	}
	testkit.Model(t, testkit.GoldenModel) // or it fails with what to do
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "MINNOW_HOME=" + home}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out = progressLine.ReplaceAll(out, nil)
	outputs := strings.Split(string(bytes.TrimSuffix(out, []byte(mark+"\n"))), mark+"\n")
	if len(outputs) != len(commands) {
		t.Fatalf("%d commands and %d outputs:\n%s", len(commands), len(outputs), out)
	}
	return outputs
}
