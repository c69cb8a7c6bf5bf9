//go:build !linux

package portmap

import (
	"net"
	"net/netip"
)

// Gateway is the router of the default route (IPv4). This system's table of
// routes is not read: in homes the router has the first address of the network.
func Gateway() (netip.Addr, bool) {
	c, err := net.Dial("udp4", "192.0.2.1:9") // sends nothing: it chooses the way
	if err != nil {
		return netip.Addr{}, false
	}
	defer c.Close()
	own, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, false
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(own.IP) {
			ones, _ := n.Mask.Size()
			first := netip.PrefixFrom(own.AddrPort().Addr().Unmap(), ones).Masked().Addr().Next()
			return first, first.IsPrivate()
		}
	}
	return netip.Addr{}, false
}
