package echo_test

import (
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

// TestRandom judges scenes as chance would have them, over all of them: nothing
// was tuned on any one. MEET_SCENES is how many there are.
func TestRandom(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("MEET_SCENES"))
	if err != nil {
		n = 10
	}
	if testing.Short() {
		n = min(n, 1)
	}
	var mu sync.Mutex
	var clear, better, quality []float64
	t.Run("scenes", func(t *testing.T) {
		for seed := range uint64(n) {
			s := voicetest.Random(1000 + seed)
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				x := s.Make()
				c := echo.New(echo.Config{})
				out := run(c, x)
				q, stoi := doubleTalk(x, out)
				was, wasStoi := doubleTalk(x, append(make([]float32, echo.Delay), x.Mic...))
				// Against the echo and the noise it came with: what cannot be
				// heard for noise need not be gone.
				gone := voicetest.Level(x.Mic, 8, 14) - voicetest.Level(out, 8, 14)
				t.Logf("%.1f dB of echo and noise, %.2f after %.2f, STOI %.3f after %.3f; %+v", gone, q, was, stoi, wasStoi, c.Stats())
				if gone < 12 || q < was-0.1 || stoi < wasStoi-0.02 {
					t.Errorf("%s: %.1f dB, %.2f after %.2f, STOI %.3f after %.3f", s.Name, gone, q, was, stoi, wasStoi)
				}
				mu.Lock()
				defer mu.Unlock()
				clear, better, quality = append(clear, gone), append(better, q-was), append(quality, q)
			})
		}
	})
	if n < 10 {
		return
	}
	for _, x := range [][]float64{clear, better, quality} {
		slices.Sort(x)
	}
	t.Logf("median: %.1f dB gone, score %.2f, %.2f better than nothing; worst tenth: %.1f dB, %.2f, %.2f",
		clear[n/2], quality[n/2], better[n/2], clear[n/10], quality[n/10], better[n/10])
	if clear[n/2] < 30 || better[n/2] < 0.5 {
		t.Errorf("median %.1f dB and %.2f better", clear[n/2], better[n/2])
	}
}
