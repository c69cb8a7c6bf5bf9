// Package probe tries STUN and TURN servers for real: which address others see,
// what kind of NAT is in between, and whether a packet passes a relay.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/meet-term/meet/signal"
)

// Dial connects to a relay over TCP, or TLS if it is to be secure.
type Dial func(ctx context.Context, network, address string, secure bool) (net.Conn, error)

// Transport is how a relay is reached.
type Transport string

// The transports of relays.
const (
	UDP Transport = "UDP"
	TCP Transport = "TCP"
	TLS Transport = "TLS"
)

// Target is one way to one server.
type Target struct {
	Transport          Transport
	Address            string // host and port
	Relay              bool   // else STUN only
	Username, Password string
}

// Targets reads what a server offers. What cannot be read is left out.
func Targets(servers []signal.ICEServer) []Target {
	var out []Target
	for _, s := range servers {
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil {
				continue
			}
			t := Target{
				Transport: UDP, Address: net.JoinHostPort(uri.Host, fmt.Sprint(uri.Port)),
				Relay: strings.HasPrefix(u, "turn"), Username: s.Username, Password: s.Credential,
			}
			switch {
			case uri.Scheme == stun.SchemeTypeTURNS && uri.Proto == stun.ProtoTypeTCP:
				t.Transport = TLS
			case uri.Proto == stun.ProtoTypeTCP:
				t.Transport = TCP
			case uri.Scheme == stun.SchemeTypeTURNS || uri.Scheme == stun.SchemeTypeSTUNS:
				continue // DTLS
			}
			out = append(out, t)
		}
	}
	return out
}

// Times of a probe.
const (
	requestEvery = 100 * time.Millisecond // between repetitions
	quiet        = 700 * time.Millisecond // after which a packet is taken to be lost
)

// client makes a TURN client on c, which it closes at the end of ctx.
func client(ctx context.Context, c net.PacketConn, t Target) (*turn.Client, error) {
	silent := logging.NewDefaultLoggerFactory()
	silent.DefaultLogLevel = logging.LogLevelDisabled
	cfg := &turn.ClientConfig{Conn: c, Username: t.Username, Password: t.Password, LoggerFactory: silent, RTO: requestEvery}
	if t.Transport == UDP {
		cfg.STUNServerAddr, cfg.TURNServerAddr = t.Address, t.Address
	}
	client, err := turn.NewClient(cfg)
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	context.AfterFunc(ctx, func() {
		client.Close()
		c.Close()
	})
	return client, nil
}

// open opens what t is reached over.
func open(ctx context.Context, t Target, dial Dial) (net.PacketConn, error) {
	if t.Transport == UDP {
		host, _, err := net.SplitHostPort(t.Address)
		if err != nil {
			return nil, err
		}
		network := "udp4"
		if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
			network = "udp6"
		}
		return net.ListenPacket(network, ":0")
	}
	c, err := dial(ctx, "tcp", t.Address, t.Transport == TLS)
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(c), nil
}

// Allocate opens a relayed address at a relay, until ctx ends. UDP needs no dial.
func Allocate(ctx context.Context, t Target, dial Dial) (net.PacketConn, error) {
	c, err := open(ctx, t, dial)
	if err != nil {
		return nil, err
	}
	client, err := client(ctx, c, t)
	if err != nil {
		return nil, err
	}
	relayed, err := client.AllocateWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("it gives no address: %w", err)
	}
	return relayed, nil
}

// Passage is a relay that a packet passed.
type Passage struct {
	Relayed   netip.AddrPort // the address others would reach us at
	RoundTrip time.Duration  // of a packet to the relay and back
}

var probeText = []byte("does this come back?")

