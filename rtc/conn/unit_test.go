package conn

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5"
)

func TestRedundancyFollowsLoss(t *testing.T) {
	var r redundancy
	steps := []struct {
		loss float64
		want int32
	}{
		{0, 0}, {0.01, 0}, {0.05, 1}, {0, 1}, {0.04, 1}, {0.30, 2}, {0.10, 2}, {0.02, 2},
	}
	for i, s := range steps {
		if got := r.report(s.loss); got != s.want {
			t.Errorf("report %d of %.2f: %d frames, want %d", i, s.loss, got, s.want)
		}
	}
	for range 20 {
		r.report(0)
	}
	if r.frames != 0 {
		t.Errorf("%d frames repeated after 20 s without loss", r.frames)
	}
}

// stream makes the packets of VP8 frames.
type stream struct {
	seq uint16
	n   uint32
}

func (s *stream) frame(key bool, parts int) []*rtp.Packet {
	s.n++
	var out []*rtp.Packet
	for i := range parts {
		payload := []byte{0, 1, byte(s.n), byte(i)}
		if i == 0 {
			payload[0] = 0x10
			if key {
				payload[1] = 0
			}
		}
		out = append(out, &rtp.Packet{
			Header:  rtp.Header{SequenceNumber: s.seq, Timestamp: s.n * 3000, Marker: i == parts-1},
			Payload: payload,
		})
		s.seq++
	}
	return out
}

func TestAssembler(t *testing.T) {
	now := time.Unix(1000, 0)
	ms := func(n int) time.Time { return now.Add(time.Duration(n) * time.Millisecond) }

	t.Run("in order without delay", func(t *testing.T) {
		a, s := newAssembler(), stream{seq: 65530}
		for i := range 20 {
			for j, p := range s.frame(i == 0, 3) {
				w := a.push(p, now)
				if got := len(a.frames()); got != 0 && j < 2 || got != 1 && j == 2 {
					t.Fatalf("frame %d: %d frames after packet %d", i, got, j)
				}
				if len(w.nack) != 0 {
					t.Fatalf("asked for %v", w.nack)
				}
			}
		}
	})
	t.Run("waits for a key frame and asks for it", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		if w := a.push(s.frame(false, 1)[0], now); !w.keyFrame || len(a.frames()) != 0 {
			t.Error("took a picture that builds on nothing")
		}
		if w := a.push(s.frame(true, 1)[0], now); w.keyFrame || len(a.frames()) != 1 {
			t.Error("did not take a key frame")
		}
	})
	t.Run("reordered", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		p := s.frame(false, 3)
		a.push(p[2], now)
		w := a.push(p[0], now)
		a.push(p[1], now)
		if f := a.frames(); len(f) != 2 || len(f[1].data) != 9 {
			t.Errorf("frames %v", f)
		}
		if len(w.nack) > 1 {
			t.Errorf("asked for %v", w.nack)
		}
	})
	t.Run("asks at once, again, and then gives up", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		lost := s.frame(false, 1)[0]
		if w := a.push(s.frame(false, 1)[0], now); !slices.Equal(w.nack, []uint16{lost.SequenceNumber}) {
			t.Fatalf("asked for %v", w.nack)
		}
		if len(a.frames()) != 1 || a.polls() == 0 {
			t.Error("does not wait")
		}
		asked := 0
		for i := range 40 {
			w := a.tick(ms(i * 5))
			asked += len(w.nack)
			if w.keyFrame {
				t.Fatalf("gave up after %d ms", i*5)
			}
		}
		if asked != 4 {
			t.Errorf("asked %d times more", asked)
		}
		if w := a.tick(ms(200)); !w.keyFrame || a.polls() != 0 || len(a.held) != 0 || a.heldLen != 0 {
			t.Errorf("did not give up: %+v %+v", w, a)
		}
		a.push(s.frame(false, 1)[0], ms(210))
		a.push(s.frame(true, 1)[0], ms(220))
		a.push(s.frame(false, 1)[0], ms(230))
		if f := a.frames(); len(f) != 2 || !f[0].key {
			t.Errorf("frames after the key frame: %v", f)
		}
	})
	t.Run("retransmission in time", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		lost := s.frame(false, 1)[0]
		a.push(s.frame(false, 2)[0], now)
		a.push(lost, ms(50))
		if f := a.frames(); len(f) != 2 {
			t.Errorf("%d frames", len(f))
		}
		if a.polls() != 0 {
			t.Error("still waits")
		}
	})
	t.Run("a key frame that is held is used when giving up", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		s.frame(false, 1) // lost
		for _, p := range append(s.frame(true, 2), s.frame(false, 1)...) {
			a.push(p, now)
		}
		a.frames()
		w := a.tick(ms(200))
		if f := a.frames(); len(f) != 2 || !f[0].key || w.keyFrame {
			t.Errorf("frames %v, wishes %+v", f, w)
		}
	})
	t.Run("padding counts but is no picture", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		for range 10 {
			a.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: s.seq, Timestamp: 5}}, now)
			s.seq++
		}
		w := a.push(s.frame(false, 1)[0], now)
		if f := a.frames(); len(f) != 2 || len(w.nack) != 0 {
			t.Errorf("%d frames, asked for %v", len(f), w.nack)
		}
	})
	t.Run("no marker", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		for i := range 3 {
			for _, p := range s.frame(i == 0, 2) {
				p.Marker = false
				a.push(p, now)
			}
		}
		if f := a.frames(); len(f) != 2 {
			t.Errorf("%d frames", len(f))
		}
	})
	t.Run("a great jump is a new stream", func(t *testing.T) {
		a, s := newAssembler(), stream{}
		a.push(s.frame(true, 1)[0], now)
		s.seq += 20000
		a.push(s.frame(true, 1)[0], now)
		if f := a.frames(); len(f) != 2 || a.polls() != 0 {
			t.Errorf("%d frames", len(f))
		}
	})
}

