package echo

import (
	"math"
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
)

func TestDbg2(t *testing.T) {
	s := voicetest.Table()[0]
	s.Seconds = 18
	x := s.Make()
	c := New(Config{})
	out := make([]float32, 480)
	var eb, yb, nb, gb, ob [bandCount]float64
	N := 0.0
	for b := 0; b < len(x.Mic)/480; b++ {
		c.Process(x.Mic[b*480:b*480+480], x.Far[b*480:b*480+480], out)
		if b > 1200 {
			N++
			for i := range bandCount {
				for k := bandEdges[i]; k < bandEdges[i+1]; k++ {
					g := float64(c.rest.gain[k])
					u := c.rest.e[k] // after gain
					p := float64(real(u)*real(u) + imag(u)*imag(u))
					ob[i] += p
					eb[i] += p / g / g
					v := c.rest.y[k]
					yb[i] += float64(real(v)*real(v) + imag(v)*imag(v))
					nb[i] += float64(c.rest.noise[k])
					gb[i] += g / float64(bandEdges[i+1]-bandEdges[i])
				}
			}
		}
	}
	db := func(x float64) float64 { return 10 * math.Log10(x/N/390/1024+1e-15) }
	for i := range bandCount {
		t.Logf("%2d (%4d Hz): e %.1f y %.1f noise %.1f out %.1f gain %.3f leak %.5f", i, bandEdges[i]*47, db(eb[i]), db(yb[i]), db(nb[i]), db(ob[i]), gb[i]/N, c.rest.leak[i])
	}
}
