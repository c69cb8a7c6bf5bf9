package echo_test

import (
	"math"
	"testing"

	"github.com/meet-term/meet/media/audio/echo"
)

// TestDigitalSilenceFirst: a microphone that begins with zeros is heard after
// them, with and without a loudspeaker.
func TestDigitalSilenceFirst(t *testing.T) {
	for name, far := range map[string][]float32{"idle": nil, "silent": make([]float32, echo.BlockSamples)} {
		t.Run(name, func(t *testing.T) {
			c := echo.New(echo.Config{})
			block := make([]float32, echo.BlockSamples)
			for range 500 {
				c.Process(make([]float32, echo.BlockSamples), far, block)
			}
			in, out := 0.0, 0.0
			for b := range 300 {
				for i := range block {
					n := float64(b*echo.BlockSamples + i)
					block[i] = float32(0.2 * math.Sin(n*0.05) * math.Sin(n*0.0003))
					in += float64(block[i]) * float64(block[i])
				}
				c.Process(block, far, block)
				for _, v := range block {
					out += float64(v) * float64(v)
				}
			}
			if db := 10 * math.Log10(out/in); !(db > -3) {
				t.Errorf("%.1f dB of a voice after silence are left", db)
			}
		})
	}
}
