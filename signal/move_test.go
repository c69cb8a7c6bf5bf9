package signal

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/localtls"
)

// second starts another server on the bed's network.
func (b *bed) second(address string) *Server {
	b.t.Helper()
	l, err := b.net.Listen(address)
	if err != nil {
		b.t.Fatal(err)
	}
	s := NewServer(ServerConfig{Rand: b.random})
	web := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { web.Serve(l) })
	tasks.Go(func() { s.Run(ctx) })
	b.t.Cleanup(func() {
		l.Kill()
		cancel()
		web.Close()
		tasks.Wait()
	})
	return s
}

// Who moves to another server is in its room at once, and nobody who stayed
// behind or came along is gone for them.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		other := b.second("other:80")
		ada.take()
		bob.take()
		ada.Move("ws://other:80/ws", nil)
		var moved []LinkState
		for _, s := range ada.take() {
			switch e := s.event.(type) {
			case ServerState:
				moved = append(moved, e.State)
			case PeerGone:
				t.Errorf("%v is gone for who moved", e.Peer)
			case Welcome:
				if e.Server != other.ID() || !e.Restarted {
					t.Errorf("welcomed by %+v", e)
				}
			}
		}
		if fmt.Sprint(moved) != "[reconnecting connected]" || ada.dials != "other:80" {
			t.Errorf("the link was %v, dialed %s", moved, ada.dials)
		}
		for _, s := range bob.take() {
			if e, ok := s.event.(PeerGone); ok {
				t.Errorf("%v is gone for who stayed", e.Peer)
			}
		}
		bob.Move("ws://other:80/ws", nil)
		bob.Move("ws://other:80/ws", nil) // the same again is nothing
		synctest.Wait()
		if p := ada.peers[bob.id]; p.Away || len(ada.peers) != 1 {
			t.Errorf("ada sees %+v", ada.peers)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if p := bob.peers[ada.id]; p.Away || len(bob.peers) != 1 {
			t.Errorf("bob sees %+v a minute later", bob.peers)
		}
	})
}

// A move while the first server is still being dialed gives that dial up.
func TestMoveWhileDialing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		b.second("other:80")
		ada := b.start("ada", func(c *Config) { c.URL = "ws://nowhere:80/ws" })
		time.Sleep(time.Second)
		ada.Move("ws://other:80/ws", nil)
		synctest.Wait()
		if ada.link != Connected {
			t.Errorf("the link is %s", ada.link)
		}
	})
}

func TestTrouble(t *testing.T) {
	dial := func(err error) error { return fmt.Errorf("dial the server: %w", err) }
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{dial(&net.OpError{Err: syscall.ECONNREFUSED}), "refused: nothing listens there"},
		{dial(&net.DNSError{IsNotFound: true}), "no such host"},
		{dial(&net.DNSError{IsTimeout: true}), "its name cannot be looked up"},
		{dial(context.DeadlineExceeded), "timeout: no answer"},
		{dial(x509.UnknownAuthorityError{}), "TLS: nobody known signed its certificate"},
		{dial(x509.HostnameError{Certificate: &x509.Certificate{}}), "TLS: its certificate is for another name"},
		{dial(x509.CertificateInvalidError{Reason: x509.Expired}), "TLS: its certificate has expired"},
		{dial(localtls.ErrNotTheAuthority), "TLS: it is not the server of this invite"},
		{dial(fmt.Errorf("%w: status 404", ErrNoServer)), "it does not answer as a meet server does"},
		{dial(syscall.ENETUNREACH), "no way there from this network"},
		{dial(&RefusedError{Code: RefusedFull}), "the room is full"},
		{&websocket.CloseError{Code: websocket.CloseAbnormalClosure}, "it hung up"},
		{errMoved, ""},
		{errors.New("odd\x1b[2J"), "odd"},
	} {
		if got := Trouble(tc.err); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.err, got, tc.want)
		}
	}
}
