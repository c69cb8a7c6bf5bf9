package termvideo

// mosaic is what one cell shows: the sub-pixels of the pattern in fg, the rest
// in bg.
type mosaic struct {
	fg, bg  rgb
	pattern uint8
}

// ninths is 840/k: 840 is divisible by every group size from 1 to 8, so that
// the squared sums of groups can be compared without fractions.
const (
	groupUnit = 840
	maxSub    = 8
)

var perGroup = [maxSub + 1]int64{0, 840, 420, 280, 210, 168, 140, 120, 105}

// flatGain is how much squared error per sub-pixel two colours must save over
// one before they are worth the bytes. It is far below what an eye sees.
const flatGain = 3

// fitCell finds two colours and a pattern for the sub-pixels of one cell (at
// most maxSub) and returns them with the squared error that remains.
//
// The sub-pixels are projected on the line from the darkest to the brightest
// one and sorted; the best of the n-1 ways to cut that order in two is as good
// as the exact search over all patterns in practice, at a quarter of its time.
func fitCell(px []rgb) (mosaic, int64) {
	var (
		r, g, b       [maxSub]int32
		lo, hi        int
		lumaLo        = int32(1 << 30)
		lumaHi        = int32(-1)
		tr, tg, tb    int32 // totals
		squares       int64
		n             = len(px)
		key           [maxSub]int32
		bestScore     int64
		bestCut       int
		br, bg, bb    int32 // sums of the darker group at the best cut
		sr, sg, sb    int32
		scoreOfNoCuts int64
	)
	for i, p := range px[:min(n, maxSub)] {
		r[i], g[i], b[i] = p.split()
		l := 2*r[i] + 5*g[i] + b[i]
		if l < lumaLo {
			lumaLo, lo = l, i
		}
		if l > lumaHi {
			lumaHi, hi = l, i
		}
		tr, tg, tb = tr+r[i], tg+g[i], tb+b[i]
		squares += int64(r[i]*r[i] + g[i]*g[i] + b[i]*b[i])
	}
	whole := sumSquares(tr, tg, tb)
	scoreOfNoCuts = whole * perGroup[n]
	flat := mosaic{bg: mean(tr, tg, tb, int32(n))}
	flatError := squares - scoreOfNoCuts/groupUnit
	if lo == hi || flatError <= int64(flatGain*n) {
		return flat, flatError
	}

	// The index sits in the low bits: sorting the keys sorts the sub-pixels.
	dr, dg, db := r[hi]-r[lo], g[hi]-g[lo], b[hi]-b[lo]
	for i := range n {
		key[i] = (dr*r[i]+dg*g[i]+db*b[i])<<3 | int32(i)
	}
	sortKeys(&key, n)

	for cut := 1; cut < n; cut++ {
		i := key[cut-1] & (maxSub - 1)
		sr, sg, sb = sr+r[i], sg+g[i], sb+b[i]
		score := sumSquares(sr, sg, sb)*perGroup[cut] +
			sumSquares(tr-sr, tg-sg, tb-sb)*perGroup[n-cut]
		if score > bestScore {
			bestScore, bestCut = score, cut
			br, bg, bb = sr, sg, sb
		}
	}
	if bestScore-scoreOfNoCuts <= int64(flatGain*n*groupUnit) {
		return flat, flatError
	}
	m := mosaic{
		bg: mean(br, bg, bb, int32(bestCut)),
		fg: mean(tr-br, tg-bg, tb-bb, int32(n-bestCut)),
	}
	for _, k := range key[bestCut:n] {
		m.pattern |= 1 << (k & (maxSub - 1))
	}
	return m, squares - bestScore/groupUnit
}

func sumSquares(r, g, b int32) int64 {
	return int64(r*r + g*g + b*b) // at most 3*(8*255)^2: no overflow
}

func mean(r, g, b, n int32) rgb {
	h := n / 2
	return rgb((r+h)/n<<16 | (g+h)/n<<8 | (b+h)/n)
}

// sortKeys sorts the first n keys. Eight are sorted by a network of 19
// exchanges without a branch; fewer by insertion.
func sortKeys(k *[maxSub]int32, n int) {
	if n != maxSub {
		for i := 1; i < n; i++ {
			for j := i; j > 0 && k[j] < k[j-1]; j-- {
				k[j], k[j-1] = k[j-1], k[j]
			}
		}
		return
	}
	a, b, c, d, e, f, g, h := k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]
	a, c = min(a, c), max(a, c)
	b, d = min(b, d), max(b, d)
	e, g = min(e, g), max(e, g)
	f, h = min(f, h), max(f, h)
	a, e = min(a, e), max(a, e)
	b, f = min(b, f), max(b, f)
	c, g = min(c, g), max(c, g)
	d, h = min(d, h), max(d, h)
	a, b = min(a, b), max(a, b)
	c, d = min(c, d), max(c, d)
	e, f = min(e, f), max(e, f)
	g, h = min(g, h), max(g, h)
	c, e = min(c, e), max(c, e)
	d, f = min(d, f), max(d, f)
	b, e = min(b, e), max(b, e)
	d, g = min(d, g), max(d, g)
	b, c = min(b, c), max(b, c)
	d, e = min(d, e), max(d, e)
	f, g = min(f, g), max(f, g)
	*k = [maxSub]int32{a, b, c, d, e, f, g, h}
}

// errorOf returns the squared error of showing m where px is wanted.
func (m mosaic) errorOf(px []rgb) int64 {
	var sum int32
	for i, p := range px {
		shown := m.bg
		if m.pattern>>i&1 != 0 {
			shown = m.fg
		}
		r, g, b := p.split()
		sr, sg, sb := shown.split()
		r, g, b = r-sr, g-sg, b-sb
		sum += r*r + g*g + b*b
	}
	return int64(sum)
}
