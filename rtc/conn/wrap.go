package conn

import (
	"encoding/binary"
	"sync"
)

// A carried packet travels in a frame on the socket that the session with the
// carrier uses anyway, beneath DTLS: its first byte is in none of the ranges
// that RFC 7983 section 7 shares out. Then come the number of the pair, as the
// carrier gave it over the data channel, and the ports between which ICE sees
// the packet. All numbers are big-endian.
const (
	frameToCarrier = 0xc8 // from an end of the pair to the carrier
	frameCarried   = 0xc9 // from the carrier to the other end
	frameHeader    = 1 + 4 + 2 + 2
	// maxWrapped is the largest frame, in bytes: what a path of 1,500 takes.
	maxWrapped = 1472
)

// frameBuffers are buffers for frames.
var frameBuffers = sync.Pool{New: func() any { return new([maxWrapped]byte) }}

// wrapped is a frame that was taken apart.
type wrapped struct {
	kind     byte
	number   uint32
	from, to uint16
	packet   []byte
}

// putFrame appends a frame for the carrier; nil if the packet is too large.
func putFrame(b []byte, number uint32, from, to uint16, packet []byte) []byte {
	if len(packet) > maxWrapped-frameHeader {
		return nil
	}
	b = append(b, frameToCarrier)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint16(b, from)
	b = binary.BigEndian.AppendUint16(b, to)
	return append(b, packet...)
}

// getFrame takes a frame apart. The packet is part of b.
func getFrame(b []byte) (f wrapped, ok bool) {
	if len(b) <= frameHeader || len(b) > maxWrapped || !isFrame(b) || isFrame(b[frameHeader:]) {
		return f, false // a frame in a frame would be carried twice
	}
	return wrapped{
		kind: b[0], number: binary.BigEndian.Uint32(b[1:]),
		from: binary.BigEndian.Uint16(b[5:]), to: binary.BigEndian.Uint16(b[7:]),
		packet: b[frameHeader:],
	}, true
}

// Parts of RTP packets (RFC 3550 section 5.1, RFC 5761 section 4).
const (
	rtpFirst, rtpLast   = 128, 191
	rtcpFirst, rtcpLast = 192, 223
)

// isPicture reports whether a packet that is carried is one of a picture, or
// anything else that can wait: sound, feedback, keys and checks cannot. Only the
// header of RTP is in the clear, and it says so.
func isPicture(packet []byte) bool {
	if len(packet) < 2 || packet[0] < rtpFirst || packet[0] > rtpLast ||
		packet[1] >= rtcpFirst && packet[1] <= rtcpLast {
		return false
	}
	t := packet[1] & 0x7f
	return t != payloadOpus && t != payloadRED
}
