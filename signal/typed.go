package signal

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// DefaultPort is where meet servers listen unless they are told otherwise.
const DefaultPort = 7077

// tidy takes off what clings to an invite that was pasted: the command before
// it, quotation marks, angle brackets, the full stop of a sentence. A room or
// link is left as it is.
func tidy(arg string) string {
	arg = strings.TrimSpace(arg)
	arg = strings.TrimSpace(strings.TrimPrefix(arg, "$ "))
	if rest, ok := strings.CutPrefix(arg, "meet join "); ok {
		arg = typedRoom(rest)
	}
	const around = "\"'`<>“”„‘’‚«»()"
	for {
		was := arg
		arg = strings.Trim(strings.TrimSpace(arg), around)
		if strings.ContainsAny(arg, "/:") {
			arg = strings.TrimRight(arg, ",;!")
			// "#demo." may be a link that lost its secret: joining the open
			// room of that name instead would be wrong.
			if bare, ok := strings.CutSuffix(arg, "."); ok {
				if _, room, has := strings.Cut(bare, "#"); !has || strings.Contains(room, ".") && !strings.HasSuffix(room, ".") {
					arg = bare
				}
			}
		}
		if arg == was {
			return arg
		}
	}
}

// typedRoom is the room in what follows "meet join": what is no flag, on the
// server that --server names.
func typedRoom(line string) string {
	words := strings.Fields(line)
	server, room := "", line
	for i := 0; i < len(words); i++ {
		switch value, given := strings.CutPrefix(words[i], "--server="); {
		case given:
			server = value
		case words[i] == "--server" && i+1 < len(words):
			i++
			server = words[i]
		case !strings.HasPrefix(words[i], "-"):
			room = words[i]
		}
	}
	if server != "" && !strings.ContainsAny(room, "/:#") {
		return strings.TrimRight(server, "/") + "/#" + room
	}
	return room
}

// spelled are letters that are written as several without their marks.
var spelled = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "æ", "ae", "ø", "oe", "å", "aa", "œ", "oe", "þ", "th", "ð", "d", "ł", "l", "đ", "d", "ı", "i",
)

// roomName makes a name out of what people call their room: "Team Sync" is
// team-sync and "Büro" is buero. What is written in other letters than Latin
// ones becomes punycode (RFC 3492), as in the names of hosts. It returns what
// it cannot make a name of unchanged, for checkRoomName to complain about.
func roomName(typed string) string {
	typed = strings.TrimSpace(typed)
	if lower := strings.ToLower(typed); checkRoomName(lower) == nil {
		return lower
	}
	name := spelled.Replace(norm.NFC.String(strings.ToLower(typed)))
	var b strings.Builder
	latin := true
	for _, c := range norm.NFD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, c) && latin: // a mark of the letter before it
		case unicode.IsSpace(c) && c != '\n' && c != '\r':
			b.WriteByte('-')
		case strings.ContainsRune("!?,'’", c):
		case c > unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsMark(c) || unicode.IsDigit(c)):
			latin = false
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	out := strings.Trim(squeeze(b.String()), "-")
	if !latin {
		if code, err := idna.Punycode.ToASCII(norm.NFC.String(out)); err == nil {
			out = code
		}
	}
	if checkRoomName(out) != nil {
		return strings.ToLower(typed)
	}
	return out
}

// squeeze makes one hyphen of several.
func squeeze(s string) string {
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "-")
	}
	return s
}

// nearby reports whether a host without a scheme is one of this machine or of
// this network, which serves plain http on the port of meet: nobody has a
// trusted certificate for such an address.
func nearby(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

// withScheme completes an address without one.
func withScheme(s string) string {
	end := strings.IndexAny(s, "/#?")
	if end < 0 {
		end = len(s)
	}
	hostport, rest := s[:end], s[end:]
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if !nearby(host) {
		return "https://" + s
	}
	if host == hostport {
		if strings.Contains(host, ":") {
			host = "[" + strings.Trim(host, "[]") + "]"
		}
		hostport = host + ":" + strconv.Itoa(DefaultPort)
	}
	return "http://" + hostport + rest
}

// checkHost refuses hosts and ports that cannot be.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return badInvite("there is no port %s; ports are 1 to 65535", port)
		}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		// A zone may be anything, and goes into the line that others paste.
		if strings.ContainsFunc(a.Zone(), func(c rune) bool { return !isHostLetter(c) && c != '.' }) {
			return badInvite("%q is no network interface", a.Zone())
		}
		return nil
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, func(c rune) bool { return !isHostLetter(c) }) {
			return badInvite("%q is no name of a host", host)
		}
	}
	return nil
}

func isHostLetter(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// checkPath refuses paths of a server that a shell or a person could take for
// something else: the path goes into the line that others paste.
func checkPath(path string) error {
	if strings.Contains(path, "//") {
		return badInvite("the address has // where a server's path is; is a colon missing before it?")
	}
	for step := range strings.SplitSeq(path, "/") {
		if step == "." || step == ".." {
			return badInvite("the path of the server has %q in it", step)
		}
	}
	for _, c := range path {
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && !strings.ContainsRune("/-_.~", c) {
			return badInvite("the path of the server has %q in it", c)
		}
	}
	return nil
}
