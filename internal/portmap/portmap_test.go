package portmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// router is a fake of one protocol.
type router struct {
	protocol Protocol
	takes    time.Duration
	lease    Lease
	err      error

	mu     sync.Mutex
	mapped []time.Duration // when it was asked, since began
	given  int             // back
	began  time.Time
}

func (r *router) Protocol() Protocol { return r.protocol }

func (r *router) Map(ctx context.Context, port uint16) (Lease, error) {
	timer := time.NewTimer(r.takes)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Lease{}, ctx.Err()
	case <-timer.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mapped = append(r.mapped, time.Since(r.began))
	return r.lease, r.err
}

func (r *router) Unmap(context.Context, uint16) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given++
	return nil
}

var public = netip.MustParseAddr("5.5.5.1")

// keep runs Keep for a time and returns what it reported, with when.
func keep(t *testing.T, during time.Duration, own []netip.Addr, routers ...*router) string {
	t.Helper()
	began := time.Now()
	var askers []Asker
	for _, r := range routers {
		r.began = began
		askers = append(askers, r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var out []string
	Keep(ctx, 7077, own, askers, func(s Status) {
		out = append(out, fmt.Sprintf("%v %s %v", time.Since(began), s.Protocol, s.Public)+" "+s.Text())
	}, slog.New(slog.DiscardHandler))
	return strings.Join(out, "\n")
}

func TestKeep(t *testing.T) {
	lease := Lease{Outside: public, Port: 7077, Life: time.Hour}
	shared := Lease{Outside: netip.MustParseAddr("100.64.1.2")}
	for name, c := range map[string]struct {
		routers []*router
		want    []string // what the reports begin with or contain, in order
		not     string
		asked   int // how often the first was asked in 90 minutes
	}{
		"the first wins": {
			routers: []*router{{protocol: PCP, takes: 10 * time.Millisecond, lease: lease}, {protocol: UPnP, takes: 2 * time.Second, lease: lease}},
			want:    []string{"0s  invalid", "10ms PCP 5.5.5.1:7077"}, not: "UPnP", asked: 3,
		},
		"only UPnP": {
			routers: []*router{{protocol: UPnP, takes: 2 * time.Second, lease: lease}, {protocol: PCP, err: ErrNoRouter}},
			want:    []string{"2s UPnP 5.5.5.1:7077"}, asked: 3,
		},
		"a lease for ever": {
			routers: []*router{{protocol: UPnP, lease: Lease{Outside: public, Port: 7077}}}, want: []string{"0s UPnP"}, asked: 3,
		},
		"a lease of a moment": { // renewed no more often than sense allows
			routers: []*router{{protocol: PCP, lease: Lease{Outside: public, Port: 9, Life: time.Second}}}, want: []string{"PCP 5.5.5.1:9"}, asked: 270,
		},
		"carrier-grade NAT, said at once": {
			routers: []*router{{protocol: NATPMP, takes: 10 * time.Millisecond, lease: shared}, {protocol: UPnP, takes: 2 * time.Second, err: ErrNotPublic}},
			want:    []string{"10ms  invalid AddrPort Your router has no public address (its own is 100.64.1.2): your provider puts"}, asked: 45,
		},
		"one knows better": {
			routers: []*router{{protocol: NATPMP, err: ErrNotPublic}, {protocol: UPnP, takes: time.Second, lease: lease}},
			want:    []string{"carrier-grade NAT", "1s UPnP 5.5.5.1:7077"}, asked: 1,
		},
		"refused": {routers: []*router{{protocol: UPnP, err: ErrRefused}}, want: []string{"refuses to open a port"}, asked: 45},
		"nobody":  {routers: []*router{{protocol: PCP, err: ErrNoRouter}}, want: []string{"nobody answers"}, asked: 45},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := keep(t, 90*time.Minute-time.Second, nil, c.routers...)
				rest := got
				for _, w := range c.want {
					i := strings.Index(rest, w)
					if i < 0 {
						t.Fatalf("reported\n%s\nwant %q", got, w)
					}
					rest = rest[i+len(w):]
				}
				if c.not != "" && strings.Contains(got, c.not) {
					t.Errorf("reported\n%s", got)
				}
				if r := c.routers[0]; len(r.mapped) != c.asked || r.given != 1 {
					t.Errorf("asked %d times, given back %d times", len(r.mapped), r.given)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := &router{protocol: PCP, lease: lease}
		if got := keep(t, time.Minute, []netip.Addr{public}, r); got != "0s none 5.5.5.1:7077 " || len(r.mapped) > 0 {
			t.Errorf("with a public address of one's own: %s", got)
		}
	})
}

// What the doctor says.
func TestTry(t *testing.T) {
	lease := Lease{Outside: public, Port: 7077, Life: time.Hour}
	for name, c := range map[string]struct {
		routers []Asker
		want    string
		ok      bool
	}{
		"two": {[]Asker{&router{protocol: UPnP, lease: lease}, &router{protocol: PCP, lease: lease}, &router{protocol: NATPMP, err: ErrRefused}},
			"The router opens ports by PCP, UPnP; its address outside is 5.5.5.1: meet join --internet works.", true},
		"shared": {[]Asker{&router{protocol: PCP, lease: Lease{Outside: netip.MustParseAddr("100.64.1.2")}}, &router{protocol: UPnP, err: ErrRefused}},
			"Your router has no public address (its own is 100.64.1.2)", false},
		"none": {nil, "No router here opens a port", false},
	} {
		text, ok := Verdict(Try(t.Context(), 7078, c.routers))
		if !strings.HasPrefix(text, c.want) || ok != c.ok {
			t.Errorf("%s: %s", name, text)
		}
		for _, a := range c.routers {
			if r := a.(*router); r.err == nil && r.given != 1 {
				t.Errorf("%s: %s was not given back", name, r.protocol)
			}
		}
	}
}

// A router that restarted gives another address: that is told.
func TestAddressChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &router{protocol: PCP, lease: Lease{Outside: public, Port: 7077, Life: time.Hour}}
		time.AfterFunc(time.Hour, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lease.Outside = public.Next()
		})
		if got := keep(t, 2*time.Hour, nil, r); !strings.HasSuffix(got, "PCP 5.5.5.2:7077 ") {
			t.Errorf("reported\n%s", got)
		}
	})
}

