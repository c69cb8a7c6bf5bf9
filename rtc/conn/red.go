package conn

const (
	lossForOne = 0.02 // share of packets lost from which one frame is repeated
	lossForTwo = 0.08 // and two
)

// redundancy decides how many earlier frames to repeat to one peer. It rises
// with the first bad report and falls only when the loss has clearly gone: a
// report covers some fifty packets, which is too few to trust one good one.
type redundancy struct {
	loss   float64 // smoothed
	frames int32
}

// report takes the share of packets lost and returns the frames to repeat.
func (r *redundancy) report(loss float64) int32 {
	const attack, release, hysteresis = 0.6, 0.15, 0.5
	if loss > r.loss {
		r.loss += (loss - r.loss) * attack
	} else {
		r.loss += (loss - r.loss) * release
	}
	one, two := lossForOne, lossForTwo
	if r.frames >= 1 {
		one *= hysteresis
	}
	if r.frames >= 2 {
		two *= hysteresis
	}
	switch {
	case r.loss > two:
		r.frames = 2
	case r.loss > one:
		r.frames = 1
	default:
		r.frames = 0
	}
	return r.frames
}

const (
	// redShare is what of a path sound with all its repetitions may take, and
	// redFrame what one repeated frame takes, in bit/s.
	redShare = 0.4
	redFrame = 34_000
)

// afford takes the share of packets lost and returns the frames to repeat, which
// come out of what the path carries. What is lost because the path is full is no
// reason for more: that would fill it for good.
func (r *redundancy) afford(loss float64, path verdict) int32 {
	n := r.frames
	if !path.troubled {
		n = r.report(loss)
	}
	for n > 0 && soundLeast+float64(n)*redFrame > redShare*path.steady {
		n--
	}
	return n
}
