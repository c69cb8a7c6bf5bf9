package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/calmlog"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/web"
)

// localServer is where meet serve listens and meet join looks by default.
const localServer = "127.0.0.1:7077"

// looksFor reports whether a participant looks for its server and does not find
// it, be it lost or not met yet.
func looksFor(s rtc.ServerView) bool {
	return s.State == signal.Reconnecting || s.State == signal.Connecting && s.Attempt > 0
}

// isMeet returns nil if a meet server that takes joins answers at base.
func isMeet(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := venue.Ask(ctx, http.DefaultClient, base)
	return err
}

// host is a server inside this process: the one of meet serve, or one that
// meet join runs because there is none.
type host struct {
	http    *http.Server
	server  *signal.Server
	front   *venue.Front
	relay   *relayHost
	log     *slog.Logger
	ctx     context.Context // ends with stop
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

// newRelayingHost serves on l until stop. Where others can reach it, it relays
// what people who cannot reach each other say.
func newRelayingHost(l net.Listener, cfg signal.ServerConfig, e encryption, r relaying) *host {
	cfg.Page = web.Handler()
	cfg.Logger = slog.New(calmlog.New(cfg.Logger.Handler()))
	if cfg.Guard == nil {
		cfg.Guard = signal.NewGuard(signal.AddressLimits{}, cfg.TrustProxy)
	}
	l = cfg.Guard.Listener(l)
	secure := e.on()
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
	h := &host{
		server: signal.NewServer(cfg), relay: relay, log: cfg.Logger, ctx: ctx, cancel: cancel, failed: make(chan error, 1),
	}
	h.front = venue.NewFront(h.server, knownAs(cfg))
	var front http.Handler = h.front
	if secure {
		front = strict(front)
	}
	h.http = signal.NewHTTPServer(front, cfg.Logger)
	h.http.TLSConfig = e.config
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
