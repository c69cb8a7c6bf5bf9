package signal

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// stats are the counters of /metrics.
type stats struct {
	framesIn, relayed, undelivered  atomic.Int64
	joins, resumes                  atomic.Int64
	refused, rejected, slow, panics atomic.Int64
	joining, pacing, sweeping       histogram
}

// serveSocket upgrades a request and hands the connection to a small goroutine
// of its own, so that the large one of package http can end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	address := s.clientAddress(r)
	arrived := time.Now()
	visitor, err := s.admit(address)
	if err != nil {
		s.turnAway(w, err)
		return
	}
	first, answer := earlyHello(r)
	ws, err := s.upgrader.Upgrade(w, r, answer)
	if err != nil { // the upgrader has answered
		s.stats.rejected.Add(1)
		s.release(visitor, nil)
		return
	}
	c := newConn(s, ws, address, visitor)
	c.host = strings.Clone(r.Host) // else all of the request stays in memory
	c.first, c.arrived, c.mayOpen = first, arrived, s.mayOpen(r)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	leaving := s.leaving
	s.mu.Unlock()
	if leaving {
		c.kill() // Shutdown may have missed it
	}
	crash.Go(c.serve)
}

// mayOpen reports whether who asks may open rooms.
func (s *Server) mayOpen(r *http.Request) bool {
	if s.cfg.MayOpen == nil {
		return true
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.cfg.MayOpen(strings.TrimSpace(token))
}

// socketPath is where the WebSocket is.
const socketPath = "/ws"

// turnAway answers a request that is not served, in words, and ends the connection
// it came by: a further one is refused for less.
func (s *Server) turnAway(w http.ResponseWriter, why error) {
	s.stats.rejected.Add(1)
	code, after := http.StatusTooManyRequests, retryAfter
	if why == errLeaving {
		code, after = http.StatusServiceUnavailable, "1"
	}
	w.Header().Set("Retry-After", after)
	w.Header().Set("Connection", "close")
	http.Error(w, why.Error(), code)
}

// metricsCost is what /metrics counts for, which looks into every room, in
// requests for a file of the page.
const metricsCost = 10

// admitRequest counts a request for anything but the WebSocket, and answers it if
// there were too many.
func (s *Server) admitRequest(w http.ResponseWriter, r *http.Request) bool {
	cost := 1.0
	if r.URL.Path == "/metrics" {
		cost = metricsCost
	}
	err := s.guard.request(s.clientAddress(r), cost, time.Now())
	if err != nil {
		s.turnAway(w, err)
	}
	return err == nil
}

// A hello may come with the request that opens the WebSocket, which saves a round
// trip: base64url of its frame in this header. The answer has the header too, with
// helloTaken, if it was taken for a first frame.
const (
	helloHeader = "Meet-Hello"
	helloTaken  = "taken"
	// maxEarlyHello is what proxies take for a line of a header, with room to spare.
	maxEarlyHello = 6 << 10
)

// earlyHello returns the frame that came with a request, and what to answer; nil if
// none did.
func earlyHello(r *http.Request) (frame []byte, answer http.Header) {
	text := r.Header.Get(helloHeader)
	if text == "" || len(text) > maxEarlyHello {
		return nil, nil
	}
	frame, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(frame) == 0 {
		return nil, nil
	}
	return frame, http.Header{helloHeader: {helloTaken}}
}

// clientAddress returns the address connections are counted by.
func (s *Server) clientAddress(r *http.Request) string {
	if s.cfg.TrustProxy {
		// A client can send the header too: only the entry the proxy appended
		// can be believed.
		entries := r.Header.Values("X-Forwarded-For")
		if len(entries) > 0 {
			last := entries[len(entries)-1]
			if ip := net.ParseIP(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); ip != nil {
				return ip.String()
			}
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// originAllowed keeps the pages of other sites out. Programs send no origin.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.cfg.Origins, "*") || slices.Contains(s.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// serveReady tells a balancer whether to send more here: not when the server is
// about to leave, or full.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	leaving, full := s.leaving, len(s.rooms) >= s.cfg.MaxRooms
	s.mu.Unlock()
	switch {
	case leaving:
		http.Error(w, errLeaving.Error(), http.StatusServiceUnavailable)
	case full:
		http.Error(w, errBusy.Error(), http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "ready")
	}
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	leaving := s.leaving
	s.mu.Unlock()
	if leaving {
		http.Error(w, errLeaving.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok "+Protocol+" "+s.id)
}

func plainPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "This is a meet server. Join a room with: meet join <link>")
}

// serveMetrics answers in the text format of Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	rooms := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	connections := len(s.conns)
	s.mu.Unlock()
	present, away := 0, 0
	for _, r := range rooms {
		p, a := r.count()
		present, away = present+p, away+a
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	gauge := func(name, help string, value int) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %d\n", name, help, name, name, value)
	}
	gauge("meet_connections", "Open WebSocket connections.", connections)
	gauge("meet_rooms", "Rooms with at least one member.", len(rooms))
	fmt.Fprintf(w, "# HELP meet_members Members of all rooms.\n# TYPE meet_members gauge\n")
	fmt.Fprintf(w, "meet_members{presence=\"present\"} %d\nmeet_members{presence=\"away\"} %d\n", present, away)
	if s.cfg.Metrics != nil {
		s.cfg.Metrics(w)
	}
	s.guard.WriteMetrics(w)
	s.stats.joining.write(w, "meet_join_seconds", "From the request of a member to its welcome.")
	s.stats.pacing.write(w, "meet_pace_seconds", "How long clients that sent too much were read later.")
	s.stats.sweeping.write(w, "meet_sweep_seconds", "How long a look at all rooms takes.")
	for _, c := range []struct {
		name, help string
		value      *atomic.Int64
	}{
		{"meet_frames_received_total", "Frames read from clients.", &s.stats.framesIn},
		{"meet_messages_relayed_total", "Messages handed on.", &s.stats.relayed},
		{"meet_messages_undelivered_total", "Messages whose recipient was not there.", &s.stats.undelivered},
		{"meet_joins_total", "Members that took a new seat.", &s.stats.joins},
		{"meet_resumes_total", "Members that came back to their seat.", &s.stats.resumes},
		{"meet_refused_total", "Connections ended because of what the client sent.", &s.stats.refused},
		{"meet_rejected_total", "Requests turned away before they became a connection.", &s.stats.rejected},
		{"meet_slow_closed_total", "Connections closed because the client read too slowly.", &s.stats.slow},
		{"meet_panics_total", "Panics that ended a connection.", &s.stats.panics},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", c.name, c.help, c.name, c.name, c.value.Load())
	}
}
