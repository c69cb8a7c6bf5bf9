package call

import (
	"sync"
	"time"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// resumeGap is the shortest gap whose end is worth an event. Muting makes such
// gaps too: the event says what came, not why. A screen that does not change
// sends a picture every 2 s only.
var resumeGap = [rtc.Kinds]time.Duration{
	rtc.Mic: 300 * time.Millisecond, rtc.Camera: 300 * time.Millisecond, rtc.Screen: 2500 * time.Millisecond,
}

// flowWatch notices the first packet of everything, and the first after a
// gap. Packets come from many goroutines: a few lines under one mutex.
type flowWatch struct {
	post   func(rtc.Event)
	nameOf func(signal.PeerID) string

	mu   sync.Mutex
	last map[signal.PeerID]*[rtc.Kinds]time.Time
}

func newFlowWatch(post func(rtc.Event), nameOf func(signal.PeerID) string) *flowWatch {
	return &flowWatch{post: post, nameOf: nameOf, last: map[signal.PeerID]*[rtc.Kinds]time.Time{}}
}

// admit lets a peer be seen, until it is forgotten.
func (w *flowWatch) admit(peer signal.PeerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last[peer] == nil {
		w.last[peer] = new([rtc.Kinds]time.Time)
	}
}

// saw records a packet or picture that arrived. One of a peer that has just
// left counts no more.
func (w *flowWatch) saw(peer signal.PeerID, kind rtc.Kind, at time.Time) {
	w.mu.Lock()
	times := w.last[peer]
	if times == nil {
		w.mu.Unlock()
		return
	}
	was := times[kind]
	times[kind] = at
	w.mu.Unlock()
	switch {
	case was.IsZero():
		w.post(MediaStarted{rtc.Who{Peer: peer, Name: w.nameOf(peer)}, kind, at})
	case at.Sub(was) > resumeGap[kind]:
		w.post(MediaResumed{rtc.Who{Peer: peer, Name: w.nameOf(peer)}, kind, at.Sub(was), at})
	}
}

func (w *flowWatch) forget(peer signal.PeerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, peer)
}
