//go:build linux

package talk

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

// rate is the sample rate of everything that is compared.
const rate = 48000

// wav reads a file of 16-bit mono samples and brings it to our rate.
func wav(t testing.TB, path string) []float64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		t.Fatalf("%s is no wav file: %q", path, b[:min(len(b), 12)])
	}
	from := 0
	for at := 12; at+8 <= len(b); {
		kind, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		body := b[at+8 : at+8+min(size, len(b)-at-8)] // a writer that was stopped may leave a wrong size
		switch kind {
		case "fmt ":
			if format, channels, bits := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:]), binary.LittleEndian.Uint16(body[14:]); channels != 1 || bits != 16 || format != 1 && format != 0xfffe {
				t.Fatalf("%s: format %d, %d channels of %d bits", path, format, channels, bits)
			}
			from = int(binary.LittleEndian.Uint32(body[4:]))
		case "data":
			samples := make([]float64, len(body)/2)
			for i := range samples {
				samples[i] = float64(int16(binary.LittleEndian.Uint16(body[2*i:]))) / 32768
			}
			return resample(samples, from)
		}
		at += 8 + size + size%2
	}
	t.Fatalf("%s has no samples", path)
	return nil
}

// resample brings samples of another rate to ours, by a windowed sinc of 32
// samples: good to the upper edge of what a voice has.
func resample(in []float64, from int) []float64 {
	if from == rate || from == 0 {
		return in
	}
	const half = 16
	out := make([]float64, len(in)*rate/from)
	for i := range out {
		at := float64(i) * float64(from) / rate
		first := int(at) - half + 1
		for j := max(0, first); j < min(len(in), first+2*half); j++ {
			x := at - float64(j)
			w := 0.5 + 0.5*math.Cos(math.Pi*x/half)
			if x != 0 {
				w *= math.Sin(math.Pi*x) / (math.Pi * x)
			}
			out[i] += in[j] * w
		}
	}
	return out
}

// correlation is the coefficient of two pieces of equal length.
func correlation(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i], mb+b[i]
	}
	ma, mb = ma/float64(len(a)), mb/float64(len(b))
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// loudness is the level of a piece in dBFS.
func loudness(a []float64) float64 {
	var sum float64
	for _, x := range a {
		sum += x * x
	}
	return 10 * math.Log10(sum/float64(max(1, len(a)))+1e-12)
}

// envelope is the effective value of every 10 ms.
func envelope(a []float64) []float64 {
	const step = rate / 100
	out := make([]float64, len(a)/step)
	for i := range out {
		out[i] = math.Sqrt(math.Pow(10, loudness(a[i*step:(i+1)*step])/10))
	}
	return out
}

// likeness is how much of a source was heard.
type likeness struct {
	delay    int       // samples from the start of the recording to that of the source
	windows  []float64 // correlation of every 500 ms in which something is said
	envelope float64   // correlation of the envelopes of the whole
}

const (
	window = rate / 2
	// lag is how far a window may stand from its place, either way: a receiver
	// stretches speech while it adapts its delay.
	lag = rate * 60 / 1000
	// quiet is below which a window of the source says nothing.
	quiet = -45
)

// compare looks for the source in the recording.
func compare(source, heard []float64) likeness {
	var l likeness
	es, eh := envelope(source), envelope(heard)
	best := -1.0
	for at := 0; at+len(es) <= len(eh); at++ {
		if c := correlation(es, eh[at:at+len(es)]); c > best {
			best, l.delay = c, at*rate/100
		}
	}
	l.envelope = best
	if best < 0 {
		return l
	}
	for at := 0; at+window <= len(source); at += window {
		piece := source[at : at+window]
		if loudness(piece) < quiet {
			continue
		}
		l.windows = append(l.windows, bestNear(piece, heard, l.delay+at))
	}
	return l
}

// bestNear is the best correlation of a piece within lag of a place.
func bestNear(piece, heard []float64, at int) float64 {
	score := func(lag, step int) float64 {
		from := at + lag
		if from < 0 || from+len(piece) > len(heard) {
			return -1
		}
		if step == 1 {
			return correlation(piece, heard[from:from+len(piece)])
		}
		a, b := make([]float64, 0, len(piece)/step), make([]float64, 0, len(piece)/step)
		for i := 0; i < len(piece); i += step {
			a, b = append(a, piece[i]), append(b, heard[from+i])
		}
		return correlation(a, b)
	}
	// Coarsely at every third sample first, then exactly around the best.
	best, where := -1.0, 0
	for d := -lag; d <= lag; d += 3 {
		if c := score(d, 5); c > best {
			best, where = c, d
		}
	}
	best = -1
	for d := where - 6; d <= where+6; d++ {
		best = max(best, score(d, 1))
	}
	return best
}

// good is how many windows are recognisably the same.
func (l likeness) good() int {
	n := 0
	for _, c := range l.windows {
		if c > 0.8 {
			n++
		}
	}
	return n
}

// ok are the criteria: most windows, and the envelope over all.
func (l likeness) ok() bool {
	return len(l.windows) >= 10 && 2*l.good() > len(l.windows) && l.envelope > 0.9
}

func (l likeness) String() string {
	sorted := slices.Sorted(slices.Values(l.windows))
	median := 0.0
	if len(sorted) > 0 {
		median = sorted[len(sorted)/2]
	}
	return fmt.Sprintf("%d of %d windows above 0.8, median %.3f; envelope %.3f; starts at %d ms",
		l.good(), len(l.windows), median, l.envelope, l.delay*1000/rate)
}

// TestCompare makes sure that what is asked of a recording can be missed.
func TestCompare(t *testing.T) {
	speech := make([]float64, 6*rate)
	phase := 0.0
	for i := range speech {
		s := float64(i) / rate
		phase += 2 * math.Pi * (140 + 40*math.Sin(2*math.Pi*0.7*s)) / rate
		speech[i] = 0.3 * math.Abs(math.Sin(2*math.Pi*1.3*s)*math.Sin(2*math.Pi*0.31*s)) * math.Sin(phase)
	}
	recorded := append(append(make([]float64, 12345), speech...), make([]float64, 4800)...)
	for _, c := range []struct {
		name  string
		heard []float64
		want  bool
	}{
		{"the same", recorded, true},
		{"silence", make([]float64, len(recorded)), false},
		{"backwards", func() []float64 { r := slices.Clone(recorded); slices.Reverse(r); return r }(), false},
		{"with gaps", func() []float64 {
			r := slices.Clone(recorded)
			for i := range r {
				if i/2400%2 == 0 {
					r[i] = 0
				}
			}
			return r
		}(), false},
		{"distorted", func() []float64 {
			r := slices.Clone(recorded)
			for i := range r {
				r[i] = r[i] * math.Sin(float64(i)*0.3)
			}
			return r
		}(), false},
	} {
		if l := compare(speech, c.heard); l.ok() != c.want {
			t.Errorf("%s: %v, want it to count as heard: %v", c.name, l, c.want)
		}
	}
}
