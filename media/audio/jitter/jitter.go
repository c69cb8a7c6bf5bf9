// Package jitter turns the packets of one sender, as the network delivers
// them, into an unbroken stream of samples: late, doubled, swapped and lost
// ones included.
//
// The idea is that of WebRTC's NetEq. The buffer measures how much later than
// the fastest packets the others come, and keeps its playout delay at the 95 %
// quantile of that. It changes its delay, and follows a sender whose clock runs
// faster or slower, by taking out or putting in single pitch periods. What is
// missing is played from redundant copies, from the low-rate copy in the next
// packet, or made up.
//
// Nothing in here has a clock, a lock or a goroutine: time comes in with the
// packets, and every Pull of n samples is n samples of playout time.
package jitter

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
)

// Codec is what the buffer needs of a decoder. All lengths are in samples at
// 48 kHz.
type Codec interface {
	// Samples returns the length of a payload, or 0 if it is malformed.
	Samples(payload []byte) int
	Decode(payload []byte, dst []float32) (int, error)
	// Recover fills dst with the audio just before next.
	Recover(next []byte, dst []float32) error
	// Conceal continues what was decoded last.
	Conceal(dst []float32) error
	// Reset begins a new stream.
	Reset()
}

// Stats are totals since the buffer was made, but for the last group, which
// is as of now. Totals never go back, whatever streams come and go.
type Stats struct {
	Packets    uint64 // received, copies of one another counted once
	Bytes      uint64 // of their payloads
	Lost       uint64 // never came, known 32 packets later
	Late       uint64 // came when their time had passed
	Duplicates uint64
	Discarded  uint64 // malformed, absurd, or more than the buffer holds
	Decoded    uint64 // payloads decoded
	Redundant  uint64 // of these, from a copy in a later packet
	Recovered  uint64 // lost, and played from in-band FEC
	Concealed  int64  // samples made up
	Shortened  int64  // samples taken out to lessen the delay
	Stretched  int64  // samples put in to add to it

	Jitter time.Duration // interarrival jitter, RFC 3550 section 6.4.1
	Delay  time.Duration // playout delay of the fastest packets
	Target time.Duration // what Delay is steered to
}

const (
	// maxFrames bounds what waits to be decoded; at 20 ms a frame it is 2.5 s.
	maxFrames = 128
	// maxWaiting is the most audio kept waiting: whatever is older gives way.
	maxWaiting = 1200 * pcm.SampleRate / 1000
	// maxBacklog is how far above the target the delay may start: what has
	// gathered beyond that is skipped.
	maxBacklog = 40 * ms
	// maxPayload bounds the bytes of one payload, the size of a UDP packet.
	maxPayload = 1500
	// maxDuration is the longest audio one payload may hold (RFC 6716
	// section 3.2.5), and maxCopies the most copies one packet may bring.
	maxDuration = 120 * ms
	maxCopies   = 8
	// maxJump is how far a packet's timestamp may be off both the newest one
	// and the clock before it is taken for another time base.
	maxJump = 2 * pcm.SampleRate
	// ssrcGuard is how long stragglers of the stream before are told from a
	// sender that went back to its old identifier.
	ssrcGuard = 2 * time.Second
)

// frame is one payload waiting for its time.
type frame struct {
	pos     int64 // extended timestamp of the first sample
	dur     int64
	seq     int64 // extended sequence number; meaningless for copies
	copied  bool  // came as a redundant copy
	payload []byte
}

// Buffer is the jitter buffer for one sender. It belongs to one goroutine and
// outlives connections: a new SSRC starts a new stream in the same buffer.
type Buffer struct {
	codec  Codec
	delay  delayEstimator
	seqs   sequence
	play   player
	frames []frame // sorted by pos
	stats  Stats

	started bool
	ssrc    uint32
	epoch   time.Time // At is counted from here
	newest  int64     // extended timestamp of the newest packet
	transit int64     // its arrival minus its timestamp
	suspect suspicion
	outages outages

	previousSSRC uint32
	switched     time.Time // when ssrc replaced previousSSRC
}

// suspicion holds a packet whose timestamp fits nothing, until the next one
// shows whether the sender has changed its time base or a packet is forged.
type suspicion struct {
	held      bool
	timestamp uint32
	arrived   time.Time
}

// New returns an empty buffer that decodes with codec.
func New(codec Codec) *Buffer {
	b := &Buffer{codec: codec, delay: newDelayEstimator()}
	b.play.codec = codec
	b.play.stats, b.play.losses = &b.stats, &b.delay
	return b
}

// Push takes in one packet.
func (b *Buffer) Push(p media.Packet) {
	dur := int64(b.codec.Samples(p.Payload))
	if dur <= 0 || dur > maxDuration || len(p.Payload) > maxPayload {
		b.stats.Discarded++
		return
	}
	if !b.started || p.SSRC != b.ssrc {
		if b.started && p.SSRC == b.previousSSRC && p.At.Sub(b.switched) < ssrcGuard {
			b.stats.Discarded++
			return
		}
		b.startStream(p)
	}
	pos, ok := b.place(p)
	if !ok {
		b.stats.Discarded++
		return
	}
	seq, fresh := b.seqs.add(p.Seq)
	if !fresh {
		b.stats.Duplicates++
		return
	}
	b.stats.Packets++
	b.stats.Bytes += uint64(len(p.Payload))
	b.stats.Lost += b.seqs.takeLost()

	arrived := pcm.Samples(p.At.Sub(b.epoch))
	if b.outages.over(arrived, b.delay.relative(arrived-pos), b.play.dry()) {
		b.delay.rebase()
		b.play.begin()
	}
	relative := b.delay.add(arrived, arrived-pos, dur, b.outages.recent(arrived))
	if pos > b.newest {
		b.newest, b.transit = pos, arrived-pos
	}
	b.insert(frame{pos: pos, dur: dur, seq: seq, payload: p.Payload})
	for _, c := range p.Older[:min(len(p.Older), maxCopies)] {
		b.insertCopy(pos, c)
	}
	b.play.arrived(pos, relative)
}

