package relay

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/meet-term/meet/signal"
)

// Credentials makes the user name and the password of a user id that hold until
// end, as the TURN REST draft does (draft-uberti-behave-turn-rest-00): the name
// is "UNIXTIME:ID", the password its HMAC-SHA1 in base64. Every TURN server that
// was given the same secret takes them.
func Credentials(secret, id string, end time.Time) (username, password string) {
	username = strconv.FormatInt(end.Unix(), 10) + ":" + id
	return username, passwordOf(secret, username)
}

func passwordOf(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// userID is what the relay calls a member: nothing that an eavesdropper could
// know it by, and another one in each room and at each server.
func userID(secret, room, peer string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("member|" + room + "|" + peer))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// authenticate answers the library with the key of a user name, unless it may
// not do what it asks for. Expired credentials open nothing new, but what is open
// goes on: clients refresh an allocation under the name they made it with.
func (s *Server) authenticate(ra *turn.RequestAttributes) (id string, key []byte, ok bool) {
	stamp, id, ok := strings.Cut(ra.Username, ":")
	end, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil {
		s.stats.refusedUser.Add(1)
		return "", nil, false
	}
	now := time.Now().Add(time.Duration(s.skew.Load()))
	opens := ra.Method == stun.MethodAllocate
	s.mu.Lock()
	m := s.members[id]
	switch {
	case m == nil:
		ok = false
	case opens:
		ok = m.gone.IsZero() && now.Before(time.Unix(end, 0))
	default:
		ok = m.gone.IsZero() || now.Sub(m.gone) < goneGrace
	}
	s.mu.Unlock()
	if !ok {
		s.stats.refusedUser.Add(1)
		return "", nil, false
	}
	return id, turn.GenerateAuthKey(ra.Username, realm, passwordOf(s.cfg.Secret, ra.Username)), true
}

// authenticated counts passwords that are wrong.
func (s *Server) authenticated(_, _ net.Addr, _, _, _, _ string, verdict bool) {
	if !verdict {
		s.stats.refusedUser.Add(1)
	}
}

// ICE offers a member of a room this server's STUN and TURN, by the name the
// client has for it and on the port it reached. It fits signal.ServerConfig.ICE.
// An offer is there until [Server.Dismiss].
func (o Offer) ICE(r signal.ICERequest) ([]signal.ICEServer, time.Duration) {
	host, port := o.place(r.Host)
	if host == "" {
		return nil, 0
	}
	username, password, renew := o.Server.Admit(r.Room, string(r.Peer), r.Local)
	at := net.JoinHostPort(host, port)
	var turns []string
	if !o.NoUDP {
		turns = append(turns, "turn:"+at)
	}
	if o.Streams {
		turns = append(turns, "turn:"+at+"?transport=tcp")
	}
	if o.TLS {
		turns = append(turns, "turns:"+at+"?transport=tcp")
	}
	var out []signal.ICEServer
	if !o.NoUDP {
		out = append(out, signal.ICEServer{URLs: []string{"stun:" + at}})
	}
	return append(out, signal.ICEServer{URLs: turns, Username: username, Credential: password}), renew
}

// Offer says how clients reach a relay.
type Offer struct {
	Server  *Server
	Port    int  // of the server; 0: the one in the client's name for it
	Streams bool // over TCP too
	TLS     bool // over TLS too, and the server's own scheme is https
	NoUDP   bool // not over UDP
}

// hostName is what the host of a Host header may look like to be repeated.
var hostName = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)

// place reads a Host header; the host is empty if it is none.
func (o Offer) place(header string) (host, port string) {
	host, port, err := net.SplitHostPort(header)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]"), "80"
		if o.TLS {
			port = "443"
		}
	}
	if o.Port != 0 {
		port = strconv.Itoa(o.Port)
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostName.MatchString(host) {
		return "", ""
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", ""
	}
	return host, port
}
