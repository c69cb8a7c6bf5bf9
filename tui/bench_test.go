package tui

import (
	"testing"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// BenchmarkRender draws the whole text of a call of nine; it happens ten times
// a second while somebody speaks.
func BenchmarkRender(b *testing.B) {
	for _, c := range []struct {
		name  string
		stage bool
	}{{"audio", false}, {"video", true}} {
		b.Run(c.name, func(b *testing.B) {
			sc := screenOf(many(9), 120, 40)
			sc.stage, sc.stats = c.stage, byPeer(figures(sc.view))
			sc.levels = map[signal.PeerID]media.Loudness{self: {DB: -30, Speaking: true}}
			b.ReportAllocs()
			for b.Loop() {
				sc.Render()
			}
		})
	}
}
