package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/split"
)

// shell is what all commands share: their flags, and whether one has started.
type shell struct {
	db, model, preset string
	mixPresets        bool
	json              bool
	quiet             bool
	started           bool
}

const defaultNote = "~/.local/share/minnow/default"

// dir is the collection's folder.
func (sh *shell) dir() (string, error) {
	dir := cmp.Or(sh.db, os.Getenv("MINNOW_DB"))
	if dir == "" {
		data := os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(data) { // as the XDG base directory specification has it
			home, err := os.UserHomeDir()
			if err != nil {
				return "", faultf(errEnvironment, "there is no home folder for the default collection (%w); name one in --db or MINNOW_DB", err)
			}
			data = filepath.Join(home, ".local", "share")
		}
		dir = filepath.Join(data, "minnow", "default")
	}
	return filepath.Abs(dir)
}

// tilde writes a path as people do, with ~ for their home.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if rest, below := strings.CutPrefix(path, home+string(filepath.Separator)); below {
		return filepath.Join("~", rest)
	}
	return path
}

// exists reports whether there is a collection.
func (sh *shell) exists() (bool, error) {
	dir, err := sh.dir()
	if err != nil {
		return false, err
	}
	_, err = os.Stat(filepath.Join(dir, "minnow.db"))
	if errors.Is(err, fs.ErrNotExist) {
		// A crash within a repair may have left the new one under this name.
		_, err = os.Stat(filepath.Join(dir, "minnow.db.new"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// say tells the user something that is no result.
func (sh *shell) say(cmd *cobra.Command, format string, args ...any) {
	if !sh.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "minnow: "+format+"\n", args...)
	}
}

// openModel opens the model that the user chose. Whatever goes wrong there is
// no fault of the data.
func (sh *shell) openModel() (*onnx.Model, error) {
	m, err := onnx.Open(sh.model, &onnx.Options{Preset: onnx.Preset(sh.preset)})
	if err != nil {
		return nil, fault{errEnvironment, fmt.Errorf("%w; `minnow doctor` tells more", err)}
	}
	return m, nil
}

// access is what a command wants of a collection.
type access struct {
	write    bool
	create   bool            // if there is none
	model    bool            // texts are embedded
	embedder minnow.Embedder // in place of a model
	minnow.Options
}

// opened is a collection, and the model that is open for it, if any.
type opened struct {
	*minnow.Collection
	dir   string
	model *onnx.Model
	bar   *bar
}

// open opens the collection, and says which. The caller closes it.
func (sh *shell) open(cmd *cobra.Command, a access) (*opened, error) {
	dir, err := sh.dir()
	if err != nil {
		return nil, err
	}
	if exists, err := sh.exists(); err != nil {
		return nil, err
	} else if !exists && !a.create {
		return nil, faultf(errData, "there is no collection in %s: `minnow import` makes one, and --db or MINNOW_DB names another", dir)
	}
	o := &opened{dir: dir, bar: sh.newBar(cmd)}
	a.ReadOnly = !a.write
	a.MixPresets = sh.mixPresets
	a.Progress = o.bar.report
	a.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	embedder := a.embedder
	if a.model {
		if o.model, err = sh.openModel(); err != nil {
			return nil, err
		}
		embedder = o.model
	}
	err = o.open(embedder, a.Options)
	if a.model && errors.Is(err, minnow.ErrModelMismatch) {
		if m := sh.modelOf(dir); m != nil {
			preset := ""
			if m.Preset() != onnx.Exact {
				preset = fmt.Sprintf(", preset %s", m.Preset())
			}
			sh.say(cmd, "model %s%s, with which the collection was made", m.Name(), preset)
			closed := o.closeModel()
			o.model = m
			err = errors.Join(closed, o.open(m, a.Options))
		}
	}
	o.bar.end()
	if err != nil {
		return nil, errors.Join(err, o.closeModel())
	}
	sh.say(cmd, "collection %s, %s documents", tilde(dir), count(o.Len()))
	return o, nil
}

func (o *opened) open(e minnow.Embedder, options minnow.Options) (err error) {
	if o.model != nil {
		options.Splitter = split.Sentences(o.model, nil)
	}
	o.Collection, err = minnow.Open(o.dir, e, &options)
	return err
}

// modelOf opens the model with which a collection was made, if it is among
// those that are here, and the user did not choose another or another preset.
func (sh *shell) modelOf(dir string) *onnx.Model {
	chosenModel := cmp.Or(sh.model, os.Getenv("MINNOW_MODEL"))
	chosenPreset := onnx.Preset(cmp.Or(sh.preset, os.Getenv("MINNOW_PRESET")))
	c, err := minnow.Open(dir, nil, &minnow.Options{ReadOnly: true})
	if err != nil {
		return nil
	}
	id := c.Stats().Model
	c.Close()
	names, err := native.Models()
	if err != nil {
		return nil
	}
	if chosenModel != "" {
		names = []string{chosenModel}
	}
	for _, name := range names {
		folder, err := native.Model(name)
		if err != nil {
			continue
		}
		for _, preset := range onnx.Presets(folder) {
			if chosenPreset != "" && preset != chosenPreset {
				continue
			}
			if m, err := onnx.Open(folder, &onnx.Options{Preset: preset}); err == nil {
				if m.ID() == id {
					return m
				}
				m.Close()
			}
		}
	}
	return nil
}

func (o *opened) closeModel() error {
	if o.model == nil {
		return nil
	}
	return o.model.Close()
}

// Close saves what is to be saved.
func (o *opened) Close() error {
	o.bar.end()
	return errors.Join(o.Collection.Close(), o.closeModel())
}

// with runs a command's work on the collection, and closes it.
func (sh *shell) with(cmd *cobra.Command, a access, work func(*opened) error) error {
	c, err := sh.open(cmd, a)
	if err != nil {
		return err
	}
	err = work(c)
	if closed := c.Close(); err == nil || closed != nil && !errors.Is(err, errNothing) {
		err = errors.Join(err, closed)
	}
	return err
}
