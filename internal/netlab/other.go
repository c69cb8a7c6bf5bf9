//go:build !linux

package netlab

// Unavailable says in words why there can be no lab on this machine.
func Unavailable() string { return "network namespaces exist on Linux only" }
