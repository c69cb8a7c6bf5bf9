package pcm

import "math"

// The interpolation kernel: a sinc of zeroCrossings lobes either side under a
// Kaiser window (about 90 dB of stop band), tabulated with kernelSteps points
// per lobe and read with linear interpolation.
const (
	zeroCrossings = 24
	kernelSteps   = 512
	kaiserBeta    = 9
	// passBand keeps the transition of the filter below the lower of the two
	// Nyquist frequencies.
	passBand = 0.94
)

var kernel = makeKernel()

func makeKernel() []float32 {
	k := make([]float32, zeroCrossings*kernelSteps+2)
	for i := range zeroCrossings * kernelSteps {
		x := float64(i) / kernelSteps
		sinc := 1.0
		if x > 0 {
			sinc = math.Sin(math.Pi*x) / (math.Pi * x)
		}
		r := x / zeroCrossings
		k[i] = float32(sinc * bessel(kaiserBeta*math.Sqrt(1-r*r)) / bessel(kaiserBeta))
	}
	return k
}

// bessel is the modified Bessel function of the first kind, order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for n := 1.0; n < 50; n++ {
		term *= (x / 2 / n) * (x / 2 / n)
		sum += term
	}
	return sum
}

// Resampler turns a stream of any rate into one of SampleRate by band-limited
// interpolation. It pulls its input as it needs it and belongs to one
// goroutine.
type Resampler struct {
	read func([]float32) int

	step   float64 // input samples per output sample
	cutoff float64 // of the low-pass, relative to the input's Nyquist frequency
	reach  int     // input samples needed either side of a position

	in  []float32 // input around the position
	pos float64   // next output's position within in
	eof bool
}

// NewResampler returns a resampler from rate, which must be positive. read
// fills its argument with input samples and returns how many it wrote; 0 ends
// the stream.
func NewResampler(rate int, read func([]float32) int) *Resampler {
	r := &Resampler{read: read, step: float64(rate) / SampleRate}
	r.cutoff = passBand * min(1, 1/r.step)
	if rate == SampleRate {
		r.cutoff = 1 // the kernel is then exactly one sample: a copy
	}
	r.reach = int(math.Ceil(zeroCrossings/r.cutoff)) + 1
	r.in = make([]float32, r.reach, 4*r.reach+4096) // silence before the start
	r.pos = float64(r.reach)
	return r
}

// Read fills dst with output and returns how many samples it wrote. Fewer than
// len(dst) means that the input has ended.
func (r *Resampler) Read(dst []float32) int {
	for i := range dst {
		if !r.ensure() {
			return i
		}
		dst[i] = r.at(r.pos)
		r.pos += r.step
	}
	return len(dst)
}

// ensure makes the input around the position available and reports whether
// the position is still within the stream.
func (r *Resampler) ensure() bool {
	for int(r.pos)+r.reach >= len(r.in) {
		if r.eof {
			return false
		}
		if drop := int(r.pos) - r.reach; drop > 0 {
			r.in = r.in[:copy(r.in, r.in[drop:])]
			r.pos -= float64(drop)
		}
		have := len(r.in)
		r.in = append(r.in, make([]float32, 1024)...)
		n := r.read(r.in[have:])
		r.in = r.in[:have+n]
		if n == 0 {
			r.eof = true
			r.in = append(r.in, make([]float32, r.reach)...) // let the tail ring out
		}
	}
	return true
}

func (r *Resampler) at(pos float64) float32 {
	centre := int(pos)
	frac := pos - float64(centre)
	scale := r.cutoff * kernelSteps
	var sum float32
	for i := centre - r.reach + 1; i <= centre+r.reach; i++ {
		d := math.Abs(float64(i-centre)-frac) * scale
		n := int(d)
		if n >= zeroCrossings*kernelSteps {
			continue
		}
		f := float32(d - float64(n))
		sum += r.in[i] * (kernel[n] + f*(kernel[n+1]-kernel[n]))
	}
	return sum * float32(r.cutoff)
}
