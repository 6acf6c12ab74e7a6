package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/internal/vec"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/scripts"
)

// checkResult is how one preset's vectors differ from the exact ones.
type checkResult struct {
	Preset      onnx.Preset `json:"preset"`
	Texts       int         `json:"texts"`
	MeanCosine  float64     `json:"mean_cosine"`
	LeastCosine float64     `json:"least_cosine"`
	Kept        float64     `json:"neighbours_kept"` // of the nearest ten, or of all but the text itself if they are fewer
	Speed       float64     `json:"speed"`           // as a multiple of the exact one's
	Wanted      float64     `json:"wanted_mean_cosine"`
}

const checkNeighbours = 10

func newModelCheck(sh *shell) *cobra.Command {
	var texts int
	check := &cobra.Command{
		Use:   "check [MODEL]",
		Short: "Compare a model's presets with the exact one, on texts of the collection",
		Long: `Check embeds texts of the collection, or sentences that no preset was calibrated with if there is none, exactly and with
each preset that the model has, or that of --preset: how near the vectors are, how many of the ten nearest texts stay, and how much faster it is on
this machine. A preset whose vectors are farther off than it promises ends the command with status 3.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if texts < 2 {
				return faultf(errUsage, "--texts is %d, and must be at least 2", texts)
			}
			folder, err := native.Model(append(args, sh.model)[0])
			if err != nil {
				return fault{errEnvironment, err}
			}
			presets := onnx.Presets(folder)[1:]
			if sh.preset != "" {
				presets = []onnx.Preset{onnx.Preset(sh.preset)}
			}
			if len(presets) == 0 {
				return faultf(errEnvironment, "the model in %s has no preset beside the exact one; `minnow model export --preset fast %[1]s` makes one", folder)
			}
			sample, demo, err := sh.sample(cmd.Context(), texts)
			if err != nil {
				return err
			}
			if demo {
				sample = scripts.HeldOut()
				sample = sample[:min(texts, len(sample))]
			}
			sh.say(cmd, "comparing on %s texts", count(len(sample)))
			return sh.checkPresets(cmd, folder, presets, sample)
		},
	}
	check.Flags().IntVar(&texts, "texts", 1000, "how many texts")
	return check
}

func (sh *shell) checkPresets(cmd *cobra.Command, folder string, presets []onnx.Preset, texts []string) error {
	exact, took, err := embedAll(cmd.Context(), folder, onnx.Exact, texts)
	if err != nil {
		return err
	}
	rows := [][]string{{"preset", "mean cosine", "least", "of ten kept", "speed"}}
	var low []error
	for _, preset := range presets {
		vectors, quicker, err := embedAll(cmd.Context(), folder, preset, texts)
		if err != nil {
			return err
		}
		r := compare(vectors, exact)
		r.Preset, r.Speed, r.Wanted = preset, float64(took)/float64(quicker), preset.LeastCosine()
		rows = append(rows, []string{
			string(preset), fmt.Sprintf("%.5f", r.MeanCosine), fmt.Sprintf("%.4f", r.LeastCosine), fmt.Sprintf("%.3f", r.Kept),
			fmt.Sprintf("%.2f×", r.Speed),
		})
		if !(r.MeanCosine >= r.Wanted) {
			low = append(low, faultf(errData, "preset %s has a mean cosine of %.5f, less than %v: export it anew, or use the exact one", preset, r.MeanCosine, r.Wanted))
		}
		if sh.json {
			if err := printJSON(cmd.OutOrStdout(), r); err != nil {
				return err
			}
		}
	}
	if !sh.json {
		if _, err := fmt.Fprint(coloured(cmd), table(width(cmd.OutOrStdout()), nil, rows)); err != nil {
			return err
		}
	}
	return errors.Join(low...)
}

// embedAll embeds texts, once to warm up and once to be timed.
func embedAll(ctx context.Context, folder string, preset onnx.Preset, texts []string) (vectors [][]float32, took time.Duration, err error) {
	m, err := onnx.Open(folder, &onnx.Options{Preset: preset})
	if err != nil {
		return nil, 0, fault{errEnvironment, err}
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if _, err = m.Embed(ctx, texts[:min(100, len(texts))]); err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	vectors, err = m.Embed(ctx, texts)
	return vectors, time.Since(begin), err
}

func compare(vectors, exact [][]float32) checkResult {
	r := checkResult{Texts: len(exact), LeastCosine: math.Inf(1)}
	k := min(checkNeighbours, len(exact)-1)
	kept := 0
	for i, v := range vectors {
		cosine := 1 - vec.Cosine(v, exact[i])
		r.MeanCosine += cosine / float64(len(exact))
		r.LeastCosine = min(r.LeastCosine, cosine)
		among := make(map[int]bool, k)
		for _, hit := range others(exact, i, k) {
			among[hit.Row] = true
		}
		for _, hit := range others(vectors, i, k) {
			if among[hit.Row] {
				kept++
			}
		}
	}
	r.Kept = float64(kept) / float64(k*len(exact))
	return r
}

// others are the k rows nearest to row i, without itself.
func others(rows [][]float32, i, k int) []vec.Hit {
	var hits []vec.Hit
	for _, hit := range vec.Nearest(vec.Cosine, rows, rows[i], k+1) {
		if hit.Row != i && len(hits) < k {
			hits = append(hits, hit)
		}
	}
	return hits
}
