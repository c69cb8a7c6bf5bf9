package signal

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// Secret is the 128 bits that make a room private. The zero Secret stands for
// an open room.
type Secret [16]byte

// NewSecret draws a secret from random, which is crypto/rand.Reader outside
// tests.
func NewSecret(random io.Reader) (Secret, error) {
	var s Secret
	for s == (Secret{}) {
		if _, err := io.ReadFull(random, s[:]); err != nil {
			return Secret{}, fmt.Errorf("draw a room secret: %w", err)
		}
	}
	return s, nil
}

// String returns the secret as it stands in a link: 22 base64url characters,
// or "" for an open room.
func (s Secret) String() string {
	if s == (Secret{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s[:])
}

// Invite says where a room is and holds the key to it.
type Invite struct {
	// Server is the base address of the server, with the scheme http or https
	// and a trailing slash: "https://meet.example/".
	Server string
	// Name is what people call the room: 1 to 64 of a-z, 0-9, '-' and '_'.
	Name string
	// Secret is the zero Secret for an open room, whose name is its only key.
	Secret Secret
	// Authority is the SHA-256 of the certificate that signs the server's own,
	// in base64url, when the server is its own authority (meet serve
	// --tls-auto); "" when those that the system trusts sign it.
	Authority string
}

// maxRoomName bounds the name of a room, in characters.
const maxRoomName = 64

// ErrInvite is wrapped by every error of ParseInvite.
var ErrInvite = errors.New("not a room or an invite link")

func badInvite(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvite, fmt.Sprintf(format, args...))
}

// ParseInvite reads what a person typed or pasted:
//
//	demo                        a room on defaultServer, open
//	demo.SECRET                 the same, private
//	https://host/#demo.SECRET   an invite link (also http, ws and wss)
//	https://host/demo           an open room by link
//	https://host/#demo.SECRET.AUTHORITY, https://host/#demo..AUTHORITY
//	                            the same on a server that is its own authority
//	host:7077/demo              the same without a scheme: http, and port 7077
//	                            where none is said, for this machine and
//	                            private addresses; https for any other
//
// What clings to a pasted link is taken off (quotation marks, brackets, a full
// stop, "?utm_..."), and "meet join" before it; a room's name is made out of
// what people call it: "Team Sync" is team-sync.
//
// A path before the room ("https://host/meet/#demo") stays part of the server's
// address. The default server is written like a link without a room. Errors
// wrap ErrInvite and never repeat a secret.
func ParseInvite(arg, defaultServer string) (Invite, error) {
	arg = withoutOwnScheme(tidy(arg))
	if arg == "" {
		return Invite{}, badInvite("it is empty")
	}
	if !strings.ContainsAny(arg, "/:#") {
		server, err := ParseServer(defaultServer)
		if err != nil {
			return Invite{}, err
		}
		return newInvite(server, arg)
	}
	// What others put behind a link that passes through their hands says
	// nothing about the room.
	link, fragment, hasFragment := strings.Cut(arg, "#")
	link, _, _ = strings.Cut(link, "?")
	if hasFragment {
		if end := strings.IndexAny(fragment, "?&"); end >= 0 {
			fragment = fragment[:end]
		}
		link += "#" + strings.TrimRight(fragment, "/")
	}
	u, err := parseAddress(link)
	if err != nil {
		return Invite{}, err
	}
	room := u.Fragment
	if room == "" && len(u.Path) > 1 {
		u.Path = strings.TrimRight(u.Path, "/")
	}
	prefix, last := u.Path, ""
	if i := strings.LastIndexByte(u.Path, '/'); i >= 0 {
		prefix, last = u.Path[:i+1], u.Path[i+1:]
	}
	switch {
	case room == "" && last == "":
		return Invite{}, badInvite("the link names no room (https://host/#room.SECRET or https://host/room)")
	case room != "" && last != "":
		return Invite{}, badInvite("the link names a room twice, in its path and after #")
	case room == "":
		if strings.Contains(last, ".") {
			return Invite{}, badInvite("a secret belongs after #, where no server sees it")
		}
		room = last
	}
	if err := checkPath(prefix); err != nil {
		return Invite{}, err
	}
	u.Path, u.Fragment, u.RawFragment, u.RawPath = prefix, "", "", ""
	return newInvite(u.String(), room)
}

