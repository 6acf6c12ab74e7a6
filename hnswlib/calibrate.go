package hnswlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/minnow-search/minnow/csrc"
)

// Calibration is what an index found out about its walks: how far each has to
// go for which recall. A walk with slack s ends where what is left is farther than
// the k-th nearest so far by more than s times that one's distance.
type Calibration struct {
	K        int // neighbours asked for: the k of Calibrate, or some more
	Elements int // live when it was measured
	Samples  int // queries it was measured with

	// Slacks are ascending, and Recalls[i] is the recall with Slacks[i].
	Slacks  []float32
	Recalls []float64

	longest float32
}

const (
	ownSamples   = 384 // vectors of the index itself
	blendSamples = 128 // points between two of them

	// Of the recall, the part that blends have, and how far below it theirs may be. Real
	// queries are not drawn from the vectors: words that look for definitions
	// (docs/search.md) do about as well as this mixture, descriptions of packages as the blends.
	blendShare = 0.2
	blendShort = 0.05
	// But of the neighbours that a recall lets walks miss, those from own vectors need miss no less than this part. Between
	// clusters far apart lies nothing that a query could mean, and walks from there find no end.
	ownMissed = 0.5

	mostEf        = 1024 // the longest list of candidates of a walk that ends by slack
	growth        = 1.5  // of the index, until it is measured again
	samplesATime  = 32   // a crossing, which bounds how long a change waits
	calibrateSeed = 1
)

// slacks that are measured, 1.2 from one to the next.
var slacks = func() []float32 {
	var s []float32
	for v := 0.01; v < 5; v *= 1.2 {
		s = append(s, float32(v))
	}
	return s
}()

// Calibrate measures what recall of the k nearest walks have that end sooner or
// later, on some hundred of the index's own vectors against brute force, and keeps the
// result for queries that ask for a [Query.Recall]. Such a query calls it, and so waits for it, when nothing was
// measured for its k yet, or for an index less than two thirds as large or over three times as
// large as now; another may call it before. It takes about 5 ms a
// thousand elements and core; queries go on meanwhile, and changes between its parts.
//
// Errors: [ErrConfig] for k < 1 or an index of fewer than two live elements, [ErrClosed], that of ctx.
func (ix *Index) Calibrate(ctx context.Context, k int) (*Calibration, error) {
	const op = "calibrate"
	if k < 1 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: k %d is not positive", ErrConfig, k)}
	}
	ix.calibrating.Lock()
	defer ix.calibrating.Unlock()
	return ix.calibrate(ctx, op, measuredK(k))
}

// measuredK is the least of 1, 2, 3, 5, 7, 10, 15, 20, ... that is not below k: walks look as far as
// that many neighbours take, so that some few calibrations do for every k.
func measuredK(k int) int {
	for scale := 10; ; scale *= 10 {
		for _, step := range []int{10, 15, 20, 30, 50, 70} {
			if at := step * scale / 100; at >= k || at > math.MaxInt/100 {
				return at
			}
		}
	}
}

// errCompacted says that samples lie in slots that a compaction took away. It stays in this file.
var errCompacted = errors.New("the index was compacted meanwhile")

