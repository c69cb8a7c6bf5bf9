package conn

import (
	"bytes"
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

const (
	// mediaOverhead is what an RTP packet of a picture has beside its payload:
	// UDP 8, RTP 12, header extensions 8, SRTP 16, retransmission 2, and some.
	mediaOverhead = 48
	ipv4Header    = 20
	ipv6Header    = 40
	udpHeader     = 8
	// learning is how long small packets are sent over a new path before one
	// that answers no probe, such as a relayed one, is taken to be good.
	learning = time.Second
	// pleas is how many requests for a key frame within pleasWithin, over a path
	// that answers no probe, show that it does not carry large packets.
	pleas       = 3
	pleasWithin = 4 * time.Second

	// attrPadding is the attribute that makes a check as large as wanted: one of
	// those that are ignored by whoever does not know them (RFC 8489 section
	// 14). Ours begins with padding, so that we know our own.
	attrPadding = stun.AttrType(0xc7d1)

	maxWaiting = 64 // probes that may be answered
)

var padding = []byte("meet: join pieces")

// pathSize knows how large the packets may be that one session sends, and finds
// it out. Its methods may be called from any goroutine.
type pathSize struct {
	limit   atomic.Int32 // as sizer.limit
	small   atomic.Bool  // large packets do not arrive, as far as can be told without probes
	since   atomic.Int64 // when the path was first used, in Unix nanoseconds; 0: it was not
	route   atomic.Pointer[sizedRoute]
	joins   atomic.Bool // the peer puts pieces together
	doubted atomic.Bool
	probing atomic.Int32  // probes that may be answered
	wake    chan struct{} // holds a token when run has something to do
	id      atomic.Uint32 // of the last packet that was cut
	puzzles puzzles

	mu      sync.Mutex
	sizer   sizer            // guarded by mu
	waiting map[[12]byte]int // guarded by mu; the sizes of probes by their transaction
	asked   [pleas]time.Time // guarded by mu; when key frames were asked for last
}

// sender is a socket that sends a packet as it is.
type sender interface {
	raw(b []byte, to netip.AddrPort) error
}

// sizedRoute is the way packets of a session take.
type sizedRoute struct {
	conn sender
	to   netip.AddrPort
}

// headers is what IP and UDP put before a packet.
func headers(to netip.AddrPort) int {
	if to.Addr().Unmap().Is4() {
		return ipv4Header + udpHeader
	}
	if isCarried(to.Addr()) { // whatever the way to the carrier is
		return ipv6Header + udpHeader + frameHeader
	}
	return ipv6Header + udpHeader
}

func newPathSize() *pathSize {
	return &pathSize{wake: wake.New(), waiting: map[[12]byte]int{}}
}

// used is told of the way of every packet that is neither STUN nor TURN.
func (p *pathSize) used(conn sender, to netip.AddrPort) {
	if r := p.route.Load(); r != nil && r.conn == conn && r.to == to {
		return
	}
	p.route.Store(&sizedRoute{conn, to})
	p.limit.Store(0)
	p.small.Store(false)
	p.since.Store(time.Now().UnixNano())
	p.mu.Lock()
	p.sizer.restart(time.Now())
	clear(p.waiting) // what is answered still was sent another way
	p.probing.Store(0)
	p.mu.Unlock()
	wake.Poke(p.wake)
}

// connected is told that media can flow.
func (p *pathSize) connected() { p.since.CompareAndSwap(0, time.Now().UnixNano()) }

// Size is the largest packet known to pass, 0 while none is.
func (p *pathSize) size() int { return int(p.limit.Load()) }

// payload is how many bytes of a picture a packet may hold.
func (p *pathSize) payload() int {
	limit := p.size()
	if limit == 0 {
		limit = maxSize
		if since := p.since.Load(); p.small.Load() || since == 0 || time.Now().UnixNano()-since < int64(learning) {
			limit = baseSize
		}
	}
	return min(packetPayload, limit-ipv6Header-mediaOverhead)
}

// lost is told that the peer misses packets. plea says that it asks for a key
// frame.
func (p *pathSize) lost(plea bool) {
	if p.size() > 0 {
		p.doubted.Store(true)
		wake.Poke(p.wake)
		return
	}
	if !plea {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	copy(p.asked[:], p.asked[1:])
	p.asked[pleas-1] = now
	if first := p.asked[0]; !first.IsZero() && now.Sub(first) < pleasWithin {
		p.small.Store(true)
	}
}

// run probes until ctx ends. shrunk is called when packets turn out to have been
// too large.
func (p *pathSize) run(ctx context.Context, transport *webrtc.ICETransport, shrunk func()) {
	timer := time.NewTimer(0)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		now := time.Now()
		p.mu.Lock()
		if p.doubted.Swap(false) {
			p.sizer.doubt(now)
		}
		probes := p.sizer.step(now)
		less := p.publish()
		wakeAt := p.sizer.wakeAt
		p.mu.Unlock()
		if less {
			shrunk()
		}
		for _, size := range probes {
			p.probe(transport, size)
		}
		if !wakeAt.IsZero() {
			timer.Reset(time.Until(wakeAt))
		}
	}
}

// publish makes the sizer's limit known, and says whether it is less than before.
// Called with mu held.
func (p *pathSize) publish() (less bool) {
	limit := int32(p.sizer.limit)
	return limit < p.limit.Swap(limit)
}

// probe sends one ICE check of a size. That it did not leave is no reason to do
// anything: it is not answered then.
func (p *pathSize) probe(transport *webrtc.ICETransport, size int) {
	r := p.route.Load()
	local, err := transport.GetLocalParameters()
	if err != nil || r == nil {
		return
	}
	remote, err := transport.GetRemoteParameters()
	if err != nil || remote.Password == "" {
		return
	}
	m, err := check(local, remote, size-headers(r.to))
	if err != nil {
		return
	}
	p.mu.Lock()
	if len(p.waiting) >= maxWaiting {
		clear(p.waiting)
	}
	p.waiting[m.TransactionID] = size
	p.probing.Store(int32(len(p.waiting)))
	p.mu.Unlock()
	_ = r.conn.raw(m.Raw, r.to)
}

// check builds an ICE check of n bytes, a multiple of four.
func check(local, remote webrtc.ICEParameters, n int) (*stun.Message, error) {
	build := func(filler []byte) (*stun.Message, error) {
		return stun.Build(stun.TransactionID, stun.BindingRequest,
			stun.NewUsername(remote.UsernameFragment+":"+local.UsernameFragment),
			ice.PriorityAttr(1),
			stun.RawAttribute{Type: attrPadding, Value: filler},
			stun.NewShortTermIntegrity(remote.Password), stun.Fingerprint)
	}
	filler := make([]byte, n)
	copy(filler, padding)
	m, err := build(filler)
	if err != nil {
		return nil, err
	}
	return build(filler[:max(len(padding), n-(len(m.Raw)-n))])
}

// received looks at a packet that came in, before pion does, and returns it, what
// it completes, or nothing.
func (p *pathSize) received(b []byte, n int, from netip.AddrPort) (int, bool) {
	switch {
	case n == 0:
		return n, true
	case b[0] == pieceMark:
		return p.puzzles.add(from, b[:n], b)
	case b[0] >= 4:
		return n, true
	case p.probing.Load() > 0 && p.answered(b[:n]):
		return 0, false
	case n > baseSize/2 && !p.joins.Load() && isCheck(b[:n]) && bytes.Contains(b[:n], padding):
		p.joins.Store(true)
	}
	return n, true
}

// answered reports whether a packet answers a probe.
func (p *pathSize) answered(b []byte) bool {
	if !stun.IsMessage(b) {
		return false
	}
	if t := uint16(b[0])<<8 | uint16(b[1]); t != stun.BindingSuccess.Value() && t != stun.BindingError.Value() {
		return false
	}
	var id [12]byte
	copy(id[:], b[8:])
	p.mu.Lock()
	defer p.mu.Unlock()
	size, ours := p.waiting[id]
	if !ours {
		return false
	}
	delete(p.waiting, id)
	p.probing.Store(int32(len(p.waiting)))
	p.sizer.answer(time.Now(), size)
	p.publish()
	return true
}

// parts returns the datagrams to send in place of one that is too large for the
// path, or nil.
func (p *pathSize) parts(b []byte, headers int) [][]byte {
	if len(b)+headers <= baseSize || !isDTLS(b) {
		return nil
	}
	if b[0] < dtlsData {
		return records(b, baseSize-headers)
	}
	limit := p.size()
	if limit == 0 || len(b)+headers <= limit || !p.joins.Load() {
		return nil
	}
	return cut(b, byte(p.id.Add(1)), limit-headers)
}

// sized is told of every packet that is no check, and returns the datagrams to
// send in its place if it is too large for the path.
func (n *liveNet) sized(conn sender, b []byte, to netip.AddrPort) [][]byte {
	if len(b) == 0 || !isDTLS(b) && b[0] < rtpFirst {
		return nil
	}
	n.size.used(conn, to)
	return n.size.parts(b, headers(to))
}

// sendParts sends datagrams one by one.
func sendParts(conn sender, parts [][]byte, to netip.AddrPort) error {
	for _, b := range parts {
		if err := conn.raw(b, to); err != nil {
			return err
		}
	}
	return nil
}
