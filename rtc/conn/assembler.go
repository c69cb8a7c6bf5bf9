package conn

import (
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

const (
	// window is how far ahead of the next packet another may be, in packets.
	window = 1024
	// maxFrame is the largest frame that is put together, in bytes.
	maxFrame = 2 << 20
	// maxHeld is how many bytes wait for a missing packet at most.
	maxHeld = 2 << 20

	nackRetry = 40 * time.Millisecond  // least time between requests for the same packet
	nackTries = 5                      // requests for one packet
	gapWait   = 200 * time.Millisecond // how long a missing packet is waited for on a near path
	gapLong   = time.Second            // and on the farthest
	gapSlack  = 40 * time.Millisecond  // what an answer takes beside the round trip
	gapPoll   = 5 * time.Millisecond   // how often retransmissions are looked for meanwhile
	maxNack   = 64                     // packets asked for at once; more is a case for a key frame

	pliInterval = 500 * time.Millisecond
)

// frame is one encoded VP8 frame.
type frame struct {
	data      []byte
	timestamp uint32
	key       bool
	arrived   time.Time
}

// wishes is what the assembler wants sent to the sender.
type wishes struct {
	nack     []uint16
	keyFrame bool
}

// assembler puts VP8 frames together from RTP packets (RFC 7741). A packet that
// comes in order is never kept back; one that is missing is asked for at once
// and waited for a little; then everything up to the next key frame is given
// up. It has no clock and no goroutine: one goroutine feeds it packets and the
// time.
type assembler struct {
	started bool
	next    uint16 // sequence number of the next packet to take
	newest  uint16 // largest sequence number seen
	held    map[uint16]heldPacket
	heldLen int // bytes held
	missing []missingPacket

	// The frame under construction, which ends before next.
	data      []byte
	timestamp uint32
	building  bool
	typical   int // size of the last frame

	needKey bool
	ready   []frame

	rtt time.Duration // of the path; 0: unknown, and taken to be short
}

// retry is how long after a request the next makes sense: the answer to the first
// cannot have come before.
func (a *assembler) retry() time.Duration { return max(nackRetry, a.rtt+a.rtt/4) }

// patience is how long a missing packet is waited for: two requests and their
// answers.
func (a *assembler) patience() time.Duration {
	return min(max(gapWait, 2*a.retry()+gapSlack), gapLong)
}

type heldPacket struct {
	payload   []byte
	timestamp uint32
	marker    bool
}

type missingPacket struct {
	seq   uint16
	since time.Time
	asked time.Time
	tries int
}

func newAssembler() *assembler {
	return &assembler{held: make(map[uint16]heldPacket), needKey: true}
}

// polls returns how soon tick wants to be called: 0 for not at all.
func (a *assembler) polls() time.Duration {
	if len(a.missing) > 0 {
		return gapPoll
	}
	return 0
}

// frames returns the frames completed since the last call.
func (a *assembler) frames() []frame {
	out := a.ready
	a.ready = nil
	return out
}

// push takes a packet. Its payload is not kept.
func (a *assembler) push(p *rtp.Packet, now time.Time) wishes {
	if !a.started {
		a.started = true
		a.next, a.newest = p.SequenceNumber, p.SequenceNumber-1
	}
	ahead := int16(p.SequenceNumber - a.next)
	switch {
	case ahead < 0 && ahead > -window:
		return a.tick(now) // late or a duplicate
	case ahead < 0 || ahead >= window:
		a.reset(p.SequenceNumber) // a new stream under the same name
	}
	a.note(p.SequenceNumber, now)
	if p.SequenceNumber == a.next {
		a.take(p.Payload, p.Timestamp, p.Marker, now)
		a.drain(now)
	} else if _, dup := a.held[p.SequenceNumber]; !dup && a.heldLen+len(p.Payload) <= maxHeld {
		a.held[p.SequenceNumber] = heldPacket{append([]byte(nil), p.Payload...), p.Timestamp, p.Marker}
		a.heldLen += len(p.Payload)
	}
	return a.tick(now)
}

// note keeps the list of missing packets.
func (a *assembler) note(seq uint16, now time.Time) {
	if int16(seq-a.newest) > 0 {
		for s := a.newest + 1; s != seq; s++ {
			a.missing = append(a.missing, missingPacket{seq: s, since: now})
		}
		a.newest = seq
		return
	}
	for i, m := range a.missing {
		if m.seq == seq {
			a.missing = append(a.missing[:i], a.missing[i+1:]...)
			return
		}
	}
}

// take appends the packet next to the frame under construction. Empty payloads
// are padding: they count, and that is all.
func (a *assembler) take(payload []byte, timestamp uint32, marker bool, now time.Time) {
	a.next++
	if len(payload) == 0 {
		return
	}
	if a.building && timestamp != a.timestamp {
		a.finish(now) // some senders set no marker
	}
	var vp8 codecs.VP8Packet
	part, err := vp8.Unmarshal(payload)
	if err != nil || len(a.data)+len(part) > maxFrame {
		a.abandon()
		return
	}
	if !a.building {
		if vp8.S != 1 || vp8.PID != 0 {
			a.abandon() // the beginning is missing
			return
		}
		a.building, a.timestamp = true, timestamp
		a.data = make([]byte, 0, max(a.typical+a.typical/2, len(part)))
	}
	a.data = append(a.data, part...)
	if marker {
		a.finish(now)
	}
}

// finish hands the frame on, if it can be decoded.
func (a *assembler) finish(now time.Time) {
	data := a.data
	a.data, a.building = nil, false
	if len(data) == 0 {
		return
	}
	key := data[0]&1 == 0 // RFC 6386 section 9.1
	if a.needKey && !key {
		return
	}
	a.needKey = false
	if !key {
		a.typical = len(data)
	}
	a.ready = append(a.ready, frame{data, a.timestamp, key, now})
}

// abandon drops the frame under construction; only a key frame helps now.
func (a *assembler) abandon() {
	a.data, a.building, a.needKey = nil, false, true
}

// drain takes what was held and is next now.
func (a *assembler) drain(now time.Time) {
	for len(a.held) > 0 {
		p, ok := a.held[a.next]
		if !ok {
			return
		}
		delete(a.held, a.next)
		a.heldLen -= len(p.payload)
		a.take(p.payload, p.timestamp, p.marker, now)
	}
}

// tick asks for what is missing and gives up what was missing too long.
func (a *assembler) tick(now time.Time) wishes {
	var w wishes
	for len(a.missing) > maxNack || len(a.missing) > 0 && now.Sub(a.missing[0].since) >= a.patience() {
		a.skip(now)
	}
	for i := range a.missing {
		m := &a.missing[i]
		inTime := now.Sub(m.since)+a.rtt < a.patience() // the answer, that is
		if m.tries < nackTries && inTime && now.Sub(m.asked) >= a.retry() {
			m.tries++
			m.asked = now
			w.nack = append(w.nack, m.seq)
		}
	}
	w.keyFrame = a.needKey
	return w
}

// skip gives up what is missing first, at least. It goes on with the oldest key frame held, or
// else with whatever comes next.
func (a *assembler) skip(now time.Time) {
	a.abandon()
	for a.next != a.newest+1 {
		if p, ok := a.held[a.next]; ok && startsKeyFrame(p.payload) {
			break
		}
		if p, ok := a.held[a.next]; ok {
			a.heldLen -= len(p.payload)
			delete(a.held, a.next)
		}
		a.next++
	}
	later := a.missing[:0]
	for _, m := range a.missing {
		if int16(m.seq-a.next) >= 0 {
			later = append(later, m)
		}
	}
	a.missing = later
	a.drain(now)
}

// reset starts afresh at a sequence number.
func (a *assembler) reset(seq uint16) {
	*a = assembler{
		started: true, next: seq, newest: seq - 1,
		held: make(map[uint16]heldPacket), needKey: true, ready: a.ready, rtt: a.rtt,
	}
}

// startsKeyFrame says whether a payload is the first of a key frame.
func startsKeyFrame(payload []byte) bool {
	var vp8 codecs.VP8Packet
	part, err := vp8.Unmarshal(payload)
	return err == nil && vp8.S == 1 && vp8.PID == 0 && len(part) > 0 && part[0]&1 == 0
}
