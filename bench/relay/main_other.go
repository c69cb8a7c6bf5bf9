//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the cost of a server is read from /proc, which only Linux has")
	os.Exit(1)
}