// Whatever comes, in whatever order: bounded memory, no frame twice, none out
// of order, and a key frame after every gap.
func FuzzAssembler(f *testing.F) {
	f.Add(uint64(1), uint8(10), uint8(10))
	f.Add(uint64(2), uint8(60), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, loss, swap uint8) {
		random := rand.New(rand.NewPCG(seed, 1))
		a, s, now := newAssembler(), stream{seq: uint16(seed)}, time.Unix(0, 0)
		var wire []*rtp.Packet
		want := true
		var last uint32
		for range 300 {
			wire = append(wire, s.frame(want && random.IntN(2) == 0, 1+random.IntN(4))...)
			for i := len(wire) - 1; i > 0; i-- {
				if random.IntN(256) < int(swap) {
					wire[i], wire[i-1] = wire[i-1], wire[i]
				}
			}
			want = false
			for len(wire) > 8 {
				p := wire[0]
				wire = wire[1:]
				if random.IntN(256) < int(loss) {
					continue
				}
				now = now.Add(time.Duration(random.IntN(8)) * time.Millisecond)
				w := a.push(p, now)
				want = want || w.keyFrame
				if len(w.nack) > maxNack || a.heldLen > maxHeld || len(a.held) > window {
					t.Fatalf("%d asked for, %d held", len(w.nack), len(a.held))
				}
				for _, f := range a.frames() {
					if f.timestamp <= last {
						t.Fatalf("frame at %d after %d", f.timestamp, last)
					}
					last = f.timestamp
				}
			}
		}
	})
}

