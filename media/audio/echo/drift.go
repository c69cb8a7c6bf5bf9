package echo

const (
	driftFrom, driftTo = 6, 128
	// driftGain is how much the pace follows one sample of lateness per block.
	driftGain = 4e-4
	// driftPull is how much of the lateness is made good at once.
	driftPull = 0.06
	driftMost = 500e-6
)

// lateness is by how many samples the echo comes later than its estimate: the
// phase of the error against it, where noise and voices are weak.
func lateness(e, y []complex64, psi []float32) float64 {
	var top, bottom float32
	for k := driftFrom; k < driftTo; k++ {
		omega := float32(k)
		u, v := e[k], y[k]
		w := omega / (psi[k] + 1e-9)
		top -= w * (imag(u)*real(v) - real(u)*imag(v))
		bottom += w * omega * (real(v)*real(v) + imag(v)*imag(v))
	}
	if bottom < 1e-3 {
		return 0
	}
	const perBin = 2 * 3.14159265 / frameSamples
	tau := float64(top) / (float64(bottom) * perBin)
	return max(-2, min(tau, 2))
}
