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
	b.skip = media.TopLayer
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
		case uriTransport:
			b.transportID = uint8(e.ID)
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
	transportID         uint8 // the same

	// Owned by the caller of WriteVideo.
	skip  uint8 // pictures of higher layers are left out
	small bool  // which encoding is being sent

	live       atomic.Bool  // the session was connected once
	needKey    atomic.Bool  // the next picture must be a key frame
	redundancy atomic.Int32 // earlier frames repeated in each audio packet

	mu      sync.Mutex // guards the below; one writer in practice
	seq     uint16
	header  rtp.Header
	exts    [4]byte // backing of the header extensions
	red     []byte  // backing of a redundant payload
	packet  []byte  // backing of a packet of a picture
	picture uint16  // number of the last picture
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

// served says whether a frame is of the encoding that the peer gets. What comes of
// the small one goes on until there is a key frame of the other; the other way
// there is no time for that.
func (b *binding) served(f media.Frame, key bool) bool {
	s := b.out.serve()
	switch {
	case s.Paused:
		b.needKey.Store(true)
		return false
	case s.Small && !f.Small:
		return false
	case f.Small == b.small:
	case f.Small != s.Small || !key:
		return false
	default:
		b.small = f.Small
	}
	return f.Layer <= s.Layer
}

// pushVideo has a picture sent.
func (b *binding) pushVideo(packets [][]byte, f media.Frame, key bool) {
	if f.Layer == 0 {
		b.skip = media.TopLayer
	}
	if f.Layer > b.skip {
		return
	}
	p := &pacedFrame{b: b, packets: packets, timestamp: f.Timestamp, key: key, layer: f.Layer, at: time.Now()}
	if b.session.pacer.push(p) {
		return
	}
	if f.Layer == 0 {
		b.needKey.Store(true)
		return
	}
	b.skip = f.Layer - 1 // others may build on it
}

// writePicture sends the next packet of a picture. It returns its size on the
// wire, and whether it left.
func (b *binding) writePicture(f *pacedFrame) (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepare(b.payloadType, f.timestamp, f.sent == len(f.packets)-1)
	if b.sendTimeID != 0 && b.transportID == 0 { // the one tells more than the other
		putSendTime(b.exts[:3], time.Now())
		_ = b.header.SetExtension(b.sendTimeID, b.exts[:3]) // fails for an id out of range only
	}
	if f.sent == 0 {
		b.picture++
	}
	// Sessions share the packets, but not the numbers: those of pictures that are
	// left out for one are not missing.
	b.packet = append(b.packet[:0], f.packets[f.sent]...)
	putPictureID(b.packet, b.picture)
	if !b.send(b.packet) {
		b.needKey.Store(true)
		return 0, false
	}
	return len(b.packet) + mediaOverhead, true
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
	b.out.wire.Add(uint64(n + perPacket))
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
