package conn

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
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
				s.estimate.remb(float64(p.Bitrate))
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
		s.dialer.sink.KeyFrameWanted(kind)
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
			s.dialer.local.repeat(s, s.redundancy.report(loss))
		}
		estimate, suffers := s.estimate.report(time.Now(), kind, loss, rtt, out.bytes.Load())
		s.dialer.sink.Feedback(s.cfg.Peer, Feedback{
			Kind: kind, Loss: loss, RTT: rtt,
			Jitter:   time.Duration(r.Jitter) * time.Second / time.Duration(clockRate),
			Estimate: s.carriedEstimate(estimate, suffers),
		})
	}
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

// Bounds and steps of the estimate, in bit/s unless said otherwise.
const (
	estimateStart  = 2_500_000 // of a usual uplink; loss takes it down within a second or two
	estimateMin    = 60_000
	estimateMax    = 8_000_000
	lossHigh       = 0.10                   // above: less
	lossLow        = 0.02                   // below: more
	lossOutage     = 0.50                   // once, with an empty queue: a cut, which says nothing of the rate
	growth         = 1.15                   // per report
	queueDelay     = 120 * time.Millisecond // of round trip above its least that tells of a full queue
	queueBackoff   = 0.85
	estimateEvery  = 800 * time.Millisecond // reports of several kinds count once
	rttMemory      = 30 * time.Second       // after which the least round trip is learned anew
	headroomFactor = 2                      // the estimate stays within this of what is sent, above the start
)

// estimator guesses how much the path of a session carries, from the loss and
// the round trip time of receiver reports: the loss-based half of Google's
// congestion control (draft-ietf-rmcat-gcc-02 section 6) and a brake for full
// queues. Browsers give their own estimate (REMB), which caps it.
type estimator struct {
	mu      sync.Mutex // guards all
	rate    float64
	cap     float64 // last REMB; 0: none
	last    time.Time
	minRTT  time.Duration
	minAt   time.Time
	outage  bool          // the last report told of a cut
	sent    [kinds]uint64 // bytes at the last report
	sentAt  [kinds]time.Time
	sending [kinds]float64
}

func (e *estimator) remb(bps float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cap = max(bps, estimateMin)
}

// report takes a report about one kind, of which sent bytes were written so
// far. It returns the estimate, and whether the path carries less than it is
// given.
func (e *estimator) report(now time.Time, kind media.Kind, loss float64, rtt time.Duration, sent uint64) (estimate int, suffers bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rate == 0 {
		e.rate = estimateStart
	}
	if d := now.Sub(e.sentAt[kind]); !e.sentAt[kind].IsZero() && d > 0 && sent >= e.sent[kind] {
		e.sending[kind] = float64(sent-e.sent[kind]) * 8 / d.Seconds()
	}
	e.sent[kind], e.sentAt[kind] = sent, now
	if rtt > 0 && (e.minRTT == 0 || rtt < e.minRTT || now.Sub(e.minAt) > rttMemory) {
		e.minRTT, e.minAt = rtt, now
	}
	if now.Sub(e.last) >= estimateEvery {
		e.last = now
		e.step(loss, rtt)
	}
	suffers = loss > ownTrouble || e.full(rtt)
	if e.cap > 0 {
		return int(min(e.rate, e.cap)), suffers
	}
	return int(e.rate), suffers
}

// step adapts the rate once. Called with mu held.
func (e *estimator) step(loss float64, rtt time.Duration) {
	total := e.sending[media.Mic] + e.sending[media.Camera] + e.sending[media.Screen]
	full := e.full(rtt)
	if loss > lossOutage && !full && !e.outage {
		e.outage = true
		return
	}
	e.outage = false
	switch {
	case loss > lossHigh:
		e.rate *= 1 - 0.5*loss
	case full:
		e.rate *= queueBackoff
	case loss < lossLow && (e.rate < estimateStart || e.rate < headroomFactor*total):
		e.rate *= growth
	}
	e.rate = min(max(e.rate, estimateMin), estimateMax)
}

// full reports whether a round trip tells of a full queue. Called with mu held.
func (e *estimator) full(rtt time.Duration) bool { return rtt > 0 && rtt > e.minRTT+queueDelay }
