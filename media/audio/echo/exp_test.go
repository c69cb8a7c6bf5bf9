package echo

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
)

func init() {
	for _, f := range strings.Fields(os.Getenv("EXP")) {
		k, v, _ := strings.Cut(f, "=")
		var x float64
		fmt.Sscan(v, &x)
		exps[k] = x
	}
}

func TestExp(t *testing.T) {
	for _, s := range voicetest.Table() {
		if n := os.Getenv("SCENE"); n != "" && !strings.Contains(s.Name, n) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			x := s.Make()
			c := New(Config{})
			out := make([]float32, len(x.Mic))
			lin := make([]float32, len(x.Mic))
			for at := 0; at+480 <= len(out); at += 480 {
				c.Process(x.Mic[at:at+480], x.Far[at:at+480], out[at:at+480])
				copy(lin[at:], c.error[:])
			}
			from, to := 10.0, 18.0
			if s.Change > 0 {
				from, to = 40, 45
			}
			lv := func(o []float32, a, b float64) float64 {
				return voicetest.Level(x.Echo, a, b) - voicetest.Level(o, a, b)
			}
			late := append(make([]float32, Delay), x.Near...)
			near, got := voicetest.Cut(late, 18, 30.7), voicetest.Cut(out, 18, 30.7)
			near1, got1 := voicetest.Cut(x.Near, 18, 30.7), voicetest.Cut(lin, 18, 30.7)
			st := c.Stats()
			t.Logf("%-28s ERLE %.1f (lin %.1f) q %.2f stoi %.3f (lin %.2f %.3f) 1s %.0f 2s %.0f 3s %.0f drift %.1f delay %v resets %d", s.Name, lv(out, from, to), lv(lin, from, to), score.Quality(near, got), score.STOI(near, got), score.Quality(near1, got1), score.STOI(near1, got1),
				lv(out, 0, 1), lv(out, 1, 2), lv(out, 2, 3), st.Drift, st.Delay, st.Resets)
		})
	}
}
