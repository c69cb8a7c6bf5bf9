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

	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/localtls"
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
	maxPerAddress   int
	debug           bool
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a signaling server and the browser page",
		Long: `serve introduces participants to each other. It relays sealed messages that it
cannot read, and no media: those go from peer to peer.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), f) },
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
	fl.IntVar(&f.maxPerAddress, "max-per-address", 256, "connections of one address; 0 for no limit")
	fl.BoolVar(&f.debug, "debug", false, "log everything")
	return cmd
}

func serve(ctx context.Context, f serveFlags) error {
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	if f.tlsAuto && f.tlsCert != "" {
		return usagef("--tls-auto and --tls-cert exclude each other")
	}
	if f.maxRooms < 1 || f.maxRoomSize < 2 || f.maxPerAddress < 0 {
		return usagef("--max-rooms must be 1 or more, --max-room-size 2 or more, --max-per-address 0 or more")
	}
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	debug.SetGCPercent(signal.ServerGCPercent)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	perAddress := f.maxPerAddress
	if perAddress == 0 {
		perAddress = -1
	}
	e := encryption{certFile: f.tlsCert, keyFile: f.tlsKey}
	var authority string
	if f.tlsAuto {
		if e.config, authority, err = ownAuthority(); err != nil {
			return errors.Join(fmt.Errorf("serve: %w", err), l.Close())
		}
	}
	h := newHost(l, signal.ServerConfig{
		MaxRooms: f.maxRooms, MaxRoomSize: f.maxRoomSize, MaxPerAddress: perAddress,
		Origins: f.origins, TrustProxy: f.trustProxy, Logger: log,
	}, e)
	log.Info("listening", "address", l.Addr().String(), "version", version)
	if f.tlsAuto {
		fmt.Fprintln(os.Stderr, "join with: meet join \"https://"+l.Addr().String()+"/#ROOM.."+authority+"\"")
	}
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
