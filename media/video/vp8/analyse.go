package vp8

import (
	"sync"

	"github.com/meet-term/meet/internal/crash"
)

// analyse looks for a prediction from the last picture for every macroblock
// and returns how much is left to be coded. It turns the frame into a key frame
// when there is nothing to predict from.
func (e *Encoder) analyse() int {
	e.scrolled = 0
	if e.cfg.ContentHint == Screen {
		e.markChanged()
		e.scrolled = e.scroll.find(&e.src.planes[0], &e.prevSrc.planes[0], e.changed)
	}
	rows := e.modes.rows
	if e.cfg.Threads < 2 || rows < 4 {
		return e.analyseRows(&e.search[0], 0, rows)
	}
	var wg sync.WaitGroup
	var lower int
	crash.GoIn(&wg, func() { lower = e.analyseRows(&e.search[1], rows/2, rows) })
	upper := e.analyseRows(&e.search[0], 0, rows/2)
	wg.Wait()
	return upper + lower
}

// markChanged notes which rows of macroblocks differ from the last source
// picture.
func (e *Encoder) markChanged() {
	p, q := &e.src.planes[0], &e.prevSrc.planes[0]
	for row := range e.changed {
		a, b := p.at(0, 16*row)[:16*p.stride], q.at(0, 16*row)[:16*p.stride]
		e.changed[row] = string(a) != string(b)
	}
}

// analyseRows analyses rows from through to-1.
func (e *Encoder) analyseRows(s *searcher, from, to int) int {
	sum := 0
	s.ref = &e.ref.planes[0]
	s.lambda = int(acQuant[e.rate.lastIndex]) * lambdaScale
	for row := from; row < to; row++ {
		for col := range e.modes.cols {
			sum += e.analyseMacroblock(s, col, row, row > from)
		}
	}
	return sum
}

// lambdaScale times the AC step size is the price of a bit as a sum of
// differences, in 1/256.
const lambdaScale = 40

// analyseMacroblock finds the vector of one macroblock. hasAbove says whether
// the row above has been analysed already.
func (e *Encoder) analyseMacroblock(s *searcher, col, row int, hasAbove bool) int {
	index := e.modes.index(col, row)
	mb := &e.modes.mbs[index]
	at := row*e.modes.cols + col
	p := &e.plans[at]
	last := mb.mv // from the last frame
	*mb = macroblock{mode: modeZero, ref: refLast}
	*p = plan{}

	p.same = sameMacroblock(e.src, e.prevSrc, col, row)
	if p.same && int(e.prevQuality[at]) <= goodIndex {
		p.static = true
		return 0
	}
	s.x, s.y = 16*col, 16*row
	s.block.load(&e.src.planes[0], s.x, s.y)
	zero := s.block.sad(s.ref.at(s.x, s.y), s.ref.stride, noLimit)
	f := found{cost: zero, sad: zero}
	if !p.same {
		e.findVector(s, &f, index, last, hasAbove)
	}
	mb.mv = f.v
	if f.v != (mv{}) {
		mb.mode = modeNew
	}
	p.sad = int32(f.sad)
	if p.same {
		return 0 // whether to improve on it is for refine to say
	}
	return f.sad
}

// goodIndex is the quantiser index of which more quality is not wanted in
// content that stands still.
const goodIndex = 4

// refine picks macroblocks that have not changed but were coded badly, as far
// as the frame has room for them after the changes, whose complexity is given.
// It sets the quantiser accordingly and returns their complexity. All others
// that have not changed become static.
func (e *Encoder) refine(changes int) int {
	worst := 0
	for i := range e.plans {
		if p := &e.plans[i]; p.same && p.sad > 0 {
			worst = max(worst, int(e.prevQuality[i]))
		}
	}
	// In stages: it is better to improve much of the picture a little than
	// little of it much.
	index := max(e.frame.index, goodIndex, worst/2)
	room := int(e.rate.affordable(false) * float64(acQuant[index]))
	if changes > room/8 {
		room = 0 // not at the expense of what moves
	}
	room -= changes
	sum := 0
	for range e.plans {
		if e.cursor++; e.cursor >= len(e.plans) {
			e.cursor = 0
		}
		p := &e.plans[e.cursor]
		if !p.same {
			continue
		}
		p.static = true
		if p.sad > 0 && int(e.prevQuality[e.cursor]) > index+index/4 && sum < room {
			p.static = false
			sum += int(p.sad)
		}
	}
	if sum > 0 {
		e.frame.index = index
	}
	return sum
}

// findVector improves on the zero vector.
func (e *Encoder) findVector(s *searcher, f *found, index int, last mv, hasAbove bool) {
	enough := int(acQuant[e.rate.lastIndex])*8 + 128
	if f.sad < enough {
		return
	}
	left := e.modes.mbs[index-1].mv
	s.best = left
	var near nearMVs
	if hasAbove {
		col, row := s.x/16, s.y/16
		near = e.modes.findNear(index, e.modes.bounds(col, row), refLast, &e.state.signBias)
		s.best = near.best
	}
	f.cost -= s.lambda * 2 >> 8 // no vector to write
	for _, v := range [...]mv{near.nearest, near.near, left, last} {
		if v != (mv{}) {
			s.whole(f, int(v.x+2)>>2, int(v.y+2)>>2)
		}
	}
	if e.scrolled != 0 {
		s.whole(f, 0, e.scrolled)
	}
	if f.sad < enough {
		return
	}
	if f.sad > 8*enough {
		s.descend(f, 8, 3)
		s.descend(f, 4, 3)
	}
	s.descend(f, 2, 4)
	s.descend(f, 1, 8)
	if f.sad >= enough {
		s.refine(f)
	}
}

// analyseKey returns the complexity of the source picture for a key frame: how
// much it varies from sample to sample.
func (e *Encoder) analyseKey() int {
	sum := 0
	p := &e.src.planes[0]
	for row := range e.modes.rows {
		for col := range e.modes.cols {
			x, y := 16*col, 16*row
			here := p.at(x, y)
			across, down := 0, 0
			if x+17 <= p.width {
				across = sadBlock(here, p.stride, here[1:], p.stride, 16)
			}
			if y+17 <= p.height {
				down = sadBlock(here, p.stride, here[p.stride:], p.stride, 16)
			}
			sum += min(across, down)
			e.plans[row*e.modes.cols+col] = plan{}
		}
	}
	return sum
}
