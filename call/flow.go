package call

import (
	"sync"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// resumeGap is the shortest gap whose end is worth an event. Muting makes such
// gaps too: the event says what came, not why. A screen that does not change
// sends a picture every 2 s only.
var resumeGap = [media.Kinds]time.Duration{
	media.Mic: 300 * time.Millisecond, media.Camera: 300 * time.Millisecond, media.Screen: 2500 * time.Millisecond,
}

// flowWatch notices the first packet of everything, and after a gap the first
// that is heard or shown. Packets come from many goroutines: a few lines under
// one mutex.
type flowWatch struct {
	post   func(rtc.Event)
	nameOf func(signal.PeerID) string

	mu    sync.Mutex
	peers map[signal.PeerID]*[media.Kinds]flow
}

// flow is one kind of media of one peer.
type flow struct {
	came      time.Time // the last packet or picture arrived
	perceived time.Time // the last one was heard or shown
	// The first packet after a gap, until it is heard or shown.
	first time.Time
	gap   time.Duration
}

func newFlowWatch(post func(rtc.Event), nameOf func(signal.PeerID) string) *flowWatch {
	return &flowWatch{post: post, nameOf: nameOf, peers: map[signal.PeerID]*[media.Kinds]flow{}}
}

// admit lets a peer be seen, until it is forgotten.
func (w *flowWatch) admit(peer signal.PeerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peers[peer] == nil {
		w.peers[peer] = new([media.Kinds]flow)
	}
}

// saw records a packet or picture that arrived. One of a peer that has just
// left counts no more.
func (w *flowWatch) saw(peer signal.PeerID, kind media.Kind, at time.Time) {
	w.mu.Lock()
	flows := w.peers[peer]
	if flows == nil {
		w.mu.Unlock()
		return
	}
	f := &flows[kind]
	was := f.came
	f.came = at
	if !was.IsZero() && at.Sub(was) > resumeGap[kind] {
		f.first, f.gap = at, at.Sub(was)
	}
	w.mu.Unlock()
	if was.IsZero() {
		w.post(MediaStarted{rtc.Who{Peer: peer, Name: w.nameOf(peer)}, kind, at})
	}
}

// perceived records that sound of a peer was heard, or a picture shown.
func (w *flowWatch) perceived(peer signal.PeerID, kind media.Kind, at time.Time) {
	w.mu.Lock()
	flows := w.peers[peer]
	if flows == nil {
		w.mu.Unlock()
		return
	}
	f := &flows[kind]
	was, first, gap := f.perceived, f.first, f.gap
	f.perceived, f.first = at, time.Time{}
	w.mu.Unlock()
	if first.IsZero() {
		return
	}
	e := MediaResumed{Who: rtc.Who{Peer: peer, Name: w.nameOf(peer)}, Kind: kind, Gap: gap, At: first, Perceived: at}
	if !was.IsZero() {
		e.Hole = at.Sub(was)
	}
	w.post(e)
}

func (w *flowWatch) forget(peer signal.PeerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.peers, peer)
}
