package venue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/meet-term/meet/signal"
)

// AboutPath is where a server tells programs of its own machine about itself.
const AboutPath = "/about"

// Front stands before a server: it keeps out pages of other sites that pretend to
// be of this machine, tells this machine about the server, and hands everything
// on once the room has moved. It is an http.Handler.
type Front struct {
	server http.Handler
	names  func(host string, local net.Addr) bool
	about  atomic.Pointer[About]
	to     atomic.Pointer[httputil.ReverseProxy]
}

// NewFront stands before server. Names says which names, besides addresses and
// localhost, may stand in the Host of a request that came to the address local;
// nil takes every one.
func NewFront(server http.Handler, names func(host string, local net.Addr) bool) *Front {
	return &Front{server: server, names: names}
}

// Tell answers with a from now on.
func (f *Front) Tell(a About) { f.about.Store(&a) }

// maxHops is how often a request may be handed on. Rooms of three hosts become
// one by two hops; hosts that hand on to each other would never end.
const maxHops = 4

// hopsHeader counts them.
const hopsHeader = "Meet-Hops"

// Forward hands all requests on to the server at base from now on, over
// transport.
func (f *Front) Forward(base string, transport http.RoundTripper) error {
	to, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("hand on to another server: %w", err)
	}
	f.to.Store(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // an origin is compared with it
			r.Out.Header.Add(hopsHeader, "1")
		},
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	return nil
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.welcome(r) {
		http.Error(w, "this server is not known by that name (behind a proxy: meet serve --trust-proxy)", http.StatusMisdirectedRequest)
		return
	}
	if r.URL.Path == AboutPath {
		f.serveAbout(w, r)
		return
	}
	if p := f.to.Load(); p != nil {
		if len(r.Header.Values(hopsHeader)) >= maxHops {
			http.Error(w, "the room is handed on in a circle", http.StatusLoopDetected)
			return
		}
		p.ServeHTTP(w, r)
		return
	}
	f.server.ServeHTTP(w, r)
}

// serveAbout answers programs of this machine, and no page.
func (f *Front) serveAbout(w http.ResponseWriter, r *http.Request) {
	a := f.about.Load()
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if a == nil || f.to.Load() != nil || err != nil || !from.Addr().Unmap().IsLoopback() || r.Header.Get("Origin") != "" || r.Header.Get("X-Forwarded-For") != "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // whoever asked is gone
}

// welcome reports whether a request names a host that this can be. A page of
// another site can have its own name resolve to an address of this machine (DNS
// rebinding); to the browser the server is then that site's.
func (f *Front) welcome(r *http.Request) bool {
	if f.names == nil {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return f.names(host, local)
}

// OwnName reports whether a name is one of this machine's on its network.
func OwnName(host string) bool {
	own, err := os.Hostname()
	return err == nil && slices.Contains([]string{own, own + ".local", strings.SplitN(own, ".", 2)[0] + ".local"}, host)
}

// Ask asks the server at base what it is; see [System.Probe].
func Ask(ctx context.Context, client *http.Client, base string) (About, error) {
	body, err := get(ctx, client, base+"healthz")
	if err != nil {
		return About{}, err
	}
	words := strings.Fields(string(body))
	if len(words) < 2 || words[0] != "ok" || words[1] != signal.Protocol {
		return About{}, fmt.Errorf("%w as something else", ErrStranger)
	}
	var about About
	if len(words) > 2 {
		about.ID = words[2]
	}
	u, err := url.Parse(base)
	if err != nil {
		return about, nil
	}
	if a, err := netip.ParseAddr(u.Hostname()); err != nil || !a.IsLoopback() {
		return about, nil
	}
	if body, err := get(ctx, client, base+strings.TrimPrefix(AboutPath, "/")); err == nil {
		told := about
		if json.Unmarshal(body, &told) == nil && told.ID == about.ID {
			return told, nil
		}
	}
	return about, nil
}

// maxAbout bounds an answer, in bytes.
const maxAbout = 4096

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		var record interface{ Timeout() bool }
		if strings.Contains(err.Error(), "malformed HTTP") && !errors.As(err, &record) {
			return nil, fmt.Errorf("%w: %w", ErrStranger, err)
		}
		return nil, fmt.Errorf("ask it: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAbout))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read its answer: %w", err)
	case resp.StatusCode == http.StatusServiceUnavailable:
		return nil, fmt.Errorf("it takes no joins: %s", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w %s", ErrStranger, resp.Status)
	}
	return body, nil
}
