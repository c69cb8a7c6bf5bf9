package conn

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/meet-term/meet/internal/crash"
)

const (
	// How often the peer hears what of it arrived: often while there are pictures,
	// which fill queues, and seldom for sound alone.
	arrivalsEvery      = 75 * time.Millisecond
	arrivalsEverySound = 500 * time.Millisecond
	picturesEnd        = 300 * time.Millisecond // after the last packet of one

	// perPacket is what a packet takes on the wire beside its RTP header and
	// payload, in bytes: IPv4, UDP and the tag of SRTP.
	perPacket = 20 + 8 + 16

	maxFeedback = 2 * sentMemory // packets that one feedback may speak of
)

// arrivals numbers what we send across all streams, and tells the peer when what
// it numbered so arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).
// pion's own interceptors for that hand every packet to a goroutine; here the
// one that reads it does the work.
type arrivals struct {
	interceptor.NoOp
	control *control
	start   time.Time

	sendMu sync.Mutex
	next   uint16 // guarded by sendMu; number of the next packet

	mu       sync.Mutex // guards the below
	recorder *twcc.Recorder
	writer   interceptor.RTCPWriter
	told     time.Time
	picture  time.Time   // when one last came
	untold   bool        // something came since
	last     *time.Timer // nil: what came last need not be told by itself
	media    uint32      // the stream that feedback is addressed to
	closed   bool
}

func newArrivals(c *control) *arrivals {
	return &arrivals{control: c, start: time.Now(), recorder: twcc.NewRecorder(rand.Uint32())}
}

// NewInterceptor implements [interceptor.Factory]; there is one per session.
func (a *arrivals) NewInterceptor(string) (interceptor.Interceptor, error) { return a, nil }

// BindRTCPWriter implements [interceptor.Interceptor].
func (a *arrivals) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writer = w
	return w
}

// Close implements [interceptor.Interceptor].
func (a *arrivals) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.last != nil {
		a.last.Stop()
	}
	return nil
}

func transportID(info *interceptor.StreamInfo) uint8 {
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == uriTransport {
			return uint8(e.ID)
		}
	}
	return 0
}

// BindLocalStream implements [interceptor.Interceptor].
func (a *arrivals) BindLocalStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	id := transportID(info)
	if id == 0 {
		return w
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		// Numbers go out in their order: a gap would be taken for a loss.
		a.sendMu.Lock()
		defer a.sendMu.Unlock()
		if err := h.SetExtension(id, binary.BigEndian.AppendUint16(nil, a.next)); err != nil {
			return 0, err
		}
		n, err := w.Write(h, payload, attributes)
		if err == nil && n > 0 {
			a.control.went(time.Now(), a.next, h.MarshalSize()+len(payload)+perPacket)
			a.next++
		}
		return n, err
	})
}

// BindRemoteStream implements [interceptor.Interceptor].
func (a *arrivals) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	id := transportID(info)
	if id == 0 {
		return r
	}
	picture := info.ClockRate == videoClock
	repeats := info.MimeType == "video/rtx"
	return interceptor.RTPReaderFunc(func(b []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := r.Read(b, attributes)
		if err != nil {
			return n, attributes, err
		}
		if attributes == nil {
			attributes = make(interceptor.Attributes)
		}
		h, err := attributes.GetRTPHeader(b[:n])
		if err != nil {
			return 0, nil, err
		}
		if ext := h.GetExtension(id); len(ext) >= 2 {
			a.came(time.Now(), info.SSRC, binary.BigEndian.Uint16(ext), picture, repeats)
		}
		return n, attributes, nil
	})
}

// came notes a packet, and tells the peer if it is time.
func (a *arrivals) came(now time.Time, ssrc uint32, number uint16, picture, repeats bool) {
	a.mu.Lock()
	if a.media == 0 || !repeats {
		a.media = ssrc
	}
	a.recorder.Record(a.media, number, now.Sub(a.start).Microseconds())
	if picture {
		a.picture = now
	}
	every := arrivalsEverySound
	if now.Sub(a.picture) < picturesEnd {
		every = arrivalsEvery
	}
	a.untold = true
	wait := every - now.Sub(a.told)
	if wait > 0 && every == arrivalsEvery && a.last == nil {
		// Nothing may come after this one, and the sender waits for word of it.
		a.last = time.AfterFunc(wait, func() {
			defer crash.Catch()
			a.mu.Lock()
			a.last = nil
			a.mu.Unlock()
			a.tell(time.Now())
		})
	}
	a.mu.Unlock()
	if wait <= 0 {
		a.tell(now)
	}
}

// tell has the peer know what arrived since it was last told.
func (a *arrivals) tell(now time.Time) {
	a.mu.Lock()
	var out []rtcp.Packet
	writer := a.writer
	if a.untold && writer != nil && !a.closed {
		a.told, a.untold = now, false
		out = a.recorder.BuildFeedbackPacket()
	}
	a.mu.Unlock()
	if len(out) > 0 {
		_, _ = writer.Write(out, nil) // feedback that is lost is made up for by the next
	}
}

// transportFeedback is what a peer says of packets of ours.
type transportFeedback struct {
	reference uint32 // of the times, in units of 64 ms, modulo 2^24
	packets   []arrival
}

type arrival struct {
	seq  uint16
	came bool
	at   time.Duration // after the reference
}

// feedbackOf takes a feedback packet apart. What is inconsistent ends it.
func feedbackOf(p *rtcp.TransportLayerCC) transportFeedback {
	f := transportFeedback{reference: p.ReferenceTime & (1<<24 - 1)}
	seq, left, deltas := p.BaseSequenceNumber, min(int(p.PacketStatusCount), maxFeedback), p.RecvDeltas
	var at time.Duration
	take := func(symbol uint16) bool {
		if left == 0 {
			return false
		}
		a := arrival{seq: seq}
		if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
			if len(deltas) == 0 {
				return false
			}
			at += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			a.came, a.at = true, at
		}
		f.packets = append(f.packets, a)
		seq++
		left--
		return true
	}
	for _, chunk := range p.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range chunk.RunLength {
				if !take(chunk.PacketStatusSymbol) {
					return f
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range chunk.SymbolList {
				if !take(symbol) {
					return f
				}
			}
		}
	}
	return f
}

// unwrap makes a time of the reference times of a peer, which wrap.
type unwrap struct {
	last    uint32
	total   int64 // units of 64 ms
	started bool
}

func (u *unwrap) add(reference uint32) time.Duration {
	if !u.started {
		u.started, u.last, u.total = true, reference, int64(reference)
	}
	u.total += int64(int32((reference-u.last)<<8) >> 8)
	u.last = reference
	return time.Duration(u.total) * 64 * time.Millisecond
}
