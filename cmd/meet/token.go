package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// tokenFor is the token for a server: ours, if it is the one that was named with it,
// by --server, $MEET_SERVER or the settings, and nobody on the way reads it. Whoever
// sends a link to another server does not get it.
func tokenFor(base, named, token string) string {
	want, err := signal.ParseServer(named)
	u, uerr := url.Parse(base)
	if token == "" || err != nil || uerr != nil || want != base || u.Scheme != "https" && venue.Audience(u.Hostname()) != venue.OnMachine {
		return ""
	}
	return token
}

// minToken is how many characters a token has at least.
const minToken = 16

// readTokens reads a file of tokens, one in a line, with # before comments, and
// returns what tells whether a token is one of them.
func readTokens(path string) (func(token string) bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	defer f.Close()
	known := map[[sha256.Size]byte]bool{} // by hash: how long it takes to look one up tells nothing of others
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		switch {
		case text == "":
		case len(text) < minToken || strings.ContainsAny(text, " \t"):
			return nil, fmt.Errorf("line %d of %s: a token has %d characters or more, and no spaces", n, path, minToken)
		default:
			known[sha256.Sum256([]byte(text))] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("there is no token in %s", path)
	}
	return func(token string) bool { return known[sha256.Sum256([]byte(token))] }, nil
}
