package signal

import (
	"os/exec"
	"strings"
	"testing"
)

// FuzzCommand holds what others are told to type to what every shell hands on as
// it is: however hostile a link, a server or the name of a room that was taken in,
// the line is meet, join, and one argument that is the link.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		"demo", "http://x;id;/demo", "https://host/#demo.AAAAAAAAAAAAAAAAAAAAAQ", "http://[fe80::1%25$(id)]/demo",
		"http://[fe80::1%25a`id`]:7077/demo", "host:1/$(id)", "https://host/~a/#demo", "http://a\"b/demo", "[::1]/demo", "Büro & Söhne",
		"https://h%22;id/demo", "https://host/a%0aid/demo", "http://x'y/demo", "https://[::1]%22/demo", "https://host:80;id/x",
	} {
		f.Add(s, "http://127.0.0.1:7077")
		f.Add("demo", s)
	}
	f.Fuzz(func(t *testing.T, arg, server string) {
		invite, err := ParseInvite(arg, server)
		if err != nil {
			return
		}
		line := invite.Command()
		link, ok := strings.CutPrefix(line, "meet join ")
		if !ok {
			t.Fatalf("%q", line)
		}
		const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-"
		allowed := plain
		if quoted, ok := strings.CutPrefix(link, `"`); ok {
			if quoted, ok = strings.CutSuffix(quoted, `"`); !ok {
				t.Fatalf("%q is quoted at one end", line)
			}
			link, allowed = quoted, plain+"#[]~"
		}
		whole := link
		link = strings.Replace(link, "%25", "", 1) // before the zone of an address; cmd expands between two of %
		if bad := strings.Trim(link, allowed); strings.HasPrefix(link, "-") || strings.ContainsFunc(link, func(c rune) bool { return !strings.ContainsRune(allowed, c) }) {
			t.Fatalf("%q has %q in it", line, bad)
		}
		if whole != invite.Link() {
			t.Fatalf("%q is not the link %q", whole, invite.Link())
		}
		again, err := ParseInvite(line, "http://elsewhere:1")
		if err != nil || again != invite {
			t.Fatalf("%q is read as %+v, %v; it was %+v", line, again, err, invite)
		}
	})
}

// The shell of this machine agrees.
func TestCommandInAShell(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh here")
	}
	for _, arg := range []string{
		"demo", "https://host/~a/#demo.AAAAAAAAAAAAAAAAAAAAAQ", "https://[2001:db8::1]:7/demo", "http://[fe80::1%25eth0]/demo",
		"https://host/#demo..47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
	} {
		invite, err := ParseInvite(arg, "http://127.0.0.1:7077")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", `meet() { printf '%s|' "$@"; }; `+invite.Command()).CombinedOutput()
		if want := "join|" + invite.Link() + "|"; err != nil || string(out) != want {
			t.Errorf("%s gives meet %q, %v; want %q", invite.Command(), out, err, want)
		}
	}
}
