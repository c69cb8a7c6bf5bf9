package record

import (
	"slices"
	"time"

	"github.com/meet-term/meet/media/audio/opus"
)

// reorder is how long a packet waits for those before it: for what is sent again, and
// for the copies in later packets.
const reorder = 400 * time.Millisecond

// silence is an Opus packet of 20 ms in which nothing is heard (CELT, full band).
var silence = []byte{0xf8, 0xff, 0xfe}

const silenceSamples = 960

// soundPacket is a packet in its place.
type soundPacket struct {
	at   time.Duration // in the file
	opus []byte
}

// sound writes the packets of one person in the order in which they were said. What is
// missing is silence of its length, so that the file keeps time with the others.
type sound struct {
	ogg     *oggWriter
	waiting []soundPacket // in order
	end     time.Duration // of what was written
	flushed time.Duration // end at the last page
}

// push takes a packet at its place in the file; what is there already is dropped.
func (s *sound) push(p soundPacket, now time.Duration) error {
	if opus.Samples(p.opus) == 0 || p.at < s.end-length(p.opus)/2 {
		return nil
	}
	i, _ := slices.BinarySearchFunc(s.waiting, p.at, func(w soundPacket, at time.Duration) int { return int(w.at - at) })
	for _, j := range []int{i - 1, i} { // the same, of another connection or sent again
		if j >= 0 && j < len(s.waiting) && (s.waiting[j].at-p.at).Abs() < length(p.opus)/2 {
			return nil
		}
	}
	s.waiting = slices.Insert(s.waiting, i, p)
	return s.settle(now - reorder)
}

// settle writes what came before a time.
func (s *sound) settle(until time.Duration) error {
	for len(s.waiting) > 0 && s.waiting[0].at <= until {
		p := s.waiting[0]
		s.waiting = s.waiting[1:]
		if err := s.write(p); err != nil {
			return err
		}
	}
	return nil
}

func length(packet []byte) time.Duration {
	return time.Duration(opus.Samples(packet)) * time.Second / 48000
}

func (s *sound) write(p soundPacket) error {
	const quiet = silenceSamples * time.Second / 48000
	for p.at-s.end >= quiet {
		if err := s.one(silence, quiet); err != nil {
			return err
		}
	}
	return s.one(p.opus, length(p.opus))
}

func (s *sound) one(packet []byte, d time.Duration) error {
	if err := s.ogg.write(packet, int(d*48000/time.Second)); err != nil {
		return err
	}
	s.end += d
	if s.end-s.flushed < page {
		return nil
	}
	s.flushed = s.end
	return s.ogg.flush(0)
}

// close writes the rest.
func (s *sound) close() error {
	if err := s.settle(1 << 62); err != nil {
		return err
	}
	return s.ogg.flush(oggEnd)
}
