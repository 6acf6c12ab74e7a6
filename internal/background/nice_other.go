//go:build !linux

package background

// lower does nothing: elsewhere priorities are of processes.
func lower() {}
