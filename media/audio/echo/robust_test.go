package echo_test

import (
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

// aim is what a scene must reach: dB from 10 to 18 s and in the last two seconds,
// score and STOI of the voice in double talk.
type aim struct{ before, after, quality, stoi float64 }

// aims are a little below what the scenes reach.
var aims = map[string]aim{
	"long room, RT60 0.4 s":              {27, 27, 4.2, 0.955},
	"drift -200 ppm":                     {40, 38, 4.35, 0.975},
	"drift +200 ppm":                     {38, 38, 4.35, 0.975},
	"drift 100 ppm, 450 ms":              {35, 38, 4.35, 0.975},
	"laptop and drift":                   {40, 38, 4.3, 0.965},
	"clipping at -16 dBFS":               {28, 28, 4.1, 0.955},
	"delay jumps by 3.2 ms at 12 s":      {23, 38, 4.15, 0.95},
	"delay jumps by -10 ms at 12 s":      {23, 38, 4.15, 0.95},
	"delay jumps by 80 ms at 8 s":        {45, 38, 4.3, 0.955},
	"delay wanders by 3 samples in 7 s":  {25, 30, 3.65, 0.88},
	"delay 20 ms":                        {38, 36, 4.45, 0.98},
	"delay 450 ms":                       {38, 36, 4.45, 0.98},
	"echo 12 dB above the voice":         {24, 24, 3.95, 0.92},
	"no echo":                            {-99, -99, 4.7, 0.99},
	"no noise of the room":               {40, 38, 4.6, 0.98},
	"headset -50 dB":                     {-2, -2, 4.7, 0.99},
	"fan at -45 dBFS":                    {32, 32, 4, 0.94},
	"music from the far end":             {29, 38, 4.3, 0.965},
	"two people here":                    {38, 36, 4.45, 0.98},
	"double talk from the start":         {-99, 38, 3.6, 0.87},
	"other voices":                       {38, 38, 4.45, 0.98},
	"fan and keys louder than the voice": {12, 12, 2.1, 0.6},
	"headset unplugged at 15 s":          {-99, 38, 4, 0.94},
}

func TestOthers(t *testing.T) {
	for i, s := range voicetest.Others() {
		if testing.Short() && i%12 != 1 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			x := s.Make()
			c := echo.New(echo.Config{})
			out := run(c, x)
			quality, stoi := doubleTalk(x, out)
			got := aim{erle(x, out, 10, 18), erle(x, out, 32, 34), quality, stoi}
			t.Logf("%.1f, %.1f dB, %.2f, STOI %.3f; second by second %.0f; %+v", got.before, got.after, got.quality, got.stoi,
				[]float64{erle(x, out, 0, 1), erle(x, out, 1, 2), erle(x, out, 2, 3), erle(x, out, 12, 12.5), erle(x, out, 12.5, 13.5)}, c.Stats())
			o, known := aims[s.Name]
			if !known {
				t.Fatal("no aim")
			}
			if got.before < o.before || got.after < o.after || got.quality < o.quality || got.stoi < o.stoi {
				t.Errorf("%.3v, want at least %v", got, o)
			}
		})
	}
}
