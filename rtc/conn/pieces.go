package conn

import (
	"net/netip"
	"slices"
	"sync"
)

// DTLS packets that are too large for the path. Those of a handshake consist of
// small records and are sent as several datagrams, as RFC 6347 section 4.1.1
// allows. A data packet, whose size pion does not let us choose, is cut into
// pieces that the other side puts together; its first byte is one that RFC 7983
// leaves free, so that others ignore it:
//
//	pieceMark, id, index, count, data

const (
	pieceMark   = 5
	pieceHeader = 4
	maxPieces   = 4
	// maxPuzzles bounds the packets that wait for their other pieces.
	maxPuzzles = 8

	dtlsFirst, dtlsLast = 20, 63 // first bytes of DTLS packets (RFC 7983)
	dtlsData            = 23
	recordHeader        = 13
)

func isDTLS(b []byte) bool { return len(b) > 0 && b[0] >= dtlsFirst && b[0] <= dtlsLast }

// records cuts a datagram of DTLS records into datagrams of at most limit bytes,
// or more where a record is larger.
func records(b []byte, limit int) (out [][]byte) {
	start, at := 0, 0
	for at+recordHeader <= len(b) {
		end := at + recordHeader + int(b[at+11])<<8 + int(b[at+12])
		if end > len(b) {
			break
		}
		if end-start > limit && at > start {
			out = append(out, b[start:at])
			start = at
		}
		at = end
	}
	return append(out, b[start:])
}

// cut makes pieces of at most limit bytes of a packet; nil if they would be too
// many.
func cut(b []byte, id byte, limit int) (out [][]byte) {
	size := limit - pieceHeader
	count := (len(b) + size - 1) / size
	if count > maxPieces {
		return nil
	}
	for i := range count {
		part := b[i*size : min(len(b), (i+1)*size)]
		out = append(out, append([]byte{pieceMark, id, byte(i), byte(count)}, part...))
	}
	return out
}

// puzzles puts packets together that came in pieces. Nothing in them is trusted:
// what comes out is checked by DTLS.
type puzzles struct {
	mu   sync.Mutex
	open []puzzle // oldest first
}

type puzzle struct {
	from  netip.AddrPort
	id    byte
	parts [maxPieces][]byte
	count int
}

// add takes a piece and returns the whole packet in dst once there is one.
func (p *puzzles) add(from netip.AddrPort, piece, dst []byte) (n int, whole bool) {
	if len(piece) <= pieceHeader {
		return 0, false
	}
	id, index, count := piece[1], int(piece[2]), int(piece[3])
	if count < 2 || count > maxPieces || index >= count {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.open, func(z puzzle) bool { return z.from == from && z.id == id && z.count == count })
	if i < 0 {
		if len(p.open) == maxPuzzles {
			p.open = slices.Delete(p.open, 0, 1)
		}
		i = len(p.open)
		p.open = append(p.open, puzzle{from: from, id: id, count: count})
	}
	z := &p.open[i]
	z.parts[index] = slices.Clone(piece[pieceHeader:])
	total := 0
	for _, part := range z.parts[:count] {
		if part == nil {
			return 0, false
		}
		total += len(part)
	}
	if total <= len(dst) {
		for _, part := range z.parts[:count] {
			n += copy(dst[n:], part)
		}
	}
	p.open = slices.Delete(p.open, i, i+1)
	return n, n > 0
}
