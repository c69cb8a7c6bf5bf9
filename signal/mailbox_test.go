package signal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func (b *bed) mail(who string) MailServer {
	return MailServer{Base: "http://" + serverAddress + "/", Dial: b.net.Dialer(who)}
}

// Two meet at a mailbox by its number; the server hands on what they say, and says
// when a guest comes and goes.
func TestMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ctx := t.Context()
		box, err := b.mail("ann").OpenMailbox(ctx)
		if err != nil || box.Number < 1 || box.Number > fewNumbers {
			t.Fatalf("%+v, %v", box, err)
		}
		defer box.Close()
		for round := range 2 { // one guest after the other
			guest, err := b.mail("bob").VisitMailbox(ctx, box.Number)
			if err != nil {
				t.Fatal(err)
			}
			line, err := box.Next(ctx)
			if err != nil || string(line.Session) != string(guest.Session) || len(line.Session) != 16 {
				t.Fatalf("%v, %x and %x", err, line.Session, guest.Session)
			}
			if _, err := b.mail("mal").VisitMailbox(ctx, box.Number); !errors.Is(err, ErrCodeTaken) {
				t.Errorf("a second guest: %v", err)
			}
			for _, way := range [][2]*MailLine{{line, guest}, {guest, line}} {
				if err := way[0].Send(ctx, []byte("hello")); err != nil {
					t.Fatal(err)
				}
				if got, err := way[1].Receive(ctx); err != nil || string(got) != "hello" {
					t.Fatalf("round %d: %q, %v", round, got, err)
				}
			}
			guest.Close()
			if _, err := line.Receive(ctx); !errors.Is(err, errGuestGone) {
				t.Errorf("the guest went: %v", err)
			}
		}
		guest, err := b.mail("bob").VisitMailbox(ctx, box.Number)
		if err != nil {
			t.Fatal(err)
		}
		box.Close()
		if _, err := guest.Receive(ctx); !errors.Is(err, ErrNoCode) {
			t.Errorf("the mailbox was closed: %v", err)
		}
		if _, err := b.mail("bob").VisitMailbox(ctx, box.Number); !errors.Is(err, ErrNoCode) {
			t.Errorf("a mailbox that is closed: %v", err)
		}
	})
}

// A mailbox is open for ten minutes, whoever is idle, and no longer.
func TestMailboxLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		box, err := b.mail("ann").OpenMailbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start, ended := time.Now(), make(chan time.Duration)
		go func() {
			for {
				if _, err := box.Next(t.Context()); err != nil {
					ended <- time.Since(start)
					return
				}
			}
		}()
		time.Sleep(CodeLifetime - time.Second)
		if guest, err := b.mail("bob").VisitMailbox(t.Context(), box.Number); err != nil {
			t.Errorf("a second before its end: %v", err)
		} else {
			guest.Close()
		}
		if took := <-ended; took != CodeLifetime {
			t.Errorf("it ended after %v", took)
		}
		box.Close()
		synctest.Wait()
		b.server.mail.mu.Lock()
		defer b.server.mail.mu.Unlock()
		if len(b.server.mail.boxes)+len(b.server.mail.conns) != 0 {
			t.Error("something is left of it")
		}
	})
}

// A path that is lost ends the mailbox at both ends within a minute.
func TestMailboxCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		box, err := b.mail("ann").OpenMailbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		b.net.Link("ann").Cut()
		start := time.Now()
		if _, err := box.Next(t.Context()); err == nil || time.Since(start) > mailSilence {
			t.Errorf("ended with %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Second)
		if _, err := b.mail("bob").VisitMailbox(t.Context(), box.Number); !errors.Is(err, ErrNoCode) {
			t.Errorf("a guest: %v", err)
		}
	})
}

// One address does not go through the numbers to burn the codes of others.
func TestGuessesOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		tried := 0
		for n := 1; n <= fewNumbers; n++ {
			_, err := b.mail("mal").VisitMailbox(t.Context(), n)
			var away *TurnedAwayError
			switch {
			case errors.As(err, &away):
			case errors.Is(err, ErrNoCode):
				tried++
			default:
				t.Fatal(err)
			}
		}
		if tried != 120/guessCost {
			t.Errorf("%d numbers were tried at once", tried)
		}
		if _, err := b.mail("bob").VisitMailbox(t.Context(), 1); !errors.Is(err, ErrNoCode) {
			t.Errorf("another address: %v", err)
		}
	})
}

// What a guest sends is bounded, and a server that ends leaves nothing behind.
func TestMailboxBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		box, err := b.mail("ann").OpenMailbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		for _, size := range []int{10, maxMail + 1} {
			guest, err := b.mail(fmt.Sprint("mal", size)).VisitMailbox(t.Context(), box.Number)
			if err != nil {
				t.Fatal(err)
			}
			line, err := box.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for guest.Send(t.Context(), make([]byte, size)) == nil {
				}
			}()
			n := 0
			for {
				if _, err := line.Receive(t.Context()); err != nil {
					break
				}
				n++
			}
			if want := map[int]int{10: maxMails, maxMail + 1: 0}[size]; n != want {
				t.Errorf("%d messages of %d bytes came through, want %d", n, size, want)
			}
			guest.Close()
		}
		b.stop()
		if _, err := box.Next(t.Context()); err == nil {
			t.Error("the server ended and the mailbox did not")
		}
	})
}

func TestMailboxRequests(t *testing.T) {
	s := NewServer(ServerConfig{})
	for path, want := range map[string]int{"/code?n=x": 400, "/code?n=0": 400, "/code?n=-1": 400, "/code": 400} {
		if got := get(s, path).Code; got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	r, w := httptest.NewRequest(http.MethodGet, "/code", nil), httptest.NewRecorder()
	r.Header.Set("Origin", "https://evil.example")
	s.ServeHTTP(w, r)
	if body, _ := io.ReadAll(w.Body); w.Code != http.StatusForbidden {
		t.Errorf("a page: %d %s", w.Code, body)
	}
}
