package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

func benchScene() voicetest.Sound {
	return voicetest.Scene{Seconds: 10, Echo: -26, Delay: 60, Ratio: 3, Drift: 20}.Make()
}

func BenchmarkProcess(b *testing.B) {
	x := benchScene()
	out := make([]float32, echo.BlockSamples)
	for _, v := range []struct {
		name   string
		cfg    echo.Config
		silent bool
	}{{"both", echo.Config{}, false}, {"echo", echo.Config{NoiseOff: true}, false}, {"silence", echo.Config{}, true}, {"none", echo.Config{EchoOff: true, NoiseOff: true}, true}} {
		b.Run(v.name, func(b *testing.B) {
			c := echo.New(v.cfg)
			run(c, x)
			if v.silent {
				for range 100 {
					c.Process(x.Mic[:480], nil, out)
				}
			}
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				far := x.Far[at : at+480]
				if v.silent {
					far = nil
				}
				c.Process(x.Mic[at:at+480], far, out)
				if at += 480; at+480 > len(x.Mic) {
					at = 48000
				}
			}
		})
	}
}
