package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/native"
)

// version is what a release's build sets; otherwise Go knows the commit.
var version string

func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func newVersion(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of minnow and of what it was built with",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionString()
			platform := runtime.GOOS + "/" + runtime.GOARCH
			return sh.printFields(cmd, struct {
				Version     string `json:"version"`
				Go          string `json:"go"`
				Platform    string `json:"platform"`
				ONNXRuntime string `json:"onnxruntime"`
			}{v, runtime.Version(), platform, native.RuntimeVersion()},
				[][]string{{"minnow " + v + ", " + runtime.Version() + " " + platform + ", made for ONNX Runtime " + native.RuntimeVersion()}})
		},
	}
}
