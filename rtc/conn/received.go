package conn

import (
	"sync"
	"time"

	"github.com/pion/rtp"
)

// Received is what arrived from one peer of one kind. Counters never go back.
type Received struct {
	Packets uint64
	Bytes   uint64 // headers included
	Lost    uint64 // packets missing when a later one came; one that turns up after all stays counted
	// Jitter is the interarrival jitter of RFC 3550 section 6.4.1.
	Jitter time.Duration
	// Last is when the newest packet arrived.
	Last time.Time
}

// received counts what arrives of one kind from one peer over all sessions.
type received struct {
	mu  sync.Mutex // guards all
	now Received

	// The stream being counted.
	ssrc     uint32
	first    int64 // extended sequence number it started with
	highest  int64 // largest so far
	count    int64 // packets of it
	lostOld  uint64
	transit  int64 // arrival minus timestamp of the last packet, in ticks
	jitter   float64
	started  bool
	timeBase time.Time
}

func (r *received) arrived(h *rtp.Header, size int, now time.Time, rate uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Packets++
	r.now.Bytes += uint64(size)
	r.now.Last = now
	if !r.started || r.ssrc != h.SSRC {
		r.started, r.ssrc = true, h.SSRC
		r.lostOld = r.now.Lost
		r.first = int64(h.SequenceNumber)
		r.highest, r.count = r.first, 1
		r.timeBase, r.transit, r.jitter = now, -int64(h.Timestamp), 0
		return
	}
	r.count++
	seq := r.highest + int64(int16(h.SequenceNumber-uint16(r.highest)))
	r.first = min(r.first, seq)
	if seq > r.highest {
		r.highest = seq
		r.vary(h.Timestamp, now, rate)
	}
	if lost := r.highest - r.first + 1 - r.count; lost > 0 {
		r.now.Lost = max(r.now.Lost, r.lostOld+uint64(lost))
	}
}

// vary updates the jitter. Called with mu held.
func (r *received) vary(timestamp uint32, now time.Time, rate uint32) {
	arrival := int64(now.Sub(r.timeBase)) * int64(rate) / int64(time.Second)
	transit := arrival - int64(timestamp)
	d := int64(int32(transit - r.transit))
	r.transit = transit
	r.jitter += (float64(max(d, -d)) - r.jitter) / 16
	r.now.Jitter = time.Duration(r.jitter * float64(time.Second) / float64(rate))
}

func (r *received) snapshot() Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}