// Pass makes an allocation at a relay and sends a packet through it, to itself.
func Pass(ctx context.Context, t Target, dial Dial) (Passage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	relayed, err := Allocate(ctx, t, dial)
	if err != nil {
		return Passage{}, err
	}
	defer relayed.Close()
	out := Passage{Relayed: addrPort(relayed.LocalAddr())}
	buf := make([]byte, 200)
	for range 5 {
		sent := time.Now()
		if _, err := relayed.WriteTo(probeText, relayed.LocalAddr()); err != nil {
			return out, fmt.Errorf("it takes no packet: %w", err)
		}
		if err := relayed.SetReadDeadline(time.Now().Add(quiet)); err != nil {
			return out, err
		}
		n, _, err := relayed.ReadFrom(buf)
		if err == nil && string(buf[:n]) == string(probeText) {
			out.RoundTrip = time.Since(sent)
			return out, nil
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
	return out, errors.New("it gives an address, but no packet passes")
}

func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// Mapping says what a NAT makes of an address towards different places (RFC 4787
// section 4.1).
type Mapping uint8

// The kinds of mappings, as far as one server can tell them apart.
const (
	MappingUnknown Mapping = iota
	NoNAT                  // the address is our own
	SamePort               // one mapping, whatever the other's port
	OtherPort              // another mapping for another port: symmetric
)

// Filtering says what a NAT lets in (RFC 4787 section 5).
type Filtering uint8

// The kinds of filters, as far as one server can tell them apart.
const (
	FilteringUnknown Filtering = iota
	AnyPort                    // of an address we sent to, or of any
	SentTo                     // only addresses and ports we sent to
)

// NAT is what stands between this machine and the others.
type NAT struct {
	Mapped    netip.AddrPort // what others see of us; invalid: nothing came back
	Mapping   Mapping
	Filtering Filtering
}

// Look finds out what kind of NAT is in between, from a STUN server and a relay
// of the same host over UDP. A relayed address is a second port that one can be
// seen from (RFC 5780 needs a server with two of its own).
func Look(ctx context.Context, server Target) (NAT, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := open(ctx, server, nil)
	if err != nil {
		return NAT{}, err
	}
	defer c.Close()
	to, err := net.ResolveUDPAddr("udp", server.Address)
	if err != nil {
		return NAT{}, err
	}
	mapped, err := mappedAddress(ctx, c, to)
	if err != nil {
		return NAT{}, err
	}
	out := NAT{Mapped: mapped}
	if isOwn(mapped.Addr()) {
		out.Mapping = NoNAT
	}
	if !server.Relay {
		return out, nil
	}
	second, err := open(ctx, server, nil)
	if err != nil {
		return out, nil
	}
	client, err := client(ctx, second, server)
	if err != nil {
		return out, nil
	}
	relayed, err := client.AllocateWithContext(ctx)
	if err != nil {
		return out, nil
	}
	defer relayed.Close()
	out.Filtering = filtering(c, relayed, mapped)
	if out.Mapping == NoNAT || out.Filtering == FilteringUnknown {
		return out, nil
	}
	out.Mapping = mapping(c, relayed, mapped)
	return out, nil
}

// isOwn reports whether an address is this machine's.
func isOwn(a netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, own := range addrs {
		if p, err := netip.ParsePrefix(own.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// mappedAddress asks a STUN server what it sees of c.
func mappedAddress(ctx context.Context, c net.PacketConn, to net.Addr) (netip.AddrPort, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.AddrPort{}, err
	}
	buf := make([]byte, 600)
	for range 8 {
		if _, err := c.WriteTo(request.Raw, to); err != nil {
			return netip.AddrPort{}, err
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * requestEvery)); err != nil {
			return netip.AddrPort{}, err
		}
		n, _, err := c.ReadFrom(buf)
		if ctx.Err() != nil {
			return netip.AddrPort{}, ctx.Err()
		}
		if err != nil {
			continue
		}
		m := &stun.Message{Raw: buf[:n]}
		var seen stun.XORMappedAddress
		if m.Decode() != nil || m.TransactionID != request.TransactionID || seen.GetFrom(m) != nil {
			continue
		}
		if a, ok := netip.AddrFromSlice(seen.IP); ok {
			return netip.AddrPortFrom(a.Unmap(), uint16(seen.Port)), nil
		}
	}
	return netip.AddrPort{}, errors.New("nothing comes back")
}

// filtering sends to c from a port that it never sent to.
func filtering(c, relayed net.PacketConn, mapped netip.AddrPort) Filtering {
	buf := make([]byte, 200)
	for range 2 {
		if _, err := relayed.WriteTo(probeText, net.UDPAddrFromAddrPort(mapped)); err != nil {
			return FilteringUnknown // the relay sends nothing there: both are in one network
		}
		if c.SetReadDeadline(time.Now().Add(quiet/2)) != nil {
			return FilteringUnknown
		}
		if n, _, err := c.ReadFrom(buf); err == nil && string(buf[:n]) == string(probeText) {
			return AnyPort
		}
	}
	return SentTo
}

// mapping sends from c to another port than before.
func mapping(c, relayed net.PacketConn, mapped netip.AddrPort) Mapping {
	buf := make([]byte, 200)
	for range 3 {
		if _, err := c.WriteTo(probeText, relayed.LocalAddr()); err != nil {
			return MappingUnknown
		}
		if relayed.SetReadDeadline(time.Now().Add(quiet/2)) != nil {
			return MappingUnknown
		}
		n, from, err := relayed.ReadFrom(buf)
		if err != nil || string(buf[:n]) != string(probeText) {
			continue
		}
		if addrPort(from) == mapped {
			return SamePort
		}
		return OtherPort
	}
	return MappingUnknown
}
