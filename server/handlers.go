package server

import (
	"fmt"
	"net/http"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/where"
)

// document is a minnow.Document in JSON.
type document struct {
	ID       string         `json:"id"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// hit is a minnow.Hit in JSON. Start and end are the passage, in bytes of the
// text.
type hit struct {
	document
	Start      int      `json:"start"`
	End        int      `json:"end"`
	Truncated  bool     `json:"truncated,omitempty"`
	Score      float64  `json:"score"`
	Distance   float32  `json:"distance"`
	Similarity float32  `json:"similarity"`
	VectorRank int      `json:"vector_rank,omitempty"`
	TextRank   int      `json:"text_rank,omitempty"`
	BM25       float64  `json:"bm25,omitempty"`
	Words      []string `json:"words,omitempty"`
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
		Text          string       `json:"text"`
		K             int          `json:"k"`
		Offset        int          `json:"offset"`
		Ef            int          `json:"ef"`
		Mode          minnow.Mode  `json:"mode"`
		Where         where.Filter `json:"where"`
		MinSimilarity float32      `json:"min_similarity"`
		Diversity     float32      `json:"diversity"`
	}
	if err := s.decode(w, r, &q); err != nil {
		return nil, err
	}
	if q.K > s.options.MaxK || q.Offset > s.options.MaxK {
		return nil, fmt.Errorf("%w: k is %d and offset %d, and may be %d at most", minnow.ErrInvalid, q.K, q.Offset, s.options.MaxK)
	}
	found, err := s.collection.KNNQuery(r.Context(), q.Text, &minnow.Query{
		K: q.K, Offset: q.Offset, Ef: q.Ef, Mode: q.Mode, Where: q.Where, MinSimilarity: q.MinSimilarity, Diversity: q.Diversity,
	})
	if err != nil {
		return nil, err
	}
	hits := make([]hit, len(found))
	for i, h := range found {
		hits[i] = hit{
			document(h.Document), h.Start, h.End, h.Truncated, h.Score, h.Distance, h.Similarity, h.VectorRank, h.TextRank, h.BM25, h.Words,
		}
	}
	return struct {
		Hits []hit `json:"hits"`
	}{hits}, nil
}

func (s *Server) stats(http.ResponseWriter, *http.Request) (any, error) {
	st := s.collection.Stats()
	return struct {
		Documents      int    `json:"documents"`
		Passages       int    `json:"passages"`
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
		st.Documents, st.Passages, st.Sequence, st.SavedSequence, st.Model, string(st.Space), st.Dim,
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
