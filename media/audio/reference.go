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
	// behind: always more than referenceMost means that the speaker's clock is
	// faster, never referenceLeast that it is slower.
	referenceWindow = 200
	referenceMost   = 6
	referenceLeast  = 2
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
	stalled bool // which takes nothing at present
	breaks  int  // counts how often the count was broken

	// Of the reader, guarded by mu too.
	next   int // the block it reads next
	seen   int // the breaks it knows of
	least  int // how far it was behind in this window,
	most   int // at least and at most
	window int // blocks left of it
}

// start says that a speaker begins to play, stop that none does.
func (r *reference) start() { r.set(true) }
func (r *reference) stop()  { r.set(false) }

func (r *reference) set(playing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.playing, r.stalled = playing, false
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
	if r.stalled {
		r.stalled = false
		r.breaks++
	}
}

// stall says that the speaker takes nothing: until it does, none plays.
func (r *reference) stall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled = true
}

// moved is how the reference lies now.
type moved struct {
	idle bool // no speaker plays
	wait bool // what goes with the block was not played yet: read again
	gap  bool // it may lie anywhere
	skip int  // so many blocks were left out; if negative, given once more
}

// arrived says that a block was recorded, whenever it will be read for.
// waiting are those before it that what goes with them was not played for.
func (r *reference) arrived(waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	behind := r.written - r.next - waiting
	r.least, r.most = min(r.least, behind), max(r.most, behind)
	r.window--
}

// read fills block with what goes with the block recorded first of those that
// nothing was read for yet.
func (r *reference) read(block []float32) moved {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.playing || r.stalled {
		return moved{idle: true}
	}
	var m moved
	if r.seen != r.breaks {
		m.gap, r.seen = true, r.breaks
		r.next = max(0, r.written-referenceLead)
		r.watch()
	}
	switch behind := r.written - r.next; {
	case behind >= referenceBlocks:
		m.skip = behind - referenceLead
	case r.window > 0:
	case r.least > referenceMost:
		m.skip = r.least - referenceLead
	case r.most < referenceLeast:
		m.skip = -referenceLeast
	}
	r.next += m.skip
	if r.window <= 0 || m.skip != 0 {
		r.watch()
	}
	if r.next < 0 || r.next >= r.written {
		return moved{wait: true, gap: m.gap, skip: m.skip}
	}
	copy(block, r.ring[r.next%referenceBlocks][:])
	r.next++
	return m
}

// watch begins a new window.
func (r *reference) watch() {
	r.least, r.most, r.window = referenceBlocks, -referenceBlocks, referenceWindow
}
