package meettest

import (
	"net"
	"sync"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"
)

// mobile is a network whose addresses may change while packets leave it: vnet
// looks at them for each packet without a lock.
type mobile struct {
	*vnet.Net
	mu sync.RWMutex // held while addresses change
}

// readdress takes one address away and gives another.
func (m *mobile) readdress(old net.IP, to *net.IPNet) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.RemoveAddress("eth0", old); err != nil {
		return err
	}
	return m.AddAddress("eth0", to)
}

// Interfaces lists the interfaces as they are now.
func (m *mobile) Interfaces() ([]*transport.Interface, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all, err := m.Net.Interfaces()
	if err != nil {
		return nil, err
	}
	copies := make([]*transport.Interface, 0, len(all))
	for _, i := range all {
		c := transport.NewInterface(i.Interface)
		if addrs, err := i.Addrs(); err == nil { // an interface without any has none to copy
			for _, a := range addrs {
				c.AddAddress(a)
			}
		}
		copies = append(copies, c)
	}
	return copies, nil
}

// ListenUDP implements [transport.Net].
func (m *mobile) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c, err := m.Net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	return &mobileConn{c, m}, nil
}

// DialUDP implements [transport.Net].
func (m *mobile) DialUDP(network string, local, remote *net.UDPAddr) (transport.UDPConn, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c, err := m.Net.DialUDP(network, local, remote)
	if err != nil {
		return nil, err
	}
	return &mobileConn{c, m}, nil
}

// ListenPacket implements [transport.Net].
func (m *mobile) ListenPacket(network, address string) (net.PacketConn, error) {
	to, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return m.ListenUDP(network, to)
}

// mobileConn is a socket of a mobile network.
type mobileConn struct {
	transport.UDPConn
	net *mobile
}

// WriteTo implements [net.PacketConn].
func (c *mobileConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.net.mu.RLock()
	defer c.net.mu.RUnlock()
	return c.UDPConn.WriteTo(b, to)
}

// Write implements [net.Conn].
func (c *mobileConn) Write(b []byte) (int, error) {
	c.net.mu.RLock()
	defer c.net.mu.RUnlock()
	return c.UDPConn.Write(b)
}
