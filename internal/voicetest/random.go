package voicetest

import (
	"fmt"
	"math/rand/v2"
)

// Random returns a call as chance would have it: another room, devices, people
// and noise for every seed, within what laptops and desks do.
func Random(seed uint64) Scene {
	r := rand.New(rand.NewPCG(seed, 6))
	between := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	all := []string{"m1", "f1", "f2", "m3", "m4", "f3"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s := Scene{
		Seed: seed, Seconds: 26, Echo: between(-42, -18), Delay: between(10, 400), RT60: between(0.12, 0.4), Ratio: between(-10, 8),
		Near: all[:1], NearAt: between(-34, -22), NearFrom: 14, NearTo: 24,
	}
	far := between(-30, -18)
	s.Far = func(n int) []float32 { return Speak(n, far, all[1], all[2]) }
	if r.IntN(2) == 0 {
		s.Drift = between(-100, 100)
	}
	if r.IntN(3) == 0 {
		s.Distort = Laptop
	}
	noise, kind := between(-75, -50), r.IntN(3)
	s.Noise = func(n int) []float32 {
		switch kind {
		case 0:
			return Fan(n, noise, seed)
		case 1:
			return Cafe(n, noise-5, seed)
		}
		return White(n, noise, seed)
	}
	s.Name = fmt.Sprintf("%d: echo %.0f, voice %.0f, far %.0f, noise %d %.0f dBFS, %.0f ms, RT60 %.2f s, ratio %.0f dB, %.0f ppm, distorts %v",
		seed, s.Echo, s.NearAt, far, kind, noise, s.Delay, s.RT60, s.Ratio, s.Drift, s.Distort != nil)
	return s
}
