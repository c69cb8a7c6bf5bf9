package jitter

// window is how many sequence numbers behind the newest a packet may come and
// still be told from a duplicate; a number that falls out of it unseen is lost.
const window = 32

// sequence extends 16-bit sequence numbers, finds duplicates and counts what
// never came.
type sequence struct {
	started bool
	newest  int64
	seen    uint64 // bit i: newest-i has come
	lost    uint64 // since takeLost

	stray    uint16 // a number far behind all others
	hasStray bool
}

// restart forgets the numbers: a new stream begins.
func (s *sequence) restart() { *s = sequence{lost: s.lost} }

// add takes in one number and returns it extended, and whether it is fresh:
// neither a duplicate nor too old to tell.
func (s *sequence) add(seq uint16) (int64, bool) {
	if !s.started {
		// Nothing before the first packet counts as lost.
		*s = sequence{started: true, newest: int64(seq), seen: ^uint64(0), lost: s.lost}
		return s.newest, true
	}
	ahead := int64(int16(seq - uint16(s.newest)))
	ext := s.newest + ahead
	if -ahead >= window {
		// Two neighbours from far behind are a sender that began to count
		// anew (RFC 3550 appendix A.1), not two late packets.
		if s.hasStray && seq == s.stray+1 {
			s.restart()
			return s.add(seq)
		}
		s.stray, s.hasStray = seq, true
		return ext, false
	}
	s.hasStray = false
	switch {
	case ahead > 0:
		s.advance(ahead)
		return ext, true
	case s.seen>>uint(-ahead)&1 == 1:
		return ext, false
	default:
		s.seen |= 1 << uint(-ahead)
		return ext, true
	}
}

func (s *sequence) advance(n int64) {
	s.newest += n
	if n >= window {
		// All of the old window falls out, and with it the numbers between.
		s.lost += uint64(n - window)
		n, s.seen = window, s.countOut(window)
	} else {
		s.seen = s.countOut(uint(n))
	}
	s.seen |= 1
}

// countOut shifts the window by n numbers, counting the unseen ones that leave.
func (s *sequence) countOut(n uint) uint64 {
	for i := uint(window) - n; i < window; i++ {
		if s.seen>>i&1 == 0 {
			s.lost++
		}
	}
	return s.seen << n
}

// takeLost returns how many numbers were given up since the last call.
func (s *sequence) takeLost() uint64 {
	n := s.lost
	s.lost = 0
	return n
}
