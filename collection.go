package minnow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/durable"
	"github.com/minnow-search/minnow/store"
)

// databaseName is the file that holds the truth.
const databaseName = "minnow.db"

// Collection is an open folder of documents. Make one with [Open]. All its
// methods may be called from any goroutine at any time.
//
// # How it stays right
//
// The store is the truth, and the graph in memory a cache of it. A change
// commits to the store first and goes into the graph then. Between the two, a
// query may meet a label in the graph that the store no longer has. It doesn't
// answer with less: it waits for its turn to write, when the two agree, and
// asks again. Otherwise a query waits for a few vectors of an Add at most.
//
// Should the graph fail, it is set aside, and whoever needs it next makes it
// again from the store.
type Collection struct {
	// Immutable.
	dir      string
	embedder Embedder
	options  *Options
	log      *slog.Logger
	files    durable.FS
	spec     spec
	store    *store.Store
	lock     *os.File // nil if it is only read

	// life is held shared by each call for its duration, and exclusively by
	// Close. It is taken before turn, and guards closed.
	life   sync.RWMutex
	closed bool

	// turn holds one token, and whoever took it may change the store and the
	// graph. A channel, so that waiting for it heeds a context.
	turn chan struct{}
	// graph is nil if there is none to rely on. The holder of the turn stores.
	graph atomic.Pointer[hnswlib.Index]
	// saved is the sequence of the good graph on the disk; 0 if there is none.
	// The holder of the turn stores.
	saved atomic.Uint64
	// followed is the sequence up to which the graph follows another process's
	// writes, if this one only reads. The holder of the turn stores.
	followed atomic.Uint64

	filters filterCache
}

// Open opens the collection in the folder dir, and makes folder and collection
// if there are none. The embedder belongs to the caller, who keeps it usable
// until Close. Opening loads the saved graph and adds what came after it. A
// graph that is missing or damaged is made again from the stored vectors, which
// takes about a second for a thousand documents, and loses nothing.
//
// It fails with [ErrModelMismatch] if the collection was made with another
// model or other options, with [ErrLocked] if it is open already, with
// [ErrVersion] if a newer minnow wrote it, and with [ErrDamaged] if minnow.db
// is unsound.
//
// With [Options.ReadOnly] the collection must exist ([fs.ErrNotExist]
// otherwise), and others may have it open. So it must where e is nil, which is
// for work that needs no model: to read, to delete, to look for words and for
// what is similar. What has a text to embed then fails with [ErrInvalid].
func Open(dir string, e Embedder, o *Options) (*Collection, error) {
	return open(context.Background(), dir, e, o, durable.OS{})
}

func open(ctx context.Context, dir string, e Embedder, o *Options, files durable.FS) (*Collection, error) {
	o = o.orDefault()
	if e != nil {
		if err := checkEmbedder(e); err != nil {
			return nil, wrap("open", err)
		}
	}
	c := newCollection(dir, e, o)
	c.files = files
	if err := c.open(ctx); err != nil {
		if errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("%w; minnow.Repair recovers what can be read, and Restore a backup", err)
		}
		return nil, wrap("open "+dir, errors.Join(err, c.release()))
	}
	return c, nil
}

func newCollection(dir string, e Embedder, o *Options) *Collection {
	c := &Collection{
		dir:      dir,
		embedder: e,
		options:  o,
		log:      o.logger(),
		files:    durable.OS{},
		turn:     make(chan struct{}, 1),
	}
	c.turn <- struct{}{}
	return c
}

func checkEmbedder(e Embedder) error {
	switch {
	case e == nil:
		return fmt.Errorf("%w: no embedder", ErrInvalid)
	case e.Dim() < 1:
		return fmt.Errorf("%w: the embedder has dimension %d", ErrInvalid, e.Dim())
	case e.ID() == "" || !utf8.ValidString(e.ID()):
		return fmt.Errorf("%w: the embedder's ID %q is empty or not valid UTF-8", ErrInvalid, e.ID())
	}
	return nil
}

func (c *Collection) open(ctx context.Context) (err error) {
	o := c.options
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	path := filepath.Join(c.dir, databaseName)
	if o.ReadOnly || c.embedder == nil {
		_, err = os.Stat(path)
	} else {
		err = durable.MakeDir(c.files, c.dir)
	}
	if err == nil && !o.ReadOnly {
		err = c.lockDir()
	}
	if err != nil {
		return err
	}
	if c.store, err = store.Open(path, &store.Options{DeferSync: o.DeferSync, ReadOnly: o.ReadOnly}); err != nil {
		return err
	}
	settings, err := c.store.Settings(ctx)
	if err != nil {
		return err
	}
	if len(settings) == 0 && !o.ReadOnly && c.embedder != nil {
		return c.create(ctx)
	}
	if c.spec, err = parseSpec(settings); err != nil {
		return err
	}
	if c.embedder == nil {
		c.embedder = noEmbedder{c.spec.dim, c.spec.model, "was opened without its model"}
	}
	if err = c.spec.matches(c.embedder, o); err != nil {
		return err
	}
	c.spec.splitter = o.Splitter
	return c.openGraph(ctx)
}

// lockDir makes the folder this process's, and sees what others left in it.
func (c *Collection) lockDir() (err error) {
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if c.lock, err = lockFolder(c.dir); err != nil {
		return err
	}
	if err := c.sweepLeftovers(); err != nil {
		return err
	}
	return finishSwap(c.files, c.dir)
}

// create makes a new collection of an empty store.
func (c *Collection) create(ctx context.Context) error {
	// An empty store beside a graph is no new collection: its database was
	// lost. To go on would bury the loss.
	names, err := graphFiles(c.files, c.dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: %s holds no collection, but there is %s; restore the database, or remove %s to start anew",
			ErrDamaged, databaseName, names[0], strings.Join(names, " and "))
	}
	if c.spec, err = newSpec(c.embedder, c.options); err != nil {
		return err
	}
	if err := c.store.SetSettings(ctx, c.spec.settings()); err != nil {
		return err
	}
	return c.heal(ctx, "")
}

// Close saves the graph if it changed since the last Save, waits for calls that
// are under way, and releases the folder. Documents don't need it: they are
// safe once Add returned. It may be called again; later calls of other methods
// return [ErrClosed].
func (c *Collection) Close() error {
	c.life.Lock()
	defer c.life.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var err error
	if c.graph.Load() != nil && !c.options.ReadOnly { // else the next Open makes it again
		err = c.save(context.Background())
	}
	return wrap("close", errors.Join(err, c.release()))
}

// release lets go of what open got to.
func (c *Collection) release() error {
	var errs []error
	if ix := c.graph.Swap(nil); ix != nil {
		errs = append(errs, ix.Close())
	}
	if c.store != nil {
		errs = append(errs, c.store.Close())
	}
	if c.lock != nil {
		errs = append(errs, c.lock.Close())
	}
	return errors.Join(errs...)
}

// enter begins a call: defer c.leave() follows if it returns nil.
func (c *Collection) enter() error {
	c.life.RLock()
	if c.closed {
		c.life.RUnlock()
		return ErrClosed
	}
	return nil
}

// enterToWrite is enter for a call that changes documents.
func (c *Collection) enterToWrite() error {
	if c.options.ReadOnly {
		return ErrReadOnly
	}
	return c.enter()
}

func (c *Collection) leave() { c.life.RUnlock() }

// takeTurn waits for the turn to write: defer c.endTurn() follows if it returns
// nil.
func (c *Collection) takeTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-c.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Collection) endTurn() { c.turn <- struct{}{} }
