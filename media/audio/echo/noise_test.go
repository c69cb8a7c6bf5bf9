package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

// TestNoise: noise that goes on is at least 14 dB quieter in pauses, and the
// voice in it scores no worse than without. A cafe is voices: less goes. Keys
// are left alone on purpose: what tells a click from a consonant is what comes
// after it, which a canceller that is 5 ms late does not know.
func TestNoise(t *testing.T) {
	const n = 24 * voicetest.Rate
	voice := voicetest.Speak(n, -26, "f2", "m3")
	for i := range voice {
		if at := float64(i) / voicetest.Rate; at < 2 || at > 12 && at < 14 {
			voice[i] = 0
		}
	}
	for _, c := range []struct {
		name   string
		make   func(int, float64, uint64) []float32
		least  float64 // dB in pauses
		better float64 // score against the unprocessed, at 20 and 10 dB
	}{
		{"white", voicetest.White, 15, 0}, {"fan", voicetest.Fan, 15, 0},
		{"cafe", voicetest.Cafe, 6.5, 0}, {"keyboard", voicetest.Keyboard, -0.1, -0.15},
	} {
		for _, ratio := range []float64{20, 10} {
			if testing.Short() && (ratio == 10 || c.name != "fan") {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				x := c.make(n, -26-ratio, 3)
				for i, v := range voice {
					x[i] += v
				}
				can := echo.New(echo.Config{})
				out := make([]float32, n)
				for at := 0; at < n; at += echo.BlockSamples {
					can.Process(x[at:at+echo.BlockSamples], nil, out[at:at+echo.BlockSamples])
				}
				clean := voicetest.Cut(voice, 3, 23)
				was := score.Quality(clean, voicetest.Cut(x, 3, 23))
				now := score.Quality(clean, voicetest.Cut(out[echo.Delay:], 3, 23))
				less := voicetest.Level(x, 12.5, 13.9) - voicetest.Level(out, 12.5, 13.9)
				t.Logf("%.0f dB below the voice: %.1f dB less, score %.2f after %.2f", ratio, less, now, was)
				if less < c.least || now < was+c.better {
					t.Errorf("%.1f dB less, score %.2f after %.2f; want %v dB, %+v", less, now, was, c.least, c.better)
				}
			})
		}
	}
}

// TestNoiseThatBegins: a fan that is switched on in mid-call is suppressed
// within two seconds.
func TestNoiseThatBegins(t *testing.T) {
	x := append(voicetest.White(4*voicetest.Rate, -75, 1), voicetest.Fan(6*voicetest.Rate, -40, 1)...)
	c := echo.New(echo.Config{})
	out := make([]float32, len(x))
	for at := 0; at < len(x); at += echo.BlockSamples {
		c.Process(x[at:at+echo.BlockSamples], nil, out[at:at+echo.BlockSamples])
	}
	if less := voicetest.Level(x, 6.5, 10) - voicetest.Level(out, 6.5, 10); less < 12 {
		t.Errorf("%.1f dB less after 2.5 s", less)
	}
}
