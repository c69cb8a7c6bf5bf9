package conn

import (
	"slices"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// heardOnly keeps receiver reports to sources that were heard since the last
// report, as RFC 3550 section 6.4 has it. Pion reports on every stream there
// ever was, one packet each: five a second to everybody in a silent room.
type heardOnly struct {
	interceptor.NoOp

	mu   sync.Mutex
	last map[uint32]uint32 // by SSRC, the highest sequence number reported
}

// NewInterceptor implements [interceptor.Factory].
func (*heardOnly) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &heardOnly{last: map[uint32]uint32{}}, nil
}

// BindRTCPWriter implements [interceptor.Interceptor].
func (h *heardOnly) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, a interceptor.Attributes) (int, error) {
		if packets = h.heard(packets); len(packets) == 0 {
			return 0, nil
		}
		return w.Write(packets, a)
	})
}

// UnbindRemoteStream implements [interceptor.Interceptor].
func (h *heardOnly) UnbindRemoteStream(info *interceptor.StreamInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.last, info.SSRC)
}

// heard leaves out the receiver reports that have nothing to tell.
func (h *heardOnly) heard(packets []rtcp.Packet) []rtcp.Packet {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := packets[:0:0]
	for _, p := range packets {
		if r, ok := p.(*rtcp.ReceiverReport); ok && len(r.Reports) > 0 {
			r.Reports = slices.DeleteFunc(r.Reports, h.known)
			if len(r.Reports) == 0 {
				continue
			}
		}
		kept = append(kept, p)
	}
	return kept
}

// known says whether a report block brings nothing new, and remembers it.
// Called with mu held.
func (h *heardOnly) known(b rtcp.ReceptionReport) bool {
	last, ok := h.last[b.SSRC]
	h.last[b.SSRC] = b.LastSequenceNumber
	return ok && last == b.LastSequenceNumber || !ok && b.LastSequenceNumber == 0
}
