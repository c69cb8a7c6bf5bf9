package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/acme/autocert"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// serveFlags are the flags of meet serve.
type serveFlags struct {
	listen          string
	tlsCert, tlsKey string
	origins         []string
	tlsAuto         bool
	trustProxy      bool
	maxRooms        int
	maxRoomSize     int
	address         signal.AddressLimits
	debug           bool
	relay           relayFlags
	ops             opsFlags
	domain          domainFlags
	listenGiven     bool
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a signaling server and the browser page",
		Long: `serve introduces participants to each other. It relays sealed messages that it
cannot read. Media goes from peer to peer; where that cannot be, it is relayed,
sealed as well, over the same port number: open it for TCP and UDP.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.listenGiven = cmd.Flags().Changed("listen")
			f.relay.turnGiven, f.relay.trustsProxy = cmd.Flags().Changed("turn"), f.trustProxy
			return serve(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", localServer, "address and port to listen on")
	fl.StringVar(&f.tlsCert, "tls-cert", "", "certificate chain (PEM) to serve https and wss with")
	fl.StringVar(&f.tlsKey, "tls-key", "", "its private key (PEM)")
	fl.BoolVar(&f.tlsAuto, "tls-auto", false, "serve https and wss with a certificate of our own, named in invites")
	fl.StringSliceVar(&f.origins, "origin", nil, `web origin whose pages may connect besides our own; "*" for any`)
	fl.BoolVar(&f.trustProxy, "trust-proxy", false, "take client addresses from X-Forwarded-For")
	fl.IntVar(&f.maxRooms, "max-rooms", 10_000, "rooms at once")
	fl.IntVar(&f.maxRoomSize, "max-room-size", 32, "members of a room")
	fl.IntVar(&f.address.Connections, "max-per-address", 256, "connections of one address (or IPv6 network of 64 bits); 0 for no limit of an address at all")
	fl.IntVar(&f.address.Dials, "dials-per-address", 20, "new connections of one address, per second")
	fl.IntVar(&f.address.Rooms, "rooms-per-address", 120, "new rooms of one address, per minute")
	fl.IntVar(&f.address.Bytes, "bytes-per-address", 4<<20, "bytes per second that are read of one address and written because of it")
	fl.BoolVar(&f.debug, "debug", false, "log everything")
	f.ops.add(fl)
	f.domain.add(fl)
	r := &f.relay
	fl.BoolVar(&r.turn, "turn", true, "relay media (STUN and TURN) for members who cannot reach each other")
	fl.StringSliceVar(&r.public, "public-address", nil, "the address others know this machine by, if it is behind a NAT")
	fl.StringVar(&r.ports, "relay-ports", "", "UDP ports to relay from, such as 40000-40999; default any")
	fl.StringSliceVar(&r.to, "relay-to", nil, "a private network to relay to all the same, such as 192.168.1.0/24")
	fl.StringVar(&r.secret, "turn-secret", os.Getenv("MEET_TURN_SECRET"), "secret of the relay's credentials; default $MEET_TURN_SECRET, else a random one")
	fl.StringArrayVar(&r.iceServers, "ice-server", nil, "a further STUN or TURN server to offer: "+iceserver.Form)
	cmd.AddCommand(serveCtlCommand())
	return cmd
}

func serve(ctx context.Context, f serveFlags) error {
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	if f.tlsAuto && f.tlsCert != "" {
		return usagef("--tls-auto and --tls-cert exclude each other")
	}
	if f.maxRooms < 1 || f.maxRoomSize < 2 || f.address.Connections < 0 {
		return usagef("--max-rooms must be 1 or more, --max-room-size 2 or more, --max-per-address 0 or more")
	}
	if f.address.Dials < 1 || f.address.Rooms < 1 || f.address.Bytes < signal.MaxFrame {
		return usagef("--dials-per-address and --rooms-per-address must be 1 or more, --bytes-per-address %d or more", signal.MaxFrame)
	}
	relaying, err := f.relay.relaying()
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	log, err := f.ops.logger(os.Stderr, level)
	if err != nil {
		return err
	}
	if err := errors.Join(f.ops.check(), f.domain.check(f)); err != nil {
		return err
	}
	var mayOpen func(token string) bool
	if f.ops.tokens != "" {
		if mayOpen, err = readTokens(f.ops.tokens); err != nil {
			return usageError{err}
		}
	}
	debug.SetGCPercent(signal.ServerGCPercent)
	e := encryption{certFile: f.tlsCert, keyFile: f.tlsKey}
	var authority string
	if f.tlsAuto {
		if e.config, authority, err = ownAuthority(); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
	}
	var certificates *autocert.Manager
	if f.domain.domain != "" {
		if certificates, err = f.domain.certificates(); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		e.config = f.domain.tlsConfig(certificates)
		f.origins = append(f.origins, "https://"+f.domain.domain) // it is known by that name
		if !f.listenGiven {
			f.listen = domainListen
		}
	}
	if _, err := e.load(); err != nil { // before anybody is told that we listen
		return fmt.Errorf("serve: %w", err)
	}
	listen, err := listenAddress(f.listen)
	if err != nil {
		return err
	}
	l, err := listenOrTake(ctx, listen)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if f.address.Connections == 0 {
		f.address.Connections = -1
	}
	h := newRelayingHost(l, signal.ServerConfig{
		MaxRooms: f.maxRooms, MaxRoomSize: f.maxRoomSize, Guard: signal.NewGuard(f.address, f.trustProxy),
		Origins: f.origins, TrustProxy: f.trustProxy, MayOpen: mayOpen, LogAddresses: f.ops.logAddresses, Logger: log,
	}, e, relaying)
	log.Info("listening", "address", l.Addr().String(), "version", version, "relay", h.relay.server != nil)
	at := servedAt{authority: authority, secure: e.on(), public: f.relay.public, proxied: f.trustProxy}
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		at.listen = a
	}
	about := venue.About{ID: h.server.ID(), Authority: authority}
	about.Reach = at.reach().Setting()
	if certificates != nil && at.listen != nil {
		at.base = f.domain.base(at.listen.Port)
		about.Public = at.base
		defer f.domain.sendOn(ctx, certificates, log)()
		crash.Go(func() { f.domain.fetch(certificates, log) })
	}
	h.front.Tell(about)
	fmt.Fprintln(os.Stderr, at.sentence(machineAddresses()))
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	port := 0
	if at.listen != nil {
		port = at.listen.Port
	}
	endOps, err := f.ops.start(ctx, h.server, port, drain, log)
	if err != nil {
		return errors.Join(fmt.Errorf("serve: %w", err), h.stop())
	}
	defer endOps()
	select {
	case err := <-h.failed:
		return errors.Join(fmt.Errorf("serve: %w", err), h.stop())
	case <-ctx.Done():
	}
	log.Info("stopping: clients are sent away to resume")
	return h.stop()
}

// ownAuthority opens the certificate authority that is kept for this machine.
func ownAuthority() (*tls.Config, string, error) {
	dir, err := identity.Dir()
	if err != nil {
		return nil, "", err
	}
	dir = filepath.Join(dir, "tls")
	a, err := localtls.Open(dir)
	if err != nil {
		return nil, "", err
	}
	fmt.Fprintln(os.Stderr, "browsers trust this server after importing "+localtls.CertificateFile(dir))
	return a.ServerConfig(), a.Fingerprint(), nil
}
