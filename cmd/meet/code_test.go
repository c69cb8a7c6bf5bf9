package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/lan/lantest"
	"github.com/meet-term/meet/internal/spoken"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

const givenInvite = `meet join "https://meet.example/#standup.4fX0c2PzV9yR7mJm2o1n3w"`

// offered runs codes against a server on loopback and returns what is told.
func offered(t *testing.T, to invitedTo) (*codes, <-chan call.CodeChanged) {
	t.Helper()
	if to.line == nil {
		to.line = func() string { return givenInvite }
	}
	told := make(chan call.CodeChanged, 16)
	k := &codes{
		tell: func(e call.CodeChanged) { told <- e }, to: func() (invitedTo, error) { return to, nil },
		log: slog.New(slog.DiscardHandler), ask: make(chan struct{}, 1), now: time.Now,
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	k.again()
	return k, told
}

func codeServer(t *testing.T) (base string, close func()) {
	t.Helper()
	s := signal.NewServer(signal.ServerConfig{})
	h := httptest.NewServer(s)
	end := sync.OnceFunc(func() {
		h.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Run(ctx) // closes the connections
	})
	t.Cleanup(end)
	return h.URL + "/", end
}

func parsed(t *testing.T, e call.CodeChanged) spoken.Code {
	t.Helper()
	c, err := spoken.Parse(e.Code)
	if err != nil || e.State != call.CodeOpen || e.Text == "" || !strings.HasSuffix(e.Command, c.String()) {
		t.Fatalf("%+v: %v", e, err)
	}
	return c
}

// over reports whether a code was found to work no longer: a moment after its end the
// server may not have seen the one before go.
func over(err error) bool {
	return errors.Is(err, signal.ErrNoCode) || errors.Is(err, signal.ErrCodeTaken)
}

// A code lets one person in, once.
func TestCodeOnce(t *testing.T) {
	base, _ := codeServer(t)
	_, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base})
	code := parsed(t, <-told)
	got, err := useCode(t.Context(), base, "", code)
	if err != nil || got.Command() != givenInvite {
		t.Fatalf("%+v, %v", got, err)
	}
	if e := <-told; e.State != call.CodeUsed {
		t.Errorf("told %+v", e)
	}
	if _, err := useCode(t.Context(), base, "", code); !over(err) {
		t.Errorf("the second time: %v", err)
	}
}

// A wrong guess burns the code, both sides are told, and the right words come too
// late; a new code is another one.
func TestCodeGuess(t *testing.T) {
	base, _ := codeServer(t)
	k, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base})
	code := parsed(t, <-told)
	guess := spoken.Code{Number: code.Number, Words: "amber-acorn"}
	if guess == code {
		guess.Words = "amber-airport"
	}
	if _, err := useCode(t.Context(), base, "", guess); !errors.Is(err, spoken.ErrWrong) || !strings.Contains(codeTrouble(err), "ask for a new one") {
		t.Errorf("a guess: %v", err)
	}
	if e := <-told; e.State != call.CodeWrong || !strings.Contains(e.Text, "works no longer") {
		t.Errorf("told %+v", e)
	}
	if _, err := useCode(t.Context(), base, "", code); !over(err) {
		t.Errorf("the right words after a guess: %v", err)
	}
	k.again()
	if again := parsed(t, <-told); again.Words == code.Words {
		t.Errorf("the new code is %v, as before", again)
	}
}

// Asking for another code ends the one before, without a word about that.
func TestCodeReplaced(t *testing.T) {
	base, _ := codeServer(t)
	k, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base})
	before := parsed(t, <-told)
	k.again()
	now := parsed(t, <-told)
	if _, err := useCode(t.Context(), base, "", before); err == nil {
		t.Error("the code before still works")
	}
	if before.Number != now.Number {
		if got, err := useCode(t.Context(), base, "", now); err != nil || got.Command() != givenInvite {
			t.Errorf("the new code: %v, %v", got, err)
		}
	}
}

func TestCodeServerLost(t *testing.T) {
	base, end := codeServer(t)
	_, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base})
	parsed(t, <-told)
	end()
	if e := <-told; e.State != call.CodeEnded || !strings.Contains(e.Text, "server was lost") {
		t.Errorf("told %+v", e)
	}
}

