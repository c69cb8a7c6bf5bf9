package tui

import (
	"testing"

	"github.com/meet-term/meet/media"
)

// TestLookingCloser: small text of a shared screen is made large, and every corner of it
// is reached.
func TestLookingCloser(t *testing.T) {
	v := many(3)
	v.Peers[0].Media.Screen = true
	r := newRig(t, v)
	tile := func() Tile {
		t.Helper()
		for _, tile := range r.f.tiles {
			if tile.Kind == media.Screen {
				return tile
			}
		}
		t.Fatal("no screen is shown")
		return Tile{}
	}
	is := func(zoom, x, y int) {
		t.Helper()
		if got := tile(); got.Zoom != zoom || got.PanX != x || got.PanY != y {
			t.Errorf("shown %d times as large at %d, %d, want %d at %d, %d", got.Zoom, got.PanX, got.PanY, zoom, x, y)
		}
	}
	r.keys("H")
	is(0, 0, 0)
	r.shows("] looks closer first")
	r.keys("]")
	is(2, 500, 500)
	r.shows("screen · 2x")
	r.keys("H", "K", "K")
	is(2, 0, 0)
	r.keys("L", "L", "L", "J")
	is(2, 1000, 500)
	r.keys("]", "]", "]")
	is(8, 1000, 500)
	r.keys("[", "[", "[")
	is(0, 0, 0)
	r.hides("2x")

	// Another picture in the spotlight is shown whole.
	r.keys("]")
	is(2, 500, 500)
	other := *v
	other.Peers = append(other.Peers[:0:0], other.Peers...)
	other.Peers[0].Media.Screen, other.Peers[1].Media.Screen = false, true
	r.f.view = &other
	r.send(viewMsg{r.f.view})
	is(0, 0, 0)

	r = newRig(t, many(3))
	r.keys("]")
	r.shows("looking closer is for a shared screen")
}
