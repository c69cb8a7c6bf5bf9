package mix

import (
	"math"
	"testing"
	"time"

	"github.com/meet-term/meet/media/audio/pcm"
)

func sine(n, from int, amplitude float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(amplitude * math.Sin(2*math.Pi*300*float64(from+i)/pcm.SampleRate))
	}
	return x
}

func TestLimiterLeavesQuietSoundAlone(t *testing.T) {
	var l Limiter
	for i := range 100 {
		want := sine(pcm.BlockSamples, i*pcm.BlockSamples, 0.9)
		got := append([]float32(nil), want...)
		l.Apply(got)
		for j := range got {
			if got[j] != want[j] {
				t.Fatalf("block %d, sample %d: %v became %v", i, j, want[j], got[j])
			}
		}
	}
}

func TestLimiterHoldsThreeVoicesWithoutDistortion(t *testing.T) {
	var l Limiter
	var out []float32
	for i := range 200 {
		block := sine(pcm.BlockSamples, i*pcm.BlockSamples, 2.5)
		l.Apply(block)
		out = append(out, block...)
	}
	var re, im, all float64
	for i, s := range out {
		if s > ceiling || s < -ceiling {
			t.Fatalf("sample %d is %v", i, s)
		}
		if i < pcm.SampleRate/2 {
			continue
		}
		sin, cos := math.Sincos(2 * math.Pi * 300 * float64(i) / pcm.SampleRate)
		re, im, all = re+float64(s)*cos, im+float64(s)*sin, all+float64(s)*float64(s)
	}
	tone := 2 * (re*re + im*im) / float64(len(out)-pcm.SampleRate/2)
	if share := tone / all; share < 0.995 { // clipping would leave 0.87
		t.Errorf("%.4f of the power is the tone", share)
	}
	if all/float64(len(out)-pcm.SampleRate/2) < 0.3 {
		t.Error("the limiter turned it down too far")
	}
}

func TestLimiterRecovers(t *testing.T) {
	var l Limiter
	l.Apply(sine(pcm.BlockSamples, 0, 4))
	for range 200 {
		l.Apply(sine(pcm.BlockSamples, 0, 0.1))
	}
	block := sine(pcm.BlockSamples, 0, 0.1)
	l.Apply(block)
	if got := pcm.Measure(block); got != pcm.Measure(sine(pcm.BlockSamples, 0, 0.1)) {
		t.Errorf("%d dBov two seconds after a peak", got)
	}
}

func TestLimiterSurvivesNonsense(t *testing.T) {
	var l Limiter
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	l.Apply([]float32{nan, inf, -inf, 1e30})
	l.Apply(nil)
	block := sine(pcm.BlockSamples, 0, 0.5)
	for range 300 {
		block = sine(pcm.BlockSamples, 0, 0.5)
		l.Apply(block)
	}
	if got := pcm.Measure(block); got != -9 {
		t.Errorf("%d dBov three seconds after nonsense, want -9", got)
	}
}

func TestFaderSlides(t *testing.T) {
	var f Fader
	one := make([]float32, pcm.BlockSamples)
	for i := range one {
		one[i] = 1
	}
	last := float32(0)
	for _, gain := range []float32{1, 1, 2, 0, 0, 0.5} {
		out := make([]float32, pcm.BlockSamples)
		f.Add(out, one, gain)
		for i, s := range out {
			if d := math.Abs(float64(s - last)); d > 2.1/pcm.BlockSamples {
				t.Fatalf("to %v: a step of %v at %d", gain, d, i)
			}
			last = s
		}
		if math.Abs(float64(last-gain)) > 1e-4 {
			t.Fatalf("ended at %v, want %v", last, gain)
		}
	}
}

func TestDominant(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	people := func(a, b, c float64) []Loudness { return []Loudness{{"a", a}, {"b", b}, {"c", c}} }
	var d Dominant
	for _, s := range []struct {
		name   string
		ms     int
		people []Loudness
		want   string
	}{
		{"nobody speaks", 0, people(-80, -90, -127), ""},
		{"the first has the floor at once", 100, people(-30, -80, -80), "a"},
		{"a louder one must wait", 200, people(-60, -20, -80), "a"},
		{"still", 1199, people(-60, -20, -80), "a"},
		{"a whole second", 1200, people(-60, -20, -80), "b"},
		{"silence changes nothing", 2000, people(-80, -80, -80), "b"},
		{"a cough", 3000, people(-80, -80, -10), "b"},
		{"is over", 3500, people(-80, -30, -80), "b"},
		{"and starts afresh", 4000, people(-80, -80, -10), "b"},
		{"for a second of its own", 4999, people(-80, -80, -10), "b"},
		{"then", 5000, people(-80, -80, -10), "c"},
		{"hardly louder is not enough", 6000, people(-28, -80, -30), "c"},
		{"for however long", 9000, people(-28, -80, -30), "c"},
		{"who leaves is replaced at once", 9100, []Loudness{{"a", -28}, {"b", -80}}, "a"},
		{"nobody is left", 9200, nil, ""},
		{"equals: the smaller id", 9300, []Loudness{{"b", -30}, {"a", -30}}, "a"},
	} {
		if got := d.Update(at(s.ms), s.people); got != s.want {
			t.Fatalf("%s: %q, want %q", s.name, got, s.want)
		}
	}
}
