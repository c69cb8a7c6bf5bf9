package conn

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// Sink takes what arrives from the peers. Its methods are called from many
// goroutines, one per incoming track, and must return soon: whoever cannot
// keep up drops.
type Sink interface {
	Audio(signal.PeerID, media.Packet)
	Video(signal.PeerID, media.Frame)
	// KeyFrameWanted says that somebody needs a key frame of what we send, of which
	// encoding. It
	// comes as often as peers ask; the encoder limits the rate.
	KeyFrameWanted(kind media.Kind, small bool)
	// Feedback says how well what we send arrives, about once a second.
	Feedback(signal.PeerID, Feedback)
	// Carries says what the path to a peer carries: whenever that changes, and about
	// once a second.
	Carries(signal.PeerID, Capacity)
}

// Capacity is what a path carries of pictures, beside the sound, in bit/s with
// headers.
type Capacity struct {
	Now    int // may be sent at this moment; less than Steady while a queue is worked off
	Steady int // is carried as far as is known
}

// Feedback is what a peer reports about one kind of media we send it.
type Feedback struct {
	Kind media.Kind
	// Loss is the share of packets lost since the last report, 0 to 1.
	Loss float64
	// Jitter is the peer's estimate of the arrival jitter (RFC 3550 section
	// 6.4.1).
	Jitter time.Duration
	// RTT is the round trip time of the path; 0 if unknown.
	RTT time.Duration
}

// inbound is one incoming track of one session. Its goroutine owns what is not
// marked otherwise.
type inbound struct {
	s      *session
	kind   media.Kind
	remote *webrtc.TrackRemote
	stats  *received
	clock  clock

	levelID uint8
	pli     limiter // any goroutine

	payloadType uint8 // of the last packet
	mime        string
}

// incoming is told by pion of the first packet of a track.
func (s *session) incoming(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	for kind, t := range s.slots {
		if t.Receiver() == receiver {
			s.receive(media.Kind(kind), remote, receiver)
			return
		}
	}
	// A track beyond the three: nobody reads it, pion drops what it buffers.
	s.log.Debug("ignore a track that has no place")
}

// receive starts reading a track. A second track in one place, as when a
// browser changes its SSRC, takes over.
func (s *session) receive(kind media.Kind, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	in := &inbound{
		s: s, kind: kind, remote: remote,
		stats: s.dialer.received.of(s.cfg.Peer, kind),
		clock: clock{rate: videoClock},
		pli:   limiter{every: pliInterval},
	}
	if kind == media.Mic {
		in.clock.rate = audioClock
	}
	for _, e := range receiver.GetParameters().HeaderExtensions {
		if e.URI == uriLevel {
			in.levelID = uint8(e.ID)
		}
	}
	first := s.receivers[kind].Swap(in) == nil
	s.read(in.read)
	if first {
		s.read(func() { s.readReports(kind, receiver) })
	}
}

// rttEvery is how often a track learns of the round trip time.
const rttEvery = 500 * time.Millisecond

