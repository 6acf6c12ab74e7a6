package onnx

import (
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/minnow-search/minnow/internal/native"
)

// startMu guards the start of ONNX Runtime, of which there is one in a process, for all its users. It is never stopped:
// another package may have sessions of its own.
var startMu sync.Mutex

// start loads the runtime library at path ("": where set-up put it) unless one is loaded already, by us or by another
// user of onnxruntime_go in the same program.
func start(path string) error {
	startMu.Lock()
	defer startMu.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	if path == "" {
		var err error
		if path, err = native.Runtime(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the ONNX Runtime library cannot be read: %w; %s", err, native.SetupHint)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(); err != nil {
		return fmt.Errorf("%s is not an ONNX Runtime library of version 1.24 or newer for this machine (%s is known to work): %w; %s",
			path, native.RuntimeVersion(), err, native.SetupHint)
	}
	return nil
}
