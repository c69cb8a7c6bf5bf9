package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/internal/portmap"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// machine is this computer, as a venue sees it.
type machine struct {
	log *slog.Logger

	once      sync.Once
	authority *localtls.Authority // of this machine; nil until it is needed, and where it cannot be made
	authErr   error
}

var _ venue.System = (*machine)(nil)

// openAuthority opens the authority of this machine, once.
func (m *machine) openAuthority() (*localtls.Authority, error) {
	m.once.Do(func() {
		dir, err := identity.Dir()
		if err != nil {
			m.authErr = err
			return
		}
		m.authority, m.authErr = localtls.Open(filepath.Join(dir, "tls"))
	})
	return m.authority, m.authErr
}

// Own implements venue.System.
func (m *machine) Own(r venue.Reach) (base, authority string) {
	if r != venue.Internet {
		return "http://" + localServer + "/", ""
	}
	if a, err := m.openAuthority(); err == nil {
		authority = a.Fingerprint()
	}
	return "https://" + localServer + "/", authority
}

// Host implements venue.System.
func (m *machine) Host(ctx context.Context, r venue.Reach) (venue.Server, error) {
	var e encryption
	var fingerprint string
	if r == venue.Internet {
		a, err := m.openAuthority()
		if err != nil {
			return nil, err
		}
		e.config, fingerprint = a.ServerConfig(), a.Fingerprint()
	}
	l, err := openPort(ctx, r)
	if err != nil {
		return nil, err
	}
	var relay relaying
	if r == venue.Internet {
		// Who hosts is behind the router too: what is relayed has to get to this
		// machine's own address, and to nothing else of its network.
		for _, a := range machineAddresses() {
			relay.allow = append(relay.allow, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return &hosted{host: newRelayingHost(l, signal.ServerConfig{Logger: m.log}, e, relay), authority: fingerprint}, nil
}

// openPort listens on the local port for those that a reach admits.
func openPort(ctx context.Context, r venue.Reach) (net.Listener, error) {
	var cfg net.ListenConfig
	// Some systems let a socket for all addresses be opened beside that of
	// another process for one of them.
	l, err := cfg.Listen(ctx, "tcp", localServer)
	if err == nil && r != venue.Machine {
		if err = l.Close(); err == nil {
			_, port, _ := net.SplitHostPort(localServer)
			l, err = cfg.Listen(ctx, "tcp", ":"+port)
		}
	}
	switch {
	case err == nil && r == venue.Network:
		return &neighbourhood{Listener: l}, nil
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "Only one usage"):
		return nil, fmt.Errorf("%w: %w", venue.ErrTaken, err)
	}
	return nil, err
}

// neighbourhood takes connections of this machine's networks only.
type neighbourhood struct{ net.Listener }

// Accept implements net.Listener.
func (l *neighbourhood) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		a, ok := c.RemoteAddr().(*net.TCPAddr)
		if ok && venue.Network.Admits(a.AddrPort().Addr(), machineNetworks()) {
			return c, nil
		}
		c.Close()
	}
}

// machineNetworks are the networks this machine is on.
func machineNetworks() []netip.Prefix {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if p, err := netip.ParsePrefix(n.String()); err == nil {
				out = append(out, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
			}
		}
	}
	return out
}

// hosted is a host as a venue sees it.
type hosted struct {
	*host
	authority string
}

func (h *hosted) ID() string         { return h.server.ID() }
func (h *hosted) Authority() string  { return h.authority }
func (h *hosted) Tell(a venue.About) { h.front.Tell(a) }
func (h *hosted) Stop() error        { return h.stop() }

// Forward implements venue.Server.
func (h *hosted) Forward(base, authority string) {
	transport, err := plainTransport(authority)
	if err == nil {
		err = h.front.Forward(base, transport)
	}
	if err != nil {
		h.log.Warn("hand on to another server", "error", err)
		return
	}
	crash.GoIn(&h.running, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), stopTime)
		defer cancel()
		_ = h.server.Shutdown(ctx) // whoever is slow is hung up on
	})
}

// plainTransport goes straight to a server of this machine or network, whatever
// proxy the environment names, and trusts an authority instead of the system's.
func plainTransport(authority string) (*http.Transport, error) {
	t := &http.Transport{DialContext: new(net.Dialer).DialContext, DisableKeepAlives: true}
	if authority != "" {
		config, err := localtls.ClientConfig(authority)
		if err != nil {
			return nil, err
		}
		config.NextProtos = []string{"http/1.1"}
		t.TLSClientConfig = config
	}
	return t, nil
}

// Probe implements venue.System.
func (m *machine) Probe(ctx context.Context, base, authority string) (venue.About, error) {
	transport, err := plainTransport(authority)
	if err != nil {
		return venue.About{}, err
	}
	defer transport.CloseIdleConnections()
	return venue.Ask(ctx, &http.Client{Transport: transport}, base)
}

// Addresses implements venue.System.
func (m *machine) Addresses() []netip.Addr { return machineAddresses() }

// maxOwnAddresses bounds what is told of this machine.
const maxOwnAddresses = 6

// machineAddresses are those that the networks of this machine know it by, the
// best for others first: that of the default route, then IPv4, then IPv6.
func machineAddresses() []netip.Addr {
	var preferred netip.Addr
	if c, err := net.Dial("udp4", "192.0.2.1:9"); err == nil { // sends nothing: it chooses a way
		if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
			preferred = a.AddrPort().Addr().Unmap()
		}
		c.Close()
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap().IsGlobalUnicast() {
				out = append(out, ip.Unmap())
			}
		}
	}
	rank := func(a netip.Addr) int {
		switch {
		case a == preferred:
			return 0
		case a.Is4():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return cmp.Compare(rank(a), rank(b)) })
	return out[:min(len(out), maxOwnAddresses)]
}

// Multicast implements venue.System.
func (m *machine) Multicast() (lan.Conn, error) { return lan.Open() }

// Map implements venue.System.
func (m *machine) Map(ctx context.Context, report func(portmap.Status)) {
	portmap.Keep(ctx, signal.DefaultPort, machineAddresses(), portmap.Askers(), report, m.log)
}

// knownAs says which names a request for a server may have in its Host: on
// loopback only those of this machine, so that no page elsewhere can have its
// own name resolve to it. A proxy in front looks after that itself.
func knownAs(cfg signal.ServerConfig) func(string, net.Addr) bool {
	if cfg.TrustProxy || slices.Contains(cfg.Origins, "*") {
		return nil
	}
	return func(host string, local net.Addr) bool {
		if a, ok := local.(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			return true
		}
		return venue.OwnName(host) || slices.ContainsFunc(cfg.Origins, func(origin string) bool {
			u, err := url.Parse(origin)
			return err == nil && strings.EqualFold(u.Hostname(), host)
		})
	}
}
