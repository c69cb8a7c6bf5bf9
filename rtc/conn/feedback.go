package conn

import (
	"errors"
	"io"
	"math"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
)

// readFeedback reads what the peer says of one kind of media we send it. It
// also feeds the retransmitter and the reports, which hang on these reads.
func (s *session) readFeedback(kind media.Kind, sender *webrtc.RTPSender) {
	ssrc := uint32(sender.GetParameters().Encodings[0].SSRC)
	for failures := 0; failures < maxReadErrors; {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || s.ctx.Err() != nil {
				return
			}
			failures++
			continue
		}
		failures = 0
		s.pulse.touch()
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.net.size.lost(true)
				s.keyFrameWanted(kind)
			case *rtcp.TransportLayerNack:
				s.net.size.lost(false)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				s.control.limit(float64(p.Bitrate))
			case *rtcp.TransportLayerCC:
				s.control.arrived(time.Now(), feedbackOf(p))
				s.carries(time.Now())
				wake.Poke(s.pacer.wake)
			case *rtcp.ReceiverReport:
				s.reported(kind, ssrc, p.Reports)
			case *rtcp.SenderReport:
				s.reported(kind, ssrc, p.Reports)
			}
		}
	}
}

// keyFrameWanted passes a request on, if it is for a picture.
func (s *session) keyFrameWanted(kind media.Kind) {
	if kind != media.Mic {
		s.dialer.sink.KeyFrameWanted(kind, s.dialer.local.peers.of(s.cfg.Peer, kind).small())
	}
}

// reported uses the report block about one of our streams.
func (s *session) reported(kind media.Kind, ssrc uint32, reports []rtcp.ReceptionReport) {
	for _, r := range reports {
		if r.SSRC != ssrc {
			continue
		}
		loss := float64(r.FractionLost) / 256
		rtt := roundTrip(r, time.Now())
		out := s.dialer.local.peers.of(s.cfg.Peer, kind)
		out.loss.Store(uint32(r.FractionLost))
		clockRate := videoClock
		if kind == media.Mic {
			clockRate = audioClock
			s.dialer.local.repeat(s, s.redundancy.afford(loss, s.control.judge(time.Now())))
		}
		s.control.report(time.Now(), loss)
		s.carries(time.Now())
		s.dialer.sink.Feedback(s.cfg.Peer, Feedback{
			Kind: kind, Loss: loss, RTT: rtt,
			Jitter: time.Duration(r.Jitter) * time.Second / time.Duration(clockRate),
		})
	}
}

const (
	// What the path carries is told when it changes by this share, or so often.
	carriesChange = 0.05
	carriesEvery  = time.Second
	// soundLeast is what of a path is kept for sound, in bit/s with headers, also
	// while nobody says anything.
	soundLeast = 48_000
)

// carries tells what the path carries beside the sound, if that is news.
func (s *session) carries(now time.Time) {
	v := s.control.judge(now)
	if most := float64(s.dialer.local.peers.of(s.cfg.Peer, media.Mic).ceiling.Load()); most > 0 {
		v.rate, v.steady = min(v.rate, most), min(v.steady, most)
	}
	s.toldMu.Lock()
	sound := max(s.soundRate.of(now, s.dialer.local.peers.of(s.cfg.Peer, media.Mic).wire.Load()), soundLeast)
	bounded := float64(s.carriedEstimate(int(v.rate), v.suffers))
	room := max(bounded-sound, 0)
	steady := max(v.steady-sound, 0)
	if bounded < v.rate {
		steady = room
	}
	news := now.Sub(s.toldAt) >= carriesEvery || math.Abs(room-s.told) > carriesChange*s.told
	if news {
		s.told, s.toldAt = room, now
	}
	s.toldMu.Unlock()
	if news {
		s.log.Debug("the path carries", "now", int(v.rate), "steady", int(v.steady), "sound", int(sound), "queue", v.queue, "sending", int(v.sending))
		s.dialer.sink.Carries(s.cfg.Peer, Capacity{Now: int(room), Steady: int(steady)})
	}
}

// meter measures a rate from a counter that is looked at now and then.
type meter struct {
	at    time.Time
	count uint64
	rate  float64 // bit/s
}

// of returns the rate of a counter of bytes, over a second or so.
func (m *meter) of(now time.Time, count uint64) float64 {
	const over = time.Second
	switch d := now.Sub(m.at); {
	case m.at.IsZero() || count < m.count:
		m.at, m.count = now, count
	case d >= over:
		m.rate = float64(count-m.count) * 8 / d.Seconds()
		m.at, m.count = now, count
	}
	return m.rate
}

// repeat sets how many earlier frames each audio packet of a session repeats.
func (o *Outbound) repeat(s *session, frames int32) {
	for _, b := range o.fans[media.Mic].list() {
		if b.session == s {
			b.redundancy.Store(frames)
		}
	}
}

// roundTrip computes the round trip time from a report block (RFC 3550 section
// 6.4.1), 0 if the peer has not seen a sender report of ours.
func roundTrip(r rtcp.ReceptionReport, now time.Time) time.Duration {
	if r.LastSenderReport == 0 {
		return 0
	}
	const epoch = 2208988800
	seconds := uint64(now.Unix() + epoch)
	fraction := uint64(now.Nanosecond()) << 32 / uint64(time.Second)
	compact := uint32(seconds<<16 | fraction>>16)
	rtt := compact - r.LastSenderReport - r.Delay
	if rtt >= 1<<31 { // a clock was set, or the report is forged
		return 0
	}
	return time.Duration(rtt) * time.Second >> 16
}

// readReports reads the sender reports of one incoming kind.
func (s *session) readReports(kind media.Kind, receiver *webrtc.RTPReceiver) {
	for failures := 0; failures < maxReadErrors; {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || s.ctx.Err() != nil {
				return
			}
			failures++
			continue
		}
		failures = 0
		s.pulse.touch()
		in := s.receivers[kind].Load()
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && in != nil && sr.SSRC == uint32(in.remote.SSRC()) {
				in.clock.set(sr.NTPTime, sr.RTPTime)
			}
		}
	}
}
