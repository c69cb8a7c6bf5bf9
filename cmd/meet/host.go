package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/web"
)

// localServer is where meet serve listens and meet join looks by default.
const localServer = "127.0.0.1:7077"

// place is where a room is.
type place struct {
	invite signal.Invite
	local  bool  // no server was named: it is on this machine, whoever hosts it
	host   *host // the server, when this process hosts it; else nil
}

// findRoom works out where the room is: in the link, on the server asked for,
// or on this machine, where a server is hosted if none answers.
func findRoom(ctx context.Context, room, server string, log *slog.Logger) (place, error) {
	if server == "" {
		server = os.Getenv("MEET_SERVER")
	}
	if server != "" || strings.ContainsAny(room, "/:#") {
		if server == "" {
			server = localServer
		}
		invite, err := signal.ParseInvite(room, server)
		if err != nil {
			return place{}, roomError(err)
		}
		return place{invite: invite}, nil
	}
	invite, err := signal.ParseInvite(room, localServer)
	if err != nil {
		return place{}, roomError(err)
	}
	answers := func() error { return isMeet(ctx, "http://"+localServer+"/healthz") }
	l, err := listenUnlessRunning(ctx, listenLocally, answers)
	if l == nil || err != nil {
		return place{invite: invite, local: true}, err
	}
	return place{invite: invite, local: true, host: newHost(l, signal.ServerConfig{Logger: log}, encryption{})}, nil
}

// roomError explains what a room may look like.
func roomError(err error) error {
	if errors.Is(err, signal.ErrInvite) {
		return usageError{err}
	}
	return fmt.Errorf("find the room: %w", err)
}

// A server that ends keeps its port for up to stopTime.
const (
	endingEvery = 100 * time.Millisecond
	endingTime  = stopTime + time.Second
)

// listenUnlessRunning returns nil when a meet server answers on this machine,
// and else where to host one. Two processes that start together both end up in
// one room: the one that loses the port finds the other's server. One that is
// just ending is waited for.
func listenUnlessRunning(ctx context.Context, listen func() (net.Listener, error), answers func() error) (net.Listener, error) {
	for began := time.Now(); ; {
		l, err := listen()
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) && !strings.Contains(err.Error(), "Only one usage") {
			return nil, fmt.Errorf("host a server on this machine: %w", err)
		}
		err = answers()
		if err == nil {
			return nil, nil
		}
		if errors.Is(err, errStranger) || time.Since(began) >= endingTime {
			return nil, fmt.Errorf("%s is in use by something that is no meet server (%w); "+
				"stop it, or name another server with --server", localServer, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(endingEvery):
		}
	}
}

func listenLocally() (net.Listener, error) { return net.Listen("tcp", localServer) }

// A server of this machine that was lost gets a moment to come back by itself
// before somebody else hosts it.
const (
	standbyEvery = 500 * time.Millisecond
	standbyAfter = 2 * time.Second
)

// looksFor reports whether a participant looks for its server and does not find
// it, be it lost or not met yet.
func looksFor(s rtc.ServerView) bool {
	return s.State == signal.Reconnecting || s.State == signal.Connecting && s.Attempt > 0
}

// standBy hosts the server of this machine from here on when it is lost for
// good, so that a meeting outlives the process that began it. Of several that
// stand by, one gets the port. The function it returns ends all of it.
func standBy(lost func() bool, listen func() (net.Listener, error), log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	crash.GoIn(&running, func() {
		ticker := time.NewTicker(standbyEvery)
		defer ticker.Stop()
		var since time.Time // when it was first missed; zero while it is there
		for {
			var now time.Time
			select {
			case <-ctx.Done():
				return
			case now = <-ticker.C:
			}
			switch {
			case !lost():
				since = time.Time{}
				continue
			case since.IsZero():
				since = now
			}
			if now.Sub(since) < standbyAfter {
				continue
			}
			l, err := listen()
			if err != nil {
				continue // another was quicker, or the server is back
			}
			log.Info("the server of this machine is gone: hosting it from here")
			h := newHost(l, signal.ServerConfig{Logger: log}, encryption{})
			<-ctx.Done()
			if err := h.stop(); err != nil {
				log.Warn("stop the server", "error", err)
			}
			return
		}
	})
	return func() { cancel(); running.Wait() }
}

// errStranger is wrapped where something answers that is no meet server.
var errStranger = errors.New("it answered")

// isMeet returns nil if a meet server that takes joins answers at url.
func isMeet(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask it: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("it takes no joins: %s", resp.Status)
	case resp.StatusCode != http.StatusOK || !strings.Contains(string(b), signal.Protocol):
		return fmt.Errorf("%w %s", errStranger, resp.Status)
	}
	return nil
}

// host is a server inside this process: the one of meet serve, or one that
// meet join runs because there is none.
type host struct {
	http    *http.Server
	server  *signal.Server
	relay   *relayHost
	cancel  context.CancelFunc
	failed  chan error // gets why it no longer takes connections, unless stopped
	running sync.WaitGroup
}

// encryption says how a host speaks TLS; its zero value is not at all.
type encryption struct {
	config            *tls.Config
	certFile, keyFile string
}

func (e encryption) on() bool { return e.config != nil || e.certFile != "" }

// load returns the TLS configuration, or nil without encryption.
func (e encryption) load() (*tls.Config, error) {
	if e.certFile == "" {
		return e.config, nil
	}
	pair, err := tls.LoadX509KeyPair(e.certFile, e.keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// newHost serves on l until stop, with a relay if others can reach it.
func newHost(l net.Listener, cfg signal.ServerConfig, e encryption) *host {
	return newRelayingHost(l, cfg, e, relaying{})
}

// newRelayingHost is newHost with what it does for people who cannot reach each
// other.
func newRelayingHost(l net.Listener, cfg signal.ServerConfig, e encryption, r relaying) *host {
	cfg.Page = web.Handler()
	relay := &relayHost{extra: r.foreign}
	if r.wanted(l) {
		if started, err := r.start(l, e, cfg.Logger); err != nil {
			cfg.Logger.Warn("no relay here", "error", err)
		} else {
			relay = started
			l, e = relay.mux.HTTP(), encryption{} // TLS ends at the mux
		}
	}
	if relay.server != nil {
		cfg.Metrics = relay.server.WriteMetrics
		cfg.Left = func(room string, peer signal.PeerID) { relay.server.Dismiss(room, string(peer)) }
	}
	cfg.ICE = relay.ice
	ctx, cancel := context.WithCancel(context.Background())
	h := &host{server: signal.NewServer(cfg), relay: relay, cancel: cancel, failed: make(chan error, 1)}
	h.http = &http.Server{
		Handler:           h.server,
		ReadHeaderTimeout: 5 * time.Second,
		TLSConfig:         e.config,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	crash.GoIn(&h.running, func() {
		var err error
		if e.on() {
			err = h.http.ServeTLS(l, e.certFile, e.keyFile)
		} else {
			err = h.http.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			cfg.Logger.Error("server ended", "error", err)
			h.failed <- err
		}
	})
	crash.GoIn(&h.running, func() {
		if err := h.server.Run(ctx); err != nil && ctx.Err() == nil {
			cfg.Logger.Error("server ended", "error", err)
		}
	})
	return h
}

// stopTime is how long clients get to be sent away.
const stopTime = 2 * time.Second

// stop sends the clients away to come back later, and ends the server.
func (h *host) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	err := h.server.Shutdown(ctx)
	h.cancel()
	err = errors.Join(err, h.http.Close(), h.relay.stop())
	h.running.Wait()
	return err
}
