package score_test

import (
	"testing"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
)

func TestCal(t *testing.T) {
	n := 48000 * 12
	v := voicetest.Speak(n, -26, "f2", "m3")
	add := func(x []float32) []float32 {
		y := append([]float32(nil), v...)
		for i := range y {
			y[i] += x[i]
		}
		return y
	}
	for _, db := range []float64{-46, -36, -29} {
		w, f, k, c := add(voicetest.White(n, db, 1)), add(voicetest.Fan(n, db, 1)), add(voicetest.Keyboard(n, db+6, 1)), add(voicetest.Cafe(n, db, 1))
		t.Logf("%v white %.2f %.3f fan %.2f %.3f kbd %.2f %.3f cafe %.2f %.3f", db, score.Quality(v, w), score.STOI(v, w), score.Quality(v, f), score.STOI(v, f), score.Quality(v, k), score.STOI(v, k), score.Quality(v, c), score.STOI(v, c))
	}
	for _, s := range voicetest.Table() {
		x := s.Make()
		near, mic := voicetest.Cut(x.Near, 18, 30.7), voicetest.Cut(x.Mic, 18, 30.7)
		t.Logf("%-28s %.2f %.3f  far %.1f echo %.1f near %.1f", s.Name, score.Quality(near, mic), score.STOI(near, mic), voicetest.Level(x.Far, 10, 18), voicetest.Level(x.Echo, 10, 18), voicetest.Level(x.Near, 18, 30))
	}
}
