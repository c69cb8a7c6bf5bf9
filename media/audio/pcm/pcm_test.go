package pcm

import (
	"math"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
)

func sine(n int, hz, amplitude float64, rate int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return x
}

func TestSamplesAndDurationAgree(t *testing.T) {
	for _, d := range []time.Duration{0, 20 * time.Millisecond, time.Hour, 100 * 365 * 24 * time.Hour, -10 * time.Millisecond} {
		if got := Duration(Samples(d)); d < 24*time.Hour && got != d {
			t.Errorf("%v became %v", d, got)
		}
	}
	if got, want := Samples(100*365*24*time.Hour), int64(100*365*24*3600*SampleRate); got != want {
		t.Errorf("a century is %d samples, want %d", got, want)
	}
}

func TestInt16Saturates(t *testing.T) {
	for in, want := range map[float32]int16{
		0: 0, 1: 32767, -1: -32768, 5: 32767, -5: -32768, 0.5: 16384,
		float32(math.Inf(1)): 32767, float32(math.Inf(-1)): -32768,
	} {
		if got := Int16(in); got != want {
			t.Errorf("Int16(%v) = %d, want %d", in, got, want)
		}
	}
	if got := Int16(float32(math.NaN())); got != 0 {
		t.Errorf("Int16(NaN) = %d", got)
	}
}

func TestMeasure(t *testing.T) {
	square := make([]float32, BlockSamples)
	for i := range square {
		square[i] = 1
	}
	for _, c := range []struct {
		name  string
		block []float32
		want  media.Level
	}{
		{"full-scale square", square, 0},
		{"full-scale sine", sine(4800, 1000, 1, SampleRate), -3},
		{"sine at -20 dBFS", sine(4800, 1000, 0.1, SampleRate), -23},
		{"silence", make([]float32, BlockSamples), media.Silence},
		{"nothing", nil, media.Silence},
		{"overload", []float32{9, -9}, 0},
		{"not a number", []float32{float32(math.NaN())}, media.Silence},
	} {
		if got := Measure(c.block); got != c.want {
			t.Errorf("%s: %d dBov, want %d", c.name, got, c.want)
		}
	}
}

func TestMeterSettlesIn300Milliseconds(t *testing.T) {
	var m Meter
	if m.DB() != float64(media.Silence) {
		t.Errorf("a fresh meter reads %.1f", m.DB())
	}
	tone := sine(BlockSamples, 1000, 1, SampleRate)
	for range 30 {
		m.Add(tone)
	}
	// After one time constant 63 % of the power is in: -3 - 2 dB.
	if got := m.DB(); math.Abs(got+5) > 0.3 {
		t.Errorf("%.1f dB after 300 ms", got)
	}
	for range 200 {
		m.AddLevel(media.Silence, BlockSamples)
	}
	if got := m.DB(); got > -30 {
		t.Errorf("%.1f dB after 2 s of silence", got)
	}
}

// resample runs x, at rate, through a Resampler in reads of odd sizes.
func resample(x []float32, rate int) []float32 {
	r := NewResampler(rate, func(dst []float32) int {
		n := copy(dst[:min(len(dst), 333)], x)
		x = x[n:]
		return n
	})
	var out []float32
	for buf := make([]float32, 777); ; {
		n := r.Read(buf)
		out = append(out, buf[:n]...)
		if n < len(buf) {
			return out
		}
	}
}

func TestResamplerKeepsTones(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 44100, 48000, 96000, 44101} {
		const hz = 997
		out := resample(sine(rate, hz, 0.5, rate), rate)
		if math.Abs(float64(len(out)-SampleRate)) > 200 {
			t.Errorf("%d Hz: one second became %d samples", rate, len(out))
			continue
		}
		// Fit the tone and see what is left over.
		mid := out[4800:43200]
		var re, im, all float64
		for i, s := range mid {
			sin, cos := math.Sincos(2 * math.Pi * hz * float64(i+4800) / SampleRate)
			re, im, all = re+float64(s)*cos, im+float64(s)*sin, all+float64(s)*float64(s)
		}
		tone := 2 * (re*re + im*im) / float64(len(mid))
		if snr := 10 * math.Log10(tone/(all-tone)); snr < 60 {
			t.Errorf("%d Hz: signal to noise %.1f dB", rate, snr)
		}
		if amplitude := 2 * math.Hypot(re, im) / float64(len(mid)); math.Abs(amplitude-0.5) > 0.005 {
			t.Errorf("%d Hz: amplitude %.3f, want 0.5", rate, amplitude)
		}
	}
}

func TestResamplerStopsWhatWouldAlias(t *testing.T) {
	// 30 kHz in a 96 kHz stream would fold down to 18 kHz.
	out := resample(sine(96000, 30000, 0.5, 96000), 96000)
	if got := Measure(out[4800:43200]); got > -80 {
		t.Errorf("%d dBov of alias", got)
	}
}

func BenchmarkResample44100(b *testing.B) {
	x := sine(4410, 440, 0.5, 44100)
	r := NewResampler(44100, func(dst []float32) int { return copy(dst, x) })
	out := make([]float32, FrameSamples)
	for b.Loop() {
		r.Read(out)
	}
}
