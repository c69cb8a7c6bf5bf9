package conn

import (
	"slices"
	"time"
)

// The sizes of packets, in bytes of a whole IP packet. A path is probed from
// above as RFC 8899 has it: some paths, such as tunnels, swallow what is too large
// for them and tell nobody.
const (
	// baseSize is what every path is taken to carry.
	baseSize = 556
	// maxSize is what a packet has at most: with a tunnel or two it stays below
	// 1,280, the smallest MTU of IPv6.
	maxSize = 1240

	probeTries  = 6 // rounds of a search
	probeEvery  = 100 * time.Millisecond
	verifyTries = 3 // rounds in which a size must be answered that is doubted
	// verifyEvery is the least time between two looks at a size that is in doubt.
	verifyEvery = 2 * time.Second
	// raiseEvery is how often a larger size is tried than the path carried.
	raiseEvery = 30 * time.Second
)

// ladder are the sizes that are tried, largest first.
var ladder = []int{maxSize, 1100, 980, 820, 680, baseSize}

// sizer searches for the largest packet that a path carries. It is pure: probes
// are ICE checks with padding, and what was answered is told to it.
type sizer struct {
	limit    int // the largest size that is known to pass; 0: none is
	answered map[int]bool
	tries    int
	doing    sizerState
	wakeAt   time.Time // when step has something to do
	looked   time.Time // when the limit was last found or confirmed
}

// sizerState is what a sizer is doing.
type sizerState uint8

const (
	sizeIdle sizerState = iota // nothing, but for a try at something larger now and then
	sizeSearch
	sizeVerify
)

// restart is told of another path.
func (s *sizer) restart(now time.Time) {
	*s = sizer{doing: sizeSearch, wakeAt: now, answered: map[int]bool{}}
}

// doubt is told that packets are lost, perhaps because of their size.
func (s *sizer) doubt(now time.Time) {
	if s.doing == sizeIdle && s.limit > baseSize && now.Sub(s.looked) >= verifyEvery {
		s.doing, s.tries, s.answered, s.wakeAt = sizeVerify, 0, map[int]bool{}, now
	}
}

// answer is told of a probe that has arrived.
func (s *sizer) answer(now time.Time, size int) {
	if s.answered == nil {
		return
	}
	s.answered[size] = true
	switch {
	case s.doing == sizeVerify && size >= s.limit:
		s.rest(now)
	case s.doing == sizeVerify:
	case size > s.limit:
		s.limit = size
		if size == maxSize {
			s.rest(now)
		}
	}
}

// rest ends a search or a look.
func (s *sizer) rest(now time.Time) {
	s.doing, s.looked, s.tries, s.wakeAt = sizeIdle, now, 0, time.Time{}
	if s.limit < maxSize {
		s.wakeAt = now.Add(raiseEvery)
	}
}

// step does what is due and returns the sizes of the probes to send.
func (s *sizer) step(now time.Time) (probes []int) {
	if s.wakeAt.IsZero() || now.Before(s.wakeAt) {
		return nil
	}
	if s.doing == sizeIdle {
		s.doing, s.answered = sizeSearch, map[int]bool{}
	}
	s.tries++
	s.wakeAt = now.Add(probeEvery)
	if s.doing == sizeVerify {
		if s.tries <= verifyTries {
			return []int{s.limit, baseSize}
		}
		if !s.answered[baseSize] {
			s.rest(now) // the path carries nothing at all
			return nil
		}
		s.limit, s.doing, s.tries, s.answered = baseSize, sizeSearch, 1, map[int]bool{}
	}
	if s.tries > probeTries {
		s.rest(now)
		return nil
	}
	if s.tries == 1 && s.limit == 0 {
		return []int{maxSize, baseSize} // mostly the first of them decides
	}
	for _, size := range ladder {
		if size > s.limit && !s.answered[size] {
			probes = append(probes, size)
		}
	}
	return slices.Clip(probes)
}
