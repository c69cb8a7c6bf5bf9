package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

func run(c *echo.Canceller, s voicetest.Sound) []float32 {
	out := make([]float32, len(s.Mic))
	for at := 0; at+480 <= len(out); at += 480 {
		c.Process(s.Mic[at:at+480], s.Far[at:at+480], out[at:at+480])
	}
	return out
}

func TestTable(t *testing.T) {
	for _, s := range voicetest.Table() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			x := s.Make()
			c := echo.New(echo.Config{})
			out := run(c, x)
			from, to := 10.0, 18.0
			if s.Change > 0 {
				from, to = 40, 45
			}
			erle := voicetest.Level(x.Echo, from, to) - voicetest.Level(out, from, to)
			late := append(make([]float32, echo.Delay), x.Near...)
			near, got := voicetest.Cut(late, 18, 30.7), voicetest.Cut(out, 18, 30.7)
			lv := ""
			_ = lv
			st := c.Stats()
			t.Logf("%-28s ERLE %.1f  q %.2f stoi %.3f  1s %.0f 2s %.0f 3s %.0f drift %.1f delay %v resets %d", s.Name, erle, score.Quality(near, got), score.STOI(near, got),
				voicetest.Level(x.Echo, 0, 1)-voicetest.Level(out, 0, 1), voicetest.Level(x.Echo, 1, 2)-voicetest.Level(out, 1, 2), voicetest.Level(x.Echo, 2, 3)-voicetest.Level(out, 2, 3), st.Drift, st.Delay, st.Resets)
		})
	}
}
