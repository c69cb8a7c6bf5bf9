package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/signal"
)

// DialRelay connects to a relay over TCP, or TLS if it is to be secure. network is
// tcp4 or tcp6. The local address of the connection must be a *net.TCPAddr.
type DialRelay func(ctx context.Context, network, address string, secure bool) (net.Conn, error)

// secureSuffix marks the relays that are reached by TLS: pion asks for a
// connection by host and port alone, which one server has for both.
const secureSuffix = ".tls.invalid"

// servers returns the STUN and TURN servers in the form pion wants. Those of use
// only to learn an address that nobody shall know are left out, and those over
// TCP where there is no way to dial them.
func (s *session) servers(offered []signal.ICEServer) []webrtc.ICEServer {
	var out []webrtc.ICEServer
	overUDP, relays := false, 0
	for _, server := range offered {
		var urls []string
		for _, u := range server.URLs {
			relay, udp := strings.HasPrefix(u, "turn"), !isStream(u)
			switch {
			case !relay && s.dialer.relayOnly, !udp && s.dialer.dialRelay == nil:
				continue
			case strings.HasPrefix(u, "turns:") && !udp:
				u = markSecure(u)
			}
			if relay {
				relays++
			}
			overUDP = overUDP || relay && udp
			urls = append(urls, u)
		}
		if len(urls) > 0 {
			out = append(out, webrtc.ICEServer{
				URLs: urls, Username: server.Username, Credential: server.Credential,
			})
		}
	}
	s.relays.Store(int32(relays))
	s.streams.begin(overUDP)
	s.net.logins.set(out)
	return out
}

// isStream says whether a server is reached by TCP or TLS.
func isStream(u string) bool {
	return strings.Contains(u, "transport=tcp") || strings.HasPrefix(u, "turns:") && !strings.Contains(u, "transport=udp")
}

// markSecure puts the mark on the host of a URL. An IPv6 address is written with
// dashes, as a host name has no colons.
func markSecure(u string) string {
	rest, query, _ := strings.Cut(strings.TrimPrefix(u, "turns:"), "?")
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = strings.Trim(rest, "[]"), "5349" // RFC 7065 section 3.2
	}
	if strings.Contains(host, ":") {
		host = "6-" + strings.ReplaceAll(host, ":", "-")
	} else {
		host = "n-" + host
	}
	return "turns:" + host + secureSuffix + ":" + port + "?" + query
}

// unmark reads an address that may have a marked host.
func unmark(address string) (plain string, secure bool) {
	host, port, err := net.SplitHostPort(address)
	marked, secure := strings.CutSuffix(host, secureSuffix)
	if err != nil || !secure {
		return address, false
	}
	kind, host, _ := strings.Cut(marked, "-")
	if kind == "6" {
		host = strings.ReplaceAll(host, "-", ":")
	}
	return net.JoinHostPort(host, port), true
}

// useICE takes other STUN and TURN servers, or fresh credentials, for the next
// ICE restart.
func (s *session) useICE(offered []signal.ICEServer) {
	servers := s.servers(offered)
	if err := s.pc.SetConfiguration(webrtc.Configuration{
		ICEServers: servers, ICETransportPolicy: s.dialer.policy(),
	}); err != nil {
		s.log.Info("new ICE servers are not taken", "err", err)
		return
	}
	s.iceServers = servers
}

func (d *Dialer) policy() webrtc.ICETransportPolicy {
	if d.relayOnly {
		return webrtc.ICETransportPolicyRelay
	}
	return webrtc.ICETransportPolicyAll
}

const (
	// streamPatience is how long a relay over UDP is waited for before one over TCP
	// is dialled as well: two round trips of a slow network.
	streamPatience = 300 * time.Millisecond
	// streamTimeout bounds dialling a relay over TCP or TLS.
	streamTimeout = 10 * time.Second
	// blockedFor is how long it is believed that UDP does not reach the relay.
	blockedFor = 30 * time.Second
)

// errOverUDP is what pion is told when a relay over TCP is not needed.
var errOverUDP = errors.New("the relay is reached over UDP")

// streams opens the connections of one session to relays over TCP and TLS, which
// a relay that is reached over UDP spares. It implements proxy.Dialer, which is
// how pion lets connections be made by others.
type streams struct {
	session *session

	mu      sync.Mutex      // guards what follows
	overUDP bool            // there is a relay to be reached over UDP
	reached chan struct{}   // closed when it is
	dialled map[string]bool // local addresses of the connections that were opened
}

// begin is told of the servers that are gathered from next.
func (s *streams) begin(overUDP bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overUDP = overUDP
}

// restart forgets what was reached, before candidates are gathered anew.
func (s *streams) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached, s.dialled = make(chan struct{}), map[string]bool{}
}

// relayed is told of a relay candidate, by what it is related to: the address
// from which the relay is reached (RFC 8839 section 5.1).
func (s *streams) relayed(related string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialled[related] {
		return
	}
	s.session.dialer.udpBlocked.Store(0)
	select {
	case <-s.reached:
	default:
		close(s.reached)
	}
}

// Dial implements proxy.Dialer.
func (s *streams) Dial(network, address string) (net.Conn, error) {
	if err := s.wait(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.session.ctx, streamTimeout)
	defer cancel()
	plain, secure := unmark(address)
	c, err := s.session.dialer.dialRelay(ctx, network, plain, secure)
	if err != nil {
		return nil, fmt.Errorf("dial the relay: %w", err)
	}
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok { // pion would panic
		return nil, errors.Join(fmt.Errorf("dial the relay: from %T", c.LocalAddr()), c.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled[join(local.IP.String(), local.Port)] = true
	return newRelayStream(c, &s.session.net.logins), nil
}

// wait returns nil when a relay over TCP is needed.
func (s *streams) wait() error {
	s.mu.Lock()
	overUDP, reached := s.overUDP, s.reached
	s.mu.Unlock()
	blocked := &s.session.dialer.udpBlocked
	since := time.Duration(blocked.Load())
	now := time.Since(s.session.dialer.started)
	if !overUDP || since != 0 && now-since < blockedFor {
		return nil
	}
	timer := time.NewTimer(streamPatience)
	defer timer.Stop()
	select {
	case <-reached:
		return errOverUDP
	case <-s.session.ctx.Done():
		return s.session.ctx.Err()
	case <-timer.C:
		blocked.Store(int64(max(1, time.Since(s.session.dialer.started))))
		return nil
	}
}
