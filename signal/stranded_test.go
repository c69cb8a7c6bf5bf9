package signal

import (
	"errors"
	"net"
	"testing"
)

func TestStranded(t *testing.T) {
	have := func(cidrs ...string) func() ([]net.Addr, error) {
		return func() (all []net.Addr, err error) {
			for _, c := range cidrs {
				ip, n, err := net.ParseCIDR(c)
				if err != nil {
					return nil, err
				}
				all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
			}
			return all, nil
		}
	}
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 40000} }
	for name, c := range map[string]struct {
		local      net.Addr
		interfaces func() ([]net.Addr, error)
		want       bool
	}{
		"still there":           {at("10.1.0.2"), have("127.0.0.1/8", "10.1.0.2/24"), false},
		"replaced":              {at("10.1.0.2"), have("127.0.0.1/8", "10.1.0.9/24"), true},
		"gone":                  {at("10.1.0.2"), have("127.0.0.1/8"), true},
		"IPv6, still there":     {at("2001:db8::2"), have("2001:db8::2/64"), false},
		"IPv6, replaced":        {at("2001:db8::2"), have("2001:db8::7/64"), true},
		"loopback":              {at("127.0.0.1"), have("10.1.0.2/24"), false},
		"no TCP":                {&net.UnixAddr{Name: "x"}, have("10.1.0.2/24"), false},
		"nothing can be listed": {at("10.1.0.2"), func() ([]net.Addr, error) { return nil, errors.New("denied") }, false},
	} {
		if got := stranded(c.local, c.interfaces); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
