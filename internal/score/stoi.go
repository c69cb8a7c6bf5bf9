package score

import "math"

// STOI is the short-time objective intelligibility of heard, 0 to 1 (Taal,
// Hendriks, Heusdens, Jensen 2011): the correlation of the envelopes of 15
// bands of a third octave over 384 ms, where clean speaks. Both are 48 kHz mono
// and lie on each other.
func STOI(clean, heard []float32) float64 {
	const (
		size, hop, length = 1228, 614, 2048 // 25.6 ms
		octaves           = 15
		segment           = 30
	)
	var edges [octaves][2]int
	for j := range edges {
		centre := 150 * math.Pow(2, float64(j)/3)
		edges[j] = [2]int{
			int(math.Round(centre * math.Pow(2, -1.0/6) * length / rate)),
			int(math.Round(centre * math.Pow(2, 1.0/6) * length / rate)),
		}
	}
	var a, b [][octaves]float64
	var energy []float64
	frames(clean, heard, size, hop, length, func(p, q []float64) {
		var x, y [octaves]float64
		sum := 0.0
		for j, e := range edges {
			for k := e[0]; k < max(e[1], e[0]+1); k++ {
				x[j] += p[k]
				y[j] += q[k]
			}
		}
		for _, v := range p {
			sum += v
		}
		for j := range x {
			x[j], y[j] = math.Sqrt(x[j]), math.Sqrt(y[j])
		}
		a, b, energy = append(a, x), append(b, y), append(energy, sum)
	})
	peak := 0.0
	for _, e := range energy {
		peak = max(peak, e)
	}
	// Frames 40 dB below the loudest say nothing.
	n := 0
	for i, e := range energy {
		if e > peak*1e-4 {
			a[n], b[n] = a[i], b[i]
			n++
		}
	}
	a, b = a[:n], b[:n]
	clip := 1 + math.Pow(10, 15.0/20)
	sum, count := 0.0, 0
	for m := segment; m <= n; m++ {
		for j := range octaves {
			var x, y [segment]float64
			var px, py float64
			for i := range segment {
				x[i], y[i] = a[m-segment+i][j], b[m-segment+i][j]
				px, py = px+x[i]*x[i], py+y[i]*y[i]
			}
			if py < px*1e-18 {
				count++
				continue // nothing but rounding
			}
			scale := math.Sqrt(px / py)
			for i := range y {
				y[i] = min(y[i]*scale, x[i]*clip)
			}
			sum += correlation(x[:], y[:])
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return sum / float64(count)
}

func correlation(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i], my+y[i]
	}
	mx, my = mx/float64(len(x)), my/float64(len(x))
	var xx, yy, xy float64
	for i := range x {
		a, b := x[i]-mx, y[i]-my
		xx, yy, xy = xx+a*a, yy+b*b, xy+a*b
	}
	return xy / (math.Sqrt(xx*yy) + 1e-30)
}

// Level is the mean power of a signal in dBFS.
func Level(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(max(1, len(x)))+1e-15)
}
