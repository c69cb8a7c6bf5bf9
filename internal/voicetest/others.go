package voicetest

import "math"

// Others is scenes beyond the table, in another room.
func Others() []Scene {
	desk := Scene{Seed: 21, Echo: -26, Delay: 120, Ratio: 3}
	vary := func(name string, f func(*Scene)) Scene {
		s := desk
		s.Name, s.Seconds = name, 34
		f(&s)
		return s
	}
	second := func(n int) []float32 { return Speak(n, -24, "m4", "f3") }
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
		return func(n int) []float32 { return Fan(n, db, 3) }
	}
	keys := func(db float64) func(int) []float32 {
		return func(n int) []float32 { return Keyboard(n, db, 3) }
	}
	return []Scene{
		vary("long room, RT60 0.4 s", func(s *Scene) { s.RT60, s.Ratio = 0.4, -3 }),
		vary("drift -200 ppm", func(s *Scene) { s.Drift = -200 }),
		vary("drift +200 ppm", func(s *Scene) { s.Drift = 200 }),
		vary("drift 100 ppm, 450 ms", func(s *Scene) { s.Drift, s.Delay = 100, 450 }),
		vary("laptop and drift", func(s *Scene) { s.Drift, s.Echo, s.Distort = 20, -20, Laptop }),
		vary("clipping at -16 dBFS", func(s *Scene) { s.Distort = Clip(-16) }),
		vary("delay jumps by 3.2 ms at 12 s", func(s *Scene) {
			s.Moves = func(t float64) float64 {
				if t > 12 {
					return 3.2
				}
				return 0
			}
		}),
		vary("delay jumps by -10 ms at 12 s", func(s *Scene) {
			s.Moves = func(t float64) float64 {
				if t > 12 {
					return -10
				}
				return 0
			}
		}),
		vary("delay jumps by 80 ms at 8 s", func(s *Scene) {
			s.Moves = func(t float64) float64 {
				if t > 8 {
					return 80
				}
				return 0
			}
		}),
		vary("delay wanders by 3 samples in 7 s", func(s *Scene) {
			s.Moves = func(t float64) float64 { return math.Sin(2*math.Pi*t/7) * 3 / 48 }
		}),
		vary("delay 20 ms", func(s *Scene) { s.Delay = 20 }),
		vary("delay 450 ms", func(s *Scene) { s.Delay = 450 }),
		vary("echo 12 dB above the voice", func(s *Scene) { s.Echo = -14 }),
		vary("no echo", func(s *Scene) { s.Echo = NoEcho }),
		vary("no noise of the room", func(s *Scene) { s.Noise = func(n int) []float32 { return make([]float32, n) } }),
		vary("headset -50 dB", func(s *Scene) { s.Echo = -76 }),
		vary("fan at -45 dBFS", func(s *Scene) { s.Noise = fan(-45) }),
		vary("music from the far end", func(s *Scene) { s.Far = func(n int) []float32 { return Music(n, -24, 5) } }),
		vary("two people here", func(s *Scene) { s.Near = []string{"f2", "m3"} }),
		vary("double talk from the start", func(s *Scene) { s.NearFrom, s.NearTo = 0.05, 12.7 }),
		vary("other voices", func(s *Scene) { s.Far, s.Near = second, []string{"m3"} }),
		vary("fan and keys louder than the voice", func(s *Scene) {
			s.NearAt, s.Noise = -36, sum(fan(-35), keys(-26))
		}),
		vary("headset unplugged at 15 s", func(s *Scene) { s.Silent = [2]float64{0, 15} }),
	}
}
