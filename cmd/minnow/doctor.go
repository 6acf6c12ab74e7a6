package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/onnx"
)

// finding is what the doctor has to say of one part.
type finding struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Found  string `json:"found,omitempty"`
	Remedy string `json:"remedy,omitempty"` // if it isn't OK
}

func newDoctor(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Show the native parts, the model and the processor, and how to mend what is wrong",
		Long:  "Doctor looks at each part and tries it. It exits with 4 if something is wrong, and says what to do.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := sh.examine(cmd)
			wrong := 0
			rows := make([][]string, len(findings))
			for i, f := range findings {
				mark := lipgloss.NewStyle().Foreground(lipgloss.Green).Render("ok")
				text := printable(f.Found)
				if !f.OK {
					wrong++
					mark, text = lipgloss.NewStyle().Foreground(lipgloss.Red).Render("WRONG"), printable(f.Remedy)
				}
				rows[i] = []string{mark, f.Part, text}
				if sh.json {
					if err := printJSON(cmd.OutOrStdout(), f); err != nil {
						return err
					}
				}
			}
			if !sh.json {
				if _, err := fmt.Fprint(coloured(cmd), table(width(cmd.OutOrStdout()), nil, rows)); err != nil {
					return err
				}
			}
			if wrong > 0 {
				return faultf(errEnvironment, "%d of %d parts need attention", wrong, len(findings))
			}
			return nil
		},
	}
}

func (sh *shell) examine(cmd *cobra.Command) []finding {
	var all []finding
	add := func(part, found string, err error) {
		f := finding{Part: part, OK: err == nil, Found: found}
		if err != nil {
			f.Remedy = err.Error()
		}
		all = append(all, f)
	}
	add("minnow", fmt.Sprintf("%s, %s %s/%s, %d processors", versionString(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)), nil)
	kernel, err := hnswlib.Kernel()
	add("hnswlib", fmt.Sprintf("%s, compiled in; distances by %s", native.HnswlibVersion(), kernel), err)
	add("tokenizers", native.TokenizersVersion()+", compiled in", nil)
	home, err := native.Home()
	add("home", home, err)
	library, err := native.Runtime()
	add("ONNX Runtime", fmt.Sprintf("%s (made for %s)", library, native.RuntimeVersion()), err)
	model, found, err := sh.examineModel(cmd)
	add("model", found, err)
	if model != nil {
		defer model.Close()
	}
	found, err = sh.examineCollection(model)
	add("collection", found, err)
	return all
}

// examineModel opens the model and tries it: the numbers of a known text must
// be numbers, and the same twice.
func (sh *shell) examineModel(cmd *cobra.Command) (*onnx.Model, string, error) {
	begin := time.Now()
	m, err := onnx.Open(sh.model, &onnx.Options{Preset: onnx.Preset(sh.preset)})
	if err != nil {
		return nil, "", err
	}
	opening := time.Since(begin)
	begin = time.Now()
	vectors, err := m.Embed(cmd.Context(), []string{"a small fish", "a small fish"})
	took := time.Since(begin)
	if err != nil {
		return m, "", err
	}
	var length float64
	for i, x := range vectors[0] {
		length += float64(x) * float64(x)
		if math.Abs(float64(x-vectors[1][i])) > 1e-6 {
			return m, "", errors.New("the model gives two vectors for one text: the ONNX Runtime library or this machine's memory is faulty")
		}
	}
	if !(length > 0) || math.IsInf(length, 0) {
		return m, "", fmt.Errorf("the model gives a vector of length %v: its file is damaged. Delete %s and run `minnow model fetch %s`", length, m.Dir(), m.Name())
	}
	found := fmt.Sprintf("%s in %s, preset %s, %d numbers a vector, texts up to %d tokens, opened in %d ms, two texts in %d ms",
		m.Name(), m.Dir(), m.Preset(), m.Dim(), m.MaxTokens(), opening.Milliseconds(), took.Milliseconds())
	if m.Name() != native.DefaultModel() {
		found += fmt.Sprintf("; not %s, whose figures are published", native.DefaultModel())
	}
	return m, found, nil
}

func (sh *shell) examineCollection(model *onnx.Model) (string, error) {
	dir, err := sh.dir()
	if err != nil {
		return "", err
	}
	exists, err := sh.exists()
	if err != nil {
		return "", err
	}
	if !exists {
		return dir + ", not made yet; " + room(existing(dir)), nil
	}
	c, err := minnow.Open(dir, nil, &minnow.Options{ReadOnly: true})
	if err != nil {
		return "", errors.New(err.Error() + hint(err))
	}
	defer c.Close()
	st := c.Stats()
	found := fmt.Sprintf("%s, %s documents of %s; %s", dir, count(st.Documents), st.Model, room(dir))
	if model != nil && st.Model != model.ID() {
		return "", fmt.Errorf("%s was made with %s, and the model is %s; --model names another, `minnow reindex` embeds all texts anew", dir, st.Model, model.ID())
	}
	return found, nil
}

// existing is the folder, or the nearest one above that is there.
func existing(dir string) string {
	for dir != filepath.Dir(dir) {
		if _, err := filepath.EvalSymlinks(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}
