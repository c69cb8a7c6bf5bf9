package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

// run sends a scene through a canceller.
func run(c *echo.Canceller, s voicetest.Sound) []float32 {
	out := make([]float32, len(s.Mic))
	for at := 0; at+echo.BlockSamples <= len(out); at += echo.BlockSamples {
		c.Process(s.Mic[at:at+echo.BlockSamples], s.Far[at:at+echo.BlockSamples], out[at:at+echo.BlockSamples])
	}
	return out
}

// erle is how much quieter the echo is after the canceller, in dB, between two
// times while only the far end speaks. Noise suppression is part of it.
func erle(s voicetest.Sound, out []float32, from, to float64) float64 {
	return voicetest.Level(s.Echo, from, to) - voicetest.Level(out, from, to)
}

// doubleTalk scores what is left of the voice in front of the microphone while
// both ends talk.
func doubleTalk(s voicetest.Sound, out []float32) (quality, stoi float64) {
	near := voicetest.Cut(s.Near, s.NearFrom, s.NearTo-0.1)
	got := voicetest.Cut(out[echo.Delay:], s.NearFrom, s.NearTo-0.1)
	return score.Quality(near, got), score.STOI(near, got)
}

// TestTable holds the scenes of docs/PERFORMANCE.md against their aims.
func TestTable(t *testing.T) {
	aims := []struct{ erle, quality, stoi float64 }{
		{47, 4.5, 0.98}, {40, 4.5, 0.98}, {56, 4.4, 0.98}, {46, 4.5, 0.98}, {36, 4.4, 0.975},
		{47, 4.5, 0.98}, {47, 4.5, 0.98}, {45, 4.5, 0.98}, {10, 4.65, 0.99},
	}
	for i, s := range voicetest.Table() {
		if testing.Short() && i%5 != 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			x := s.Make()
			out := run(echo.New(echo.Config{}), x)
			from, to := 10.0, 18.0
			if s.Change > 0 {
				from, to = 40, 45
			}
			gone := erle(x, out, from, to)
			quality, stoi := doubleTalk(x, out)
			t.Logf("%.1f dB, %.2f, STOI %.3f", gone, quality, stoi)
			if aim := aims[i]; gone < aim.erle || quality < aim.quality || stoi < aim.stoi {
				t.Errorf("%.1f dB, %.2f, STOI %.3f, want at least %v", gone, quality, stoi, aim)
			}
		})
	}
}
