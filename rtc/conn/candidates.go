package conn

import (
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
)

// maxCandidateLine is the longest candidate that is read, in bytes.
const maxCandidateLine = 512

// addCandidates gives the peer's candidates to pion, or keeps them until the
// description they belong to is there. Candidates of no use are dropped and
// counted; they never fail a session.
func (s *session) addCandidates(c rtc.AddCandidates) {
	if !s.remoteOpen {
		room := maxCandidates - len(s.early)
		s.early = append(s.early, c.Candidates[:min(room, len(c.Candidates))]...)
		for range len(c.Candidates) - room {
			s.drop("early candidate")
		}
		s.earlyEnd = s.earlyEnd || c.Done
		return
	}
	for _, line := range c.Candidates {
		s.addCandidate(line)
	}
	if c.Done {
		s.endCandidates()
	}
}

// openCandidates lets candidates through once a description is applied.
func (s *session) openCandidates() {
	if s.remoteOpen {
		return
	}
	s.remoteOpen = true
	early, done := s.early, s.earlyEnd
	s.early, s.earlyEnd = nil, false
	s.addCandidates(rtc.AddCandidates{Candidates: early, Done: done})
}

func (s *session) addCandidate(line string) {
	line, ok := cleanCandidate(line, s.net.loopbackOnly())
	if !ok || s.taken >= maxCandidates || !s.noteCandidate(line) {
		s.drop("candidate")
		return
	}
	s.taken++
	if err := s.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: line}); err != nil {
		s.log.Debug("add a candidate", "err", err)
		s.drop("candidate")
	}
}

// noteCandidate notes what kind of way a clean candidate offers, and reports
// whether it is to be tried: one of carried pairs must stand for the peer.
func (s *session) noteCandidate(line string) bool {
	f := strings.Fields(line)
	a, err := netip.ParseAddr(f[fieldAddress])
	port, _ := strconv.ParseUint(f[fieldPort], 10, 16)
	at := netip.AddrPortFrom(a.Unmap(), uint16(port))
	path := rtc.PathDirect
	switch {
	case err != nil:
		return false
	case isCarried(a):
		if s.net.route == nil || a != s.net.route.addr || f[fieldType] != "relay" {
			return false
		}
		path = rtc.PathVia
		s.net.setCarriedPort(uint16(port), false)
	case f[fieldType] == "relay":
		path = rtc.PathRelay
		s.pulse.known.addRelay(at)
	}
	if path == rtc.PathDirect && at.Addr().Is4() && len(s.seeker.peers) < maxOpeners {
		s.seeker.peers = append(s.seeker.peers, at)
	}
	s.offers[path].Add(1)
	return true
}

func (s *session) endCandidates() {
	if err := s.pc.AddICECandidate(webrtc.ICECandidateInit{}); err != nil {
		s.log.Debug("end the candidates", "err", err)
	}
}

// localCandidate is told by pion of a candidate it gathered; nil ends them.
func (s *session) localCandidate(c *webrtc.ICECandidate) {
	if c == nil {
		s.postCandidates("", rtc.LocalCandidates{Done: true})
		return
	}
	line := c.ToJSON().Candidate
	if c.Typ == webrtc.ICECandidateTypeRelay {
		s.streams.relayed(join(c.RelatedAddress, int(c.RelatedPort)))
	}
	if s.dialer.relayOnly {
		line = hideRelated(line)
	}
	lines := []string{line}
	a, err := netip.ParseAddr(c.Address)
	switch {
	case err != nil:
	case isCarried(a):
		lines = []string{carriedCandidate(line)}
	case c.Typ == webrtc.ICECandidateTypeHost:
		lines = expand(line, s.net.standsFor(a.Unmap()))
	case c.Typ == webrtc.ICECandidateTypeRelay:
		s.relayed.Add(1)
	}
	s.noteTold(lines)
	s.postCandidates(extension(line, "ufrag"), rtc.LocalCandidates{Candidates: lines})
}

func (s *session) postCandidates(frag string, c rtc.LocalCandidates) {
	if c, ok := s.gen.tag(frag, c); ok {
		s.post(c)
	}
}