// calibrate needs the lock. What is compacted under it, it measures anew: a compaction takes many times as long.
func (ix *Index) calibrate(ctx context.Context, op string, k int) (*Calibration, error) {
	for {
		c, err := ix.measure(ctx, op, k)
		if errors.Is(err, errCompacted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ix.calibrations.Store(k, c)
		return c, nil
	}
}

func (ix *Index) measure(ctx context.Context, op string, k int) (*Calibration, error) {
	own := make([]uint32, ownSamples)
	var c Calibration
	err := ix.shared(op, func() *csrc.Error {
		c = Calibration{K: k, Elements: ix.stats.Live, Slacks: slices.Clone(slacks)}
		n, err := ix.c.Sample(calibrateSeed, own)
		own = own[:n]
		c.longest = ix.c.Longest()
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.Elements < 2 || len(own) == 0 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %d elements are too few to measure with", ErrConfig, c.Elements)}
	}
	blends := min(blendSamples, len(own)/2)
	ofOwn, err := ix.recalls(ctx, op, &c, own, own)
	if err != nil {
		return nil, err
	}
	ofBlends := ofOwn
	if blends > 0 {
		if ofBlends, err = ix.recalls(ctx, op, &c, own[:blends], own[len(own)-blends:]); err != nil {
			return nil, err
		}
	}
	c.Samples = len(own) + blends
	best := 0.0
	for i := range slacks {
		mixture := (1-blendShare)*ofOwn[i] + blendShare*ofBlends[i]
		best = max(best, min(mixture, ofBlends[i]+blendShort), 1-(1-ofOwn[i])/ownMissed)
		c.Recalls = append(c.Recalls, best)
	}
	return &c, nil
}

// recalls measures with the samples that lie between a[i] and b[i].
func (ix *Index) recalls(ctx context.Context, op string, c *Calibration, a, b []uint32) ([]float64, error) {
	found := make([]uint64, len(slacks))
	var mu sync.Mutex // guards found
	batches := (len(a) + samplesATime - 1) / samplesATime
	err := inParts(batches, min(batches, ix.Threads()), 1, func(start, end int) error {
		if err := ctx.Err(); err != nil {
			return &Error{Op: op, Err: err}
		}
		from, to := start*samplesATime, min(end*samplesATime, len(a))
		mine := make([]uint64, len(slacks))
		compacted := false
		err := ix.shared(op, func() *csrc.Error {
			last := max(slices.Max(a[from:to]), slices.Max(b[from:to]))
			if compacted = uint64(last) >= uint64(ix.stats.Slots) || ix.stats.Live < 2; compacted {
				return nil
			}
			return ix.c.Calibrate(a[from:to], b[from:to], c.K, mostEf, slacks, c.longest, mine)
		})
		if compacted {
			return errCompacted
		}
		mu.Lock()
		defer mu.Unlock()
		for i, n := range mine {
			found[i] += n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	recalls := make([]float64, len(slacks))
	for i, n := range found {
		recalls[i] = float64(n) / float64(len(a)*min(c.K, c.Elements-1))
	}
	return recalls, nil
}

// Slack returns the least slack with which recall was measured, interpolated between
// two that were, or the largest if none had as much.
func (c *Calibration) Slack(recall float64) float32 {
	i, _ := slices.BinarySearch(c.Recalls, recall)
	switch i {
	case 0:
		return c.Slacks[0]
	case len(c.Recalls):
		// What no slack improves on, the first that has it does as well.
		i, _ = slices.BinarySearch(c.Recalls, c.Recalls[len(c.Recalls)-1])
		return c.Slacks[i]
	}
	part := (recall - c.Recalls[i-1]) / (c.Recalls[i] - c.Recalls[i-1])
	low, high := math.Log(float64(c.Slacks[i-1])), math.Log(float64(c.Slacks[i]))
	return float32(math.Exp(low + (high-low)*part))
}

// aim is how far a query's walks look where its recall says so; zero where its ef does.
type aim struct {
	ef, k          int
	slack, longest float32
}

// aim finds out how far opt's recall is to be looked for.
func (ix *Index) aim(k int, opt *Query) (aim, error) {
	if opt == nil || opt.Recall == 0 {
		return aim{}, nil
	}
	live := ix.count().Live
	if live <= mostEf { // such a list holds them all: they are scanned
		return aim{ef: mostEf}, nil
	}
	k = measuredK(k)
	c := ix.calibration(k)
	switch {
	case c != nil && c.fits(live):
		return c.aim(opt.Recall), nil
	case c == nil:
		ix.calibrating.Lock()
	case !ix.calibrating.TryLock():
		return c.aim(opt.Recall), nil // another query is measuring anew; until then this will do
	}
	defer ix.calibrating.Unlock()
	if c = ix.calibration(k); c == nil || !c.fits(live) {
		var err error
		c, err = ix.calibrate(context.Background(), opQuery, k)
		switch {
		case errors.Is(err, ErrConfig) && ix.count().Live <= mostEf: // nearly all were deleted meanwhile
			return aim{ef: mostEf}, nil
		case err != nil:
			return aim{}, err
		}
	}
	return c.aim(opt.Recall), nil
}

func (c *Calibration) aim(recall float64) aim { return aim{mostEf, c.K, c.Slack(recall), c.longest} }

func (ix *Index) calibration(k int) *Calibration {
	if c, ok := ix.calibrations.Load(k); ok {
		return c.(*Calibration)
	}
	return nil
}

func (c *Calibration) fits(live int) bool {
	l, was := float64(live), float64(c.Elements)
	return l < growth*was && l > was/3
}
