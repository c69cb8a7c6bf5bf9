// Package iceserver reads how people name STUN and TURN servers of others, and
// says which of those a signaling server offers may be believed.
package iceserver

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/meet-term/meet/signal"
)

// Lifetime is how long credentials made from a shared secret hold.
const Lifetime = 12 * time.Hour

// Server is a STUN or TURN server with what is needed to use it.
type Server struct {
	URL            string // RFC 7064 and RFC 7065, without credentials
	User, Password string
	Secret         string // shared with the server; then there is no password
}

// Form says what [Parse] takes, for help texts.
const Form = "stun:HOST[:PORT], turn:USER:PASSWORD@HOST[:PORT] or turn:SECRET@HOST[:PORT]; " +
	"turns: for TLS, ?transport=tcp at the end for TCP"

// errForm is what a person reads whose server cannot be understood.
var errForm = errors.New("write it as " + Form)

// Parse reads a server as people write it: Form. A single word before the @ is the
// secret shared with the server (the static-auth-secret of coturn). What has
// other meaning in an address is written in percent notation.
func Parse(text string) (Server, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(text), ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "stun" && scheme != "stuns" && scheme != "turn" && scheme != "turns" {
		return Server{}, errForm
	}
	rest, query, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	var s Server
	at := strings.LastIndexByte(rest, '@')
	if at >= 0 {
		if err := s.login(rest[:at]); err != nil {
			return Server{}, err
		}
		rest = rest[at+1:]
	}
	isTURN := strings.HasPrefix(scheme, "turn")
	switch {
	case isTURN && at < 0:
		return Server{}, fmt.Errorf("%s has no credentials: %w", scheme+":"+rest, errForm)
	case !isTURN && at >= 0:
		return Server{}, fmt.Errorf("STUN knows no credentials: %w", errForm)
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return Server{}, err
	}
	s.URL = scheme + ":" + host
	if port != "" {
		s.URL += ":" + port
	}
	switch query {
	case "":
		if scheme == "turns" {
			s.URL += "?transport=tcp"
		}
	case "transport=udp", "transport=tcp":
		if !isTURN {
			return Server{}, errForm
		}
		s.URL += "?" + query
	default:
		return Server{}, fmt.Errorf("?%s is not known: %w", query, errForm)
	}
	return s, nil
}

func (s *Server) login(text string) error {
	user, password, both := strings.Cut(text, ":")
	var errs [2]error
	user, errs[0] = url.PathUnescape(user)
	password, errs[1] = url.PathUnescape(password)
	if err := errors.Join(errs[:]...); err != nil || user == "" || both && password == "" {
		return errForm
	}
	if both {
		s.User, s.Password = user, password
	} else {
		s.Secret = user
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// splitPort reads HOST or HOST:PORT, with an IPv6 address in brackets.
func splitPort(text string) (host, port string, err error) {
	host = text
	if strings.HasPrefix(text, "[") || strings.Count(text, ":") == 1 {
		if h, p, err := net.SplitHostPort(text); err == nil {
			host, port = h, p
		}
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	a, err := netip.ParseAddr(bare)
	switch {
	case err == nil && a.Is6():
		host = "[" + a.String() + "]"
	case err != nil && !hostName.MatchString(host):
		return "", "", fmt.Errorf("%q is no host: %w", host, errForm)
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", fmt.Errorf("%q is no port: %w", port, errForm)
		}
	}
	return host, port, nil
}

// Offer returns the server in the shape the protocol has for it. Credentials are
// made for user if there is a shared secret, as the TURN REST draft does.
func (s Server) Offer(user string, now time.Time) signal.ICEServer {
	out := signal.ICEServer{URLs: []string{s.URL}, Username: s.User, Credential: s.Password}
	if s.Secret != "" {
		out.Username = strconv.FormatInt(now.Add(Lifetime).Unix(), 10) + ":" + user
		mac := hmac.New(sha1.New, []byte(s.Secret))
		mac.Write([]byte(out.Username))
		out.Credential = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return out
}

// Limits of what a signaling server may offer.
const (
	maxServers = 8
	maxURLs    = 8
)

// Believed returns what of a signaling server's offer is used: servers at its own
// host, and at those a person named. Else it could make everybody in the room
// send packets to wherever it likes, the inside of their networks included.
func Believed(offered []signal.ICEServer, ownHost string, named []string) (believed []signal.ICEServer, refused []string) {
	for _, s := range offered[:min(len(offered), maxServers)] {
		kept := signal.ICEServer{Username: s.Username, Credential: s.Credential}
		for _, u := range s.URLs[:min(len(s.URLs), maxURLs)] {
			host, ok := Host(u)
			if !ok || !sameHost(host, ownHost) && !isNamed(host, named) {
				refused = append(refused, u)
				continue
			}
			kept.URLs = append(kept.URLs, u)
		}
		if len(kept.URLs) > 0 {
			believed = append(believed, kept)
		}
	}
	return believed, refused
}

func isNamed(host string, named []string) bool {
	for _, n := range named {
		if sameHost(host, n) {
			return true
		}
	}
	return false
}

// sameHost compares names and addresses.
func sameHost(a, b string) bool {
	a, b = strings.Trim(a, "[]"), strings.Trim(b, "[]")
	if strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")) {
		return true
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x.Unmap() == y.Unmap()
}

// Host returns the host in the URL of a STUN or TURN server, without brackets.
func Host(u string) (string, bool) {
	scheme, rest, ok := strings.Cut(u, ":")
	if !ok || scheme != "stun" && scheme != "stuns" && scheme != "turn" && scheme != "turns" {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	host, _, err := splitPort(rest)
	return strings.Trim(host, "[]"), err == nil
}
