package conn

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/red"
	"github.com/meet-term/meet/signal"
)

const (
	// packetPayload is the largest RTP payload of video, in bytes, on a path that
	// carries packets of [maxSize].
	packetPayload = 1140

	audioClock = 48000 // of RTP timestamps, in Hz
	videoClock = 90000
)

// Outbound is what we send: one microphone, one camera, one screen, each
// encoded once and written to every session. Nothing is written while a source
// is off, so nothing leaves the machine then.
//
// Each of the Write methods may be used by one goroutine at a time; everything
// else may be called from any.
type Outbound struct {
	fans  [kinds]fan
	peers ledger[outgoing]

	redHistory red.History // owned by the caller of WriteAudio

	keyFrameWanted func(kind media.Kind, small bool) // set once by New, before any session
}

// outgoing is what is remembered of one kind of media for one peer, whatever
// session carries it.
type outgoing struct {
	bytes, packets atomic.Uint64
	wire           atomic.Uint64 // bytes with the headers of the network
	last           atomic.Int64  // when the newest packet was sent, in Unix nanoseconds; 0: none was
	unwanted       atomic.Bool
	ceiling        atomic.Int64                  // bit/s in all; 0: none. Of the microphone's entry
	serving        atomic.Pointer[media.Serving] // nil: everything
	loss           atomic.Uint32                 // the last reported fraction lost, of 256
}

// serve is what the peer gets of a kind of video.
func (o *outgoing) serve() media.Serving {
	if s := o.serving.Load(); s != nil {
		return *s
	}
	return media.Everything
}

// small says whether that is of the small encoding.
func (o *outgoing) small() bool { return o.serve().Small }

// fan is the list of sessions that one source is written to.
type fan struct {
	mu       sync.Mutex                 // guards changes of the list
	bindings atomic.Pointer[[]*binding] // never changed once stored
}

func (f *fan) list() []*binding {
	if l := f.bindings.Load(); l != nil {
		return *l
	}
	return nil
}

func (f *fan) add(b *binding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := append(slices.Clone(f.list()), b)
	f.bindings.Store(&l)
}

func (f *fan) remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := slices.DeleteFunc(slices.Clone(f.list()), func(b *binding) bool { return b.id == id })
	f.bindings.Store(&l)
}

// NewOutbound returns an Outbound that nobody listens to yet.
func NewOutbound() *Outbound {
	return &Outbound{keyFrameWanted: func(media.Kind, bool) {}}
}

// WriteAudio sends one Opus packet to every session: its payload, timestamp and
// marker, and its level in the header extension of RFC 6464. Nothing of it is kept.
func (o *Outbound) WriteAudio(p media.Packet) {
	if len(p.Payload) == 0 {
		return
	}
	p.Level = min(max(p.Level, media.Silence), 0)
	for _, b := range o.fans[media.Mic].list() {
		b.writeAudio(p, &o.redHistory)
	}
	o.redHistory.Push(p.Payload, p.Timestamp)
}

// WriteVideo sends one whole VP8 frame of the camera or the screen to every
// session whose peer wants it. Nothing of it is kept.
func (o *Outbound) WriteVideo(f media.Frame) {
	if !f.Kind.IsVideo() || len(f.Data) == 0 {
		return
	}
	key := f.Data[0]&1 == 0 // RFC 6386 section 9.1
	packets := packets{frame: f.Data}
	for _, b := range o.fans[f.Kind].list() {
		if b.served(f, key) && b.takesVideo(key) {
			b.pushVideo(packets.of(b.session.net.size.payload()), f, key)
		}
	}
}

// SetServing says what a peer gets of a kind of video; it holds for all sessions
// of the peer, later ones too. Another encoding begins with a key frame.
func (o *Outbound) SetServing(peer signal.PeerID, kind media.Kind, s media.Serving) {
	if !kind.IsVideo() {
		return
	}
	was := o.peers.of(peer, kind).serving.Swap(&s)
	if was == nil {
		was = &media.Serving{Layer: media.TopLayer}
	}
	if !s.Paused && (was.Paused || was.Small != s.Small) {
		o.keyFrameWanted(kind, s.Small)
	}
}

// VideoWanted says whether anybody connected wants a kind of video: if not,
// encoding it is a waste.
func (o *Outbound) VideoWanted(kind media.Kind) bool {
	if !kind.IsVideo() {
		return false
	}
	for _, b := range o.fans[kind].list() {
		if b.live.Load() && !b.out.unwanted.Load() && !b.dozes() {
			return true
		}
	}
	return false
}

// SetVideoWanted says whether a peer looks at a kind of video; everybody does
// until told otherwise. Somebody who looks again gets a key frame first. It
// holds for all sessions of the peer, later ones too.
func (o *Outbound) SetVideoWanted(peer signal.PeerID, kind media.Kind, wanted bool) {
	if !kind.IsVideo() {
		return
	}
	was := !o.peers.of(peer, kind).unwanted.Swap(!wanted)
	if was || !wanted {
		return
	}
	for _, b := range o.fans[kind].list() {
		if b.peer == peer {
			b.needKey.Store(true)
		}
	}
	o.keyFrameWanted(kind, o.peers.of(peer, kind).small())
}

// Sent is what was sent to one peer of one kind, headers included and
// retransmissions left out.
type Sent struct {
	Packets, Bytes uint64
	Last           time.Time // zero: nothing was sent
	Loss           float64   // what the peer last reported lost, 0 to 1
}

// Sent returns what was sent to a peer since it was first met, over all its
// sessions.
func (o *Outbound) Sent(peer signal.PeerID, kind media.Kind) Sent {
	if int(kind) >= kinds {
		return Sent{}
	}
	out := o.peers.of(peer, kind)
	s := Sent{Packets: out.packets.Load(), Bytes: out.bytes.Load(), Loss: float64(out.loss.Load()) / 256}
	if last := out.last.Load(); last != 0 {
		s.Last = time.Unix(0, last)
	}
	return s
}

// SetCeiling says what may be sent to a peer at most, all kinds together, in bit/s
// with headers; 0: what the path carries. It holds for all sessions of the peer.
func (o *Outbound) SetCeiling(peer signal.PeerID, bps int) {
	o.peers.of(peer, media.Mic).ceiling.Store(int64(bps))
}

// forget drops what is remembered of a peer.
func (o *Outbound) forget(peer signal.PeerID) { o.peers.forget(peer) }

// greet is called when a session can carry media: the new viewer needs a
// picture to start from.
func (o *Outbound) greet(s *session) {
	for kind := media.Camera; kind < kinds; kind++ {
		for _, b := range o.fans[kind].list() {
			if b.session == s {
				b.live.Store(true)
				b.needKey.Store(true)
				if !b.out.unwanted.Load() {
					o.keyFrameWanted(kind, b.out.small())
				}
			}
		}
	}
}
