package known

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func key(seed byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)).Public().(ed25519.PublicKey)
}

func book(t *testing.T) *Book {
	t.Helper()
	return Open(filepath.Join(t.TempDir(), "sub", "people"))
}

func TestMeeting(t *testing.T) {
	b := book(t)
	meet := func(name string, seed byte) Known {
		t.Helper()
		k, err := b.Meet(name, key(seed), noon)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if k := meet("Ann Lee", 1); k != (Known{}) {
		t.Errorf("the first time: %+v", k)
	}
	if k := meet("Ann Lee", 1); k != (Known{Name: "Ann Lee"}) {
		t.Errorf("again: %+v", k)
	}
	if k := meet("bob", 1); k.Name != "Ann Lee" || k.Other != nil {
		t.Errorf("by another name: %+v", k)
	}
	for _, name := range []string{"Ann Lee", "ann lee", " Ann  LEE "} {
		if k := meet(name, 2); k.Name != "" || k.Other == nil || !k.Other.Key.Equal(key(1)) {
			t.Errorf("%q with another key: %+v", name, k)
		}
	}
	meet("Bob", 3)
	if k := meet("Bob", 1); k.Name != "Ann Lee" || k.Other == nil || !k.Other.Key.Equal(key(3)) {
		t.Errorf("Ann as Bob: %+v", k)
	}
	if err := b.Verify("Ann Lee", key(2), noon); err != nil { // her other machine, compared
		t.Fatal(err)
	}
	for seed, verified := range map[byte]bool{1: false, 2: true} {
		if k := meet("Ann Lee", seed); k.Name != "Ann Lee" || k.Other != nil || k.Verified != verified {
			t.Errorf("key %d of Ann: %+v", seed, k)
		}
	}
	if all, err := b.List(); err != nil || len(all) != 3 || all[0].Comment != "met 2026-01-02" {
		t.Errorf("the book has %+v, %v", all, err)
	}
}

func TestChanging(t *testing.T) {
	b := book(t)
	for i := range byte(3) {
		if _, err := b.Meet(fmt.Sprint("p", i), key(i), noon); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.Change(Fingerprint(key(1)), func(p *Person) bool { p.Name = "Zoë"; p.Verified = true; return true }); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := b.Change("P2", func(*Person) bool { return false }); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := b.Change("nobody", func(*Person) bool { return true }); !errors.Is(err, ErrNobody) {
		t.Error(err)
	}
	all, err := b.List()
	if err != nil || len(all) != 2 || all[1].Name != "Zoë" || !all[1].Verified {
		t.Errorf("%+v, %v", all, err)
	}
	if n, err := b.Add(append(all, Person{Name: "new", Key: key(9)})); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// Several processes write at once, and nothing is lost.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "people")
	var all sync.WaitGroup
	for i := range byte(16) {
		all.Go(func() {
			if _, err := Open(path).Meet(fmt.Sprint("p", i), key(i), noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := Open(path).List(); err != nil || len(got) != 16 {
		t.Errorf("%d people, %v", len(got), err)
	}
}

// The file is one that ssh-keygen reads, and reads as what was written.
func TestFormat(t *testing.T) {
	people := []Person{
		{Name: "Ann Lee", Key: key(1), Verified: true, Comment: "met 2026-01-02"},
		{Name: "bob", Key: key(2)},
		{Name: "verified", Key: key(3), Comment: "verifiedly"},
	}
	text := Format(people)
	if want := `"Ann Lee" namespaces="meet" ` + Text(key(1)) + " verified met 2026-01-02\n"; !strings.HasPrefix(string(text), want) {
		t.Errorf("wrote\n%swant\n%s", text, want)
	}
	got, err := Parse(text)
	if err != nil || len(got) != 3 || got[0].Name != "Ann Lee" || !got[0].Verified || got[1].Verified || got[2].Verified {
		t.Errorf("read %+v, %v", got, err)
	}
	if !bytes.Equal(Format(got), text) {
		t.Errorf("written again:\n%s", Format(got))
	}
	for name, line := range map[string]string{
		"authorized_keys":   Text(key(1)) + " ann@host",
		"with options":      `restrict,command="ls" ` + Text(key(1)) + " ann@host",
		"several names":     `ann,anna namespaces="git,meet" ` + Text(key(1)),
		"a damaged key":     "ann ssh-ed25519 AAAAC3NzaC1lZDI1",
		"another kind":      "ann ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7",
		"escape sequences":  "\x1b[2Jann\u202e " + Text(key(1)) + " \x1b]0;t\x07x",
		"a comment":         "# " + Text(key(1)),
		"nothing":           "",
		"hostile principal": `"a,b*?!" ` + Text(key(1)),
	} {
		got, _ := Parse([]byte(line))
		again, _ := Parse(Format(got))
		want := map[string]string{
			"authorized_keys": "ann@host", "with options": `restrict`, "several names": "ann", "escape sequences": "ann", "hostile principal": "a,b*?!",
		}[name]
		if want == "" && len(got) != 0 || want != "" && (len(got) != 1 || got[0].Name != want || got[0].Verified) {
			t.Errorf("%s: %+v", name, got)
		}
		if len(again) != len(got) || len(got) == 1 && !again[0].Key.Equal(got[0].Key) {
			t.Errorf("%s: written and read again: %+v", name, again)
		}
	}
}

// FuzzParse: whatever a file holds, what is read of it is clean, and is written so
// that it is read as the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`"Ann Lee" namespaces="meet" ` + Text(key(1)) + " verified met 2026-01-02\n"))
	f.Add([]byte(Text(key(2)) + " bob@host\n# x\nann ssh-rsa AAAA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		people, _ := Parse(text)
		written := Format(people)
		again, err := Parse(written)
		if err != nil || len(again) != len(people) {
			t.Fatalf("%q became %q: %d people, then %d (%v)", text, written, len(people), len(again), err)
		}
		for i, p := range people {
			if !p.Key.Equal(again[i].Key) || p.Verified != again[i].Verified {
				t.Fatalf("%q became %q", text, written)
			}
		}
		if !bytes.Equal(Format(again), written) {
			t.Fatalf("%q, then %q", written, Format(again))
		}
	})
}
