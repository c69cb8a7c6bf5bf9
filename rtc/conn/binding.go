package conn

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/red"
	"github.com/meet-term/meet/signal"
)

// track is one source in one session. It implements webrtc.TrackLocal, by
// which pion asks for it once the payload types are agreed.
type track struct {
	out     *Outbound
	session *session
	kind    media.Kind
}

var _ webrtc.TrackLocal = (*track)(nil)

func (o *Outbound) track(s *session, kind media.Kind) *track {
	return &track{out: o, session: s, kind: kind}
}

// ID, StreamID and RID name the track for people who read descriptions. All
// three kinds are one stream, as they belong together in time.
func (t *track) ID() string                { return t.kind.String() }
func (t *track) StreamID() string          { return "meet" }
func (t *track) RID() string               { return "" }
func (t *track) Kind() webrtc.RTPCodecType { return codecType(t.kind) }

// Bind starts writing to a session.
func (t *track) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	want := webrtc.MimeTypeVP8
	if t.kind == media.Mic {
		want = webrtc.MimeTypeOpus
	}
	b := &binding{
		id:      ctx.ID(),
		session: t.session,
		peer:    t.session.cfg.Peer,
		kind:    t.kind,
		writer:  ctx.WriteStream(),
		out:     t.out.peers.of(t.session.cfg.Peer, t.kind),
		ssrc:    uint32(ctx.SSRC()),
		// Starting in the lower half keeps a loss at the start from being taken
		// for a wrap-around (RFC 3711 section 3.3.1).
		seq: uint16(rand.N(1 << 15)),
	}
	b.needKey.Store(true)
	var codec webrtc.RTPCodecParameters
	for _, c := range ctx.CodecParameters() {
		switch {
		case codec.MimeType == "" && strings.EqualFold(c.MimeType, want):
			codec = c
			b.payloadType = uint8(c.PayloadType)
		case strings.EqualFold(c.MimeType, mimeRED):
			b.redType = uint8(c.PayloadType)
		}
	}
	if codec.MimeType == "" {
		return codec, webrtc.ErrUnsupportedCodec
	}
	for _, e := range ctx.HeaderExtensions() {
		switch e.URI {
		case uriLevel:
			b.levelID = uint8(e.ID)
		case uriSendTime:
			b.sendTimeID = uint8(e.ID)
		}
	}
	t.out.fans[t.kind].add(b)
	return codec, nil
}

// Unbind stops writing to a session.
func (t *track) Unbind(ctx webrtc.TrackLocalContext) error {
	t.out.fans[t.kind].remove(ctx.ID())
	return nil
}

// binding writes one source to one session.
type binding struct {
	id      string
	session *session
	peer    signal.PeerID
	writer  webrtc.TrackLocalWriter
	out     *outgoing
	kind    media.Kind
	ssrc    uint32

	payloadType         uint8
	redType             uint8 // of redundant audio; 0: the peer does not take it
	levelID, sendTimeID uint8 // of header extensions; 0: not agreed

	live       atomic.Bool  // the session was connected once
	needKey    atomic.Bool  // the next picture must be a key frame
	redundancy atomic.Int32 // earlier frames repeated in each audio packet

	mu     sync.Mutex // guards the below; one writer in practice
	seq    uint16
	header rtp.Header
	exts   [4]byte // backing of the header extensions
	red    []byte  // backing of a redundant payload
}

// writeAudio sends one Opus frame, with as many earlier ones as the peer's
// losses ask for.
func (b *binding) writeAudio(p media.Packet, history *red.History) {
	b.mu.Lock()
	defer b.mu.Unlock()
	payload, payloadType := p.Payload, b.payloadType
	if n := int(b.redundancy.Load()); n > 0 && b.redType != 0 {
		packed := history.Pack(b.red[:0], p.Payload, p.Timestamp, b.payloadType, n)
		if packed != nil && len(packed) <= b.session.net.size.payload() {
			b.red, payload, payloadType = packed, packed, b.redType
		}
	}
	b.prepare(payloadType, p.Timestamp, p.Marker)
	if b.levelID != 0 {
		b.exts[0] = uint8(-p.Level)
		if p.Voice {
			b.exts[0] |= 0x80 // RFC 6464 section 3
		}
		_ = b.header.SetExtension(b.levelID, b.exts[:1]) // fails for an id out of range only
	}
	b.send(payload)
}

// takesVideo says whether a frame is to be sent: the peer wants it and has
// what it builds on.
func (b *binding) takesVideo(key bool) bool {
	return !b.out.unwanted.Load() && (key || !b.needKey.Load()) && !b.dozes()
}

// writeVideo sends the packets of one frame.
func (b *binding) writeVideo(packets [][]byte, timestamp uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := false
	for i, p := range packets {
		b.prepare(b.payloadType, timestamp, i == len(packets)-1)
		if b.sendTimeID != 0 {
			putSendTime(b.exts[:3], time.Now())
			_ = b.header.SetExtension(b.sendTimeID, b.exts[:3]) // fails for an id out of range only
		}
		sent = b.send(p) || sent
	}
	if sent {
		b.needKey.Store(false)
	}
}

// prepare sets the header for the next packet. Called with mu held.
func (b *binding) prepare(payloadType uint8, timestamp uint32, marker bool) {
	b.header = rtp.Header{
		Version:        2,
		Marker:         marker,
		PayloadType:    payloadType,
		SequenceNumber: b.seq,
		Timestamp:      timestamp,
		SSRC:           b.ssrc,
		Extensions:     b.header.Extensions[:0],
	}
}

// dozes reports whether nobody is there to take what is sent.
func (b *binding) dozes() bool { return b.session.pulse.doze.on.Load() }

// send writes one packet and reports whether it left. Called with mu held.
func (b *binding) send(payload []byte) bool {
	if b.dozes() {
		return false
	}
	n, err := b.writer.WriteRTP(&b.header, payload)
	if err != nil || n <= 0 {
		return false // not connected yet, or no longer
	}
	b.seq++
	b.session.sent[b.kind].Add(1)
	b.out.packets.Add(1)
	b.out.last.Store(time.Now().UnixNano())
	b.out.bytes.Add(uint64(n))
	return true
}

// putSendTime writes the absolute send time of the header extension of that
// name: seconds modulo 64 as a fixed point number of 6.18 bits.
func putSendTime(dst []byte, now time.Time) {
	const ntpEpoch = 2208988800
	s := uint64(now.Unix() + ntpEpoch)
	fraction := uint64(now.Nanosecond()) << 18 / uint64(time.Second)
	v := (s&0x3f)<<18 | fraction
	dst[0], dst[1], dst[2] = byte(v>>16), byte(v>>8), byte(v)
}
