package audio

import (
	"math"
	"testing"

	"github.com/meet-term/meet/media/audio/pcm"
)

func TestAutoGain(t *testing.T) {
	tone := func(amplitude float64, blocks int, g *autoGain) pcm.Level {
		var last pcm.Level
		block := make([]float32, pcm.BlockSamples)
		for b := range blocks {
			for i := range block {
				block[i] = float32(amplitude * math.Sin(2*math.Pi*300*float64(b*len(block)+i)/pcm.SampleRate))
			}
			last = pcm.Measure(g.apply(block))
		}
		return last
	}
	var g autoGain
	for _, c := range []struct {
		name      string
		amplitude float64
		blocks    int
		least     pcm.Level
		most      pcm.Level
	}{
		{"quiet speech is raised in seconds", 0.02, 500, -24, -20},
		{"loud speech is lowered at once", 0.9, 30, -23, -14},
		{"background is turned down", 0.001, 100, -90, -80},
		{"however long it lasts", 0.001, 3000, -90, -80},
		{"the next word finds the gate open", 0.1, 10, -36, -30},
	} {
		if got := tone(c.amplitude, c.blocks, &g); got < c.least || got > c.most {
			t.Errorf("%s: %d dBov, want %d to %d", c.name, got, c.least, c.most)
		}
	}
}
