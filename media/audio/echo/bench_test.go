package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

func BenchmarkProcess(b *testing.B) {
	x := voicetest.Scene{Seconds: 10, Echo: -26, Delay: 60, Ratio: 3, Drift: 20, NearFrom: 5, NearTo: 10}.Make()
	for _, v := range []struct {
		name   string
		config echo.Config
		idle   bool
	}{
		{"echo and noise", echo.Config{}, false}, {"echo", echo.Config{NoiseOff: true}, false},
		{"silent loudspeaker", echo.Config{}, true}, {"off", echo.Config{EchoOff: true, NoiseOff: true}, true},
	} {
		b.Run(v.name, func(b *testing.B) {
			c := echo.New(v.config)
			out := make([]float32, echo.BlockSamples)
			block := 0
			next := func() {
				at := block * echo.BlockSamples % len(x.Mic)
				far := x.Far[at : at+echo.BlockSamples]
				if v.idle {
					far = nil
				}
				c.Process(x.Mic[at:at+echo.BlockSamples], far, out)
				block++
			}
			for range 200 {
				next()
			}
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}
