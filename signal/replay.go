package signal

// replayWords times 64 is how far a message may be overtaken by later ones of
// its sender and still be taken. Messages of one sender to all others share a
// counter, so the window has room for a burst to a whole room.
const replayWords = 16

// replayWindow tells fresh counters from those seen before: a sliding bitmap as
// in RFC 4303 section 3.4.3, kept as a ring of words (RFC 6479).
type replayWindow struct {
	top  uint64 // largest counter accepted; 0: none yet
	bits [replayWords]uint64
}

// accept reports whether counter is fresh, and notes it. 0 is never fresh.
func (w *replayWindow) accept(counter uint64) bool {
	word := counter / 64
	switch {
	case counter == 0:
		return false
	case counter > w.top:
		// Words between the old and the new top come into the window empty.
		for i := uint64(0); i < min(word-w.top/64, replayWords); i++ {
			w.bits[(word-i)%replayWords] = 0
		}
		w.top = counter
	case w.top/64-word >= replayWords:
		return false
	}
	bit := uint64(1) << (counter % 64)
	if w.bits[word%replayWords]&bit != 0 {
		return false
	}
	w.bits[word%replayWords] |= bit
	return true
}
