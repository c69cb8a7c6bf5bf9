package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/signal"
)

// domainFlags are the flags of meet serve that get it a certificate.
type domainFlags struct {
	domain    string
	email     string
	directory string
	http      string
}

func (f *domainFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.domain, "domain", "", "name of this server: gets a certificate for it, and renews it (ACME)")
	fl.StringVar(&f.email, "acme-email", "", "address that the certificate authority writes to when something is wrong")
	fl.StringVar(&f.directory, "acme-url", acme.LetsEncryptURL, "directory of the certificate authority; using it agrees to its terms")
	fl.StringVar(&f.http, "http-listen", ":80", `with --domain, where plain HTTP is sent on to https; "none" for nowhere`)
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// check looks at the flags before anything is opened.
func (f domainFlags) check(s serveFlags) error {
	switch {
	case f.domain == "":
		return nil
	case s.tlsAuto || s.tlsCert != "":
		return usagef("--domain gets the certificate: --tls-cert and --tls-auto exclude it")
	case len(f.domain) > 253 || !domainName.MatchString(f.domain) || net.ParseIP(f.domain) != nil:
		return usagef("--domain %q: it must be the name of this server, such as meet.example.org", f.domain)
	}
	return nil
}

// domainListen is where a server of a domain listens unless it was told.
const domainListen = ":443"

// certificates gets and renews the certificate of the domain. It keeps it, and the
// account's key, in the state directory.
func (f domainFlags) certificates() (*autocert.Manager, error) {
	dir, err := identity.Dir()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "acme")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep certificates: %w", err)
	}
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(f.domain),
		Cache:      autocert.DirCache(dir),
		Email:      f.email,
		Client:     &acme.Client{DirectoryURL: f.directory, UserAgent: "meet/" + version},
	}, nil
}

// tlsConfig is what a server with those certificates speaks: WebSockets want
// HTTP/1.1, and the authority asks by tls-alpn-01 (RFC 8737). Who asks for no name,
// such as TURN over TLS by an address, gets that of the domain.
func (f domainFlags) tlsConfig(m *autocert.Manager) *tls.Config {
	return &tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName == "" {
				named := *h
				named.ServerName = f.domain
				h = &named
			}
			return m.GetCertificate(h)
		},
		NextProtos: []string{"http/1.1", acme.ALPNProto},
		MinVersion: tls.VersionTLS12,
	}
}

// fetch gets the certificate before anybody has to wait for it, and says how that
// went.
func (f domainFlags) fetch(m *autocert.Manager, log *slog.Logger) {
	_, err := m.GetCertificate(&tls.ClientHelloInfo{
		ServerName: f.domain, SupportedVersions: []uint16{tls.VersionTLS13},
		CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
	})
	if err != nil {
		log.Error("no certificate: does the name lead here, and are ports 443 and 80 open from outside?", "domain", f.domain, "error", err)
		return
	}
	log.Info("certificate", "domain", f.domain)
}

// sendOn answers plain HTTP: the authority's questions (http-01, RFC 8555 section
// 8.3), and everybody else by sending them on to https. Without the port the server
// goes on: tls-alpn-01 does without.
func (f domainFlags) sendOn(ctx context.Context, m *autocert.Manager, log *slog.Logger) (end func()) {
	if f.http == "none" {
		return func() {}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.http)
	if err != nil {
		log.Info("plain HTTP is not sent on to https", "error", err)
		return func() {}
	}
	guard := signal.NewGuard(signal.AddressLimits{}, false)
	web := signal.NewHTTPServer(m.HTTPHandler(nil), log)
	var running sync.WaitGroup
	crash.GoIn(&running, func() {
		if err := web.Serve(guard.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
			log.Error("plain HTTP is no longer sent on to https", "error", err)
		}
	})
	return func() { _ = web.Close(); running.Wait() } // nothing is lost with it
}

// base is the address of a domain's server as invites have it.
func (f domainFlags) base(port int) string {
	if port == 443 {
		return "https://" + f.domain + "/"
	}
	return "https://" + net.JoinHostPort(f.domain, strconv.Itoa(port)) + "/"
}
