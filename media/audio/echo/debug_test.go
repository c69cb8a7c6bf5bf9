package echo

import (
	"math"
	"os"
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
)

func TestDebug(t *testing.T) {
	name := os.Getenv("SCENE")
	for _, s := range voicetest.Table() {
		if s.Name != name {
			continue
		}
		x := s.Make()
		c := New(Config{})
		out := make([]float32, 480)
		var dd, ee, oo, ec, leak float64
		was := 0
		for b := 0; b < len(x.Mic)/480; b++ {
			c.Process(x.Mic[b*480:b*480+480], x.Far[b*480:b*480+480], out)
			for i, v := range c.mic {
				dd += float64(v * v)
				e := v - c.model[i]
				n := x.Near[b*480+i]
				e -= n
				ee += float64(e * e)
				oo += float64(out[i] * out[i])
				ec += float64(x.Echo[b*480+i] * x.Echo[b*480+i])
			}
			if c.stats.Resets != was {
				was = c.stats.Resets
				t.Logf("  reset at %.2f gain %.4f", float64(b)/100, c.filter.gain())
			}
			leak += float64(c.rest.leak[6])
			if b%100 == 99 {
				db := func(x float64) float64 { return 10 * math.Log10(x/48000+1e-12) }
				t.Logf("%2d mic %.0f echo %.1f lin err %.1f out %.1f  leak %.4f near %.2f gain %.4f lag %d use %v w %v", b/100, db(dd), db(ec), db(ee), db(oo), leak/100, c.rest.near, c.filter.gain(), c.lag, c.watch.use, c.bent.weight)
				dd, ee, oo, ec, leak = 0, 0, 0, 0, 0
			}
		}
	}
}
