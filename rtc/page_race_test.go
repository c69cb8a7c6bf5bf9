//go:build race

package rtc

import (
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// page stands for the JavaScript engine: a program translated from C, which the
// race detector makes too slow to build and to run, and which has one thread.
type page struct{ t testing.TB }

func newPage(t testing.TB) *page {
	t.Helper()
	t.Skip("the page's machine is not run under the race detector")
	return nil
}

func (*page) machine(time.Duration, signal.PeerID, signal.PeerID) machine { return nil }
func (*page) play(signal.PeerID, []moment) []outcome                      { return nil }
func (*page) mesh() mesh                                                  { return nil }
func (*page) call(string, ...any) any                                     { return nil }