// startStream begins anew with the stream p belongs to. What has been decoded
// already is still played.
func (b *Buffer) startStream(p media.Packet) {
	if b.started {
		b.previousSSRC, b.switched = b.ssrc, p.At
	} else {
		b.epoch = p.At
	}
	b.started, b.ssrc = true, p.SSRC
	b.seqs.restart()
	b.rebase(p)
	b.play.newStream()
}

// rebase makes p's timestamp the base that others are extended from.
func (b *Buffer) rebase(p media.Packet) {
	b.frames = b.frames[:0]
	b.newest = int64(p.Timestamp)
	b.transit = pcm.Samples(p.At.Sub(b.epoch)) - b.newest
	b.delay.rebase()
	b.suspect = suspicion{}
	b.play.rebase(b.newest)
}

// place extends the timestamp of p. It reports false for a packet that fits
// neither the packets before it nor the clock; two such packets that fit each
// other are a sender whose time base has changed.
func (b *Buffer) place(p media.Packet) (int64, bool) {
	ahead := int64(int32(p.Timestamp - uint32(b.newest)))
	pos := b.newest + ahead
	drift := pcm.Samples(p.At.Sub(b.epoch)) - pos - b.transit
	if abs(ahead) <= maxJump || ahead > 0 && abs(drift) <= maxJump {
		b.suspect.held = false
		return pos, true
	}
	last := b.suspect
	b.suspect = suspicion{held: true, timestamp: p.Timestamp, arrived: p.At}
	if !last.held {
		return 0, false
	}
	step := int64(int32(p.Timestamp - last.timestamp))
	if step <= 0 || abs(step-pcm.Samples(p.At.Sub(last.arrived))) > maxJump {
		return 0, false
	}
	b.rebase(p)
	return b.newest, true
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// insertCopy takes in a redundant copy that came with the packet at pos.
func (b *Buffer) insertCopy(pos int64, c media.Copy) {
	dur := int64(b.codec.Samples(c.Payload))
	if dur <= 0 || dur > maxDuration || len(c.Payload) > maxPayload || int64(c.Offset) < dur {
		return
	}
	f := frame{pos: pos - int64(c.Offset), dur: dur, copied: true, payload: c.Payload}
	if f.pos+f.dur > b.play.next {
		b.insert(f)
	}
}

// insert puts f in its place, drops what overflows the bounds, and counts f
// as late if its time has passed.
func (b *Buffer) insert(f frame) {
	if f.pos+f.dur <= b.play.next {
		b.stats.Late++
		return
	}
	i := len(b.frames)
	for i > 0 && b.frames[i-1].pos > f.pos {
		i--
	}
	if i > 0 && b.frames[i-1].pos == f.pos {
		if b.frames[i-1].copied && !f.copied {
			b.frames[i-1] = f
		}
		return
	}
	b.frames = append(b.frames, frame{})
	copy(b.frames[i+1:], b.frames[i:])
	b.frames[i] = f
	for len(b.frames) > maxFrames || b.frames[len(b.frames)-1].pos-b.frames[0].pos > maxWaiting {
		b.play.skipTo(b.frames[0].pos + b.frames[0].dur)
		b.stats.Discarded++
		b.drop(1)
	}
}

// drop removes the first n frames.
func (b *Buffer) drop(n int) {
	kept := copy(b.frames, b.frames[n:])
	clear(b.frames[kept:])
	b.frames = b.frames[:kept]
}

// Pull fills dst with the next samples: silence while there is nothing to
// play. It never waits.
func (b *Buffer) Pull(dst []float32) {
	b.play.target = b.delay.target()
	b.catchUp()
	for b.play.out.pending() < len(dst) {
		used := b.play.step(b.frames)
		b.drop(used)
	}
	b.play.out.read(dst)
}

// catchUp skips what an outage held back and is still coming in.
func (b *Buffer) catchUp() {
	if len(b.frames) == 0 || b.play.state == waiting || !b.outages.recent(b.outages.last) {
		return
	}
	excess := b.newest - b.play.next + int64(b.play.out.pending()) - b.play.target
	if excess <= maxExcess {
		return
	}
	used := 0
	for used < len(b.frames)-1 && b.newest-b.frames[used].pos > b.play.target {
		used++
	}
	b.stats.Discarded += uint64(used)
	b.drop(used)
	b.play.skipTo(b.frames[0].pos)
}

// Idle reports whether Pull gives silence and changes nothing until the next
// Push.
func (b *Buffer) Idle() bool {
	return b.play.state == waiting && len(b.frames) == 0 && b.play.out.silent()
}

// Stats returns the counters as they are now.
func (b *Buffer) Stats() Stats {
	s := b.stats
	s.Jitter = pcm.Duration(b.delay.interarrival())
	s.Target = pcm.Duration(b.delay.target())
	s.Delay = pcm.Duration(b.play.delayNow())
	return s
}
