package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// authority is a certificate authority in this process: as much of ACME (RFC 8555)
// as one order needs, proved by tls-alpn-01 (RFC 8737) over a real handshake.
type authority struct {
	*httptest.Server
	key  *ecdsa.PrivateKey
	root *x509.Certificate
	ask  string // where the domain's server listens

	mu     sync.Mutex // guards what follows
	proved bool
	chain  []byte // PEM
	orders int
	faults []string
}

func newAuthority(t *testing.T, ask string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, ask: ask}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// ServeHTTP implements http.Handler.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", "nonce")
	w.Header().Set("Content-Type", "application/json")
	status := "pending"
	if a.proved {
		status = "valid"
	}
	order := map[string]any{
		"status": map[string]string{"pending": "pending", "valid": "ready"}[status], "identifiers": []any{map[string]string{"type": "dns", "value": "meet.example.org"}},
		"authorizations": []string{a.URL + "/authz"}, "finalize": a.URL + "/finalize",
	}
	if a.chain != nil {
		order["status"], order["certificate"] = "valid", a.URL+"/cert"
	}
	challenge := map[string]any{"type": "tls-alpn-01", "url": a.URL + "/challenge", "token": "token", "status": status}
	var answer any
	switch r.URL.Path {
	case "/":
		answer = map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/new-order", "revokeCert": a.URL + "/x", "keyChange": a.URL + "/x"}
	case "/nonce":
		return
	case "/account":
		w.Header().Set("Location", a.URL+"/account/1")
		w.WriteHeader(http.StatusCreated)
		answer = map[string]string{"status": "valid"}
	case "/new-order":
		a.orders++
		w.Header().Set("Location", a.URL+"/order")
		w.WriteHeader(http.StatusCreated)
		answer = order
	case "/order":
		answer = order
	case "/authz":
		answer = map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": "meet.example.org"}, "challenges": []any{challenge}}
	case "/challenge":
		if err := a.prove(); err != nil {
			a.fault("%v", err)
		} else {
			a.proved = true
		}
		answer = challenge
	case "/finalize":
		if err := a.sign(r); err != nil {
			a.fault("%v", err)
		}
		w.Header().Set("Location", a.URL+"/order")
		order["status"], order["certificate"] = "valid", a.URL+"/cert"
		answer = order
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain)
		return
	default:
		a.fault("asked for %s", r.URL.Path)
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// prove asks the server of the domain whether it is that.
func (a *authority) prove() error {
	c, err := tls.Dial("tcp", a.ask, &tls.Config{ServerName: "meet.example.org", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer c.Close()
	state := c.ConnectionState()
	if state.NegotiatedProtocol != "acme-tls/1" {
		return fmt.Errorf("the server speaks %q", state.NegotiatedProtocol)
	}
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && e.Critical && len(e.Value) == 34 {
			return nil
		}
	}
	return errors.New("the certificate proves nothing")
}

func (a *authority) sign(r *http.Request) error {
	var jws struct{ Payload string }
	var csr struct{ CSR string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		return err
	}
	payload, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, &csr); err != nil {
		return err
	}
	der, err := base64.RawURLEncoding.DecodeString(csr.CSR)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: request.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, leaf, a.root, request.PublicKey, a.key)
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, block := range [][]byte{cert, a.root.Raw} {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: block})
	}
	a.chain = chain.Bytes()
	return nil
}

// A server with --domain gets its certificate by itself, through the port it has, with
// and without a relay on it; keeps it over a restart; and gives it to those who ask
// for no name, too.
func TestDomain(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for i, relay := range []relaying{{on: true}, {off: true}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().String()
		a := newAuthority(t, at)
		f := domainFlags{domain: "meet.example.org", directory: a.URL, http: "none"}
		m, err := f.certificates()
		if err != nil {
			t.Fatal(err)
		}
		h := newRelayingHost(l, signal.ServerConfig{Origins: []string{"https://" + f.domain}, Logger: slog.New(slog.DiscardHandler)}, encryption{config: f.tlsConfig(m)}, relay)
		if i == 0 {
			f.fetch(m, slog.New(slog.DiscardHandler))
			if len(a.faults) > 0 || a.orders != 1 {
				t.Fatalf("%d orders; %v", a.orders, a.faults)
			}
			roots := x509.NewCertPool()
			roots.AddCert(a.root)
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: f.domain}, DisableKeepAlives: true,
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "tcp", at)
				},
			}}
			resp, err := client.Get("https://meet.example.org/healthz")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Strict-Transport-Security") == "" {
				t.Errorf("healthz: %d, %v", resp.StatusCode, resp.Header)
			}
		}
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true}) // an address: no name is sent
		if err != nil {
			t.Fatalf("relay %v: without a name: %v", relay.on, err)
		}
		if names := c.ConnectionState().PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != f.domain {
			t.Errorf("without a name: a certificate for %v", names)
		}
		c.Close()
		if i == 1 && a.orders != 0 {
			t.Errorf("%d orders after a restart: the certificate was not kept", a.orders)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	}
}

// Nobody has certificates ordered for names that are not ours.
func TestDomainOfSomebodyElse(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	a := newAuthority(t, "")
	f := domainFlags{domain: "meet.example.org", directory: a.URL}
	m, err := f.certificates()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.tlsConfig(m).GetCertificate(&tls.ClientHelloInfo{ServerName: "other.example.org"}); err == nil || a.orders != 0 {
		t.Errorf("%v, %d orders", err, a.orders)
	}
}

func TestDomainFlags(t *testing.T) {
	for _, c := range [][]string{
		{"--domain", "localhost"}, {"--domain", "127.0.0.1"}, {"--domain", "https://meet.example.org"}, {"--domain", "meet.example.org;id"},
		{"--domain", "meet.example.org", "--tls-auto"}, {"--domain", "-x.example.org"}, {"--domain", strings.Repeat("a.", 130) + "org"},
	} {
		if got, err := run(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, c...)...); got != exitUsage {
			t.Errorf("%v: status %d, %v", c, got, err)
		}
	}
	f := domainFlags{domain: "meet.example.org"}
	if f.base(443) != "https://meet.example.org/" || f.base(8443) != "https://meet.example.org:8443/" {
		t.Errorf("%s, %s", f.base(443), f.base(8443))
	}
	at := servedAt{listen: &net.TCPAddr{IP: net.IPv6unspecified, Port: 443}, base: f.base(443), secure: true}
	if got := at.sentence(nil); got != "others anywhere join with: meet join https://meet.example.org/ROOM" {
		t.Error(got)
	}
}

// Plain HTTP is sent on to https.
func TestSendOn(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	f := domainFlags{domain: "meet.example.org", http: at}
	m, err := f.certificates()
	if err != nil {
		t.Fatal(err)
	}
	defer f.sendOn(t.Context(), m, slog.New(slog.DiscardHandler))()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, _ := http.NewRequest(http.MethodGet, "http://"+at+"/standup", nil)
	req.Host = "meet.example.org"
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode/100 != 3 || got != "https://meet.example.org/standup" {
		t.Errorf("%d to %s", resp.StatusCode, got)
	}
}
