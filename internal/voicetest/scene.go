package voicetest

import "math"

// Scene describes a call: what the far end says, the way from the loudspeaker
// into the microphone, and who speaks in front of it. Levels are dBFS, times
// seconds.
type Scene struct {
	Name string
	Seed uint64

	Seconds float64 // 45 unless said otherwise

	Far      func(n int) []float32 // what the loudspeaker gets; speech unless said otherwise
	Near     []string              // voices in front of the microphone
	NearAt   float64               // -26 unless said otherwise
	NearFrom float64
	NearTo   float64 // 18 to 30.7 unless said otherwise

	Echo    float64 // level of the echo; NoEcho for none
	Delay   float64 // ms
	RT60    float64 // 0.25 s unless said otherwise
	Tail    float64 // seconds until the room's response ends; 0.8 RT60 unless said otherwise
	Ratio   float64 // direct sound over all else, in dB
	Distort func(x float64) float64
	Drift   float64                 // ppm by which the microphone's clock is fast
	Moves   func(t float64) float64 // more delay in ms, over time
	Change  float64                 // when the room changes, 0 for never
	Silent  [2]float64              // when no echo comes back (headphones in)
	Noise   func(n int) []float32   // of the room; white at -65 unless said otherwise
}

// NoEcho is the level of an echo that is not there.
const NoEcho = -200.0

// Sound is a scene made to sound.
type Sound struct {
	Scene
	Far, Mic, Near, Echo []float32
}

// Make synthesises a scene.
func (s Scene) Make() Sound {
	if s.Seconds == 0 {
		s.Seconds = 45
	}
	if s.NearAt == 0 {
		s.NearAt = -26
	}
	if s.NearTo == 0 {
		s.NearFrom, s.NearTo = 18, 30.7
	}
	if s.Near == nil {
		s.Near = []string{"f2"}
	}
	if s.RT60 == 0 {
		s.RT60 = 0.25
	}
	if s.Tail == 0 {
		s.Tail = 0.8 * s.RT60
	}
	n := int(s.Seconds*100) * Rate / 100
	out := Sound{Scene: s}
	if s.Far == nil {
		out.Far = Speak(n, -24, "m1", "f1")
	} else {
		out.Far = s.Far(n)
	}
	out.Echo = s.echo(out.Far)
	out.Near = make([]float32, n)
	from, to := int(s.NearFrom*Rate), min(n, int(s.NearTo*Rate))
	if len(s.Near) > 0 && to > from {
		copy(out.Near[from:to], Speak(to-from, s.NearAt, s.Near...))
	}
	if s.Noise == nil {
		out.Mic = White(n, -65, s.Seed+100)
	} else {
		out.Mic = s.Noise(n)
	}
	for i := range out.Mic {
		v := out.Mic[i] + out.Echo[i] + out.Near[i]
		out.Mic[i] = max(-1, min(v, 1))
	}
	return out
}

func (s Scene) echo(far []float32) []float32 {
	n := len(far)
	if s.Echo <= NoEcho {
		return make([]float32, n)
	}
	x := append([]float32(nil), far...)
	if s.Distort != nil {
		for i, v := range x {
			x[i] = float32(s.Distort(float64(v)))
		}
	}
	delay := int(s.Delay * Rate / 1000)
	if s.Drift == 0 && s.Moves == nil {
		x = append(make([]float32, delay), x[:n-delay]...)
	} else {
		x = Warp(x, func(i int) float64 {
			t := float64(i) / Rate
			pos := float64(i)*(1-s.Drift*1e-6) - float64(delay)
			if s.Moves != nil {
				pos -= s.Moves(t) * Rate / 1000
			}
			return pos
		})
	}
	y := Convolve(x, Room(s.RT60, s.Ratio, s.Tail, s.Seed+10))
	if s.Change > 0 {
		z := Convolve(x, Room(s.RT60, s.Ratio, s.Tail, s.Seed+20))
		copy(y[int(s.Change*Rate):], z[int(s.Change*Rate):])
	}
	scale(y, amplitude(s.Echo)/ActiveRMS(y))
	for i := int(s.Silent[0] * Rate); i < min(n, int(s.Silent[1]*Rate)); i++ {
		y[i] = 0
	}
	return y
}

// Level is the mean level of a piece of a signal, from and to in seconds.
func Level(x []float32, from, to float64) float64 {
	return 10 * math.Log10(power(Cut(x, from, to))+1e-15)
}

// Cut is the piece of a signal between two times in seconds.
func Cut(x []float32, from, to float64) []float32 {
	return x[max(0, int(from*Rate)):min(len(x), int(to*Rate))]
}

// Laptop is a small loudspeaker that distorts.
func Laptop(x float64) float64 { return math.Tanh(4*x)/4 + 0.15*x*x }

// Clip is an amplifier that cuts at a level in dBFS.
func Clip(db float64) func(float64) float64 {
	c := amplitude(db)
	return func(x float64) float64 { return max(-c, min(x, c)) }
}

// Table is the scenes of docs/PERFORMANCE.md.
func Table() []Scene {
	desk := Scene{Name: "desk, 40 ms", Seed: 1, Echo: -26, Delay: 40, Ratio: 3, Tail: 0.1}
	vary := func(name string, f func(*Scene)) Scene {
		s := desk
		s.Name = name
		f(&s)
		return s
	}
	return []Scene{
		desk,
		vary("echo 12 dB below", func(s *Scene) { s.Echo = -38 }),
		vary("far speech-shaped noise", func(s *Scene) {
			s.Far = func(n int) []float32 { return SpeechNoise(n, -24, 7) }
		}),
		vary("reverberant", func(s *Scene) { s.Ratio = -11 }),
		vary("laptop, distorting, +6 dB", func(s *Scene) { s.Distort, s.Echo = Laptop, -20 }),
		vary("50 ppm drift", func(s *Scene) { s.Drift = 50 }),
		vary("room changes at 33 s", func(s *Scene) { s.Change = 33 }),
		vary("delay 250 ms", func(s *Scene) { s.Delay = 250 }),
		vary("headset -40 dB", func(s *Scene) { s.Echo = -66 }),
	}
}
