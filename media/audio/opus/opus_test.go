package opus

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/meet-term/meet/media/audio/pcm"
)

// speech returns n frames of something like a voice: a gliding pitch with
// harmonics, in syllables.
func speech(n int) []float32 {
	x := make([]float32, n*pcm.FrameSamples)
	phase := 0.0
	for i := range x {
		at := float64(i) / pcm.SampleRate
		phase += 2 * math.Pi * (220 + 40*math.Sin(2*math.Pi*0.7*at)) / pcm.SampleRate
		s := 0.0
		for h := 1.0; h <= 12; h++ {
			s += math.Sin(h*phase) / h
		}
		x[i] = float32(0.12 * s * (0.55 + 0.45*math.Sin(2*math.Pi*3*at)))
	}
	return x
}

func encodeAll(t testing.TB, e *Encoder, x []float32) [][]byte {
	t.Helper()
	var payloads [][]byte
	for ; len(x) >= pcm.FrameSamples; x = x[pcm.FrameSamples:] {
		p, err := e.Encode(x[:pcm.FrameSamples])
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, p)
	}
	return payloads
}

func codecs(t testing.TB) (*Encoder, *Decoder) {
	t.Helper()
	e, err := NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// correlation returns the best normalised correlation of y with x over delays
// of up to 20 ms.
func correlation(x, y []float32) float64 {
	best := 0.0
	for delay := range 960 {
		var xy, xx, yy float64
		for i := 0; i+delay < len(y) && i < len(x); i += 3 {
			a, b := float64(x[i]), float64(y[i+delay])
			xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
		}
		best = max(best, xy/math.Sqrt(xx*yy+1e-12))
	}
	return best
}

func TestRoundTrip(t *testing.T) {
	e, d := codecs(t)
	x := speech(100)
	var y []float32
	bytes := 0
	for _, p := range encodeAll(t, e, x) {
		bytes += len(p)
		if n := Samples(p); n != pcm.FrameSamples {
			t.Fatalf("a payload of %d samples", n)
		}
		out := make([]float32, pcm.FrameSamples)
		if n, err := d.Decode(p, out); err != nil || n != len(out) {
			t.Fatalf("decode: %d, %v", n, err)
		}
		y = append(y, out...)
	}
	// The codec's high-pass turns the phase of a low voice, hence not 1.
	if c := correlation(x[4800:], y[4800:]); c < 0.9 {
		t.Errorf("correlation %.3f after a round trip", c)
	}
	if rate := bytes * 8 / 2; rate < 20000 || rate > 50000 {
		t.Errorf("%d bit/s, want about %d", rate, Bitrate)
	}
}

func TestRecoverBeatsConcealment(t *testing.T) {
	e, fec := codecs(t)
	_, plc := codecs(t)
	e.SetExpectedLoss(20, true)
	x := speech(150)
	payloads := encodeAll(t, e, x)
	_, whole := codecs(t)
	var truth, recovered, concealed []float32
	decode := func(d *Decoder, p []byte) []float32 {
		out := make([]float32, pcm.FrameSamples)
		if _, err := d.Decode(p, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for i, p := range payloads {
		want := decode(whole, p)
		if i%10 != 5 || i+1 == len(payloads) {
			decode(fec, p)
			decode(plc, p)
			continue
		}
		a, b := make([]float32, pcm.FrameSamples), make([]float32, pcm.FrameSamples)
		if err := fec.Recover(payloads[i+1], a); err != nil {
			t.Fatal(err)
		}
		if err := plc.Conceal(b); err != nil {
			t.Fatal(err)
		}
		if i > 20 {
			truth = append(truth, want...)
			recovered = append(recovered, a...)
			concealed = append(concealed, b...)
		}
	}
	r, c := correlation(truth, recovered), correlation(truth, concealed)
	t.Logf("correlation with what was lost: FEC %.3f, concealment %.3f", r, c)
	if r < 0.85 || r <= c {
		t.Errorf("FEC gives %.3f, concealment %.3f", r, c)
	}
}

func TestResetLeaksNothing(t *testing.T) {
	e, d := codecs(t)
	loud := make([]float32, pcm.FrameSamples)
	for i := range loud {
		loud[i] = float32(0.5 * math.Sin(float64(i)/10))
	}
	for range 10 {
		if _, err := e.Encode(loud); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Reset(false); err != nil {
		t.Fatal(err)
	}
	p, err := e.Encode(make([]float32, pcm.FrameSamples))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, pcm.FrameSamples)
	if _, err := d.Decode(p, out); err != nil {
		t.Fatal(err)
	}
	if l := pcm.Measure(out); l > -80 {
		t.Errorf("%d dBov of what was said before the reset", l)
	}
}

func TestEncodeRefusesOtherLengths(t *testing.T) {
	e, _ := codecs(t)
	if _, err := e.Encode(make([]float32, 480)); err == nil {
		t.Error("half a frame was encoded")
	}
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		name    string
		payload []byte
		want    int
	}{
		{"nothing", nil, 0},
		{"SILK 10 ms", []byte{0 << 3}, 480},
		{"SILK 60 ms", []byte{3 << 3}, 2880},
		{"SILK 60 ms twice", []byte{3<<3 | 1}, 5760},
		{"hybrid 20 ms", []byte{13 << 3}, 960},
		{"CELT 2.5 ms", []byte{16 << 3}, 120},
		{"CELT 20 ms, 5 frames", []byte{31<<3 | 3, 5}, 4800},
		{"CELT 20 ms, 7 frames: over 120 ms", []byte{31<<3 | 3, 7}, 0},
		{"count missing", []byte{31<<3 | 3}, 0},
		{"no frames", []byte{31<<3 | 3, 0}, 0},
		{"far too long", make([]byte, 10000), 0},
	} {
		if got := Samples(c.payload); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzDecode: no payload may panic, write more than it says, or leave the
// decoder unable to go on.
func FuzzDecode(f *testing.F) {
	e, _ := codecs(f)
	for _, p := range encodeAll(f, e, speech(5)) {
		f.Add(p, false)
		f.Add(p[:len(p)/2], true)
	}
	f.Add([]byte{0xff, 0xff}, false)
	f.Fuzz(func(t *testing.T, payload []byte, fec bool) {
		_, d := codecs(t)
		n := Samples(payload)
		out := make([]float32, MaxSamples)
		if fec {
			_ = d.Recover(payload, out[:pcm.FrameSamples])
		}
		if n > 0 {
			got, err := d.Decode(payload, out[:n])
			if err == nil && got != n {
				t.Errorf("%d samples decoded, the header says %d", got, n)
			}
		}
		if err := d.Conceal(out[:pcm.FrameSamples]); err != nil {
			t.Errorf("conceal afterwards: %v", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e, _ := codecs(b)
	x := speech(100)
	i := 0
	for b.Loop() {
		if _, err := e.Encode(x[i*pcm.FrameSamples : (i+1)*pcm.FrameSamples]); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % 100
	}
}

func BenchmarkDecode(b *testing.B) {
	e, d := codecs(b)
	payloads := encodeAll(b, e, speech(100))
	out := make([]float32, pcm.FrameSamples)
	i := 0
	for b.Loop() {
		if _, err := d.Decode(payloads[i], out); err != nil {
			b.Fatal(err)
		}
		i = (i + 1) % 100
	}
}

func BenchmarkConceal(b *testing.B) {
	e, d := codecs(b)
	payloads := encodeAll(b, e, speech(100))
	out := make([]float32, pcm.FrameSamples)
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if rng.IntN(2) == 0 {
			_, _ = d.Decode(payloads[rng.IntN(100)], out)
		}
		if err := d.Conceal(out); err != nil {
			b.Fatal(err)
		}
	}
}
