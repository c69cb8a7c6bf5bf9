package spoken

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestWordList(t *testing.T) {
	all := append(slices.Clone(first), second...)
	if len(first) != Words || len(second) != Words || !slices.IsSorted(first) || !slices.IsSorted(second) {
		t.Fatalf("%d and %d words, sorted %v %v", len(first), len(second), slices.IsSorted(first), slices.IsSorted(second))
	}
	for i, a := range all {
		if len(a) < 3 || len(a) > 10 || strings.Trim(a, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is no plain word", a)
		}
		for _, b := range all[:i] {
			if a == b || oneApart(a, b) {
				t.Errorf("%q and %q are taken for each other", a, b)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for typed, want := range map[string]any{
		"7-copper-lantern": Code{7, "copper-lantern"}, "7 Copper Lantern": Code{7, "copper-lantern"}, "12345-amber-acorn": Code{12345, "amber-acorn"},
		"7-coper-lantern": "copper", "7-copper-lanterns": "lantern", "7-copper-xyz": "", "7-lantern-copper": ErrNoCode,
		"demo": ErrNoCode, "7-team-sync": ErrNoCode, "0-copper-lantern": ErrNoCode, "07-copper-lantern": ErrNoCode, "+7-copper-lantern": ErrNoCode,
		"7-copper": ErrNoCode, "copper-lantern-7": ErrNoCode, "https://h/7-copper-lantern": ErrNoCode, "100000-copper-lantern": ErrNoCode, "": ErrNoCode,
	} {
		got, err := Parse(typed)
		switch want := want.(type) {
		case Code:
			if err != nil || got != want {
				t.Errorf("%q is %v, %v", typed, got, err)
			}
		case error:
			if !errors.Is(err, want) {
				t.Errorf("%q: %v, %v", typed, got, err)
			}
		case string:
			var wrong *WordError
			if !errors.As(err, &wrong) || wrong.Meant != want {
				t.Errorf("%q: %v", typed, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("7-copper-lantern")
	f.Add("7 a b")
	f.Fuzz(func(t *testing.T, typed string) {
		c, err := Parse(typed)
		if err != nil {
			return
		}
		if again, err := Parse(c.String()); err != nil || again != c {
			t.Errorf("%q is %v, which is read as %v, %v", typed, c, again, err)
		}
	})
}

// line is one end of a pair of channels. change alters what is received.
type line struct {
	in, out chan []byte
	change  func([]byte) []byte
}

func (l line) Send(ctx context.Context, m []byte) error {
	select {
	case l.out <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l line) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m, ok := <-l.in:
		if !ok {
			return nil, errors.New("closed")
		}
		if l.change != nil {
			m = l.change(m)
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// meet runs both sides; each may be changed.
func meet(t *testing.T, inviter, guest Code, si, sg string, toInviter, toGuest func([]byte) []byte) (got []byte, invited, accepted error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, b := make(chan []byte, 4), make(chan []byte, 4)
	done := make(chan error, 1)
	go func() {
		err := Invite(ctx, line{a, b, toInviter}, inviter, []byte(si), []byte("the invite"))
		close(b)
		done <- err
	}()
	got, accepted = Accept(ctx, line{b, a, toGuest}, guest, []byte(sg))
	close(a)
	return got, <-done, accepted
}

func TestExchange(t *testing.T) {
	right, wrong := Code{7, "copper-lantern"}, Code{7, "copper-bucket"}
	flip := func(key string) func([]byte) []byte { // somebody between changes what is said
		return func(m []byte) []byte {
			fields := map[string]any{}
			if json.Unmarshal(m, &fields) != nil {
				return m
			}
			if s, ok := fields[key].(string); ok && len(s) > 8 {
				b, err := b64.DecodeString(s)
				if err != nil {
					return m
				}
				b[1] ^= 4
				fields[key] = b64.EncodeToString(b)
			}
			m, _ = json.Marshal(fields)
			return m
		}
	}
	for _, c := range []struct {
		name               string
		guest              Code
		session            string
		toInviter, toGuest func([]byte) []byte
		ok                 bool
	}{
		{"the right words", right, "s", nil, nil, true},
		{"wrong words", wrong, "s", nil, nil, false},
		{"another number, which only leads there", Code{8, "copper-lantern"}, "s", nil, nil, true},
		{"another session", right, "t", nil, nil, false},
		{"the inviter's share changed", right, "s", nil, flip("share"), false},
		{"the guest's share changed", right, "s", flip("share"), nil, false},
		{"the proof changed", right, "s", flip("proof"), nil, false},
		{"the sealed invite changed", right, "s", nil, flip("sealed"), false},
		{"an empty share", right, "s", func([]byte) []byte { return []byte(`{"share":"","proof":""}`) }, nil, false},
		{"the neutral element", right, "s", func(m []byte) []byte {
			return bytes.Replace(m, []byte(`"share":"`), []byte(`"share":"`+b64.EncodeToString(make([]byte, 32))+`","x":"`), 1)
		}, nil, false},
		{"no JSON", right, "s", nil, func([]byte) []byte { return []byte("hello") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, invited, accepted := meet(t, right, c.guest, "s", c.session, c.toInviter, c.toGuest)
			if c.ok != (accepted == nil) || c.ok != (string(got) == "the invite") || c.ok && invited != nil {
				t.Errorf("got %q; inviter: %v, guest: %v", got, invited, accepted)
			}
			if (c.name == "wrong words" || strings.Contains(c.name, "proof")) && (!errors.Is(invited, ErrWrong) || !errors.Is(accepted, ErrWrong)) {
				t.Errorf("inviter: %v, guest: %v; want the words to be wrong", invited, accepted)
			}
		})
	}
}

// A hostile server that answers in the place of either, with a guess of its own, gets
// nothing, and who was there is told.
func TestServerInTheMiddle(t *testing.T) {
	right, guess := Code{7, "copper-lantern"}, Code{7, "amber-acorn"}
	ctx := t.Context()
	a, b := make(chan []byte, 4), make(chan []byte, 4)
	invited := make(chan error, 1)
	go func() { invited <- Invite(ctx, line{a, b, nil}, right, []byte("s"), []byte("the invite")) }()
	if got, err := Accept(ctx, line{b, a, nil}, guess, []byte("s")); !errors.Is(err, ErrWrong) || got != nil {
		t.Errorf("the server got %q, %v", got, err)
	}
	if err := <-invited; !errors.Is(err, ErrWrong) {
		t.Errorf("the inviter is told %v", err)
	}
	c, d := make(chan []byte, 4), make(chan []byte, 4)
	go func() { invited <- Invite(ctx, line{c, d, nil}, guess, []byte("s"), []byte("http://evil/#room")) }()
	if got, err := Accept(ctx, line{d, c, nil}, right, []byte("s")); !errors.Is(err, ErrWrong) || got != nil {
		t.Errorf("the guest took %q, %v of the server", got, err)
	}
	if err := <-invited; !errors.Is(err, ErrWrong) {
		t.Errorf("the server learned %v", err)
	}
}

// The same words look like others each time: nothing said twice is the same.
func TestNothingRepeats(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		if _, _, err := meet(t, Code{1, "amber-acorn"}, Code{1, "amber-acorn"}, "s", "s", nil, func(m []byte) []byte {
			if seen[string(m)] {
				t.Errorf("%s was said before", m)
			}
			seen[string(m)] = true
			return m
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNew(t *testing.T) {
	c, err := New(7, bytes.NewReader([]byte{0, 255}))
	if err != nil || c.String() != "7-"+first[0]+"-"+second[255] {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := New(7, bytes.NewReader(nil)); err == nil {
		t.Error("no randomness, and a code")
	}
}
