package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func permissionAsked(t *testing.T, user string) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest),
		stun.NewUsername(user), stun.NewRealm("meet"), stun.NewNonce("n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func challenge(t *testing.T) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse),
		stun.CodeUnauthorized, stun.NewNonce("n"), stun.NewRealm("meet"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func someLogins() *logins {
	l := &logins{}
	l.set([]webrtc.ICEServer{{Username: "ada", Credential: "secret"}})
	return l
}

// A stream of the server is handed on byte for byte, however it is cut, and our
// answers come between its messages, authenticated as the client wants them.
func TestRelayStream(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		ours, theirs := net.Pipe()
		s := newRelayStream(ours, someLogins())
		asked := make(chan []byte, 64)
		go func() { // what the server gets
			buf := make([]byte, 2048)
			for {
				n, err := theirs.Read(buf)
				if err != nil {
					close(asked)
					return
				}
				asked <- bytes.Clone(buf[:n])
			}
		}()
		var stream []byte
		stream = append(stream, challenge(t)...)
		for range 60 {
			data := make([]byte, r.IntN(60))
			frame := binary.BigEndian.AppendUint16([]byte{0x40, 1}, uint16(len(data)))
			frame = append(frame, data...)
			for len(frame)%4 != 0 {
				frame = append(frame, 0)
			}
			if r.IntN(3) == 0 {
				frame = challenge(t)
			}
			stream = append(stream, frame...)
		}
		go func() {
			defer theirs.Close()
			for rest := stream; len(rest) > 0; {
				n := 1 + r.IntN(min(50, len(rest)))
				if _, err := theirs.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		var got []byte
		answers, requests := 0, 0
		buf := make([]byte, 1500)
		for {
			n, err := s.Read(buf)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				break
			}
			if m := (&stun.Message{Raw: buf[:n]}); stun.IsMessage(buf[:n]) && m.Decode() == nil && m.Type == permissionGiven {
				answers++
				if err := stun.NewLongTermIntegrity("ada", "meet", "secret").Check(m); err != nil {
					t.Errorf("seed %d: the answer is not authenticated: %v", seed, err)
				}
				continue
			}
			got = append(got, buf[:n]...)
			if len(got) > 200 && requests < 5 {
				requests++
				if _, err := s.Write(permissionAsked(t, "ada")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(got, stream) {
			t.Errorf("seed %d: %d bytes came of %d, or not the same", seed, len(got), len(stream))
		}
		if answers != requests || requests != 5 {
			t.Errorf("seed %d: %d answers to %d requests", seed, answers, requests)
		}
		s.Close()
	}
}

// A request for permission is answered at once and repeated until the server has
// answered too; for a stranger, or before there is a nonce, it just goes out.
func TestPermitter(t *testing.T) {
	sent := make(chan []byte, 16)
	p := newPermitter(someLogins(), func(b []byte) { sent <- b }, func(time.Time) error { return nil })
	request := permissionAsked(t, "ada")
	if p.asks(request, true) {
		t.Error("answered without a nonce of the server")
	}
	p.heard(challenge(t))
	if p.asks(permissionAsked(t, "bob"), true) {
		t.Error("answered for a user we have no password of")
	}
	if p.asks([]byte{0x40, 0, 0, 0}, true) || p.asks(challenge(t), true) {
		t.Error("something else was taken for a request")
	}
	if !p.asks(request, true) || p.next() == nil || p.next() != nil {
		t.Fatal("not answered once")
	}
	<-sent
	if again := <-sent; !bytes.Equal(again, request) {
		t.Error("something else was repeated")
	}
	m := &stun.Message{Raw: request}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), permissionGiven)
	if err != nil {
		t.Fatal(err)
	}
	p.heard(answer.Raw)
	p.mu.Lock()
	waiting := len(p.open)
	p.mu.Unlock()
	if waiting != 0 {
		t.Error("what the server has answered is repeated")
	}
	p.nonceAt = time.Now().Add(-time.Hour)
	if p.asks(request, true) {
		t.Error("answered with a nonce that may be over")
	}
	p.end()
}

func TestMarkedHosts(t *testing.T) {
	for _, c := range []struct{ url, marked, plain string }{
		{"turns:meet.example:443?transport=tcp", "turns:n-meet.example.tls.invalid:443?transport=tcp", "meet.example:443"},
		{"turns:meet.example?transport=tcp", "turns:n-meet.example.tls.invalid:5349?transport=tcp", "meet.example:5349"},
		{"turns:[2001:db8::1]:7077?transport=tcp", "turns:6-2001-db8--1.tls.invalid:7077?transport=tcp", "[2001:db8::1]:7077"},
		{"turns:10.0.0.1:7077?transport=tcp", "turns:n-10.0.0.1.tls.invalid:7077?transport=tcp", "10.0.0.1:7077"},
	} {
		marked := markSecure(c.url)
		if marked != c.marked {
			t.Errorf("%s is marked %s", c.url, marked)
		}
		u, err := stun.ParseURI(marked)
		if err != nil {
			t.Fatalf("%s: %v", marked, err)
		}
		if plain, secure := unmark(join(u.Host, u.Port)); plain != c.plain || !secure {
			t.Errorf("%s is dialled as %s, secure %v", c.url, plain, secure)
		}
	}
	if plain, secure := unmark("meet.example:443"); plain != "meet.example:443" || secure {
		t.Errorf("an unmarked host is %s, secure %v", plain, secure)
	}
}

func TestHideRelated(t *testing.T) {
	const line = "candidate:1 1 udp 5 198.51.100.7 4000 typ relay raddr 192.168.1.5 rport 777 ufrag x"
	const want = "candidate:1 1 udp 5 198.51.100.7 4000 typ relay raddr 0.0.0.0 rport 0 ufrag x"
	if got := hideRelated(line); got != want {
		t.Errorf("got %s", got)
	}
	sdp := "v=0\r\na=" + line + "\r\na=end-of-candidates\r\n"
	for _, e := range []rtc.SessionEvent{rtc.LocalOffer{SDP: sdp}, rtc.LocalAnswer{SDP: sdp}} {
		got := ""
		switch e := withoutRelated(e).(type) {
		case rtc.LocalOffer:
			got = e.SDP
		case rtc.LocalAnswer:
			got = e.SDP
		}
		if strings.Contains(got, "192.168") || !strings.HasPrefix(got, "v=0\r\na=candidate:1 ") || !strings.HasSuffix(got, "\r\na=end-of-candidates\r\n") {
			t.Errorf("%T: %q", e, got)
		}
	}
}

// Which of the servers offered are used, and how.
func TestServers(t *testing.T) {
	offered := []signal.ICEServer{
		{URLs: []string{"stun:h:1"}},
		{URLs: []string{"turn:h:1", "turn:h:1?transport=tcp", "turns:h:1?transport=tcp"}, Username: "ada", Credential: "secret"},
	}
	dial := DialRelay(nil)
	for _, c := range []struct {
		name      string
		relayOnly bool
		streams   bool
		want      string
	}{
		{"all", false, true, "stun:h:1 turn:h:1 turn:h:1?transport=tcp turns:n-h.tls.invalid:1?transport=tcp"},
		{"no way to dial", false, false, "stun:h:1 turn:h:1"},
		{"relay only", true, true, "turn:h:1 turn:h:1?transport=tcp turns:n-h.tls.invalid:1?transport=tcp"},
	} {
		s := &session{dialer: &Dialer{relayOnly: c.relayOnly, dialRelay: dial}, net: &liveNet{}}
		if c.streams {
			s.dialer.dialRelay = new(streamBed).dial
		}
		s.streams.session = s
		s.streams.restart()
		var got []string
		for _, server := range s.servers(offered) {
			got = append(got, server.URLs...)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// streamBed counts the relays that are dialled over TCP.
type streamBed struct{ dialled []string }

func (b *streamBed) dial(_ context.Context, network, address string, secure bool) (net.Conn, error) {
	b.dialled = append(b.dialled, fmt.Sprint(network, " ", address, " ", secure))
	return nil, errors.New("a bed")
}

// A relay is dialled over TCP when none is reached over UDP for a while, at once
// when that is known, and not at all when one is.
func TestStreamsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bed := &streamBed{}
		d := &Dialer{dialRelay: bed.dial, started: time.Now()}
		begin := func(overUDP bool) *session {
			s := &session{dialer: d, ctx: t.Context()}
			s.streams.session = s
			s.streams.restart()
			s.streams.begin(overUDP)
			return s
		}
		time.Sleep(time.Second)
		dial := func(s *session) (time.Duration, bool) {
			at, n := time.Now(), len(bed.dialled)
			_, err := s.streams.Dial("tcp4", "n-h.tls.invalid:1")
			if err == nil {
				t.Error("no error")
			}
			return time.Since(at), len(bed.dialled) > n
		}
		s := begin(true)
		time.AfterFunc(100*time.Millisecond, func() { s.streams.relayed("0.0.0.0:5") })
		if took, dialled := dial(s); dialled || took != 100*time.Millisecond {
			t.Errorf("reached over UDP: dialled %v after %v", dialled, took)
		}
		if took, dialled := dial(begin(true)); !dialled || took != streamPatience {
			t.Errorf("not reached: dialled %v after %v", dialled, took)
		}
		if took, dialled := dial(begin(true)); !dialled || took != 0 {
			t.Errorf("known not to be reached: dialled %v after %v", dialled, took)
		}
		if took, dialled := dial(begin(false)); !dialled || took != 0 {
			t.Errorf("no relay over UDP: dialled %v after %v", dialled, took)
		}
		time.Sleep(blockedFor)
		if took, dialled := dial(begin(true)); !dialled || took != streamPatience {
			t.Errorf("later: dialled %v after %v", dialled, took)
		}
		if last := bed.dialled[len(bed.dialled)-1]; last != "tcp4 h:1 true" {
			t.Errorf("dialled %s", last)
		}
	})
}
