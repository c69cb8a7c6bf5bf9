package echo

import (
	"math"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/voicetest"
)

// TestCost holds the time of a block against that of a transform in the same
// run, which no other load on the machine changes much: a block is about 30
// transforms, and 5 while the loudspeaker is silent.
func TestCost(t *testing.T) {
	if testing.Short() {
		t.Skip("times mean nothing under the race detector")
	}
	x := voicetest.Scene{Seconds: 4, Echo: -26, Delay: 60, Ratio: 3, Drift: 50, NearFrom: 3, NearTo: 4}.Make()
	f := newFFT(frameSamples)
	frame, spectrum, out := make([]float32, frameSamples), make([]complex64, bins), make([]float32, BlockSamples)
	c := New(Config{})
	block := func(b int, silent bool) {
		at := b * BlockSamples % len(x.Mic)
		far := x.Far[at : at+BlockSamples]
		if silent {
			far = nil
		}
		c.Process(x.Mic[at:at+BlockSamples], far, out)
	}
	for b := range 300 {
		block(b, false)
	}
	least := func(n int, do func(i int)) float64 {
		best := math.Inf(1)
		for range 20 {
			began := time.Now()
			for i := range n {
				do(i)
			}
			best = min(best, float64(time.Since(began))/float64(n))
		}
		return best
	}
	transform := least(200, func(int) { f.forward(spectrum, frame) })
	busy := least(50, func(i int) { block(i, false) }) / transform
	for b := range 200 {
		block(b, true)
	}
	idle := least(50, func(i int) { block(i, true) }) / transform
	t.Logf("a block is %.0f transforms of %.1f us, %.0f while the loudspeaker is silent", busy, transform/1e3, idle)
	if busy > 70 || idle > 15 {
		t.Errorf("a block is %.0f transforms and %.0f in silence, want at most 70 and 15", busy, idle)
	}
}
