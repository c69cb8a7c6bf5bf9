package echo

import "math"

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// exp is e to the power of x, for x of 0 and below, to three digits.
func exp(x float32) float32 {
	x *= 1.442695
	if x < -30 {
		return 0
	}
	whole := float32(int32(x)) - 1
	f := x - whole
	p := 1 + f*(0.6931472+f*(0.2402265+f*(0.0558+f*0.0096)))
	if f >= 1 {
		p = 2 // the only one above, at x = whole+1
	}
	return p * math.Float32frombits(uint32(127+int32(whole))<<23)
}

// circle are directions, for noise.
var circle = func() (c [256][2]float32) {
	for i := range c {
		s, o := math.Sincos(2 * math.Pi * float64(i) / 256)
		c[i] = [2]float32{float32(o), float32(s)}
	}
	return c
}()

const (
	lsaLeast = 127 - 14 // exponents of the table
	lsaMost  = 127 + 6
)

// lsaTable is exp(E1(v)/2) at 32 places per octave of v.
var lsaTable = func() (t [(lsaMost - lsaLeast) * 32]float32) {
	for i := range t {
		v := float64(math.Float32frombits(uint32(lsaLeast)<<23 + uint32(i)<<18 + 1<<17))
		t[i] = float32(math.Exp(expint(v) / 2))
	}
	return t
}()

// lsa is exp(E1(v)/2), the part of the log-spectral amplitude estimator that is
// not a Wiener filter.
func lsa(v float32) float32 {
	i := int(math.Float32bits(v)>>18) - lsaLeast<<5
	if i >= len(lsaTable) {
		return 1
	}
	return lsaTable[max(i, 0)]
}

// expint is the exponential integral E1.
func expint(x float64) float64 {
	if x < 1 {
		sum, term := -0.5772156649-math.Log(x), 1.0
		for n := 1.0; n < 30; n++ {
			term *= -x / n
			sum -= term / n
		}
		return sum
	}
	f := 0.0
	for n := 60.0; n >= 1; n-- {
		f = n / (1 + n/(x+f))
	}
	return math.Exp(-x) / (x + f)
}

// decibels turns a ratio of powers into dB, -120 to 120.
func decibels(x float32) float64 {
	return 10 * math.Log10(min(max(float64(x), 1e-12), 1e12))
}