// read is the goroutine of a track.
func (in *inbound) read() {
	a := newAssembler() // stays empty for audio
	buf := make([]byte, 1500)
	var packet rtp.Packet
	polling := false
	var looked time.Time
	for failures := 0; failures < maxReadErrors; {
		if wait := a.polls(); wait > 0 || polling {
			var deadline time.Time
			if polling = wait > 0; polling {
				deadline = time.Now().Add(wait)
			}
			if err := in.remote.SetReadDeadline(deadline); err != nil {
				return
			}
		}
		n, _, err := in.remote.Read(buf)
		now := time.Now()
		switch {
		case isTimeout(err):
			in.act(a, a.tick(now))
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			return
		case err != nil:
			failures++ // such as a payload type that was never agreed
			continue
		}
		failures = 0
		in.s.pulse.touch()
		in.s.got[in.kind].Add(1)
		packet = rtp.Packet{Header: rtp.Header{Extensions: packet.Extensions[:0], CSRC: packet.CSRC[:0]}}
		if err := packet.Unmarshal(buf[:n]); err != nil {
			continue
		}
		in.stats.arrived(&packet.Header, n, now, in.clock.rate)
		if in.kind == media.Mic {
			in.audio(&packet, now)
		} else {
			if now.Sub(looked) >= rttEvery {
				looked = now
				a.rtt, _ = in.s.pulse.works(now)
			}
			in.act(a, a.push(&packet, now))
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

func (in *inbound) audio(p *rtp.Packet, now time.Time) {
	if len(p.Payload) == 0 {
		return
	}
	if p.PayloadType != in.payloadType || in.mime == "" {
		in.payloadType, in.mime = p.PayloadType, in.remote.Codec().MimeType
	}
	redundant := strings.EqualFold(in.mime, mimeRED)
	if !redundant && !strings.EqualFold(in.mime, webrtc.MimeTypeOpus) {
		return
	}
	out := media.Packet{
		Seq: p.SequenceNumber, Timestamp: p.Timestamp, SSRC: p.SSRC, Marker: p.Marker,
		Redundant: redundant,
		Payload:   append([]byte(nil), p.Payload...),
		At:        now, Captured: in.clock.at(p.Timestamp),
	}
	if in.levelID != 0 {
		if e := p.GetExtension(in.levelID); len(e) > 0 {
			out.Level, out.HasLevel, out.Voice = -media.Level(e[0]&0x7f), true, e[0]&0x80 != 0
		}
	}
	in.s.dialer.sink.Audio(in.s.cfg.Peer, out)
}

// act does what the assembler asks for.
func (in *inbound) act(a *assembler, w wishes) {
	for _, f := range a.frames() {
		in.s.dialer.sink.Video(in.s.cfg.Peer, media.Frame{
			Kind: in.kind, Key: f.key, Timestamp: f.timestamp, Data: f.data,
			At: f.arrived, Captured: in.clock.at(f.timestamp),
		})
	}
	if len(w.nack) > 0 {
		in.send(&rtcp.TransportLayerNack{
			MediaSSRC: uint32(in.remote.SSRC()), Nacks: rtcp.NackPairsFromSequenceNumbers(w.nack),
		})
	}
	if w.keyFrame {
		in.requestKeyFrame()
	}
}

// requestKeyFrame sends a PLI, half a second after the last one at the
// earliest. Any goroutine may call it.
func (in *inbound) requestKeyFrame() {
	if in.pli.allow(time.Now()) {
		in.send(&rtcp.PictureLossIndication{MediaSSRC: uint32(in.remote.SSRC())})
	}
}

func (in *inbound) send(p rtcp.Packet) {
	pc := in.s.pub.Load()
	if pc == nil || in.s.ctx.Err() != nil {
		return
	}
	if err := pc.WriteRTCP([]rtcp.Packet{p}); err != nil {
		in.s.log.Debug("send RTCP", "err", err)
	}
}

func (s *session) requestKeyFrame(kind media.Kind) {
	if in := s.receivers[kind].Load(); in != nil {
		in.requestKeyFrame()
	}
}

// clock maps RTP timestamps to the sender's wall clock by its last sender
// report (RFC 3550 section 6.4.1).
type clock struct {
	rate uint32
	mu   sync.Mutex
	ntp  time.Time // guarded by mu; zero before the first report
	rtp  uint32    // guarded by mu
}

func (c *clock) set(ntp uint64, rtp uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ntp, c.rtp = ntpTime(ntp), rtp
}

func (c *clock) at(timestamp uint32) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ntp.IsZero() {
		return time.Time{}
	}
	ticks := int64(int32(timestamp - c.rtp))
	return c.ntp.Add(time.Duration(ticks * int64(time.Second) / int64(c.rate)))
}

func ntpTime(ntp uint64) time.Time {
	const epoch = 2208988800
	return time.Unix(int64(ntp>>32)-epoch, int64((ntp&0xffffffff)*uint64(time.Second)>>32))
}

// limiter lets something happen at most once per interval.
type limiter struct {
	every time.Duration
	last  atomic.Int64 // Unix nanoseconds
}

func (l *limiter) allow(now time.Time) bool {
	last := l.last.Load()
	return now.UnixNano()-last >= int64(l.every) && l.last.CompareAndSwap(last, now.UnixNano())
}
