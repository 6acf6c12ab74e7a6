// Package scripts carries the set-up of the native parts inside the Go module, so that a program that imports minnow
// has it too: command minnow-setup unpacks and runs it.
package scripts

import (
	"embed"
	"strings"
)

// FS holds setup.sh and all that it reads.
//
//go:embed setup.sh pins.env models.tsv requirements.txt calibration.txt *.py tokenizers/Cargo.toml tokenizers/Cargo.lock
var FS embed.FS

// Pins is pins.env: the versions and checksums of the native parts, as NAME=value lines with # comments.
//
//go:embed pins.env
var Pins string

// Models is models.tsv: models by name, with repository and revision, separated by tabs, with # comments.
//
//go:embed models.tsv
var Models string

//go:embed calibration.txt
var calibration string

// HeldOut returns the texts of calibration.txt that no preset is calibrated with, every fourth: quantized_graph.py has the same rule.
func HeldOut() []string {
	var texts []string
	for i, line := range strings.Split(strings.TrimSpace(calibration), "\n") {
		if i%4 == 3 {
			texts = append(texts, line)
		}
	}
	return texts
}
