package conn

import (
	"net/netip"
	"testing"

	"github.com/meet-term/meet/rtc"
)

// The source is the address of this moment, whatever address a pair was made
// with; a NAT's address stays what it is.
func TestSourceIsOfThisMoment(t *testing.T) {
	base, err := newSystemNet()
	if err != nil {
		t.Fatal(err)
	}
	s := source{net: newLiveNet(base, newPulse())}
	for _, c := range []struct {
		kind, local, want string
	}{
		{"host", "10.9.8.7:1234", "127.0.0.1:1234"},
		{"srflx", "203.0.113.7:999", "203.0.113.7:999"},
		{"relay", "203.0.113.8:998", "203.0.113.8:998"},
	} {
		got := s.complete(rtc.TransportStats{LocalType: c.kind, LocalAddress: c.local, RemoteAddress: "127.0.0.1:4711"})
		if got.LocalAddress != c.want || got.Source != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("%s: %+v", c.kind, got)
		}
	}
	if got := s.complete(rtc.TransportStats{}); got != (rtc.TransportStats{}) {
		t.Errorf("without a path: %+v", got)
	}
	s.addr = netip.Addr{}
	s.look()
	if s.addr != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("after a change: %v", s.addr)
	}
}
