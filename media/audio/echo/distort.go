package echo

const (
	branches          = 4
	distortFrom       = 4
	distortTo         = 128
	distortPartitions = 6
	distortForget     = 0.996 // per look, every second block
	distortMost       = 4
)

// distortion models a small loudspeaker: what it plays is the reference plus
// weighted curves of it, ahead of one common room (a Hammerstein model whose
// weights are found by the echo the curves would leave through the room known
// so far: significance-aware, Hofmann and others 2014).
type distortion struct {
	weight [branches]float32
	frames [branches][frameSamples]float32
	rings  [branches][ringBlocks][]complex64
	full   []complex64
	echo   [branches][]complex64

	// Normal equations of the weights, with the echo itself as the last one: it
	// takes what is a matter of the room's gain.
	a [branches + 1][branches + 1]float64
	b [branches + 1]float64
	n int
}

func newDistortion() *distortion {
	d := &distortion{full: make([]complex64, bins)}
	for b := range branches {
		d.echo[b] = make([]complex64, distortTo)
		for i := range d.rings[b] {
			d.rings[b][i] = make([]complex64, distortTo)
		}
	}
	return d
}

func (d *distortion) forget() {
	d.weight = [branches]float32{}
	d.doubt()
}

// doubt keeps the weights and forgets what spoke for others.
func (d *distortion) doubt() {
	d.a = [branches + 1][branches + 1]float64{}
	d.b = [branches + 1]float64{}
}

// curve is the bends a loudspeaker may have: even and odd ones.
func curve(x float32) [branches]float32 {
	x = max(-1, min(x, 1))
	x2 := x * x
	return [branches]float32{3 * x2, bend(x, 0.1), bend(x, 0.2), bend(x, 0.4)}
}

// bend is what a loudspeaker that cannot do more than most leaves out.
func bend(x, most float32) float32 {
	r := x / most
	return x/sqrt(1+r*r) - x
}

// shape takes in the newest block of the raw reference and writes what the
// loudspeaker is believed to play.
func (d *distortion) shape(dst, src []float32) {
	for b := range branches {
		f := &d.frames[b]
		copy(f[:], f[BlockSamples:])
	}
	for i, x := range src {
		c := curve(x)
		at := frameSamples - BlockSamples + i
		y := x
		for b, v := range c {
			d.frames[b][at] = v
			y += d.weight[b] * v
		}
		dst[i] = y
	}
}

// push keeps the spectra of the branches beside the reference's.
func (d *distortion) push(r *reference, silent bool) {
	for b := range branches {
		to := d.rings[b][r.head]
		if silent {
			clear(to)
			continue
		}
		r.fft.forward(d.full, d.frames[b][:])
		copy(to, d.full)
	}
}

// learn looks for the weights in the error of one block.
func (d *distortion) learn(r *reference, lag int, k *kalman, e []complex64) {
	for b := range branches {
		out := d.echo[b]
		clear(out)
		for p := range distortPartitions {
			x := d.rings[b][r.at(lag+p)][:distortTo]
			w := k.w[p][:distortTo]
			out := out[:distortTo]
			for i := distortFrom; i < len(x); i++ {
				v, u := x[i], w[i]
				out[i] += complex(real(v)*real(u)-imag(v)*imag(u), real(v)*imag(u)+imag(v)*real(u))
			}
		}
	}
	const all = branches + 1
	var a [all][all]float32
	var rhs [all]float32
	for i := distortFrom; i < distortTo; i++ {
		w := 1 / (k.psi[i] + 1e-6)
		ev := e[i]
		for b := range all {
			u := d.branch(k, b)[i]
			ur, ui := w*real(u), w*imag(u)
			rhs[b] += ur*real(ev) + ui*imag(ev)
			for c := b; c < all; c++ {
				v := d.branch(k, c)[i]
				a[b][c] += ur*real(v) + ui*imag(v)
			}
		}
	}
	for b := range all {
		d.b[b] = distortForget*d.b[b] + float64(rhs[b])
		for c := b; c < all; c++ {
			d.a[b][c] = distortForget*d.a[b][c] + float64(a[b][c])
			d.a[c][b] = d.a[b][c]
		}
	}
	if d.n++; d.n%3 == 0 {
		d.solve()
	}
}

// branch is the echo of one branch, or behind them that of all.
func (d *distortion) branch(k *kalman, b int) []complex64 {
	if b == branches {
		return k.echo
	}
	return d.echo[b]
}

func (d *distortion) solve() {
	const all = branches + 1
	var m [all][all + 1]float64
	for i := range all {
		for j := range all {
			m[i][j] = d.a[i][j]
		}
		m[i][i] += 1e-2*d.a[i][i] + 10
		m[i][all] = d.b[i]
	}
	for i := range all {
		for j := i + 1; j < all; j++ {
			f := m[j][i] / m[i][i]
			for c := i; c <= all; c++ {
				m[j][c] -= f * m[i][c]
			}
		}
	}
	var x [all]float64
	for i := all - 1; i >= 0; i-- {
		v := m[i][all]
		for j := i + 1; j < all; j++ {
			v -= m[i][j] * x[j]
		}
		x[i] = v / m[i][i]
	}
	const step = 0.15 // of what is found, each time
	for b := range branches {
		was := d.weight[b]
		d.weight[b] = max(-distortMost, min(was+float32(step*x[b]), distortMost))
		// What is taken out now is not in the error any more.
		took := float64(d.weight[b]-was) * float64(share)
		for i := range all {
			d.b[i] -= took * d.a[i][b]
		}
	}
}
