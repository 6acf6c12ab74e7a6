package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/server"
)

// words is a model for tests: each word adds to one of 32 numbers.
type words struct {
	fault atomic.Pointer[error]
	hold  chan struct{} // if not nil, Embed waits for it
	held  chan struct{} // and says so here
}

func (*words) Dim() int   { return 32 }
func (*words) ID() string { return "words" }

func (m *words) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := m.fault.Load(); err != nil {
		return nil, *err
	}
	if m.hold != nil {
		m.held <- struct{}{}
		select {
		case <-m.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = make([]float32, 32)
		for word := range strings.FieldsSeq(text) {
			h := fnv.New32a()
			h.Write([]byte(word))
			vectors[i][h.Sum32()%32]++
		}
	}
	return vectors, nil
}

func open(t *testing.T, m *words) *minnow.Collection {
	t.Helper()
	c, err := minnow.Open(t.TempDir(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

type call struct {
	method, path, body string
	header             map[string]string
	host               string
}

func (c call) do(h http.Handler) *httptest.ResponseRecorder {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	r.Host = "127.0.0.1:7700"
	if c.host != "" {
		r.Host = c.host
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const fish = `[{"id":"minnow","text":"a small fish","metadata":{"n":12345678901234567890,"html":"<b>"}},
	{"id":"a/b ?","text":"a big house"}]`

func TestCallsAndTheirAnswers(t *testing.T) {
	c := open(t, &words{})
	s := server.New(c, nil)
	for _, test := range []struct {
		name string
		call call
		want string
	}{
		{"a new server is healthy", call{method: "GET", path: "/healthz"}, `{"status":"ok"}`},
		{"documents are added", call{method: "POST", path: "/v1/documents", body: fish}, `{"received":2}`},
		{"no documents are no mistake", call{method: "POST", path: "/v1/documents", body: "[]"}, `{"received":0}`},
		{"a document is read", call{method: "GET", path: "/v1/documents/minnow"},
			`{"id":"minnow","text":"a small fish","metadata":{"html":"<b>","n":12345678901234567890}}`},
		{"an ID may hold any character", call{method: "GET", path: "/v1/documents/a%2Fb%20%3F"}, `{"id":"a/b ?","text":"a big house"}`},
		{"a query finds the nearest", call{method: "POST", path: "/v1/query", body: `{"text":"a big house","k":1}`},
			`{"hits":[{"id":"a/b ?","text":"a big house","start":0,"end":11,"score":1,"distance":0,"similarity":1,"vector_rank":1}]}`},
		{"a hybrid query says what it found", call{method: "POST", path: "/v1/query", body: `{"text":"fish","k":1,"mode":"hybrid"}`},
			`{"hits":[{"id":"minnow","text":"a small fish","metadata":{"html":"<b>","n":12345678901234567890},"start":0,"end":12,"score":0.032787,"distance":0.55279,"similarity":0.44721,"vector_rank":1,"text_rank":1,"bm25":0.000001,"words":["fish"]}]}`},
		{"a filter lets in what fits", call{method: "POST", path: "/v1/query", body: `{"text":"house","where":{"exists":"html"},"mode":"text"}`}, `{"hits":[]}`},
		{"numbers are shown", call{method: "GET", path: "/v1/stats"},
			`{"documents":2,"passages":2,"sequence":1,"saved_sequence":0,"model":"words","space":"cosine","dim":32,"m":16,"ef_construction":200,"graph_ready":true,"graph_deleted":0}`},
		{"HEAD goes with GET", call{method: "HEAD", path: "/v1/documents/minnow"},
			`{"id":"minnow","text":"a small fish","metadata":{"html":"<b>","n":12345678901234567890}}`},
		{"a document is removed", call{method: "DELETE", path: "/v1/documents/a%2Fb%20%3F"}, `{"removed":1}`},
		{"a charset is allowed", call{method: "POST", path: "/v1/query", body: `{"text":"a small fish"}`, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}},
			`{"hits":[{"id":"minnow","text":"a small fish","metadata":{"html":"<b>","n":12345678901234567890},"start":0,"end":12,"score":1,"distance":0,"similarity":1,"vector_rank":1}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := test.call.do(s)
			if w.Code != http.StatusOK {
				t.Errorf("status %d, want 200", w.Code)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q, want application/json", got)
			}
			if d := cmp.Diff(rounded(t, test.want), rounded(t, w.Body.String())); d != "" {
				t.Errorf("body: -want +got\n%s", d)
			}
		})
	}
}

// rounded parses JSON and rounds its fractions to 1e-5: float32 distances
// differ in the last digits between machines.
func rounded(t *testing.T, body string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	return round(v)
}

func round(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = round(v[k])
		}
	case []any:
		for i := range v {
			v[i] = round(v[i])
		}
	case json.Number:
		if f, err := v.Float64(); err == nil && math.Abs(f) < 10 {
			return math.Round(f*1e5) / 1e5
		}
	}
	return v
}

type failure struct {
	Error struct{ Kind, Message string }
}

func TestWhatIsRefused(t *testing.T) {
	c := open(t, &words{})
	s := server.New(c, &server.Options{MaxBodyBytes: 1000, MaxK: 50, Hosts: []string{"search.example"}})
	post := func(path, body string) call { return call{method: "POST", path: path, body: body} }
	for _, test := range []struct {
		name   string
		call   call
		status int
		kind   string
	}{
		{"an unknown document", call{method: "GET", path: "/v1/documents/none"}, 404, "not_found"},
		{"to remove an unknown document", call{method: "DELETE", path: "/v1/documents/none"}, 404, "not_found"},
		{"an unknown path", call{method: "GET", path: "/v2/documents"}, 404, "not_found"},
		{"a path without an ID", call{method: "GET", path: "/v1/documents/"}, 404, "not_found"},
		{"another method", call{method: "PUT", path: "/v1/documents/a"}, 405, "method_not_allowed"},
		{"GET of a query", call{method: "GET", path: "/v1/query"}, 405, "method_not_allowed"},
		{"a body without a type", call{method: "POST", path: "/v1/query", body: "{}", header: map[string]string{"Content-Type": ""}}, 415, "unsupported_media_type"},
		{"a body of another type", call{method: "POST", path: "/v1/query", body: "{}", header: map[string]string{"Content-Type": "text/plain"}}, 415, "unsupported_media_type"},
		{"a body that is too long", post("/v1/query", `{"text":"`+strings.Repeat("x", 1000)+`"}`), 413, "too_large"},
		{"a body that is too long after its value", post("/v1/query", `{"text":"x"}`+strings.Repeat(" ", 1000)), 413, "too_large"},
		{"a body that is no JSON", post("/v1/query", `{`), 400, "invalid"},
		{"a body of another shape", post("/v1/documents", `{"id":"a","text":"fish"}`), 400, "invalid"},
		{"an unknown field", post("/v1/query", `{"text":"fish","top":3}`), 400, "invalid"},
		{"two values", post("/v1/query", `{"text":"fish"} {}`), 400, "invalid"},
		{"an empty text", post("/v1/query", `{"text":""}`), 400, "invalid"},
		{"an unknown mode", post("/v1/query", `{"text":"fish","mode":"fuzzy"}`), 400, "invalid"},
		{"a filter that is none", post("/v1/query", `{"text":"fish","where":{"equals":{"a":1}}}`), 400, "invalid"},
		{"a negative k", post("/v1/query", `{"text":"fish","k":-1}`), 400, "invalid"},
		{"a k over the limit", post("/v1/query", `{"text":"fish","k":51}`), 400, "invalid"},
		{"an empty ID", post("/v1/documents", `[{"id":"","text":"fish"}]`), 400, "invalid"},
		{"a page of another site", call{method: "POST", path: "/v1/query", body: `{"text":"fish"}`, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "forbidden"},
		{"a host name of someone else", call{method: "GET", path: "/v1/stats", host: "evil.example:7700"}, 403, "forbidden"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := test.call.do(s)
			var got failure
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("body %q: %v", w.Body, err)
			}
			if w.Code != test.status || got.Error.Kind != test.kind || got.Error.Message == "" {
				t.Errorf("status %d, error %+v, want %d, %s", w.Code, got.Error, test.status, test.kind)
			}
			if allow := w.Header().Get("Allow"); (allow != "") != (test.status == 405) {
				t.Errorf("Allow is %q with status %d", allow, w.Code)
			}
		})
	}
	for _, host := range []string{"localhost", "LocalHost:7700", "[::1]:7700", "[::1]", "192.0.2.7", "search.example:80", "Search.Example."} {
		if w := (call{method: "GET", path: "/healthz", host: host}).do(s); w.Code != 200 {
			t.Errorf("host %q: status %d, want 200", host, w.Code)
		}
	}
	if c.Len() != 0 {
		t.Errorf("refused requests left %d documents", c.Len())
	}
}

func TestTheCauseOfAnInternalErrorIsInTheLogOnly(t *testing.T) {
	m := &words{}
	var log bytes.Buffer
	s := server.New(open(t, m), &server.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	fault := errors.New("secret cause")
	m.fault.Store(&fault)
	w := call{method: "POST", path: "/v1/query", body: `{"text":"fish"}`}.do(s)
	var got failure
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if w.Code != 500 || got.Error.Kind != "internal" || strings.Contains(got.Error.Message, "secret") {
		t.Errorf("status %d, error %+v, want 500 internal without the cause", w.Code, got.Error)
	}
	words := strings.Fields(got.Error.Message)
	if id := words[len(words)-1]; !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "secret cause") {
		t.Errorf("log is %q, want the cause and request %s", log.String(), id)
	}
}

func TestAClosedCollectionIsUnavailable(t *testing.T) {
	c := open(t, &words{})
	s := server.New(c, nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []call{
		{method: "GET", path: "/healthz"},
		{method: "GET", path: "/v1/documents/a"},
		{method: "POST", path: "/v1/query", body: `{"text":"fish"}`},
		{method: "POST", path: "/v1/documents", body: fish},
	} {
		if w := test.do(s); w.Code != 503 {
			t.Errorf("%s %s: status %d, want 503", test.method, test.path, w.Code)
		}
	}
}

func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	m := &words{hold: make(chan struct{}), held: make(chan struct{})}
	s := server.New(open(t, m), nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()

	added := make(chan error, 1)
	go func() {
		res, err := http.Post(url+"/v1/documents", "application/json", strings.NewReader(fish))
		if err == nil {
			defer res.Body.Close()
			if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
				err = fmt.Errorf("status %d: %s", res.StatusCode, body)
			}
		}
		added <- err
	}()
	<-m.held
	stop()
	close(m.hold)
	if err := <-added; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Errorf("a stopped server answers")
	}
}

func TestListenAndServe(t *testing.T) {
	s := server.New(open(t, &words{}), nil)
	if err := s.ListenAndServe(t.Context(), "no port"); err == nil {
		t.Errorf("ListenAndServe without a port = nil, want an error")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	// Without a host it is 127.0.0.1, where the port is taken.
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ListenAndServe(t.Context(), ":"+port); err == nil {
		t.Errorf("ListenAndServe on a taken port = nil, want an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ListenAndServe(ctx, "127.0.0.1:0"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("ListenAndServe with a canceled context = %v", err)
	}
}
