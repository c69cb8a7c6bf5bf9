package echo

import (
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
)

func TestNoiseExp(t *testing.T) {
	n := 48000 * 24
	v := voicetest.Speak(n, -26, "f2", "m3")
	for i := range v { // a pause at the beginning and in the middle
		if i < 96000 || i > 48000*12 && i < 48000*14 {
			v[i] = 0
		}
	}
	for _, k := range []struct {
		name string
		f    func(int, float64, uint64) []float32
	}{{"white", voicetest.White}, {"fan", voicetest.Fan}, {"cafe", voicetest.Cafe}, {"keys", voicetest.Keyboard}} {
		for _, db := range []float64{-46, -36} {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				x := k.f(n, db, 3)
				for i := range x {
					x[i] += v[i]
				}
				c := New(Config{})
				out := make([]float32, n)
				for at := 0; at+480 <= n; at += 480 {
					c.Process(x[at:at+480], nil, out[at:at+480])
				}
				clean, in := voicetest.Cut(v, 3, 24), voicetest.Cut(x, 3, 24)
				got := out[3*48000+Delay : 24*48000]
				clean2 := clean[:len(got)]
				t.Logf("NS %-6s %.0f: -%.1f dB, -%.1f in the middle; q %.2f -> %.2f stoi %.3f -> %.3f", k.name, db, voicetest.Level(x, 1.2, 1.95)-voicetest.Level(out, 1.2, 1.95),
					voicetest.Level(x, 12.5, 13.9)-voicetest.Level(out, 12.5, 13.9),
					score.Quality(clean, in), score.Quality(clean2, got), score.STOI(clean, in), score.STOI(clean2, got))
			})
		}
	}
}
