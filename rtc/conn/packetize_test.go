package conn

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestPacketize(t *testing.T) {
	for _, n := range []int{1, 100, 460, 464, 465, 1140, 5000, 70000} {
		frame := make([]byte, n)
		for i := range frame {
			frame[i] = byte(i * 7)
		}
		frame[0] &^= 1 // a key frame
		for _, limit := range []int{468, packetPayload} {
			a, at := newAssembler(), time.Unix(1000, 0)
			all := packets{frame: frame}
			parts := all.of(limit)
			smallest, largest := n, 0
			for i, p := range parts {
				smallest, largest = min(smallest, len(p)), max(largest, len(p))
				putPictureID(p, 0x7abc)
				a.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: 9, Marker: i == len(parts)-1}, Payload: p}, at)
			}
			if largest > limit || len(parts) > 1 && largest-smallest > 1 {
				t.Errorf("%d bytes by %d: packets of %d to %d", n, limit, smallest, largest)
			}
			if got := a.frames(); len(got) != 1 || !bytes.Equal(got[0].data, frame) || !got[0].key {
				t.Errorf("%d bytes by %d: %d frames", n, limit, len(got))
			}
			if again := all.of(limit); &again[0][0] != &parts[0][0] {
				t.Error("made twice for one size")
			}
		}
	}
}

func TestPiecesComeTogether(t *testing.T) {
	from, other := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:1")
	packet := make([]byte, 1220)
	for i := range packet {
		packet[i] = byte(i)
	}
	pieces := cut(packet, 7, 500)
	if len(pieces) != 3 {
		t.Fatalf("%d pieces", len(pieces))
	}
	var p puzzles
	dst := make([]byte, 1500)
	for i, order := range []int{2, 0, 0, 1} {
		p.add(other, pieces[order], dst) // somebody else's are not mixed in
		n, whole := p.add(from, pieces[order], dst)
		if whole != (i == 3) || whole && !bytes.Equal(dst[:n], packet) {
			t.Errorf("after %d pieces: %v, %d bytes", i+1, whole, n)
		}
	}
	if len(p.open) != 0 {
		t.Errorf("%d packets are left", len(p.open))
	}
	if cut(make([]byte, 5000), 1, 500) != nil {
		t.Error("too many pieces were made")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 { // whatever comes
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.IntN(6))
		}
		if n, whole := p.add(from, b, dst[:20]); n > 20 || whole && n == 0 {
			t.Fatalf("%d bytes, %v", n, whole)
		}
		if len(p.open) > maxPuzzles {
			t.Fatalf("%d packets wait", len(p.open))
		}
	}
}

func TestHandshakeRecordsAreCutApart(t *testing.T) {
	record := func(n int) []byte {
		b := make([]byte, recordHeader+n)
		b[0], b[11], b[12] = 22, byte(n>>8), byte(n)
		return b
	}
	for name, c := range map[string]struct {
		records []int
		want    []int // lengths of the datagrams
	}{
		"fits":         {[]int{100, 200}, []int{326}},
		"two":          {[]int{100, 350, 100, 60}, []int{476, 186}},
		"one is large": {[]int{100, 600, 100}, []int{113, 613, 113}},
	} {
		var datagram []byte
		for _, n := range c.records {
			datagram = append(datagram, record(n)...)
		}
		got := records(datagram, 500)
		var joined []byte
		for i, b := range got {
			joined = append(joined, b...)
			if i >= len(c.want) || len(b) != c.want[i] {
				t.Errorf("%s: datagram %d has %d bytes, want %v", name, i, len(b), c.want)
			}
		}
		if !bytes.Equal(joined, datagram) {
			t.Errorf("%s: records were lost", name)
		}
		for n := range datagram { // cut off anywhere
			if got := bytes.Join(records(datagram[:n], 500), nil); !bytes.Equal(got, datagram[:n]) {
				t.Fatalf("%s: cut off at %d", name, n)
			}
		}
	}
}