// ownScheme begins links that desktops open with this program. What follows is an
// address without a scheme, or the name of a room.
const ownScheme = "meet://"

func withoutOwnScheme(link string) string {
	if len(link) < len(ownScheme) || !strings.EqualFold(link[:len(ownScheme)], ownScheme) {
		return link
	}
	link = link[len(ownScheme):]
	if room := strings.TrimRight(link, "/"); !strings.ContainsAny(room, "/:#.") {
		return room
	}
	return link
}

// ParseServer normalises the address of a server to the form of Invite.Server.
func ParseServer(address string) (string, error) {
	u, err := parseAddress(strings.TrimSpace(address))
	if err != nil {
		return "", err
	}
	if u.Fragment != "" {
		return "", badInvite("a server address has no #")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if err := checkPath(u.Path); err != nil {
		return "", err
	}
	u.RawPath = ""
	return u.String(), nil
}

// parseAddress reads an address with or without a scheme and maps ws and wss to
// http and https.
func parseAddress(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = withScheme(s)
	}
	u, err := url.Parse(s)
	if err != nil {
		// The error of package url repeats its input, which may hold a secret.
		return nil, badInvite("the address cannot be read")
	}
	switch u.Scheme {
	case "http", "https":
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	default:
		return nil, badInvite("the address starts with %q; use https, http, wss or ws", u.Scheme)
	}
	switch {
	case u.Hostname() == "":
		return nil, badInvite("the address has no host")
	case u.User != nil:
		return nil, badInvite("the address holds a user name")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, badInvite("the address has a query")
	}
	if err := checkHost(u); err != nil {
		return nil, err
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// newInvite reads "name", "name.SECRET", "name.SECRET.AUTHORITY" or
// "name..AUTHORITY".
func newInvite(server, room string) (Invite, error) {
	name, secret, private := strings.Cut(room, ".")
	secret, authority, pinned := strings.Cut(secret, ".")
	inv := Invite{Server: server, Name: roomName(name)}
	if err := checkRoomName(inv.Name); err != nil {
		return Invite{}, err
	}
	if pinned {
		sum, err := base64.RawURLEncoding.Strict().DecodeString(authority)
		if err != nil || len(sum) != sha256.Size {
			return Invite{}, badInvite("the fingerprint of its server is damaged; copy the whole link again")
		}
		if !strings.HasPrefix(server, "https:") {
			return Invite{}, badInvite("it has the fingerprint of a server, and an address that is not encrypted")
		}
		inv.Authority = authority
		private = secret != ""
	}
	if !private {
		return inv, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(b) != len(inv.Secret) || Secret(b) == (Secret{}) {
		return Invite{}, badInvite("its secret is damaged; copy the whole link again")
	}
	inv.Secret = Secret(b)
	return inv, nil
}

func checkRoomName(name string) error {
	if name == "" || len(name) > maxRoomName {
		return badInvite("a room name has 1 to %d characters", maxRoomName)
	}
	for _, c := range name {
		if ('a' > c || c > 'z') && ('0' > c || c > '9') && c != '-' && c != '_' {
			return badInvite("a room name is made of letters a-z, digits, - and _, not %q", c)
		}
	}
	return nil
}

// Open reports whether the name alone opens the room.
func (i Invite) Open() bool { return i.Secret == Secret{} }

// Link returns the link for a browser, which ParseInvite reads as well. A
// secret stands in the fragment, which is never sent to a server.
func (i Invite) Link() string {
	switch {
	case i.Authority != "":
		return i.Server + "#" + i.Name + "." + i.Secret.String() + "." + i.Authority
	case i.Open():
		return i.Server + i.Name
	}
	return i.Server + "#" + i.Name + "." + i.Secret.String()
}

// Command returns the line to type on another machine. It is quoted so that
// sh, zsh, PowerShell and cmd all hand it on as it is; what ParseInvite lets
// through has nothing in it that quotation marks do not cover.
func (i Invite) Command() string {
	if link := i.Link(); strings.ContainsAny(link, "#[]~") {
		return `meet join "` + link + `"`
	}
	return "meet join " + i.Link()
}

// SocketURL returns the WebSocket address to dial.
func (i Invite) SocketURL() string {
	return "ws" + strings.TrimPrefix(i.Server, "http") + "ws"
}
