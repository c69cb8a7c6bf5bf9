package vp8

// reference is a picture that others may be predicted from, with what it was made
// of and how well.
type reference struct {
	src, rec *picture
	quality  []uint8 // quantiser index at which each macroblock was coded
}

func newReference(cols, rows int) *reference {
	return &reference{
		src: newPicture(cols, rows, 0, nil), rec: newPicture(cols, rows, refPad, nil),
		quality: make([]uint8, cols*rows),
	}
}

// layering is where in the pattern of temporal layers the encoder is.
type layering struct {
	on   bool
	next int // index into pattern
}

// layerStep is what one frame of the pattern is.
type layerStep struct {
	layer  uint8
	golden bool  // predicted from the golden frame, and not from the last one
	update uint8 // what it becomes: refLast, refGolden, or nothing
	weight float64
}

const updateNothing = 0

// pattern is one round of three layers: each frame builds on such of its own or a
// lower layer, so that those above can be left out. The lowest gets 40 % of the
// bits, the two below the highest 65 %.
var pattern = [4]layerStep{
	{layer: 0, update: refLast, weight: 1.6},
	{layer: 2, update: updateNothing, weight: 0.7},
	{layer: 1, update: refGolden, weight: 1},
	{layer: 2, golden: true, update: updateNothing, weight: 0.7},
}

// plain is a frame when there are no layers.
var plain = layerStep{update: refLast, weight: 1}

// SetLayers has the frames made in three temporal layers or, to begin with, in
// one: without those of layer 2 half of the frames are left and can be decoded,
// without those of layer 1 as well a quarter. It costs some quality. It may
// change between any two frames and takes no key frame.
func (e *Encoder) SetLayers(on bool) {
	if e.layers.on != on {
		e.layers = layering{on: on}
	}
}

// arrange chooses what the frame to be made is predicted from.
func (e *Encoder) arrange() {
	step := plain
	if e.layers.on {
		if e.frame.key {
			e.layers.next = 0
		}
		step = pattern[e.layers.next]
		e.layers.next = (e.layers.next + 1) % len(pattern)
	}
	from := e.last
	if step.golden {
		from = e.golden
	}
	e.frame.layerStep, e.rate.weight = step, step.weight
	e.src, e.rec, e.quality = e.making.src, e.making.rec, e.making.quality
	e.prevSrc, e.ref, e.prevQuality = from.src, from.rec, from.quality
}

// settle makes the frame that was made what others are predicted from.
func (e *Encoder) settle() {
	switch e.frame.update {
	case refLast:
		e.making, e.last = e.last, e.making
	case refGolden:
		if e.golden == nil {
			e.golden = newReference(e.modes.cols, e.modes.rows)
		}
		e.making, e.golden = e.golden, e.making
	}
}
