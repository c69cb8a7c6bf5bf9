package meettest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
)

// terminalOf is how a person sees the terminal of another.
func terminalOf(t *testing.T, p, of *Person) call.TerminalView {
	t.Helper()
	for _, v := range p.Call.Terminals() {
		if v.Peer == of.ID {
			return v
		}
	}
	t.Fatalf("%s sees no terminal of %s", p.Name, of.Name)
	return call.TerminalView{}
}

// first is the first line of a terminal.
func first(v call.TerminalView) string {
	if v.Snapshot == nil {
		return ""
	}
	return term.Text(v.Snapshot.Lines[0])
}

// Whoever is there sees a shared terminal, and so does who comes later; after a cut
// of ten seconds they see the present, and when it ends it is gone.
func TestSharedTerminal(t *testing.T) {
	bubble(t, []string{"ann", "bob"}, func(t *testing.T, r *Room, p []*Person) {
		ann, bob := p[0], p[1]
		s, err := ann.Call.ShareTerminal(call.ShareConfig{Title: "build\x1b[31m", Cols: 80, Rows: 24})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(s, "\x1b]2;日本 make\a$ make 日本\r\n")
		r.Wait(time.Second)
		v := terminalOf(t, bob, ann)
		if first(v) != "$ make 日本" || v.Title != "日本 make" || v.Cols != 80 || v.MayType || !v.ViewOnly {
			t.Errorf("bob sees %q: %+v", first(v), v)
		}
		bob.Cut()
		for i := range 100 {
			fmt.Fprintf(s, "\x1b[H\x1b[Kline %d", i)
			r.Wait(100 * time.Millisecond)
		}
		bob.Heal()
		r.Wait(time.Second)
		if got := first(terminalOf(t, bob, ann)); got != "line 99" {
			t.Errorf("a second after the cut bob sees %q", got)
		}
		carl := r.Join("carl")
		r.Wait(3 * time.Second)
		if got := first(terminalOf(t, carl, ann)); got != "line 99" {
			t.Errorf("carl, who came later, sees %q", got)
		}
		s.Close()
		r.Wait(time.Second)
		if n := len(bob.Call.Terminals()) + len(carl.Call.Terminals()); n > 0 {
			t.Errorf("%d terminals are left", n)
		}
		if _, err := s.Write([]byte("x")); err != nil {
			t.Error("what is no longer shared may still be written:", err)
		}
		carl.Leave()
	})
}

// Nobody types without leave; with it keys come, and one word takes it back.
func TestTypingAlong(t *testing.T) {
	bubble(t, []string{"ann", "bob", "eve"}, func(t *testing.T, r *Room, p []*Person) {
		ann, bob, eve := p[0], p[1], p[2]
		var typed strings.Builder
		share := func(viewOnly bool) *call.Share {
			s, err := ann.Call.ShareTerminal(call.ShareConfig{Cols: 80, Rows: 24, ViewOnly: viewOnly, Input: func(b []byte) { typed.Write(b) }})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := share(false)
		fmt.Fprint(s, "\x1b[?1h")
		r.Wait(time.Second)
		if err := bob.Call.TypeTerminal(ann.ID, 1, termsync.Key{Text: "x"}); !errors.Is(err, call.ErrMayNotType) {
			t.Errorf("typed without leave: %v", err)
		}
		if err := ann.Call.AllowTerminals(eve.ID, true); err == nil {
			t.Error("eve did not ask and may type")
		}
		for _, who := range []*Person{bob, eve} {
			if err := who.Call.AskTerminal(ann.ID, 1, true); err != nil {
				t.Fatal(err)
			}
		}
		r.Wait(time.Second)
		if v := terminalOf(t, ann, ann); len(v.Asking) != 2 || len(v.Typing) != 0 {
			t.Errorf("ann is asked by %v, %v type", v.Asking, v.Typing)
		}
		if err := ann.Call.AllowTerminals(bob.ID, true); err != nil {
			t.Fatal(err)
		}
		r.Wait(time.Second)
		if err := eve.Call.TypeTerminal(ann.ID, 1, termsync.Key{Text: "rm"}); err == nil {
			t.Error("eve types with bob's leave")
		}
		if v := terminalOf(t, eve, ann); len(v.Typing) != 1 || v.Typing[0].Name != "bob" || v.MayType || !v.Asked {
			t.Errorf("eve sees %+v", v)
		}
		if err := bob.Call.TypeTerminal(ann.ID, 1, termsync.Key{Text: "ls"}, termsync.Key{Name: termsync.Up}, termsync.Key{Name: termsync.Enter}); err != nil {
			t.Fatal(err)
		}
		r.Wait(time.Second)
		if got := typed.String(); got != "ls\x1bOA\r" {
			t.Errorf("the program got %q", got)
		}
		// A short cut keeps it, a long one ends it.
		bob.Cut()
		r.Wait(5 * time.Second)
		bob.Heal()
		r.Wait(5 * time.Second)
		if !terminalOf(t, bob, ann).MayType {
			t.Error("a cut of 5 s took it")
		}
		bob.Cut()
		r.Wait(35 * time.Second)
		bob.Heal()
		r.Wait(10 * time.Second)
		if terminalOf(t, bob, ann).MayType || len(terminalOf(t, ann, ann).Typing) > 0 {
			t.Error("a cut of 35 s did not take it")
		}
		if err := bob.Call.AskTerminal(ann.ID, 1, true); err != nil {
			t.Fatal(err)
		}
		r.Wait(time.Second)
		if err := errors.Join(ann.Call.AllowTerminals(bob.ID, true), ann.Call.AllowTerminals("", false)); err != nil {
			t.Fatal(err)
		}
		r.Wait(time.Second)
		if v := terminalOf(t, bob, ann); v.MayType {
			t.Error("bob types although it was taken back")
		}
		s.Close()
		share(true)
		r.Wait(time.Second)
		if err := bob.Call.AskTerminal(ann.ID, 1, true); !errors.Is(err, call.ErrViewOnly) {
			t.Errorf("asked to type where one only looks: %v", err)
		}
	})
}
