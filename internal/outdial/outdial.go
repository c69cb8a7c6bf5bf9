// Package outdial opens TCP and TLS connections to relays, through the HTTP or
// SOCKS proxy that the environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), as
// the link to the signaling server is opened.
package outdial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/meet-term/meet/internal/mediatcp"
)

// Dialer opens connections. Its zero value uses the system's network, proxy
// settings and authorities.
type Dialer struct {
	// TLS is what TLS connections trust; nil: the system's authorities.
	TLS *tls.Config
	// Proxy returns the proxy for an address, or nil; nil: that of the environment.
	Proxy func(*http.Request) (*url.URL, error)
}

// ErrProxyFamily is returned for IPv6 where a proxy resolves names and chooses the
// family itself: dialling IPv4 has done it.
var ErrProxyFamily = errors.New("a proxy chooses the address family itself")

// ProxyFor returns the proxy that connections to address go through, or nil.
func (d Dialer) ProxyFor(address string) (*url.URL, error) {
	choose := d.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	for _, scheme := range []string{"https", "http"} {
		u, err := choose(&http.Request{URL: &url.URL{Scheme: scheme, Host: address}})
		if u != nil || err != nil {
			return u, err
		}
	}
	return nil, nil
}

// DialContext connects to address, by TLS if it is to be secure. Its local address
// is a *net.TCPAddr. network is tcp, tcp4 or tcp6.
func (d Dialer) DialContext(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
	via, err := d.ProxyFor(address)
	if err != nil {
		return nil, fmt.Errorf("read the proxy settings: %w", err)
	}
	var c net.Conn
	switch {
	case via == nil:
		c, err = (&net.Dialer{}).DialContext(ctx, network, address)
	case network == "tcp6":
		return nil, ErrProxyFamily
	default:
		c, err = d.throughProxy(ctx, via, address)
	}
	if err != nil {
		return nil, err
	}
	if secure {
		if c, err = d.encrypt(ctx, c, address, d.TLS); err != nil {
			return nil, err
		}
	}
	return mediatcp.Tune(c), nil
}

// encrypt speaks TLS over c, which it closes when that fails.
func (d Dialer) encrypt(ctx context.Context, c net.Conn, address string, config *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config = config.Clone()
	config.ServerName = host
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("speak TLS with %s: %w", address, err), c.Close())
	}
	return t, nil
}

// throughProxy has a proxy connect to address.
func (d Dialer) throughProxy(ctx context.Context, via *url.URL, address string) (net.Conn, error) {
	at := via.Host
	if via.Port() == "" {
		at = net.JoinHostPort(via.Hostname(), map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[via.Scheme])
		if via.Scheme == "http" {
			at = net.JoinHostPort(via.Hostname(), "80")
		}
	}
	switch via.Scheme {
	case "socks5", "socks5h":
		var auth *proxy.Auth
		if via.User != nil {
			password, _ := via.User.Password()
			auth = &proxy.Auth{User: via.User.Username(), Password: password}
		}
		s, err := proxy.SOCKS5("tcp", at, auth, proxy.Direct)
		if err != nil {
			return nil, fmt.Errorf("use the proxy %s: %w", at, err)
		}
		dialer, ok := s.(proxy.ContextDialer)
		if !ok {
			return nil, fmt.Errorf("use the proxy %s: it cannot be given up", at)
		}
		return dialer.DialContext(ctx, "tcp", address)
	case "http", "https":
	default:
		return nil, fmt.Errorf("use the proxy %s: %s is not known here", at, via.Scheme)
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("reach the proxy %s: %w", at, err)
	}
	if via.Scheme == "https" {
		if c, err = d.encrypt(ctx, c, at, nil); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	tunnel, err := connect(c, via, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("through the proxy %s: %w", at, err), c.Close())
	}
	return tunnel, nil
}

// maxAnswer bounds the proxy's answer, in bytes.
const maxAnswer = 16 << 10

// connect asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6).
func connect(c net.Conn, via *url.URL, address string) (net.Conn, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n", address)
	if via.User != nil {
		password, _ := via.User.Password()
		login := base64.StdEncoding.EncodeToString([]byte(via.User.Username() + ":" + password))
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", login)
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(c, b.String()); err != nil {
		return nil, err
	}
	// Nothing may be read past the answer: what follows is the other end's.
	r := bufio.NewReaderSize(io.LimitReader(oneByte{c}, maxAnswer), 16)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	return c, nil
}

// oneByte reads byte by byte.
type oneByte struct{ io.Reader }

// Read reads at most one byte.
func (r oneByte) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), 1)]) }
