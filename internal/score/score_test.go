package score_test

import (
	"slices"
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
)

// TestOrder: more noise is worse, and known amounts are where ViSQOL and STOI
// have them.
func TestOrder(t *testing.T) {
	n := 6 * voicetest.Rate
	clean := voicetest.Speak(n, -26, "f2")
	with := func(db float64) []float32 {
		x := voicetest.White(n, db, 1)
		for i, v := range clean {
			x[i] += v
		}
		return x
	}
	for _, c := range []struct {
		name              string
		heard             []float32
		quality, stoi, by float64
	}{
		{"the same", clean, 5, 1, 0.001},
		{"half as loud", func() []float32 {
			x := slices.Clone(clean)
			for i := range x {
				x[i] /= 2
			}
			return x
		}(), 5, 1, 0.001},
		{"noise 20 dB below", with(-46), 4.2, 0.99, 0.2},
		{"noise 10 dB below", with(-36), 3.5, 0.97, 0.2},
		{"noise as loud", with(-26), 2.5, 0.88, 0.3},
		{"silence", make([]float32, n), 1, 0, 0.001},
	} {
		q, s := score.Quality(clean, c.heard), score.STOI(clean, c.heard)
		t.Logf("%s: %.2f, STOI %.3f", c.name, q, s)
		if q < c.quality-c.by || q > c.quality+c.by || s < c.stoi-c.by/4 || s > c.stoi+c.by/4 {
			t.Errorf("%s: %.2f and STOI %.3f, want %.2f and %.3f", c.name, q, s, c.quality, c.stoi)
		}
	}
}

func TestAlign(t *testing.T) {
	clean := voicetest.Speak(2*voicetest.Rate, -26, "m1")
	late := append(make([]float32, 777), clean...)
	got, delay := score.Align(clean, late, 4800)
	if delay != 777 || !slices.Equal(got[:len(got)-777], clean[:len(got)-777]) {
		t.Errorf("found a delay of %d, want 777", delay)
	}
}
