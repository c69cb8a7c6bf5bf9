package echo

import "math"

const (
	frameSamples = 1024 // of a transform; the newest BlockSamples of them are new
	bins         = frameSamples/2 + 1

	// ringBlocks is how many blocks of the reference are remembered.
	ringBlocks = 80

	sincTaps   = 32
	sincPhases = 256
	// queueSamples is what the reader may be behind the newest sample at most.
	queueSamples = 4096
	// startBehind is where it begins: the filter's own half and a little.
	startBehind = sincTaps/2 + 48
)

// sinc is a windowed sinc for every fraction of a sample.
var sinc = func() (k [sincPhases + 1][sincTaps]float32) {
	for p := range k {
		for j := range sincTaps {
			x := float64(j-sincTaps/2+1) - float64(p)/sincPhases
			v := 1.0
			if x != 0 {
				v = math.Sin(math.Pi*x) / (math.Pi * x)
			}
			w := math.Cos(math.Pi * x / sincTaps)
			k[p][j] = float32(v * w * w)
		}
	}
	return k
}()

// reference is the sound of the loudspeaker: read at the pace of the
// microphone's clock and kept as spectra of the last 800 ms, so that a delay is
// no more than an index.
type reference struct {
	fft *fft

	queue  [queueSamples]float32
	filled int     // samples in queue
	pos    float64 // where the reader is in queue

	// frame is the last frameSamples read, linear; shaped is the same after the
	// model of the loudspeaker.
	frame, shaped [frameSamples]float32

	spectra [ringBlocks][]complex64 // newest at head
	powers  [ringBlocks][]float32
	loud    [ringBlocks]float32 // power of the newest block of each frame
	head    int
	quiet   int // blocks since something was heard
}

func newReference(f *fft) *reference {
	r := &reference{fft: f}
	for i := range r.spectra {
		r.spectra[i] = make([]complex64, bins)
		r.powers[i] = make([]float32, bins)
	}
	r.restart()
	r.quiet = ringBlocks
	return r
}

// restart forgets what was read, not what was heard.
func (r *reference) restart() {
	clear(r.queue[:])
	r.filled = startBehind + sincTaps/2
	r.pos = sincTaps / 2
}

// forget also empties the ring.
func (r *reference) forget() {
	r.restart()
	clear(r.frame[:])
	clear(r.shaped[:])
	for i := range r.spectra {
		clear(r.spectra[i])
		clear(r.powers[i])
	}
	clear(r.loud[:])
	r.quiet = ringBlocks
}

// add appends one block; nil is silence.
func (r *reference) add(block []float32) {
	if r.filled+BlockSamples > queueSamples {
		// Only the newest matter; the reader cannot be that far behind.
		drop := r.filled + BlockSamples - queueSamples
		copy(r.queue[:], r.queue[drop:r.filled])
		r.filled -= drop
		r.pos = max(r.pos-float64(drop), sincTaps/2)
	}
	to := r.queue[r.filled : r.filled+BlockSamples]
	if block == nil {
		clear(to)
	} else {
		copy(to, block)
	}
	r.filled += BlockSamples
}

// ahead is how many samples can still be read.
func (r *reference) ahead() float64 { return float64(r.filled-sincTaps/2) - r.pos }

// nudge moves the reader by a part of a sample.
func (r *reference) nudge(by float64) { r.pos = max(sincTaps/2, r.pos+by) }

// read fills dst with the next samples at a pace of step per sample.
func (r *reference) read(dst []float32, step float64) {
	pos := r.pos
	if step == 1 && pos == math.Floor(pos) {
		at := int(pos)
		copy(dst, r.queue[at:at+len(dst)])
		r.pos += float64(len(dst))
	} else {
		for i := range dst {
			whole := int(pos)
			k := &sinc[int((pos-float64(whole))*sincPhases+0.5)]
			x := r.queue[whole-sincTaps/2+1:][:sincTaps]
			var a, b, c, d float32
			for j := 0; j < sincTaps; j += 4 {
				a += x[j] * k[j]
				b += x[j+1] * k[j+1]
				c += x[j+2] * k[j+2]
				d += x[j+3] * k[j+3]
			}
			dst[i] = a + b + c + d
			pos += step
		}
		r.pos = pos
	}
	// Make room at the front.
	if spare := int(r.pos) - sincTaps/2; spare >= BlockSamples {
		copy(r.queue[:], r.queue[spare:r.filled])
		r.filled -= spare
		r.pos -= float64(spare)
	}
}

// at is the place in the ring of the frame so many blocks back.
func (r *reference) at(back int) int { return (r.head + back) % ringBlocks }

// push transforms the newest frame into the ring.
func (r *reference) push(silent bool) {
	r.head = (r.head + ringBlocks - 1) % ringBlocks
	x, p := r.spectra[r.head], r.powers[r.head]
	if silent {
		clear(x)
		clear(p)
		r.loud[r.head] = 0
		return
	}
	r.fft.forward(x, r.shaped[:])
	for k, v := range x {
		p[k] = real(v)*real(v) + imag(v)*imag(v)
	}
	r.loud[r.head] = power(r.shaped[frameSamples-BlockSamples:])
}

func power(x []float32) float32 {
	var a, b float32
	for i := 0; i+1 < len(x); i += 2 {
		a += x[i] * x[i]
		b += x[i+1] * x[i+1]
	}
	return (a + b) / float32(len(x))
}