// TestWire speaks PCP and NAT-PMP with a router of a few lines, over loopback.
func TestWire(t *testing.T) {
	type reply func(b []byte) []byte
	granted := func(b []byte) []byte {
		if b[0] == 2 {
			out := append([]byte(nil), b...)
			out[1] |= 0x80
			out[3] = 0
			binary.BigEndian.PutUint32(out[4:], 1800)
			binary.BigEndian.PutUint16(out[42:], 9000)
			a := netip.MustParseAddr("::ffff:5.5.5.1").As16()
			copy(out[44:], a[:])
			return out
		}
		if b[1] == 0 {
			return append([]byte{0, 128, 0, 0, 0, 0, 0, 1}, 5, 5, 5, 1)
		}
		out := make([]byte, 16)
		out[1] = 128 + b[1]
		copy(out[8:], b[4:6])
		binary.BigEndian.PutUint16(out[10:], 9000)
		binary.BigEndian.PutUint32(out[12:], 1800)
		return out
	}
	result := func(code byte) reply {
		return func(b []byte) []byte {
			out := make([]byte, 60)
			out[0], out[1], out[3] = b[0], b[1]|0x80, code
			return out
		}
	}
	for name, c := range map[string]struct {
		reply    reply
		pcp, pmp error
	}{
		"granted": {granted, nil, nil},
		"lost once": {func() reply {
			n := 0
			return func(b []byte) []byte {
				if n++; n%2 == 1 {
					return nil
				}
				return granted(b)
			}
		}(), nil, nil},
		"no address":    {result(7), ErrNotPublic, ErrRefused},
		"PMP has none":  {result(3), ErrRefused, ErrNotPublic},
		"not allowed":   {result(2), ErrRefused, ErrRefused},
		"other version": {result(1), ErrNoRouter, ErrNoRouter},
		"short":         {func([]byte) []byte { return []byte{2} }, ErrNoRouter, ErrNoRouter},
		"somebody else's": {func(b []byte) []byte { // another nonce, another port: waited past
			out := granted(b)
			out[len(out)-34] ^= 1
			if b[0] == 0 && len(out) == 16 {
				out[9] ^= 1
			}
			return out
		}, ErrNoRouter, ErrNoRouter},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() {
				buf := make([]byte, 1100)
				for {
					n, from, err := conn.ReadFrom(buf)
					if err != nil {
						return
					}
					if n == 60 && (buf[0] != 2 || buf[1] != 1 || netip.AddrFrom16([16]byte(buf[8:24])).Unmap().String() != "127.0.0.1") {
						t.Errorf("request % x", buf[:n])
					}
					if out := func() (out []byte) {
						defer func() { recover() }() // a reply to a request it is not for
						return c.reply(buf[:n])
					}(); out != nil {
						conn.WriteTo(out, from)
					}
				}
			}()
			at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
			for want, a := range map[*error]Asker{&c.pcp: &pcp{gateway: at, nonce: [12]byte{1}}, &c.pmp: &natpmp{gateway: at}} {
				lease, err := a.Map(t.Context(), 7077)
				if !errors.Is(err, *want) {
					t.Errorf("%s: %v, want %v", a.Protocol(), err, *want)
				}
				if err == nil && lease != (Lease{Outside: public, Port: 9000, Life: 30 * time.Minute}) {
					t.Errorf("%s: %+v", a.Protocol(), lease)
				}
			}
		})
	}
}

func TestNotPublic(t *testing.T) {
	for _, a := range []string{"10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "100.127.255.254", "169.254.1.1", "127.0.0.1", "0.0.0.0", "198.18.0.1", "::ffff:10.0.0.1"} {
		if !NotPublic(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
	for _, a := range []string{"5.5.5.1", "100.128.0.1", "2a00::1"} {
		if NotPublic(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for private", a)
		}
	}
}
