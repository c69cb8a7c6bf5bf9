package echo

// These are the bounds of bins that hold more or less of the room: treble dies
// sooner than the rest.
const (
	partitions = 16 // of 10 ms

	midBin, highBin               = 180, 341 // 8.4 and 16 kHz
	midPartitions, highPartitions = 14, 8

	// share is how much of a frame is new: the error's frame is silent before.
	share = float32(BlockSamples) / frameSamples
	// stepShare is the same where a step is made up. In theory it is share, for
	// the error has power in that much of the frame only; but then the step
	// overshoots by its inverse between two constraints of a partition.
	stepShare = 2
	// keep is how much of what is known stays so over a block: a random walk of
	// the room with a time constant of 50 s.
	keep = 0.9998
	// fade takes away what nothing confirms, within 100 s.
	fade = 0.9999
)

// kalman is a partitioned-block Kalman filter in the frequency domain with a
// diagonal state covariance (Enzner, Vary 2006; Kuech, Mabande, Enzner 2014).
// Its step follows from how unsure each coefficient is against the noise and
// the voice in the error, so it needs no detector for double talk.
type kalman struct {
	fft *fft

	w     [partitions][]complex64 // response of the room, spectrum of each 10 ms
	p     [partitions][]float32   // how unsure it is
	prior [partitions]float32     // what an unknown room is expected to be, of scale
	scale float32                 // power gain a room may have

	psi, gainInv []float32
	echo         []complex64 // of the block: estimate
	frame        [frameSamples]float32
	next         int // partition to constrain
}

func newKalman(f *fft) *kalman {
	k := &kalman{fft: f, scale: 1, psi: make([]float32, bins), gainInv: make([]float32, bins), echo: make([]complex64, bins)}
	level := float32(1)
	for i := range partitions {
		k.w[i] = make([]complex64, bins)
		k.p[i] = make([]float32, bins)
		k.prior[i] = level
		level *= 0.794 // 1 dB per 10 ms
	}
	k.forget(startUnsure)
	return k
}

// startUnsure is what is expected of an unknown room: an echo this strong. More
// learns faster and makes more noise where there is no echo.
const startUnsure = 0.05

// forget starts anew, expecting a room of that gain.
func (k *kalman) forget(unsure float32) {
	for i := range partitions {
		clear(k.w[i])
	}
	k.doubt(unsure)
}

// doubt keeps the estimate and makes it at least so unsure.
func (k *kalman) doubt(unsure float32) {
	for i := range partitions {
		level := unsure * k.prior[i]
		for j, v := range k.p[i] {
			k.p[i][j] = max(v, level)
		}
	}
}

// calm makes the estimate exactly so unsure.
func (k *kalman) calm(unsure float32) {
	for i := range partitions {
		level := unsure * k.prior[i]
		for j := range k.p[i] {
			k.p[i][j] = level
		}
	}
}

// span is how many bins a partition has.
func span(partition int) int {
	switch {
	case partition < highPartitions:
		return bins
	case partition < midPartitions:
		return highBin
	}
	return midBin
}

// estimate writes the echo of the block, of which the newest frame is at lag
// back in the reference, to y.
func (k *kalman) estimate(r *reference, lag int, y []float32) {
	out := k.echo
	unsure := k.gainInv
	clear(out)
	clear(unsure)
	for p := range partitions {
		n := span(p)
		slot := r.at(lag + p)
		x := r.spectra[slot][:n]
		xx := r.powers[slot][:n]
		w := k.w[p][:n]
		pp := k.p[p][:n]
		out, unsure := out[:n], unsure[:n]
		for i, v := range x {
			u := w[i]
			out[i] += complex(real(v)*real(u)-imag(v)*imag(u), real(v)*imag(u)+imag(v)*real(u))
			unsure[i] += pp[i] * xx[i]
		}
	}
	k.fft.inverse(k.frame[:], out)
	copy(y, k.frame[frameSamples-BlockSamples:])
}

// adapt learns from the error that estimate left, the spectrum of a frame with
// silence before the block.
func (k *kalman) adapt(r *reference, lag int, e []complex64) {
	inv := k.gainInv
	for i, v := range e {
		ee := real(v)*real(v) + imag(v)*imag(v)
		k.psi[i] += 0.5 * (ee - k.psi[i])
		inv[i] = 1 / (stepShare*inv[i] + max(k.psi[i], ee/2) + 1e-9)
	}
	for p := range partitions {
		n := span(p)
		slot := r.at(lag + p)
		x := r.spectra[slot][:n]
		xx := r.powers[slot][:n]
		w := k.w[p][:n]
		pp := k.p[p][:n]
		inv, e := inv[:n], e[:n]
		most := k.prior[p] * k.scale
		for i, v := range x {
			mu := pp[i] * inv[i]
			ev, u := e[i], w[i]
			wr := fade*real(u) + mu*(real(v)*real(ev)+imag(v)*imag(ev))
			wi := fade*imag(u) + mu*(real(v)*imag(ev)-imag(v)*real(ev))
			w[i] = complex(wr, wi)
			// The walk of the room is bounded by what a room can be: without,
			// P and W drive each other up where the reference has no power
			// but the error leaks (a tone).
			walk := min(wr*wr+wi*wi, most)
			pp[i] = keep*(1-share*mu*xx[i])*pp[i] + (1-keep)*walk
		}
	}
	k.constrain()
}

// constrain cuts what circular convolution put behind the 10 ms of one
// partition: each has its turn.
func (k *kalman) constrain() {
	p := k.next
	k.next = (k.next + 1) % partitions
	w := k.w[p]
	k.fft.inverse(k.frame[:], w)
	clear(k.frame[BlockSamples:])
	k.fft.forward(w, k.frame[:])
	clear(w[span(p):])
}

// shift moves the response by n blocks towards the start, as the reference
// will be read n blocks further back.
func (k *kalman) shift(n int) {
	if n >= partitions || n <= -partitions {
		k.forget(startUnsure)
		k.calm(startUnsure)
		return
	}
	for ; n > 0; n-- {
		w, p := k.w[0], k.p[0]
		copy(k.w[:], k.w[1:])
		copy(k.p[:], k.p[1:])
		k.w[partitions-1], k.p[partitions-1] = w, p
		k.blank(partitions - 1)
	}
	for ; n < 0; n++ {
		w, p := k.w[partitions-1], k.p[partitions-1]
		copy(k.w[1:], k.w[:partitions-1])
		copy(k.p[1:], k.p[:partitions-1])
		k.w[0], k.p[0] = w, p
		k.blank(0)
	}
}

func (k *kalman) blank(p int) {
	clear(k.w[p])
	for i := range k.p[p] {
		k.p[p][i] = startUnsure * k.prior[p]
	}
}

// gain is the power the response has where voices are.
func (k *kalman) gain() float32 {
	const from, to = 6, midBin
	sum := float32(0)
	for p := range partitions {
		for _, v := range k.w[p][from:to] {
			sum += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	return sum / (to - from)
}
