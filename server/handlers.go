package server

import (
	"fmt"
	"net/http"

	"github.com/minnow-search/minnow"
)

// document is a minnow.Document in JSON.
type document struct {
	ID       string         `json:"id"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

type hit struct {
	document
	Distance   float32 `json:"distance"`
	Similarity float32 `json:"similarity"`
}

// routes says what each path does. A pattern without a method catches the
// methods that the path doesn't have.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		path    string
		methods map[string]handler
	}{
		{"/v1/documents", map[string]handler{"POST": s.addDocuments}},
		{"/v1/documents/{id}", map[string]handler{"GET": s.document, "DELETE": s.deleteDocument}},
		{"/v1/query", map[string]handler{"POST": s.query}},
		{"/v1/stats", map[string]handler{"GET": s.stats}},
		{"/healthz", map[string]handler{"GET": s.health}},
	} {
		for method, h := range route.methods {
			mux.Handle(method+" "+route.path, s.answer(h))
		}
		mux.Handle(route.path, s.answer(methodNotAllowed(route.methods)))
	}
	mux.Handle("/", s.answer(func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, &problem{http.StatusNotFound, kindNotFound, fmt.Sprintf("no such path: %s", r.URL.Path)}
	}))
	return mux
}

func (s *Server) addDocuments(w http.ResponseWriter, r *http.Request) (any, error) {
	var docs []document
	if err := s.decode(w, r, &docs); err != nil {
		return nil, err
	}
	add := make([]minnow.Document, len(docs))
	for i, d := range docs {
		add[i] = minnow.Document(d)
	}
	if err := s.collection.Add(r.Context(), add...); err != nil {
		return nil, err
	}
	return struct {
		Received int `json:"received"`
	}{len(docs)}, nil
}

func (s *Server) document(_ http.ResponseWriter, r *http.Request) (any, error) {
	d, err := s.collection.Get(r.Context(), r.PathValue("id"))
	return document(d), err
}

func (s *Server) deleteDocument(_ http.ResponseWriter, r *http.Request) (any, error) {
	removed, err := s.collection.Delete(r.Context(), r.PathValue("id"))
	if err == nil && removed == 0 {
		err = fmt.Errorf("delete %q: %w", r.PathValue("id"), minnow.ErrNotFound)
	}
	return struct {
		Removed int `json:"removed"`
	}{removed}, err
}

func (s *Server) query(w http.ResponseWriter, r *http.Request) (any, error) {
	var q struct {
		Text string `json:"text"`
		K    int    `json:"k"`
		Ef   int    `json:"ef"`
	}
	if err := s.decode(w, r, &q); err != nil {
		return nil, err
	}
	if q.K > s.options.MaxK {
		return nil, fmt.Errorf("%w: k is %d, and may be %d at most", minnow.ErrInvalid, q.K, s.options.MaxK)
	}
	found, err := s.collection.KNNQuery(r.Context(), q.Text, &minnow.Query{K: q.K, Ef: q.Ef})
	if err != nil {
		return nil, err
	}
	hits := make([]hit, len(found))
	for i, h := range found {
		hits[i] = hit{document(h.Document), h.Distance, h.Similarity}
	}
	return struct {
		Hits []hit `json:"hits"`
	}{hits}, nil
}

func (s *Server) stats(http.ResponseWriter, *http.Request) (any, error) {
	st := s.collection.Stats()
	return struct {
		Documents      int    `json:"documents"`
		Sequence       uint64 `json:"sequence"`
		SavedSequence  uint64 `json:"saved_sequence"`
		Model          string `json:"model"`
		Space          string `json:"space"`
		Dim            int    `json:"dim"`
		M              int    `json:"m"`
		EfConstruction int    `json:"ef_construction"`
		GraphReady     bool   `json:"graph_ready"`
		GraphDeleted   int    `json:"graph_deleted"`
	}{
		st.Documents, st.Sequence, st.SavedSequence, st.Model, string(st.Space), st.Dim,
		st.M, st.EfConstruction, st.GraphReady, st.GraphDeleted,
	}, nil
}

// health asks the database for a document that can't be there, since IDs are
// not empty: it fails if the collection is closed or unreadable.
func (s *Server) health(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := s.collection.Get(r.Context(), ""); kindOf(err) != kindNotFound {
		return nil, err
	}
	return struct {
		Status string `json:"status"`
	}{"ok"}, nil
}
