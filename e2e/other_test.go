//go:build !linux

package e2e

import "testing"

func TestNet(t *testing.T) {
	t.Skip("e2e: skipped: network namespaces exist on Linux only")
}
