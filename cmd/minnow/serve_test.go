package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
)

func TestServeAnswersUntilItIsInterrupted(t *testing.T) {
	t.Setenv("MINNOW_MODEL", testkit.Model(t, testkit.GoldenModel))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	reader, writer := io.Pipe()
	root := newRoot()
	root.SetErr(writer)
	root.SetArgs([]string{"serve", "--db", t.TempDir(), "--addr", ":0"})
	ended := make(chan error, 1)
	go func() {
		ended <- root.ExecuteContext(ctx)
		writer.Close()
	}()

	log := bufio.NewScanner(reader)
	var url string
	for url == "" && log.Scan() {
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(log.Text())
	}
	if url == "" {
		t.Fatalf("it never said where it listens: %v", <-ended)
	}
	go io.Copy(io.Discard, reader)

	post := func(path, body string) []byte {
		t.Helper()
		resp, err := http.Post(url+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 {
			t.Fatalf("POST %s: %s, %v\n%s", path, resp.Status, err, answer)
		}
		return answer
	}
	post("/v1/documents", `[{"id": "1", "text": "a small fish"}, {"id": "2", "text": "the stock market"}]`)
	var answer struct {
		Hits []struct{ ID, Text string }
	}
	body := post("/v1/query", `{"text": "tiny swimmers", "k": 1}`)
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Hits) != 1 || answer.Hits[0].ID != "1" {
		t.Errorf("query answered %s, want the fish", body)
	}

	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("interrupted, it ended with %v", err)
	}
}

func TestServeRefusesWrongArguments(t *testing.T) {
	t.Setenv("MINNOW_MODEL", testkit.Model(t, testkit.GoldenModel))
	for want, args := range map[string][]string{
		`--addr "7700"`:          {"serve", "--db", t.TempDir(), "--addr", "7700"},
		`unknown command "fish"`: {"serve", "--db", t.TempDir(), "fish"},
	} {
		root := newRoot()
		root.SetErr(io.Discard)
		root.SetArgs(args)
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("minnow %s: error %v, want one with %q", strings.Join(args, " "), err, want)
		}
	}
}
