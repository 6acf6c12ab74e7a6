package server

import (
	"fmt"
	"net/http"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/where"
)

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
	var docs []minnow.Document
	if err := s.decode(w, r, &docs); err != nil {
		return nil, err
	}
	if err := s.collection.Add(r.Context(), docs...); err != nil {
		return nil, err
	}
	return struct {
		Received int `json:"received"`
	}{len(docs)}, nil
}

func (s *Server) document(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.collection.Get(r.Context(), r.PathValue("id"))
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
		Recall        float64      `json:"recall"`
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
		K: q.K, Offset: q.Offset, Ef: q.Ef, Recall: q.Recall, Mode: q.Mode, Where: q.Where, MinSimilarity: q.MinSimilarity, Diversity: q.Diversity,
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Hits []minnow.Hit `json:"hits"`
	}{found}, nil
}

func (s *Server) stats(http.ResponseWriter, *http.Request) (any, error) {
	return s.collection.Stats(), nil
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