// hideRelated takes the related address out of a candidate: for a relay over TCP it
// is our own. Zeros stand for it (RFC 8839 section 5.1).
func hideRelated(line string) string {
	f := strings.Fields(line)
	for i := minFields; i+1 < len(f); i++ {
		switch f[i] {
		case "raddr":
			f[i+1] = "0.0.0.0"
		case "rport":
			f[i+1] = "0"
		}
	}
	return strings.Join(f, " ")
}

// withoutRelated is hideRelated for the candidates in a description of ours.
func withoutRelated(e rtc.SessionEvent) rtc.SessionEvent {
	switch d := e.(type) {
	case rtc.LocalOffer:
		d.SDP = hideAll(d.SDP)
		return d
	case rtc.LocalAnswer:
		d.SDP = hideAll(d.SDP)
		return d
	}
	return e
}

func hideAll(sdp string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "a=candidate:") {
			line = hideRelated(line) + "\r\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// Fields of a candidate attribute (RFC 8839 section 5.1).
const (
	fieldFoundation = iota
	fieldComponent
	fieldTransport
	fieldPriority
	fieldAddress
	fieldPort
	fieldTyp
	fieldType
	minFields
)

// carriedPriority is that of a candidate of a carried pair: below all others.
const carriedPriority = 255

// carriedCandidate makes the host candidate that ICE has for a carried pair into
// what the peer is told: a relay, which it is, and one that is worse than any
// other (RFC 8445 section 5.1.2). ICE orders pairs by the lower of their two
// priorities, so telling is enough.
func carriedCandidate(line string) string {
	f := strings.Fields(line)
	if len(f) < minFields {
		return line
	}
	f[fieldPriority], f[fieldType] = strconv.Itoa(carriedPriority), "relay"
	f = slices.Insert(f, fieldType+1, "raddr", "::", "rport", "9")
	return strings.Join(f, " ")
}

// expand makes one host candidate into one for each address that its socket
// answers on. The local preference falls from address to address, so that no
// two have the same priority (RFC 8445 section 5.1.2.1).
func expand(line string, addrs []netip.Addr) []string {
	fields := strings.Fields(line)
	if len(addrs) <= 1 || len(fields) < minFields {
		return []string{line}
	}
	priority, err := strconv.ParseUint(fields[fieldPriority], 10, 32)
	if err != nil {
		return []string{line}
	}
	out := make([]string, 0, len(addrs))
	for i, a := range addrs {
		f := append([]string(nil), fields...)
		f[fieldAddress] = a.String()
		if i > 0 {
			f[fieldPriority] = strconv.FormatUint(priority-uint64(i)<<8, 10)
			f[fieldFoundation] = "candidate:" + strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(a.String()))), 10)
		}
		out = append(out, strings.Join(f, " "))
	}
	return out
}

// cleanCandidate checks a candidate of the peer: UDP, component 1, a literal
// address that we are willing to send to. It returns the line as pion wants it.
func cleanCandidate(line string, loopbackOnly bool) (string, bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "a=")
	if len(line) > maxCandidateLine {
		return "", false
	}
	f := strings.Fields(line)
	if len(f) < minFields || f[fieldTyp] != "typ" || f[fieldComponent] != "1" ||
		!strings.EqualFold(f[fieldTransport], "udp") {
		return "", false
	}
	switch f[fieldType] {
	case "host", "srflx", "prflx", "relay":
	default:
		return "", false
	}
	port, err := strconv.ParseUint(f[fieldPort], 10, 16)
	if err != nil || port == 0 {
		return "", false
	}
	a, err := netip.ParseAddr(f[fieldAddress])
	if err != nil || a.Zone() != "" || !usableRemote(a.Unmap(), loopbackOnly) {
		return "", false
	}
	return line, true
}

// extension returns the value of an extension attribute of a candidate, or "".
func extension(line, key string) string {
	f := strings.Fields(line)
	for i := minFields; i+1 < len(f); i++ {
		if f[i] == key {
			return f[i+1]
		}
	}
	return ""
}
