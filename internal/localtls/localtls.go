// Package localtls gives a server https without anybody's help: an authority of
// its own, made once and kept, signs certificates for the names and addresses
// that the machine has.
//
// Browsers ask their person once whether to trust it, or have it imported.
// Programs need not ask: the invite holds the fingerprint of the authority
// ([Authority.Fingerprint]), and [ClientConfig] accepts what it signed and
// nothing else.
package localtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	certificateFile = "authority.pem"
	keyFile         = "authority-key.pem"

	authorityLife = 10 * 365 * 24 * time.Hour
	// leafLife stays below the 825 days beyond which some systems refuse even
	// what a trusted authority signed, and far below so that a stolen key ends.
	leafLife = 30 * 24 * time.Hour
	// leafRenew is how long before its end a certificate is replaced.
	leafRenew = leafLife / 2
	// clockSkew is how far behind the clocks of others may be.
	clockSkew = 24 * time.Hour
)

// fingerprintLength is the length of a fingerprint: SHA-256 in base64url.
const fingerprintLength = 43

// Authority signs the certificates of one server. It is safe for use by several
// goroutines.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	// What certificates are made by; tests replace them before the first use.
	now       func() time.Time
	addresses func() []net.IP

	mu   sync.Mutex // guards leaf
	leaf *tls.Certificate
}

// Open loads the authority kept in the folder dir, or makes one and keeps it
// there, readable by its owner only. The folder is made if it is missing. An
// authority about to expire is replaced, which changes its fingerprint.
func Open(dir string) (*Authority, error) {
	a, err := load(dir)
	switch {
	case err == nil && time.Until(a.cert.NotAfter) > leafLife:
		return a, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("load the local authority: %w", err)
	}
	if a, err = create(dir, time.Now()); err != nil {
		return nil, fmt.Errorf("make a local authority: %w", err)
	}
	return a, nil
}

func newAuthority(cert *x509.Certificate, key crypto.Signer) *Authority {
	return &Authority{cert: cert, key: key, now: time.Now, addresses: machineAddresses}
}

func load(dir string) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s in %s is no authority", certificateFile, dir)
	}
	return newAuthority(pair.Leaf, signer), nil
}

func create(dir string, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "meet on " + hostName()},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read what was signed: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// The key first: a certificate without its key would be an error for ever.
	if err := keep(filepath.Join(dir, keyFile), "PRIVATE KEY", keyDER, 0o600); err != nil {
		return nil, err
	}
	if err := keep(filepath.Join(dir, certificateFile), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	return newAuthority(cert, key), nil
}

// keep writes a file whole or not at all.
func keep(path, kind string, der []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	err = errors.Join(f.Chmod(mode), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Fingerprint is the SHA-256 of the authority's certificate in base64url: what
// an invite carries so that programs trust this server and no other.
func (a *Authority) Fingerprint() string { return fingerprint(a.cert) }

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CertificateFile is where [Open] keeps the authority's certificate in dir, for
// people who import it into a browser.
func CertificateFile(dir string) string { return filepath.Join(dir, certificateFile) }

// ServerConfig returns a TLS configuration whose certificate holds for the
// names and addresses the machine has whenever somebody connects.
func (a *Authority) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, // a WebSocket is upgraded from it
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.certificate(hello)
		},
	}
}

// certificate returns the present one, or signs another when it has too little
// time left or does not hold for what is asked.
func (a *Authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-leafRenew)) && a.holds(a.leaf.Leaf, hello) {
		return a.leaf, nil
	}
	leaf, err := a.sign(now)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for this machine: %w", err)
	}
	a.leaf = leaf
	return leaf, nil
}

// holds says whether a certificate names the address that somebody came to. A
// name somebody asks for is not looked at: strangers could have it signed.
func (a *Authority) holds(c *x509.Certificate, hello *tls.ClientHelloInfo) bool {
	if hello == nil || hello.Conn == nil {
		return true
	}
	t, ok := hello.Conn.LocalAddr().(*net.TCPAddr)
	return !ok || slices.ContainsFunc(c.IPAddresses, t.IP.Equal) || !slices.ContainsFunc(a.addresses(), t.IP.Equal)
}

func (a *Authority) sign(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if h := hostName(); h != "localhost" {
		names = append(names, h, h+".local")
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[len(names)-1]},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: names, IPAddresses: a.addresses(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read what was signed: %w", err)
	}
	// The authority goes along: who knows only its fingerprint needs it whole.
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return n, nil
}

// hostName is the machine's name, if it can stand in a certificate.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || len(name) > 60 || slices.ContainsFunc([]byte(name), func(c byte) bool {
		return ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '-' && c != '.'
	}) {
		return "localhost"
	}
	return name
}

// machineAddresses are the machine's own, loopback included.
func machineAddresses() []net.IP {
	out := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return out // then it holds for this machine only
	}
	for _, address := range all {
		n, ok := address.(*net.IPNet)
		if !ok || n.IP.IsLinkLocalUnicast() || slices.ContainsFunc(out, n.IP.Equal) {
			continue
		}
		out = append(out, n.IP)
	}
	return out
}

// ErrNotTheAuthority is returned by connections made with [ClientConfig] to a
// server whose certificate the authority of the invite did not sign.
var ErrNotTheAuthority error = wrongAuthority{}

type wrongAuthority struct{}

func (wrongAuthority) Error() string {
	return "the server's certificate is not from the authority in the invite"
}

// Trouble is the same in few words, for people.
func (wrongAuthority) Trouble() string { return "TLS: it is not the server of this invite" }

// ValidFingerprint reports whether s has the form of a fingerprint.
func ValidFingerprint(s string) bool {
	if len(s) != fingerprintLength {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil
}

// ClientConfig returns a TLS configuration that trusts what the authority with
// that fingerprint signed, under any name: it signs for one server only, which
// may be known by others than it knows itself, behind a NAT for one.
func ClientConfig(fingerprint string) (*tls.Config, error) {
	if !ValidFingerprint(fingerprint) {
		return nil, errors.New("trust a local authority: that is no fingerprint")
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // replaced by VerifyConnection
		VerifyConnection: func(s tls.ConnectionState) error {
			return verify(s.PeerCertificates, fingerprint, time.Now())
		},
	}, nil
}

// verify checks a chain that a server sent against the fingerprint of its
// authority (RFC 5280 section 6).
func verify(chain []*x509.Certificate, want string, now time.Time) error {
	i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return fingerprint(c) == want })
	if i < 1 { // the first is the server's own
		return ErrNotTheAuthority
	}
	roots := x509.NewCertPool()
	roots.AddCert(chain[i])
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotTheAuthority, err)
	}
	return nil
}
