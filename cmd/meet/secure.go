package main

import (
	"net"
	"net/http"
	"net/url"

	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// strictFor is how long a browser remembers that this name speaks https, in seconds.
const strictFor = "15552000"

// strict has browsers come by https from now on (RFC 6797). They remember it for all
// ports of a name: only the server of the usual one says so.
func strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, port, err := net.SplitHostPort(r.Host); err != nil || port == "443" {
			w.Header().Set("Strict-Transport-Security", "max-age="+strictFor)
		}
		h.ServeHTTP(w, r)
	})
}

// notEncrypted says what is wrong with a way to a server that was named, if it leads
// off this machine without encryption.
func notEncrypted(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" || venue.Audience(u.Hostname()) == venue.OnMachine {
		return ""
	}
	return "The way to " + signal.HostPort(server) + " is not encrypted: whoever is on it sees who meets, and can keep you apart. Use https:// if the server has it."
}
