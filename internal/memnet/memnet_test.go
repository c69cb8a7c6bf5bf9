package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns both ends of a fresh connection of the client "a".
func pair(t *testing.T, n *Net) (client, server net.Conn, l *Listener) {
	t.Helper()
	l, err := n.Listen("server:80")
	if err != nil {
		t.Fatal(err)
	}
	client, err = n.Dialer("a")(t.Context(), "tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server, l
}

func read(t *testing.T, c net.Conn) string {
	t.Helper()
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(b[:n])
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.Link("a").Delay(50 * time.Millisecond)
		start := time.Now()
		client, server, _ := pair(t, n)
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("dialing took %v, want one round trip of 100ms", d)
		}
		start = time.Now()
		client.Write([]byte("ping"))
		if got := read(t, server); got != "ping" || time.Since(start) != 50*time.Millisecond {
			t.Errorf("read %q after %v", got, time.Since(start))
		}
		server.Write([]byte("pong"))
		if got := read(t, client); got != "pong" || time.Since(start) != 100*time.Millisecond {
			t.Errorf("read %q after %v", got, time.Since(start))
		}
	})
}

func TestCutKeepsWhatWasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server, _ := pair(t, n)
		n.Link("a").Cut()
		start := time.Now()
		client.Write([]byte("late"))
		heal := time.AfterFunc(3*time.Second, n.Link("a").Heal)
		defer heal.Stop()
		if got := read(t, server); got != "late" || time.Since(start) != 3*time.Second {
			t.Errorf("read %q after %v, want it when the link heals", got, time.Since(start))
		}
	})
}

func TestDialOverCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		_, _, _ = pair(t, n)
		n.Link("b").Cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Dialer("b")(ctx, "tcp", "server:80"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dial = %v, want a deadline", err)
		}
	})
}

func TestWriterWaitsWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, _ := pair(t, New())
		client.SetWriteDeadline(time.Now().Add(time.Second))
		start := time.Now()
		n, err := client.Write(make([]byte, sendBuffer+1))
		if n != sendBuffer || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Write = %d, %v after %v", n, err, time.Since(start))
		}
	})
}

func TestDeadlineInterruptsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, _ := pair(t, New())
		interrupt := time.AfterFunc(time.Second, func() { client.SetReadDeadline(time.Unix(1, 0)) })
		defer interrupt.Stop()
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read = %v", err)
		}
		client.SetReadDeadline(time.Time{})
	})
}

func TestCloseDeliversThenEnds(t *testing.T) {
	client, server, _ := pair(t, New())
	client.Write([]byte("last"))
	client.Close()
	if got := read(t, server); got != "last" {
		t.Errorf("read %q", got)
	}
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read after the end = %v", err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, ErrReset) {
		t.Errorf("write to a closed end = %v", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed connection = %v", err)
	}
}

func TestKillAndListenAgain(t *testing.T) {
	n := New()
	client, _, l := pair(t, n)
	l.Kill()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, ErrReset) {
		t.Errorf("read after the kill = %v", err)
	}
	if _, err := n.Dialer("a")(t.Context(), "tcp", "server:80"); !errors.Is(err, ErrRefused) {
		t.Errorf("dial after the kill = %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after the kill = %v", err)
	}
	pair(t, n)
}

func TestResetOfOneLink(t *testing.T) {
	n := New()
	a, serverA, l := pair(t, n)
	b, err := n.Dialer("b")(t.Context(), "tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
	n.Link("a").Reset()
	for _, c := range []net.Conn{a, serverA} {
		if _, err := c.Write([]byte("x")); !errors.Is(err, ErrReset) {
			t.Errorf("write after the reset = %v", err)
		}
	}
	if _, err := b.Write([]byte("x")); err != nil {
		t.Errorf("another link: %v", err)
	}
}

// Over a cut link nobody learns that the other end closed.
func TestCloseOverCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server, _ := pair(t, n)
		n.Link("a").Cut()
		client.Close()
		if _, err := server.Write([]byte("x")); err != nil {
			t.Errorf("write over the cut = %v", err)
		}
		server.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read over the cut = %v", err)
		}
		n.Link("a").Heal()
		server.SetReadDeadline(time.Time{})
		if _, err := server.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read after healing = %v", err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, ErrReset) {
			t.Errorf("write after healing = %v", err)
		}
	})
}

// An aborted connection leaves nothing under way, and over a cut link the other
// end finds out when it writes after healing.
func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server, _ := pair(t, n)
		n.Link("a").Cut()
		client.Write([]byte("never"))
		client.(*Conn).SetLinger(0)
		client.Close()
		n.Link("a").Heal()
		server.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after healing = %v", err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, ErrReset) {
			t.Errorf("write after healing = %v", err)
		}
	})
	client, server, _ := pair(t, New())
	client.(*Conn).SetLinger(0)
	client.Close()
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, ErrReset) {
		t.Errorf("read over a whole link = %v", err)
	}
}
