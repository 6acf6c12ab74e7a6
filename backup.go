package minnow

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/minnow-search/minnow/internal/durable"
)

// sumsName is the last file of a backup: what sha256sum makes of the others. A
// backup without it is cut short.
const sumsName = "SHA256SUMS"

// Backup writes the collection to w as it is at one moment, as a tar archive of
// its folder, which [Restore] or tar unpacks. Other calls go on beside it. The
// graph is in it if the saved one is there, so that the copy opens fast.
//
// It needs room for a second minnow.db for a while: in the folder, or in
// [os.TempDir] if the collection is read only.
func (c *Collection) Backup(ctx context.Context, w io.Writer) error {
	if err := c.enter(); err != nil {
		return wrap("backup", err)
	}
	defer c.leave()
	return wrap("backup", c.backup(ctx, w))
}

func (c *Collection) backup(ctx context.Context, w io.Writer) error {
	parent := c.dir
	if c.options.ReadOnly {
		parent = ""
	}
	temp, err := os.MkdirTemp(parent, ".backup-*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	snapshot := filepath.Join(temp, databaseName)
	if err := c.store.Snapshot(ctx, snapshot); err != nil {
		return err
	}
	a := archive{ctx: ctx, tar: tar.NewWriter(w)}
	if err := a.add(databaseName, snapshot); err != nil {
		return err
	}
	// A Save beside this may have taken the graph away, or put another in its
	// place. The copy's store knows it by its checksum, and makes it if need be.
	for _, name := range []string{graphName(c.saved.Load()), manifestName(c.saved.Load())} {
		if err := a.add(name, filepath.Join(c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return a.end()
}

// archive is a tar archive being written.
type archive struct {
	ctx  context.Context
	tar  *tar.Writer
	sums strings.Builder
}

func (a *archive) add(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.write(name, info.Size(), f)
}

func (a *archive) write(name string, size int64, from io.Reader) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(a.tar, sum), contextReader{a.ctx, from}); err != nil {
		return err
	}
	fmt.Fprintf(&a.sums, "%x  %s\n", sum.Sum(nil), name)
	return nil
}

func (a *archive) end() error {
	sums := a.sums.String()
	if err := a.write(sumsName, int64(len(sums)), strings.NewReader(sums)); err != nil {
		return err
	}
	return a.tar.Close()
}

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// backedUp matches the files that a backup may hold.
var backedUp = regexp.MustCompile(`^(minnow\.db|index-[0-9]+\.(hnsw|json)|SHA256SUMS)$`)

// Restore makes the collection that [Collection.Backup] wrote in the folder
// dir, which must be empty or not there. It appears whole, or not at all: an
// archive that is cut short or damaged is [ErrDamaged].
func Restore(ctx context.Context, r io.Reader, dir string) error {
	return wrap("restore "+dir, restore(ctx, r, dir))
}

func restore(ctx context.Context, r io.Reader, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: the folder is not empty", ErrInvalid)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.MakeDir(durable.OS{}, filepath.Dir(dir)); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".restore-*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // after the rename it is gone
	if err := unpack(ctx, r, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return durable.OS{}.SyncDir(filepath.Dir(dir))
}

// unpack writes the files of a backup into a folder, and compares their sums.
func unpack(ctx context.Context, r io.Reader, dir string) error {
	var sums strings.Builder
	for from := tar.NewReader(contextReader{ctx, r}); ; {
		header, err := from.Next()
		if err == io.EOF {
			return fmt.Errorf("%w: the backup is cut short", ErrDamaged)
		}
		if err != nil {
			return archiveError(ctx, err)
		}
		if header.Typeflag != tar.TypeReg || !backedUp.MatchString(header.Name) {
			return fmt.Errorf("%w: %q does not belong in a backup", ErrInvalid, header.Name)
		}
		if header.Name == sumsName {
			stated, err := io.ReadAll(from)
			if err != nil {
				return archiveError(ctx, err)
			}
			if string(stated) != sums.String() || !strings.Contains(sums.String(), "  "+databaseName+"\n") {
				return fmt.Errorf("%w: the backup's files are not those that were written", ErrDamaged)
			}
			return durable.OS{}.SyncDir(dir)
		}
		sum := sha256.New()
		err = durable.Replace(durable.OS{}, filepath.Join(dir, header.Name), func(w io.Writer) error {
			_, err := io.Copy(io.MultiWriter(w, sum), from)
			return err
		})
		if err != nil {
			return archiveError(ctx, err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum.Sum(nil), header.Name)
	}
}

// archiveError says of an error of reading whether the archive is to blame.
func archiveError(ctx context.Context, err error) error {
	if ctx.Err() == nil && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader)) {
		return fmt.Errorf("%w: the backup is cut short or no backup: %w", ErrDamaged, err)
	}
	return err
}
