package main

import (
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui"
)

// rates turns counters into figures per second, by what they were about a
// second ago.
type rates struct {
	mu   sync.Mutex
	last map[signal.PeerID]rateSample
}

// rateSample is the counters of one peer at one moment and what followed from
// them.
type rateSample struct {
	at       time.Time
	stats    call.PeerStats
	down, up int
	camera   int // bit/s, as all of them
	screen   int
	loss     float64
}

// minRateSpan is the least time that rates are taken over.
const minRateSpan = 900 * time.Millisecond

func newRates() *rates { return &rates{last: map[signal.PeerID]rateSample{}} }

func (r *rates) link(now time.Time, s call.PeerStats) tui.LinkStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, known := r.last[s.Peer]
	span := now.Sub(was.at)
	if !known || span >= minRateSpan {
		next := rateSample{at: now, stats: s}
		if known {
			next.down = perSecond(total(s.Received)-total(was.stats.Received), span)
			next.up = perSecond(total(s.Sent)-total(was.stats.Sent), span)
			next.camera = perSecond(s.Received[media.Camera]-was.stats.Received[media.Camera], span)
			next.screen = perSecond(s.Received[media.Screen]-was.stats.Received[media.Screen], span)
			next.loss = lossShare(s, was.stats)
		}
		r.last[s.Peer], was = next, next
	}
	return tui.LinkStats{
		RTT: s.Transport.RTT, MTU: s.Transport.MTU, Loss: was.loss,
		Jitter: milliseconds(s.Audio.JitterMS), Buffer: milliseconds(s.Audio.BufferMS),
		Down: was.down, Up: was.up,
		Path: s.Transport.Path, Via: s.Via, LocalType: s.Transport.LocalType, RemoteType: s.Transport.RemoteType,
		LocalAddress: s.Transport.LocalAddress, RemoteAddress: s.Transport.RemoteAddress,
		Camera:   tui.PictureStats{Width: s.Camera.Width, Height: s.Camera.Height, FPS: s.Camera.FPS, Bits: was.camera},
		Screen:   tui.PictureStats{Width: s.Screen.Width, Height: s.Screen.Height, FPS: s.Screen.FPS, Bits: was.screen},
		Received: total(s.Received), Sent: total(s.Sent),
	}
}

func total(byKind [media.Kinds]uint64) uint64 {
	var n uint64
	for _, b := range byKind {
		n += b
	}
	return n
}

func perSecond(bytes uint64, span time.Duration) int {
	return int(float64(bytes) * 8 / span.Seconds())
}

func lossShare(now, was call.PeerStats) float64 {
	lost, got := now.Audio.Lost-was.Audio.Lost, now.Audio.Packets-was.Audio.Packets
	if lost+got == 0 {
		return 0
	}
	return float64(lost) / float64(lost+got)
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
