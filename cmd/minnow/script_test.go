package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/internal/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"minnow": main})
}

// The scripts run the command as a shell would, in a folder of their own.
// COLUMNS and TERM are theirs to set. exitcode N COMMAND runs a command that
// ends with this code.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of commands, each a process of its own: run the test without -short")
	}
	model := testkit.Model(t, testkit.GoldenModel)
	library, err := native.Runtime()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "MINNOW_MODEL="+model, "MINNOW_ONNXRUNTIME="+library, "MINNOW_HOME="+env.WorkDir+"/home", "MINNOW_DB=db",
				"FOOD="+absolute("../../docs/tour/food.csv"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "dpkg":
				_, err := os.Stat("/var/lib/dpkg/status")
				return err == nil, nil
			}
			return false, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exitcode": exitcode,
			"dpkg2csv": descriptions,
			"damage":   damage,
			"parquet":  parquetFile,
		},
	})
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

// exitcode runs a command that must end with the code given.
func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE COMMAND...")
	}
	err := ts.Exec("sh", append([]string{"-c", `want=$1; shift; "$@"; got=$?; [ $got = $want ] || { echo "exit code $got, want $want" >&2; exit 99; }`, "exitcode"}, args...)...)
	if err != nil {
		ts.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, ts.ReadFile("stderr"))
	}
}

// descriptions makes a CSV of the packages that are installed here.
func descriptions(ts *testscript.TestScript, neg bool, args []string) {
	status, err := os.ReadFile("/var/lib/dpkg/status")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(packageTable(string(status))), 0o600))
}

// damage overwrites the middle of a file.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	info, err := f.Stat()
	ts.Check(err)
	// Whole pages, so that not one row alone is hit; the first has the schema.
	_, err = f.WriteAt(make([]byte, 8192), info.Size()/2/4096*4096)
	ts.Check(err)
	ts.Check(f.Close())
}

// packageTable makes a table of dpkg's status file: name, section and description of each package.
func packageTable(status string) string {
	var out strings.Builder
	w := csv.NewWriter(&out)
	w.Write([]string{"package", "section", "description"})
	for stanza := range strings.SplitSeq(status, "\n\n") {
		fields := map[string]string{}
		name := ""
		for line := range strings.Lines(stanza) {
			if more, found := strings.CutPrefix(line, " "); found {
				fields[name] += "\n" + strings.TrimSpace(more)
				continue
			}
			var value string
			name, value, _ = strings.Cut(line, ":")
			fields[name] = strings.TrimSpace(value)
		}
		if fields["Description"] != "" {
			w.Write([]string{fields["Package"], fields["Section"], fields["Description"]})
		}
	}
	w.Flush()
	return out.String()
}

// parquetFile makes a Parquet file of a CSV, all columns strings.
func parquetFile(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	ts.Check(err)
	group := parquet.Group{}
	for _, name := range rows[0] {
		group[name] = parquet.String()
	}
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	w := parquet.NewGenericWriter[map[string]any](out, parquet.NewSchema("food", group), parquet.Compression(&parquet.Snappy))
	for _, row := range rows[1:] {
		values := map[string]any{}
		for i, name := range rows[0] {
			values[name] = row[i]
		}
		_, err := w.Write([]map[string]any{values})
		ts.Check(err)
	}
	ts.Check(w.Close())
	ts.Check(out.Close())
}
