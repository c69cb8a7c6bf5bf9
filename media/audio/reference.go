package audio

import (
	"sync"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// referenceBlocks is how much of what was played is kept, in blocks: more
	// than any device takes at once.
	referenceBlocks = 64
	// referenceLead is how many blocks a reader stays behind the newest. They
	// are asked for in bursts of up to three.
	referenceLead = 3
	// referenceWindow is over how many blocks the reader looks how far it is
	// behind at least, and referenceMost how far that may be.
	referenceWindow = 200
	referenceMost   = 6
)

// reference is what the speaker was given, for the echo canceller. It is
// addressed by the number of the block: the nth block that is played goes with
// the nth that is recorded, whatever clocks say. The goroutine of the sink
// writes, that of the source reads.
type reference struct {
	mu      sync.Mutex
	ring    [referenceBlocks][pcm.BlockSamples]float32
	written int  // blocks so far
	playing bool // by a real speaker
	breaks  int  // counts how often the count was broken

	// Of the reader, guarded by mu too.
	next   int // the block it reads next
	seen   int // the breaks it knows of
	least  int // how far it was behind at least in this window
	window int // blocks left of it
}

// start says that a speaker begins to play, stop that none does.
func (r *reference) start() { r.set(true) }
func (r *reference) stop()  { r.set(false) }

func (r *reference) set(playing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.playing = playing
	r.breaks++
	clear(r.ring[:])
}

// broke says that what is played and what is recorded may lie differently from
// now on.
func (r *reference) broke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaks++
}

// write takes the block that the speaker gets next.
func (r *reference) write(block []float32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	copy(r.ring[r.written%referenceBlocks][:], block)
	r.written++
}

// moved is how the reference lies now.
type moved struct {
	idle bool // no speaker plays
	gap  bool // it may lie anywhere
	skip int  // so many blocks were left out; if negative, given once more
}

// read fills block with what goes with the block recorded now.
func (r *reference) read(block []float32) moved {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.playing {
		return moved{idle: true}
	}
	var m moved
	if r.seen != r.breaks {
		m.gap, r.seen = true, r.breaks
		r.next = max(0, r.written-referenceLead)
		r.watch()
	}
	behind := r.written - r.next
	r.least = min(r.least, behind)
	switch {
	case behind <= 0 && r.written > 0: // late, or its clock is slower
		r.next, m.skip = r.next-1, -1
	case behind >= referenceBlocks:
		m.skip = behind - referenceLead
	case r.window == 0 && r.least > referenceMost: // its clock is faster
		m.skip = r.least - referenceLead
	}
	if m.skip > 0 {
		r.next += m.skip
	}
	if r.window--; r.window < 0 || m.skip != 0 {
		r.watch()
	}
	if r.next < r.written {
		copy(block, r.ring[r.next%referenceBlocks][:])
	} else {
		clear(block)
	}
	r.next++
	return m
}

// watch begins a new window.
func (r *reference) watch() { r.least, r.window = referenceBlocks, referenceWindow }
