package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/split"
)

// benchResult is what the machine did.
type benchResult struct {
	Model         string  `json:"model"`
	Texts         int     `json:"texts"`
	EmbedPerS     float64 `json:"embed_texts_per_second"`
	ImportPerS    float64 `json:"import_texts_per_second"`
	QueryP50Ms    float64 `json:"query_p50_ms"` // the embedding of the question included
	QueryP99Ms    float64 `json:"query_p99_ms"`
	QueriesPerS   float64 `json:"queries_per_second"` // from all processors at once
	SearchP50Ms   float64 `json:"search_p50_ms"`      // of a vector that is there
	OpenModelMs   float64 `json:"open_model_ms"`
	Processors    int     `json:"processors"`
	TextsFromDemo bool    `json:"texts_from_demo"`
}

func newBench(sh *shell) *cobra.Command {
	var texts int
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: embedding, importing, asking",
		Long: `Bench takes texts of the collection, or those of the demo if there is none, imports them into a temporary collection and
asks for them. Figures of one machine at one moment: run nothing else meanwhile, and run it twice.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if texts < 1 {
				return faultf(errUsage, "--texts is %d, and must be at least 1", texts)
			}
			sample, demo, err := sh.sample(cmd.Context(), texts)
			if err != nil {
				return err
			}
			begin := time.Now()
			m, err := sh.openModel()
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			r := &benchResult{Model: m.Name(), Texts: len(sample), TextsFromDemo: demo, OpenModelMs: ms(time.Since(begin)), Processors: runtime.GOMAXPROCS(0)}
			sh.say(cmd, "measuring with %s texts, on %d processors", count(len(sample)), r.Processors)
			if err := r.measure(cmd.Context(), m, sample); err != nil {
				return err
			}
			return sh.printFields(cmd, r, r.rows())
		},
	}
	cmd.Flags().IntVar(&texts, "texts", 2000, "how many texts")
	return cmd
}

// sample takes some texts of the collection.
func (sh *shell) sample(ctx context.Context, n int) (texts []string, demo bool, err error) {
	exists, err := sh.exists()
	if err != nil {
		return nil, false, err
	}
	if !exists {
		return slices.Collect(strings.Lines(demoTexts)), true, nil
	}
	dir, err := sh.dir()
	if err != nil {
		return nil, false, err
	}
	c, err := minnow.Open(dir, nil, &minnow.Options{ReadOnly: true})
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	for d, err := range c.All(ctx) {
		if err != nil {
			return nil, false, err
		}
		if d.Text != "" {
			texts = append(texts, d.Text)
		}
		if len(texts) == n {
			break
		}
	}
	if len(texts) == 0 {
		return slices.Collect(strings.Lines(demoTexts)), true, nil
	}
	return texts, false, nil
}

// benchQueries is how many questions are asked.
const benchQueries = 500

func (r *benchResult) measure(ctx context.Context, m *onnx.Model, texts []string) error {
	if _, err := m.Embed(ctx, texts[:min(len(texts), 64)]); err != nil { // warm
		return err
	}
	begin := time.Now()
	vectors, err := m.Embed(ctx, texts)
	if err != nil {
		return err
	}
	r.EmbedPerS = perSecond(len(texts), begin)

	dir, err := os.MkdirTemp("", "minnow-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := minnow.Open(dir, m, &minnow.Options{Splitter: split.Sentences(m, nil)})
	if err != nil {
		return err
	}
	defer c.Close()
	docs := make([]minnow.Document, len(texts))
	for i, text := range texts {
		docs[i] = minnow.Document{ID: fmt.Sprint(i), Text: text}
	}
	begin = time.Now()
	if _, err := c.AddSeq(ctx, slices.Values(docs)); err != nil {
		return err
	}
	r.ImportPerS = perSecond(len(texts), begin)

	asked, err := times(func(i int) error {
		_, err := c.KNNQuery(ctx, question(texts[i%len(texts)]), nil)
		return err
	})
	if err != nil {
		return err
	}
	r.QueryP50Ms, r.QueryP99Ms = ms(asked[len(asked)/2]), ms(asked[len(asked)*99/100])
	searched, err := times(func(i int) error {
		_, err := c.KNNQueryVector(ctx, vectors[i%len(vectors)], nil)
		return err
	})
	if err != nil {
		return err
	}
	r.SearchP50Ms = ms(searched[len(searched)/2])
	begin = time.Now()
	if err := together(func(i int) error {
		_, err := c.KNNQuery(ctx, question(texts[i%len(texts)]), nil)
		return err
	}); err != nil {
		return err
	}
	r.QueriesPerS = perSecond(benchQueries, begin)
	return nil
}

// question is the beginning of a text, about as long as people ask.
func question(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), 8)], " ")
}

// times does something again and again, and returns how long each took, sorted.
func times(do func(i int) error) ([]time.Duration, error) {
	took := make([]time.Duration, benchQueries)
	for i := range took {
		begin := time.Now()
		if err := do(i); err != nil {
			return nil, err
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took, nil
}

// together does something as often from all processors at once.
func together(do func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for worker := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= benchQueries && errs[worker] == nil; i = int(next.Add(1)) {
				errs[worker] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func perSecond(n int, begin time.Time) float64 { return float64(n) / time.Since(begin).Seconds() }

func (r *benchResult) rows() [][]string {
	from := "of the collection"
	if r.TextsFromDemo {
		from = "of the demo: few, and short"
	}
	return [][]string{
		{"texts", fmt.Sprintf("%s, %s", count(r.Texts), from)},
		{"model", fmt.Sprintf("%s, opened in %.0f ms", r.Model, r.OpenModelMs)},
		{"embed", fmt.Sprintf("%.0f texts/s", r.EmbedPerS)},
		{"import", fmt.Sprintf("%.0f texts/s, embedded, stored and linked", r.ImportPerS)},
		{"query", fmt.Sprintf("%.2f ms in the middle, %.2f ms at the 99th percentile, one at a time", r.QueryP50Ms, r.QueryP99Ms)},
		{"queries", fmt.Sprintf("%.0f/s from %d at once", r.QueriesPerS, r.Processors)},
		{"search", fmt.Sprintf("%.2f ms of a vector that is there already", r.SearchP50Ms)},
	}
}
