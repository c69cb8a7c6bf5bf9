package outdial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/localtls"
)

// echo answers what it is sent, with TLS or without; it returns its address and
// what trusts it.
func echo(t *testing.T, l net.Listener) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fakeProxy is an HTTP proxy; answer is what it says to CONNECT, and greets what it
// sends in the same packet as its answer.
func fakeProxy(t *testing.T, status string) (*url.URL, chan *http.Request) {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	asked := make(chan *http.Request, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				asked <- req
				if !strings.HasPrefix(status, "200") {
					io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
					return
				}
				to, err := net.Dial("tcp", req.Host)
				if err != nil {
					return
				}
				defer to.Close()
				io.WriteString(c, "HTTP/1.1 "+status+"\r\nX-Proxy: yes\r\n\r\nfrom the proxy ") // right behind the answer
				go io.Copy(to, r)
				io.Copy(c, to)
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String(), User: url.UserPassword("ada", "pw")}, asked
}

func with(u *url.URL) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return u, nil }
}

func talk(t *testing.T, c net.Conn, want string) {
	t.Helper()
	defer c.Close()
	if _, ok := c.LocalAddr().(*net.TCPAddr); !ok {
		t.Errorf("the local address is a %T", c.LocalAddr())
	}
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Errorf("read %q, %v, want %q", b, err, want)
	}
}

func TestDirect(t *testing.T) {
	l := listen(t)
	echo(t, l)
	c, err := Dialer{Proxy: with(nil)}.DialContext(t.Context(), "tcp4", l.Addr().String(), false)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c, "hello")
}

func TestThroughAProxy(t *testing.T) {
	l := listen(t)
	echo(t, l)
	via, asked := fakeProxy(t, "200 OK")
	d := Dialer{Proxy: with(via)}
	c, err := d.DialContext(t.Context(), "tcp4", l.Addr().String(), false)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c, "from the proxy hello")
	req := <-asked
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:pw"))
	if req.Method != http.MethodConnect || req.Host != l.Addr().String() || req.Header.Get("Proxy-Authorization") != login {
		t.Errorf("the proxy was asked %s %s, %v", req.Method, req.Host, req.Header)
	}
	if _, err := d.DialContext(t.Context(), "tcp6", l.Addr().String(), false); err != ErrProxyFamily {
		t.Errorf("IPv6 through a proxy: %v", err)
	}
}

func TestProxyRefuses(t *testing.T) {
	via, _ := fakeProxy(t, "407 Proxy Authentication Required")
	_, err := Dialer{Proxy: with(via)}.DialContext(t.Context(), "tcp4", "meet.example:443", false)
	if err == nil || !strings.Contains(err.Error(), "407") {
		t.Errorf("%v", err)
	}
	_, err = Dialer{Proxy: with(&url.URL{Scheme: "ftp", Host: "x"})}.DialContext(t.Context(), "tcp4", "meet.example:443", false)
	if err == nil || !strings.Contains(err.Error(), "ftp") {
		t.Errorf("%v", err)
	}
}

// TLS trusts the authority it was given, and nothing that it was not.
func TestTLS(t *testing.T) {
	authority, err := localtls.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	echo(t, tlsListener(l, authority))
	trust, err := localtls.ClientConfig(authority.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dialer{Proxy: with(nil), TLS: trust}.DialContext(t.Context(), "tcp4", l.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c, "hello")
	if c, err := (Dialer{Proxy: with(nil)}).DialContext(t.Context(), "tcp4", l.Addr().String(), true); err == nil {
		c.Close()
		t.Error("a stranger was trusted")
	}
}

// A proxy that says nothing is given up with the context.
func TestProxyIsSilent(t *testing.T) {
	l := listen(t)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Dialer{Proxy: with(&url.URL{Scheme: "http", Host: l.Addr().String()})}.DialContext(ctx, "tcp4", "meet.example:443", true)
	if err == nil {
		t.Error("a silent proxy connected us")
	}
}

func tlsListener(l net.Listener, a *localtls.Authority) net.Listener {
	return tls.NewListener(l, a.ServerConfig())
}
