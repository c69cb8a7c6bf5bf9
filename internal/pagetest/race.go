//go:build race

package pagetest

import "testing"

// Page stands for the engine: a program translated from C, which the race detector
// makes too slow to build and to run, and which has one goroutine anyway.
type Page struct{}

// New skips the test.
func New(t testing.TB, _ string, _ ...string) *Page {
	t.Helper()
	t.Skip("the page's modules are not run under the race detector")
	return nil
}

// For does nothing.
func (*Page) For(testing.TB) {}

// Call does nothing.
func (*Page) Call(string, ...any) any { return nil }

// Jobs does nothing.
func (*Page) Jobs() {}