func TestNoCodes(t *testing.T) {
	h := httptest.NewServer(nil) // answers 404 to all
	defer h.Close()
	_, told := offered(t, invitedTo{server: signal.MailServer{Base: h.URL + "/"}})
	if e := <-told; e.State != call.CodeFailed || !strings.Contains(e.Text, signal.ErrNoServer.Error()) {
		t.Errorf("told %+v", e)
	}
	p := place{now: call.Place{Dialed: signal.Invite{Server: "https://h/", Name: "demo", Authority: "x"}}}
	if _, err := p.invitedTo(); !errors.Is(err, errAuthority) {
		t.Errorf("a server that is its own authority: %v", err)
	}
}

func TestCodeCommand(t *testing.T) {
	code := spoken.Code{Number: 7, Words: "copper-lantern"}
	for server, want := range map[string]string{
		"http://127.0.0.1:7077/": "meet join 7-copper-lantern",
		"https://meet.example/":  "meet join --server https://meet.example 7-copper-lantern",
		"https://[2001:db8::1]/": `meet join --server "https://[2001:db8::1]" 7-copper-lantern`,
		"https://h/~team/":       `meet join --server "https://h/~team" 7-copper-lantern`,
	} {
		p := place{now: call.Place{Dialed: signal.Invite{Server: server, Name: "demo"}}}
		to, err := p.invitedTo()
		if err != nil {
			t.Fatal(err)
		}
		if got := to.command(code); got != want {
			t.Errorf("%s: %s", server, got)
		}
	}
}

// A code whose server was not named is found on the network by its number.
func TestCodeOnTheNetwork(t *testing.T) {
	base, _ := codeServer(t)
	var network lantest.Net
	open := func(address string) func() (lan.Conn, error) {
		return func() (lan.Conn, error) { return network.Open(netip.MustParseAddr(address)), nil }
	}
	others, err := signal.ParseInvite(base+"standup", "")
	if err != nil {
		t.Fatal(err)
	}
	server := lanServer(others, "ann")
	server.Addresses = []netip.Addr{netip.MustParseAddr("192.168.1.1")}
	_, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base, lan: server, listen: open("192.168.1.1")})
	code := parsed(t, <-told)
	find := finder{
		own:  func(venue.Reach) (base, authority string) { return "", "" },
		open: open("192.168.1.2"),
		use: func(ctx context.Context, at, authority string, code spoken.Code) (signal.Invite, error) {
			if want := strings.Replace(base, "127.0.0.1", "192.168.1.1", 1); at != want {
				t.Errorf("asked at %s, want %s", at, want)
			}
			return useCode(ctx, base, authority, code)
		},
	}
	got, err := find.find(t.Context(), code)
	if err != nil || got.Command() != givenInvite {
		t.Fatalf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = find.find(ctx, spoken.Code{Number: code.Number + 1, Words: code.Words})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("meet join --server HOST %d-", code.Number+1)) {
		t.Errorf("another number: %v", err)
	}
}

// What is typed after meet join: words that are in no code cost no attempt, and a
// room may be called what looks like a code.
func TestRoomOfCode(t *testing.T) {
	base, _ := codeServer(t)
	t.Setenv("MEET_SERVER", "")
	log := slog.New(slog.DiscardHandler)
	for _, room := range []string{"demo", "7-team-sync", "https://h/#7-copper-lantern"} {
		if got, err := roomOfCode(t.Context(), room, joinFlags{server: base}, log); err != nil || got != room {
			t.Errorf("%s: %q, %v", room, got, err)
		}
	}
	if _, err := roomOfCode(t.Context(), "7-coper-lantern", joinFlags{server: base}, log); status(err) != exitUsage || !strings.Contains(err.Error(), `is it "copper"`) {
		t.Errorf("a slip of the finger: %v", err)
	}
	_, err := roomOfCode(t.Context(), "7-copper-lantern", joinFlags{server: base}, log)
	if status(err) != exitRefused || !strings.Contains(err.Error(), "ten minutes") {
		t.Errorf("a code that nobody has: %v", err)
	}
	_, told := offered(t, invitedTo{server: signal.MailServer{Base: base}, base: base})
	e := <-told
	if got, err := roomOfCode(t.Context(), e.Code, joinFlags{server: base}, log); err != nil || got != "https://meet.example/#standup.4fX0c2PzV9yR7mJm2o1n3w" {
		t.Errorf("%q, %v", got, err)
	}
}
