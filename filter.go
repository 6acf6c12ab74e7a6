package minnow

import (
	"context"
	"sync"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/store"
	"github.com/minnow-search/minnow/where"
)

// filterView is what a filter lets in at some moment.
type filterView struct {
	matches store.Matches
	labels  *hnswlib.Filter
}

// filterCache keeps the views of the filters that were used last. One that is
// asked for often costs nothing until the next write.
type filterCache struct {
	mu    sync.Mutex
	views map[string]*filterView // by the filter's text
}

// maxViews bounds the memory: a view takes two bits a document at least.
const maxViews = 64

func (f *filterCache) get(key string, sequence uint64) *filterView {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v := f.views[key]; v != nil && v.matches.Sequence == sequence {
		return v
	}
	return nil
}

func (f *filterCache) put(key string, v *filterView) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.views == nil {
		f.views = make(map[string]*filterView)
	}
	if _, replaces := f.views[key]; !replaces && len(f.views) >= maxViews {
		for oldest := range f.views { // any: the order of a map is random
			delete(f.views, oldest)
			break
		}
	}
	f.views[key] = v
}

// view evaluates a filter. It is nil for the zero filter.
func (c *Collection) view(ctx context.Context, f where.Filter) (*filterView, error) {
	if f.IsZero() {
		return nil, nil
	}
	key := f.String()
	if v := c.filters.get(key, c.store.Sequence()); v != nil && f.Err() == nil {
		return v, nil
	}
	matches, err := c.store.Match(ctx, f)
	if err != nil {
		return nil, err
	}
	v := &filterView{matches: matches, labels: hnswlib.Allow(matches.Labels())}
	c.filters.put(key, v)
	return v, nil
}
