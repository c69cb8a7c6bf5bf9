package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/relay"
	"github.com/meet-term/meet/signal"
)

// relaying says what a host does for people who cannot reach each other. Its
// zero value is what hosts do unless told otherwise: they run a STUN and TURN
// server on their own port, if others than this machine can reach it.
type relaying struct {
	off, on     bool           // as told; else where the host listens decides
	public      []netip.Addr   // addresses others know this machine by
	first, last uint16         // ports of relayed addresses; 0: any
	allow       []netip.Prefix // private networks to relay to
	secret      string         // of the credentials; "": a random one
	proxied     bool           // clients reach signaling through a proxy
	foreign     []iceserver.Server
}

// relayFlags are the flags of meet serve that relaying is made of.
type relayFlags struct {
	turn        bool
	turnGiven   bool
	public      []string
	ports       string
	to          []string
	secret      string
	iceServers  []string
	trustsProxy bool
}

// relaying reads the flags.
func (f relayFlags) relaying() (r relaying, err error) {
	r.off, r.on = f.turnGiven && !f.turn, f.turnGiven && f.turn || len(f.public) > 0
	r.secret, r.proxied = f.secret, f.trustsProxy
	for _, p := range f.public {
		a, err := netip.ParseAddr(p)
		if err != nil || a.Zone() != "" || a.IsUnspecified() {
			return r, usagef("--public-address %s: it must be an IP address, such as 198.51.100.7", p)
		}
		r.public = append(r.public, a.Unmap())
	}
	for _, p := range f.to {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			return r, usagef("--relay-to %s: it must be a network, such as 192.168.1.0/24", p)
		}
		r.allow = append(r.allow, network.Masked())
	}
	if f.ports != "" {
		first, last, ok := strings.Cut(f.ports, "-")
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if !ok || errA != nil || errB != nil || a == 0 || a > b {
			return r, usagef("--relay-ports %s: it must be a range of ports, such as 40000-40999", f.ports)
		}
		r.first, r.last = uint16(a), uint16(b)
	}
	for _, u := range f.iceServers {
		s, err := iceserver.Parse(u)
		if err != nil {
			return r, usagef("--ice-server: %w", err)
		}
		r.foreign = append(r.foreign, s)
	}
	return r, nil
}

// relayHost is the STUN and TURN of a host.
type relayHost struct {
	mux    *relay.Mux
	server *relay.Server // nil: there is none
	offer  relay.Offer
	extra  []iceserver.Server
}

// wanted reports whether a host that listens at l runs a relay.
func (r relaying) wanted(l net.Listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && !r.off && (r.on || !a.IP.IsLoopback())
}

// start runs the STUN and TURN of a host on the port of l.
func (r relaying) start(l net.Listener, e encryption, log *slog.Logger) (*relayHost, error) {
	config, err := e.load()
	if err != nil {
		return nil, err
	}
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("run a relay at %v: it is no TCP port", l.Addr())
	}
	packets := listenPackets(at, log)
	h := &relayHost{mux: relay.Split(l, config), extra: r.foreign}
	h.server, err = relay.New(relay.Config{
		Packets: packets, Streams: h.mux.STUN(),
		Public: r.public, FirstPort: r.first, LastPort: r.last, Allow: r.allow,
		Secret: r.secret, Logger: log,
	})
	if err != nil { // signaling goes on without
		log.Warn("no relay here", "error", err)
		for _, p := range packets {
			p.Close()
		}
		h.server = nil
		return h, h.mux.STUN().Close()
	}
	h.offer = relay.Offer{Server: h.server, Streams: true, TLS: config != nil, NoUDP: len(packets) == 0}
	if r.proxied {
		h.offer.Port = at.Port
	}
	return h, nil
}

// packetBuffer is how many bytes wait for the relay, or for the network, before
// packets are lost: a tenth of a second of a hundred people's sound.
const packetBuffer = 1 << 20

// listenPackets opens the UDP port of the same number: where the host listens
// everywhere, one socket of each family.
func listenPackets(at *net.TCPAddr, log *slog.Logger) []net.PacketConn {
	networks := []string{"udp"}
	if at.IP.IsUnspecified() {
		networks = []string{"udp4", "udp6"}
		if at.IP.To4() != nil {
			networks = networks[:1]
		}
	}
	var out []net.PacketConn
	for _, network := range networks {
		u := &net.UDPAddr{IP: at.IP, Port: at.Port, Zone: at.Zone}
		if at.IP.IsUnspecified() {
			u.IP = nil
		}
		c, err := net.ListenUDP(network, u)
		if err != nil {
			log.Warn("no relay over "+network, "error", err)
			continue
		}
		_ = c.SetReadBuffer(packetBuffer) // as much of it as the system gives
		_ = c.SetWriteBuffer(packetBuffer)
		out = append(out, c)
	}
	return out
}

// ice is what a member of a room is offered.
func (h *relayHost) ice(q signal.ICERequest) ([]signal.ICEServer, time.Duration) {
	var out []signal.ICEServer
	renew := time.Duration(0)
	if h.server != nil {
		out, renew = h.offer.ICE(q)
	}
	for _, s := range h.extra {
		out = append(out, s.Offer(string(q.Peer), time.Now()))
		if s.Secret != "" && renew == 0 {
			renew = iceserver.Lifetime / 2
		}
	}
	return out, renew
}

// stop ends the relay.
func (h *relayHost) stop() error {
	var errs []error
	if h.server != nil {
		errs = append(errs, h.server.Close())
	}
	if h.mux != nil {
		errs = append(errs, h.mux.Close())
	}
	return errors.Join(errs...)
}
