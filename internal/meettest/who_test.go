package meettest

import (
	"crypto/ed25519"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/known"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// who is what a person knows of another.
func (p *Person) who(q *Person) rtc.Identity {
	v, _ := p.Call.View().Peer(q.ID)
	return v.Identity
}

// Both ends of a connection learn each other's key and have the same six words, which
// no other connection has; the first meeting is new, the next is known, and who was
// compared is verified from then on, for a later process too.
func TestWhoIsThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		book := known.Open(filepath.Join(t.TempDir(), "book"))
		knows := func(c *call.Config) { c.People = book }
		a, b, c := r.Join("a", knows), r.Join("b"), r.Join("c")
		r.Wait(3 * time.Second)
		seen := map[string]bool{}
		for _, pair := range [][2]*Person{{a, b}, {b, c}, {a, c}} {
			one, other := pair[0].who(pair[1]), pair[1].who(pair[0])
			if one.Words == "" || one.Words != other.Words || len(strings.Fields(one.Words)) != 6 || seen[one.Words] {
				t.Errorf("%s and %s: %q and %q", pair[0].Name, pair[1].Name, one.Words, other.Words)
			}
			seen[one.Words] = true
			if !one.Key.Equal(pair[1].Key.Public()) || !other.Key.Equal(pair[0].Key.Public()) {
				t.Errorf("%s and %s have wrong keys of each other", pair[0].Name, pair[1].Name)
			}
		}
		if e := Events[rtc.Identified](a); len(e) != 2 || e[0].Mark != rtc.MarkNew || e[1].Mark != rtc.MarkNew {
			t.Errorf("a met %+v", e)
		}
		words := a.who(b).Words
		b.Kill()
		r.Wait(40 * time.Second)
		b.Again()
		r.Wait(3 * time.Second)
		if id := a.who(b); id.Mark != rtc.MarkKnown || id.Known != "b" || id.Words == words || id.Words == "" {
			t.Errorf("b came back as %+v", id)
		}
		if a.Call.Verify("nobody") || !a.Call.Verify(b.ID) {
			t.Error("want b to be verified, and nobody else")
		}
		r.Wait(time.Second)
		if id := a.who(b); id.Mark != rtc.MarkVerified {
			t.Errorf("verified, b is %+v", id)
		}
		b.Leave()
		b.Again()
		r.Wait(3 * time.Second)
		if id := a.who(b); id.Mark != rtc.MarkVerified {
			t.Errorf("another process of b is %+v", id)
		}
	})
}

// A name that is known, with another key, is said loudly and not remembered.
func TestNameWithAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		book := known.Open(filepath.Join(t.TempDir(), "book"))
		if err := book.Verify("b", ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		a, b := r.Join("a", func(c *call.Config) { c.People = book }), r.Join("b")
		r.Wait(3 * time.Second)
		if id := a.who(b); id.Mark != rtc.MarkChanged || id.Known != "b" || id.Key.Equal(id.Other) {
			t.Errorf("b is %+v", id)
		}
		if all, err := book.List(); err != nil || len(all) != 1 {
			t.Errorf("the book has %+v, %v", all, err)
		}
	})
}

// Who does not prove what they claim is nobody at all: another's key, another's
// signature of it, or one for another room.
func TestNobodyIsAnother(t *testing.T) {
	room, err := signal.Invite{Server: invite.Server, Name: "other"}.Room()
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(c *call.Config, ann *rtc.Person){
		"with her signature": func(c *call.Config, ann *rtc.Person) { c.Person = ann },
		"with our signature": func(c *call.Config, ann *rtc.Person) {
			c.Person = &rtc.Person{Key: ann.Key, Bind: c.Person.Bind}
		},
		"with one of another room": func(c *call.Config, _ *rtc.Person) {
			key := ed25519.NewKeyFromSeed(make([]byte, 32))
			c.Person = &rtc.Person{Key: key.Public().(ed25519.PublicKey), Bind: ed25519.Sign(key, room.Binding(c.Key.Public().(ed25519.PublicKey)))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				a, ann := r.Join("a"), r.Join("ann")
				b := r.Join("b", func(c *call.Config) { lie(c, ann.person()) })
				r.Wait(3 * time.Second)
				if id := a.who(b); id.Mark != rtc.MarkNone || id.Words != "" {
					t.Errorf("a believes %+v", id)
				}
				if id := a.who(ann); id.Mark != rtc.MarkNew {
					t.Errorf("ann is %+v", id)
				}
			})
		})
	}
}

// Who leaves is gone at once for those who are connected, whatever becomes of the
// server's word: the goodbye goes over the connections.
func TestGoodbyeNeedsNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(t)
		a, b := r.Join("a"), r.Join("b")
		r.Wait(3 * time.Second)
		a.CutServer()
		r.Wait(time.Second)
		a.Forget()
		left := time.Since(r.Start)
		b.Leave()
		r.Wait(10 * time.Second)
		for _, s := range a.Seen() {
			if e, ok := s.Event.(rtc.PeerLeft); ok {
				if after := s.At - left; e.Crashed || after > 600*time.Millisecond {
					t.Errorf("b left %v later (crashed: %v)", after, e.Crashed)
				}
				return
			}
		}
		t.Error("b never left")
	})
}
