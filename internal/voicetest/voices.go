// Package voicetest makes rooms, voices and devices for tests of what happens
// to sound between microphone and network: scenes with an echo, noise and two
// people, from recorded synthetic voices (testdata, made by ./record) and
// responses of made rooms. Every scene is the same at each call.
package voicetest

import (
	"embed"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/meet-term/meet/media/audio/opus"
)

// Rate is the sample rate of everything here.
const Rate = 48000

//go:embed testdata/*.voice
var files embed.FS

var voices sync.Map // name to []float32

// Voice returns the recorded voice of that name (m1, f1, f2; m3, m4, f3) at
// 0 dBFS where it speaks. It must not be changed.
func Voice(name string) []float32 {
	if v, ok := voices.Load(name); ok {
		return v.([]float32)
	}
	data, err := files.ReadFile("testdata/" + name + ".voice")
	if err != nil {
		panic(err)
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		panic(err)
	}
	var out []float32
	frame := make([]float32, opus.MaxSamples)
	for len(data) > 2 {
		n := int(binary.BigEndian.Uint16(data))
		got, err := dec.Decode(data[2:2+n], frame)
		if err != nil {
			panic(err)
		}
		out = append(out, frame[:got]...)
		data = data[2+n:]
	}
	scale(out, 1/ActiveRMS(out))
	voices.Store(name, out)
	return out
}

// ActiveRMS is the effective value of a signal where it is at most 30 dB below
// its loudest 20 ms: where a voice speaks.
func ActiveRMS(x []float32) float64 {
	const frame = Rate / 50
	var powers []float64
	peak := 0.0
	for at := 0; at+frame <= len(x); at += frame {
		p := power(x[at : at+frame])
		powers = append(powers, p)
		peak = max(peak, p)
	}
	sum, n := 0.0, 0
	for _, p := range powers {
		if p > peak*1e-3 {
			sum += p
			n++
		}
	}
	return math.Sqrt(sum/float64(max(1, n)) + 1e-20)
}

func power(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(1, len(x)))
}

func scale(x []float32, by float64) {
	for i := range x {
		x[i] *= float32(by)
	}
}

func amplitude(db float64) float64 { return math.Pow(10, db/20) }

// Speak returns n samples of voices one after the other, over and over, at a
// level in dBFS.
func Speak(n int, db float64, names ...string) []float32 {
	out := make([]float32, 0, n)
	for i := 0; len(out) < n; i++ {
		v := Voice(names[i%len(names)])
		out = append(out, v[:min(len(v), n-len(out))]...)
	}
	scale(out, amplitude(db))
	return out
}

// White returns n samples of white noise at a level in dBFS.
func White(n int, db float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	a := amplitude(db)
	for i := range out {
		out[i] = float32(a * r.NormFloat64())
	}
	return out
}

// Fan returns low-pass noise with the hum of blades.
func Fan(n int, db float64, seed uint64) []float32 {
	out := White(n, 0, seed)
	var y, z float64
	for i, v := range out {
		y += 0.05 * (float64(v) - y)
		z += 0.2 * (y - z)
		t := float64(i) / Rate
		out[i] = float32(z + 0.05*math.Sin(2*math.Pi*100*t) + 0.03*math.Sin(2*math.Pi*237*t))
	}
	scale(out, amplitude(db)/math.Sqrt(power(out)))
	return out
}

// Cafe returns many voices in a reverberant room.
func Cafe(n int, db float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	names := []string{"m1", "f1", "f2", "m3", "m4", "f3"}
	sum := make([]float32, n)
	for range 14 {
		v := Voice(names[r.IntN(len(names))])
		at, by := r.IntN(len(v)), float32(0.5+r.Float64())
		for i := range sum {
			sum[i] += by * v[(at+i)%len(v)]
		}
	}
	sum = Convolve(sum, Room(0.5, -6, 0.4, seed))
	scale(sum, amplitude(db)/math.Sqrt(power(sum)))
	return sum
}

// Keyboard returns clicks of keys, 6 a second on average; db is their level
// while they last.
func Keyboard(n int, db float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 3))
	out := make([]float32, n)
	a := amplitude(db)
	for at := 0; at < n; at += int(Rate * (0.05 + 0.23*r.Float64())) {
		by, tone := a*(0.5+r.Float64()), 1800+1500*r.Float64()
		for i := range min(Rate*25/1000, n-at) {
			t := float64(i) / Rate
			out[at+i] += float32(by * (r.NormFloat64() + math.Sin(2*math.Pi*tone*t)) * math.Exp(-t/0.006))
		}
	}
	return out
}

// SpeechNoise returns noise with the long-term spectrum of speech.
func SpeechNoise(n int, db float64, seed uint64) []float32 {
	out := White(n, 0, seed)
	var y, z, hp float64
	for i, v := range out {
		y += 0.08 * (float64(v) - y)
		z += 0.5 * (y - z)
		hp += 0.015 * (z - hp)
		out[i] = float32(z - hp + 0.004*float64(v))
	}
	scale(out, amplitude(db)/math.Sqrt(power(out)))
	return out
}

// Music returns chords of decaying harmonic notes with a beat.
func Music(n int, db float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 4))
	out := make([]float32, n)
	for at := 0; at < n; at += Rate / 4 {
		for range 3 {
			f := 110 * math.Pow(2, float64(r.IntN(30))/12)
			for i := range min(Rate*3/4, n-at) {
				t := float64(i) / Rate
				env := math.Exp(-3*t) * math.Min(1, t*200)
				s := 0.0
				for h := 1.0; h <= 5; h++ {
					s += math.Sin(2*math.Pi*f*h*t) / h
				}
				out[at+i] += float32(env * s)
			}
		}
		for i := range min(Rate/20, n-at) {
			out[at+i] += float32(2 * r.NormFloat64() * math.Exp(-float64(i)/400))
		}
	}
	scale(out, amplitude(db)/math.Sqrt(power(out)))
	return out
}