func TestRoundTrip(t *testing.T) {
	now := time.Unix(1_700_000_000, 250_000_000)
	compact := func(t time.Time) uint32 {
		return uint32(uint64(t.Unix()+2208988800)<<16 | uint64(t.Nanosecond())<<16/1e9)
	}
	r := rtcp.ReceptionReport{LastSenderReport: compact(now.Add(-300 * time.Millisecond)), Delay: 65536 / 4}
	if got := roundTrip(r, now); got < 49*time.Millisecond || got > 51*time.Millisecond {
		t.Errorf("round trip %v, want 50ms", got)
	}
	if got := roundTrip(rtcp.ReceptionReport{Delay: 5}, now); got != 0 {
		t.Errorf("no sender report: %v", got)
	}
	r.Delay = 1 << 31
	if got := roundTrip(r, now); got != 0 {
		t.Errorf("forged delay: %v", got)
	}
}

func TestReceivedCounters(t *testing.T) {
	var r received
	now := time.Unix(1000, 0)
	send := func(ssrc uint32, seq uint16) {
		now = now.Add(20 * time.Millisecond)
		r.arrived(&rtp.Header{SSRC: ssrc, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, 100, now, audioClock)
	}
	for _, seq := range []uint16{65534, 65535, 0, 3, 2, 4} { // 1 is lost, 2 is late
		send(1, seq)
	}
	if got := r.snapshot(); got.Packets != 6 || got.Bytes != 600 || got.Lost != 2 {
		t.Errorf("%+v", got) // 2 was missing when 3 came: counters never go back
	}
	send(2, 1000)
	send(2, 1002)
	if got := r.snapshot(); got.Lost != 3 || !got.Last.Equal(now) {
		t.Errorf("after another stream: %+v", got)
	}
}

func iface(name string, flags net.Flags, addrs ...string) *transport.Interface {
	i := transport.NewInterface(net.Interface{Name: name, Flags: flags})
	for _, a := range addrs {
		ip, n, _ := net.ParseCIDR(a)
		i.AddAddress(&net.IPNet{IP: ip, Mask: n.Mask})
	}
	return i
}

func TestUsableLocal(t *testing.T) {
	lo := iface("lo", net.FlagUp|net.FlagLoopback, "127.0.0.1/8", "::1/128")
	for name, c := range map[string]struct {
		in       []*transport.Interface
		want     string
		loopback bool
	}{
		"home":       {[]*transport.Interface{lo, iface("eth0", net.FlagUp, "192.0.2.5/24", "fe80::1/64", "2001:db8::5/64")}, "192.0.2.5 2001:db8::5", false},
		"down":       {[]*transport.Interface{lo, iface("eth0", 0, "192.0.2.5/24")}, "127.0.0.1 ::1", true},
		"ad hoc":     {[]*transport.Interface{lo, iface("eth0", net.FlagUp, "169.254.3.4/16", "fe80::1/64")}, "169.254.3.4", false},
		"nothing":    {nil, "", true},
		"only IPv6":  {[]*transport.Interface{lo, iface("tun0", net.FlagUp, "fd00::7/64")}, "fd00::7", false},
		"multicast?": {[]*transport.Interface{iface("x", net.FlagUp, "224.0.0.1/4", "0.0.0.0/0")}, "", true},
	} {
		addrs, loopback := usableLocal(c.in)
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != c.want || loopback != c.loopback {
			t.Errorf("%s: %v, %v; want %s, %v", name, got, loopback, c.want, c.loopback)
		}
	}
}

func TestExpand(t *testing.T) {
	line := "candidate:77 1 udp 2130706431 192.0.2.5 5000 typ host generation 0 ufrag ab"
	got := expand(line, []netip.Addr{netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("10.0.0.5")})
	if len(got) != 2 || got[0] != line ||
		!strings.HasSuffix(got[1], " 1 udp 2130706175 10.0.0.5 5000 typ host generation 0 ufrag ab") ||
		strings.HasPrefix(got[1], "candidate:77 ") {
		t.Errorf("%q", got)
	}
}

func TestSendTime(t *testing.T) {
	var b [3]byte
	putSendTime(b[:], time.Unix(64-2208988800%64+5, 500_000_000))
	if v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]); v != 5<<18|1<<17 {
		t.Errorf("%x", v)
	}
}
