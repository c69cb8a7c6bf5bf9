package conn

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"

	"github.com/meet-term/meet/rtc"
)

const (
	// seekEvery is how often a session whose path is not direct tries to make one.
	seekEvery = 2500 * time.Millisecond
	// relearnFirst and relearnMost bound how long it waits before it learns its own
	// addresses anew, twice as long each time.
	relearnFirst = 5 * time.Second
	relearnMost  = time.Minute
	// maxOpeners bounds how many addresses of the peer NATs are opened for.
	maxOpeners = 16
	// reflexivePriority is that of an address learned by STUN (RFC 8445 section
	// 5.1.2).
	reflexivePriority = 100<<24 | 65535<<8 | 255
	// newHostPriority is that of an address that was not there when candidates
	// were gathered: below those that were.
	newHostPriority = 126<<24 | 32767<<8 | 255
)

// seeker looks for a direct path while a session has another. ICE gathers
// addresses once; a network that opens later, an interface that comes, or a NAT
// that was restarted would never be noticed, and to gather again an ICE restart
// gives up the path in use. So our own addresses are learned anew from the socket
// that ICE uses anyway, and told as more candidates of the same generation.
type seeker struct {
	net *liveNet

	// Owned by the session's goroutine.
	peers []netip.AddrPort // where the peer said that it can be reached
	next  time.Time        // when our addresses are learned anew
	wait  time.Duration

	mu    sync.Mutex
	asked map[[stun.TransactionIDSize]byte]bool // guarded by mu; STUN requests that are out
	told  []netip.AddrPort                      // guarded by mu; what the peer knows in this generation
	tell  func(netip.AddrPort, bool)
}

// forget is for a new generation of our candidates.
func (k *seeker) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = nil
}

// knows notes an address that the peer is told, and reports whether it was new.
func (k *seeker) knows(a netip.AddrPort) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.told, a) || len(k.told) >= maxCandidates {
		return false
	}
	k.told = append(k.told, a)
	return true
}

// seek does what there is to be done now.
func (s *session) seek(now time.Time) {
	path := s.pulse.path.Load()
	if s.dialer.relayOnly || s.cfg.Browser || path == nil || !s.connected.Load() || path.stats.Path == rtc.PathDirect {
		s.seeker.wait = 0
		return
	}
	port := uint16(s.net.hostPort.Load())
	if port == 0 {
		return
	}
	// The side that does not check other pairs opens its NAT for the checks of the
	// other (RFC 8445 section 11).
	if opener, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.Fingerprint); err == nil {
		for _, to := range s.seeker.peers {
			_ = s.net.write(port, opener.Raw, to) // the next one may get through
		}
	}
	if s.seeker.wait == 0 {
		s.seeker.wait, s.seeker.next = relearnFirst, now
	}
	if now.Before(s.seeker.next) {
		return
	}
	s.seeker.next, s.seeker.wait = now.Add(s.seeker.wait), min(2*s.seeker.wait, relearnMost)
	s.tellHosts(port)
	var servers []string
	for _, server := range s.iceServers {
		for _, u := range server.URLs {
			if host, ok := stunHost(u); ok {
				servers = append(servers, host)
			}
		}
	}
	s.read(func() { s.seeker.ask(port, servers) }) // it may wait for a name
}

// stunHost is the host and port of a server that answers STUN over UDP.
func stunHost(url string) (string, bool) {
	u, err := stun.ParseURI(url)
	if err != nil || u.Proto != stun.ProtoTypeUDP && u.Proto != stun.ProtoTypeUnknown ||
		u.Scheme != stun.SchemeTypeSTUN && u.Scheme != stun.SchemeTypeTURN || strings.HasSuffix(u.Host, secureSuffix) {
		return "", false
	}
	return join(u.Host, u.Port), true
}

// ask asks servers for the address they see the socket with a port at.
func (k *seeker) ask(port uint16, servers []string) {
	for _, server := range servers {
		to, err := k.net.ResolveUDPAddr("udp4", server)
		if err != nil {
			continue // there is another time
		}
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
		if err != nil {
			continue
		}
		k.mu.Lock()
		if k.asked == nil || len(k.asked) > maxCandidates {
			k.asked = map[[stun.TransactionIDSize]byte]bool{}
		}
		k.asked[m.TransactionID] = true
		k.mu.Unlock()
		_ = k.net.write(port, m.Raw, plain(to.AddrPort()))
	}
}

// answered reports whether a packet answers a request of ours. It is asked about
// every packet that comes in.
func (k *seeker) answered(b []byte) bool {
	if !isAnswer(b) {
		return false
	}
	m := &stun.Message{Raw: bytes.Clone(b)}
	if m.Decode() != nil {
		return false
	}
	k.mu.Lock()
	ours := k.asked[m.TransactionID]
	delete(k.asked, m.TransactionID)
	k.mu.Unlock()
	if !ours {
		return false
	}
	var a stun.XORMappedAddress
	if a.GetFrom(m) == nil {
		if at := addrPort(a.IP.String(), a.Port); at.IsValid() {
			k.tell(at, false)
		}
	}
	return true
}

// tellHosts tells of addresses of this machine that the peer does not know.
func (s *session) tellHosts(port uint16) {
	ifaces, err := s.net.Net.Interfaces()
	if err != nil {
		return
	}
	addrs, loopback := usableLocal(ifaces)
	for _, a := range addrs {
		if a.Is4() && !loopback {
			s.tellAddress(netip.AddrPortFrom(a, port), true)
		}
	}
}

// tellAddress tells the peer of an address of ours, unless it knows it.
func (s *session) tellAddress(a netip.AddrPort, host bool) {
	if !s.seeker.knows(a) {
		return
	}
	s.postCandidates("", rtc.LocalCandidates{Candidates: []string{learnedCandidate(a, host)}})
}

// learnedCandidate is the candidate for an address that was learned after the
// others.
func learnedCandidate(a netip.AddrPort, host bool) string {
	fields := []string{
		"candidate:" + strconv.Itoa(int(a.Port())), "1", "udp", strconv.Itoa(reflexivePriority),
		a.Addr().String(), strconv.Itoa(int(a.Port())), "typ", "srflx", "raddr", "0.0.0.0", "rport", "9",
	}
	if host {
		fields[fieldPriority] = strconv.Itoa(newHostPriority)
		fields = append(fields[:fieldType:fieldType], "host")
	}
	return strings.Join(fields, " ")
}

// noteTold remembers a candidate that ICE gathered and the peer is told.
func (s *session) noteTold(lines []string) {
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < minFields {
			continue
		}
		if port, err := strconv.ParseUint(f[fieldPort], 10, 16); err == nil {
			s.seeker.knows(addrPort(f[fieldAddress], int(port)))
		}
	}
}

// noteHost notes the port of the socket that host candidates of IPv4 have.
func (n *liveNet) noteHost(local *net.UDPAddr) {
	if local.IP.To4() != nil {
		n.hostPort.Store(uint32(local.Port))
	}
}
