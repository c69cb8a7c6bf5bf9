package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/meet-term/meet/internal/venue"
)

// listenAddress completes what people write after --listen: a port alone is one
// on all addresses.
func listenAddress(s string) (string, error) {
	if !strings.Contains(s, ":") {
		if _, err := strconv.ParseUint(s, 10, 64); err != nil {
			return "", usagef("--listen %s: it must be an address and a port, such as :7077", s)
		}
		s = ":" + s
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", usagef("--listen %s: it must be an address and a port, such as :7077", s)
	}
	if n, err := strconv.ParseUint(port, 10, 64); err == nil && n > 65535 {
		return "", usagef("--listen %s: there is no port %s; ports are 0 to 65535", s, port)
	}
	return s, nil
}

// servedAt is where meet serve is reached.
type servedAt struct {
	listen    *net.TCPAddr // nil: nowhere that has an address
	authority string       // of our own certificate
	secure    bool
	public    []string // addresses others know this machine by, as told
	proxied   bool     // a proxy stands in front
	base      string   // of the domain it has a certificate for; "": none
}

// reach is who can get to it.
func (s servedAt) reach() venue.Reach {
	if s.listen == nil || s.listen.IP.IsLoopback() {
		return venue.Machine
	}
	return venue.Network
}

// invite is how others join by a host.
func (s servedAt) invite(host string) string {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	hostport := net.JoinHostPort(host, strconv.Itoa(s.listen.Port))
	if s.authority != "" {
		return fmt.Sprintf("meet join \"%s://%s/#ROOM..%s\"", scheme, hostport, s.authority)
	}
	if strings.Contains(host, ":") {
		return fmt.Sprintf("meet join \"%s://%s/ROOM\"", scheme, hostport)
	}
	return fmt.Sprintf("meet join %s://%s/ROOM", scheme, hostport)
}

// sentence says how others join, with an address they can reach, and who they
// are.
func (s servedAt) sentence(own []netip.Addr) string {
	if s.listen == nil {
		return "listening where no address can be told"
	}
	host := s.listen.IP.String()
	switch {
	case s.base != "":
		return "others anywhere join with: meet join " + s.base + "ROOM"
	case s.listen.IP.IsLoopback() && s.proxied:
		return "others join through the proxy in front: meet join https://ITS-NAME/ROOM"
	case s.listen.IP.IsLoopback():
		return "on this machine only, people join with: " + s.invite(host) + " (for others: meet serve --listen :" + strconv.Itoa(s.listen.Port) + ")"
	case len(s.public) > 0:
		host = s.public[0]
	case s.listen.IP.IsUnspecified() && len(own) == 0:
		return "there is no network here; on this machine, people join with: " + s.invite("127.0.0.1")
	case s.listen.IP.IsUnspecified():
		host = own[0].String()
	}
	who := "others"
	switch venue.Audience(host) {
	case venue.OnNetwork:
		who = "others on this network"
	case venue.Anywhere:
		who = "others anywhere"
	}
	return who + " join with: " + s.invite(host)
}
