package echo_test

import (
	"math"
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

// others are scenes that are in no table, in another room.
func others() []other {
	desk := voicetest.Scene{Seed: 21, Echo: -26, Delay: 120, Ratio: 3}
	vary := func(name string, aim aim, f func(*voicetest.Scene)) other {
		s := desk
		s.Name, s.Seconds = name, 34
		f(&s)
		return other{s, aim}
	}
	second := func(n int) []float32 { return voicetest.Speak(n, -24, "m4", "f3") }
	sum := func(fs ...func(int) []float32) func(int) []float32 {
		return func(n int) []float32 {
			out := make([]float32, n)
			for _, f := range fs {
				for i, v := range f(n) {
					out[i] += v
				}
			}
			return out
		}
	}
	fan := func(db float64) func(int) []float32 {
		return func(n int) []float32 { return voicetest.Fan(n, db, 3) }
	}
	keys := func(db float64) func(int) []float32 {
		return func(n int) []float32 { return voicetest.Keyboard(n, db, 3) }
	}
	return []other{
		vary("long room, RT60 0.4 s", aim{27, 27, 4.2, 0.955}, func(s *voicetest.Scene) { s.RT60, s.Ratio = 0.4, -3 }),
		vary("drift -200 ppm", aim{40, 38, 4.35, 0.975}, func(s *voicetest.Scene) { s.Drift = -200 }),
		vary("drift +200 ppm", aim{38, 38, 4.35, 0.975}, func(s *voicetest.Scene) { s.Drift = 200 }),
		vary("drift 100 ppm, 450 ms", aim{35, 38, 4.35, 0.975}, func(s *voicetest.Scene) { s.Drift, s.Delay = 100, 450 }),
		vary("laptop and drift", aim{40, 38, 4.3, 0.965}, func(s *voicetest.Scene) { s.Drift, s.Echo, s.Distort = 20, -20, voicetest.Laptop }),
		vary("clipping at -16 dBFS", aim{28, 28, 4.1, 0.955}, func(s *voicetest.Scene) { s.Distort = voicetest.Clip(-16) }),
		vary("delay jumps by 3.2 ms at 12 s", aim{20, 38, 3.8, 0.91}, func(s *voicetest.Scene) {
			s.Moves = func(t float64) float64 {
				if t > 12 {
					return 3.2
				}
				return 0
			}
		}),
		vary("delay jumps by -10 ms at 12 s", aim{20, 38, 3.8, 0.91}, func(s *voicetest.Scene) {
			s.Moves = func(t float64) float64 {
				if t > 12 {
					return -10
				}
				return 0
			}
		}),
		vary("delay jumps by 80 ms at 8 s", aim{45, 38, 4.3, 0.955}, func(s *voicetest.Scene) {
			s.Moves = func(t float64) float64 {
				if t > 8 {
					return 80
				}
				return 0
			}
		}),
		vary("delay wanders by 3 samples in 7 s", aim{15, 12, 3.5, 0.85}, func(s *voicetest.Scene) {
			s.Moves = func(t float64) float64 { return math.Sin(2*math.Pi*t/7) * 3 / 48 }
		}),
		vary("delay 20 ms", aim{38, 36, 4.45, 0.98}, func(s *voicetest.Scene) { s.Delay = 20 }),
		vary("delay 450 ms", aim{38, 36, 4.45, 0.98}, func(s *voicetest.Scene) { s.Delay = 450 }),
		vary("echo 12 dB above the voice", aim{24, 24, 3.95, 0.92}, func(s *voicetest.Scene) { s.Echo = -14 }),
		vary("no echo", aim{-99, -99, 4.7, 0.99}, func(s *voicetest.Scene) { s.Echo = voicetest.NoEcho }),
		vary("no noise of the room", aim{40, 38, 4.6, 0.98}, func(s *voicetest.Scene) { s.Noise = func(n int) []float32 { return make([]float32, n) } }),
		vary("headset -50 dB", aim{-2, -2, 4.7, 0.99}, func(s *voicetest.Scene) { s.Echo = -76 }),
		vary("fan at -45 dBFS", aim{32, 32, 4, 0.94}, func(s *voicetest.Scene) { s.Noise = fan(-45) }),
		vary("music from the far end", aim{38, 40, 4.3, 0.965}, func(s *voicetest.Scene) { s.Far = func(n int) []float32 { return voicetest.Music(n, -24, 5) } }),
		vary("two people here", aim{38, 36, 4.45, 0.98}, func(s *voicetest.Scene) { s.Near = []string{"f2", "m3"} }),
		vary("double talk from the start", aim{-99, 38, 3.6, 0.87}, func(s *voicetest.Scene) { s.NearFrom, s.NearTo = 0.05, 12.7 }),
		vary("other voices", aim{38, 38, 4.45, 0.98}, func(s *voicetest.Scene) { s.Far, s.Near = second, []string{"m3"} }),
		vary("fan and keys louder than the voice", aim{12, 12, 2.1, 0.6}, func(s *voicetest.Scene) {
			s.NearAt, s.Noise = -36, sum(fan(-35), keys(-26))
		}),
		vary("headset unplugged at 15 s", aim{-99, 38, 4, 0.94}, func(s *voicetest.Scene) { s.Silent = [2]float64{0, 15} }),
	}
}

// aim is what a scene must reach: dB from 10 to 18 s and in the last two seconds,
// score and STOI of the voice in double talk.
type aim struct{ before, after, quality, stoi float64 }

type other struct {
	voicetest.Scene
	aim
}

func TestOthers(t *testing.T) {
	for i, o := range others() {
		if testing.Short() && i%4 != 0 {
			continue
		}
		t.Run(o.Name, func(t *testing.T) {
			t.Parallel()
			x := o.Make()
			c := echo.New(echo.Config{})
			out := run(c, x)
			quality, stoi := doubleTalk(x, out)
			got := aim{erle(x, out, 10, 18), erle(x, out, 32, 34), quality, stoi}
			t.Logf("%.1f, %.1f dB, %.2f, STOI %.3f; second by second %.0f; %+v", got.before, got.after, got.quality, got.stoi,
				[]float64{erle(x, out, 0, 1), erle(x, out, 1, 2), erle(x, out, 2, 3), erle(x, out, 12, 12.5), erle(x, out, 12.5, 13.5)}, c.Stats())
			if got.before < o.before || got.after < o.after || got.quality < o.quality || got.stoi < o.stoi {
				t.Errorf("%.3v, want at least %v", got, o.aim)
			}
		})
	}
}
