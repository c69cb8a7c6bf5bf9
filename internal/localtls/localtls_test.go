package localtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve returns the address of an https server.
func serve(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	return "https://" + l.Addr().String()
}

func get(t *testing.T, url string, cfg *tls.Config) error {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: cfg}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(url)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestPinnedClient(t *testing.T) {
	a := open(t, t.TempDir())
	s := serve(t, a.ServerConfig())
	cfg, err := ClientConfig(a.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, s, cfg); err != nil {
		t.Errorf("the right server: %v", err)
	}
	other, err := ClientConfig(open(t, t.TempDir()).Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, s, other); !errors.Is(err, ErrNotTheAuthority) {
		t.Errorf("another authority's server: %v", err)
	}
	if err := get(t, s, nil); err == nil {
		t.Error("the system trusts a local authority")
	}
	// Who imported the authority needs no fingerprint, and names are checked.
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	if err := get(t, s, &tls.Config{RootCAs: roots}); err != nil {
		t.Errorf("with the authority imported: %v", err)
	}
	if err := get(t, s, &tls.Config{RootCAs: roots, ServerName: "meet.example"}); err == nil {
		t.Error("the certificate holds for any name")
	}
}

// TestImpostor sends the right authority along with a certificate it did not
// sign.
func TestImpostor(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	leaf, err := b.sign(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf.Certificate[1] = a.cert.Raw
	s := serve(t, &tls.Config{Certificates: []tls.Certificate{*leaf}})
	cfg, err := ClientConfig(a.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, s, cfg); !errors.Is(err, ErrNotTheAuthority) {
		t.Errorf("an impostor: %v", err)
	}
	alone := serve(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}}})
	if err := get(t, alone, cfg); !errors.Is(err, ErrNotTheAuthority) {
		t.Errorf("the authority as a server: %v", err)
	}
}

func TestVerifyTimes(t *testing.T) {
	a := open(t, t.TempDir())
	start := time.Now()
	leaf, err := a.sign(start)
	if err != nil {
		t.Fatal(err)
	}
	chain := []*x509.Certificate{leaf.Leaf, a.cert}
	for after, want := range map[time.Duration]bool{
		0: true, leafLife - time.Minute: true, leafLife + time.Minute: false, -clockSkew + time.Minute: true, -clockSkew - time.Minute: false,
	} {
		if err := verify(chain, a.Fingerprint(), start.Add(after)); (err == nil) != want {
			t.Errorf("%v after it was signed: %v", after, err)
		}
	}
	if err := verify(nil, a.Fingerprint(), start); !errors.Is(err, ErrNotTheAuthority) {
		t.Errorf("no certificate at all: %v", err)
	}
}

func TestAuthorityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first := open(t, dir)
	if second := open(t, dir); second.Fingerprint() != first.Fingerprint() {
		t.Error("opened again, the authority is another")
	}
	if !ValidFingerprint(first.Fingerprint()) {
		t.Errorf("fingerprint %q", first.Fingerprint())
	}
	if runtime.GOOS != "windows" {
		st, err := os.Stat(filepath.Join(dir, keyFile))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the key's file: %v, %v", st.Mode(), err)
		}
	}
	if _, err := os.Stat(CertificateFile(dir)); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, certificateFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a damaged authority was replaced without a word")
	}
}

func TestExpiringAuthorityIsReplaced(t *testing.T) {
	dir := t.TempDir()
	old, err := create(dir, time.Now().Add(leafLife/2-authorityLife))
	if err != nil {
		t.Fatal(err)
	}
	if a := open(t, dir); a.Fingerprint() == old.Fingerprint() {
		t.Error("an authority that ends within days is still used")
	}
}

// TestRenewal: the certificate is signed anew before its end, and when the
// machine has an address that it does not name.
func TestRenewal(t *testing.T) {
	a := open(t, t.TempDir())
	now := time.Now()
	addresses := []net.IP{net.IPv4(192, 0, 2, 1)}
	a.now = func() time.Time { return now }
	a.addresses = func() []net.IP { return addresses }
	serial := func(at net.IP) string {
		t.Helper()
		c, err := a.certificate(&tls.ClientHelloInfo{Conn: connAt{ip: at}})
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	first := serial(addresses[0])
	if serial(addresses[0]) != first || serial(net.IPv4(198, 51, 100, 9)) != first {
		t.Error("signed anew without a reason")
	}
	now = now.Add(leafLife - leafRenew - time.Second)
	if serial(addresses[0]) != first {
		t.Error("signed anew too early")
	}
	now = now.Add(2 * time.Second)
	second := serial(addresses[0])
	if second == first {
		t.Error("not renewed")
	}
	addresses = append(addresses, net.IPv4(192, 0, 2, 2))
	if serial(addresses[1]) == second {
		t.Error("a new address is not named")
	}
	if !slices.ContainsFunc(a.leaf.Leaf.IPAddresses, addresses[1].Equal) {
		t.Errorf("the certificate names %v", a.leaf.Leaf.IPAddresses)
	}
}

// connAt is a connection that came to an address.
type connAt struct {
	net.Conn
	ip net.IP
}

func (c connAt) LocalAddr() net.Addr { return &net.TCPAddr{IP: c.ip, Port: 443} }

func TestFingerprintForm(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "short": false, string(make([]byte, 43)): false,
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA": true, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB": false, // spare bits
	} {
		if ValidFingerprint(s) != want {
			t.Errorf("ValidFingerprint(%q) is %v", s, !want)
		}
		if _, err := ClientConfig(s); (err == nil) != want {
			t.Errorf("ClientConfig(%q): %v", s, err)
		}
	}
}
