package identity

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func open(t *testing.T, dir string, at int64) *Identity {
	t.Helper()
	id, err := Open(dir, time.UnixMilli(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	return id
}

func seat(t *testing.T, id *Identity, server, room string) string {
	t.Helper()
	key, err := id.Seat(server, room)
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

func TestKeyOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meet")
	first := open(t, dir, 1000)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, 2000)
	if !again.Key.Equal(first.Key) || seat(t, again, "s", "r") != seat(t, first, "s", "r") || again.Inc <= first.Inc {
		t.Errorf("came back as %+v, was %+v", again, first)
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the key is kept as %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, keyFile+".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// Whoever has the key in a room cannot tell it from anybody's in another room or on
// another server, and two processes in one room are two seats of one person.
func TestSeatsAreNotLinked(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir, 1000), open(t, dir, 1000)
	if !a.Key.Equal(b.Key) {
		t.Error("two processes of one person have different keys")
	}
	seen := map[string]string{string(a.own): "the identity itself"}
	for name, key := range map[string]string{
		"a":              seat(t, a, "https://one/", "room"),
		"another room":   seat(t, a, "https://one/", "room2"),
		"another server": seat(t, a, "https://two/", "room"),
		"another slot":   seat(t, b, "https://one/", "room"),
	} {
		if seen[key] != "" {
			t.Errorf("%s has the key of %s", name, seen[key])
		}
		seen[key] = name
	}
	was := seat(t, a, "https://one/", "room")
	a.Close()
	if c := open(t, dir, 3000); seat(t, c, "https://one/", "room") != was {
		t.Error("the seat that was given back was not taken")
	}
}

// TestSeatVector: what another implementation derives from the same key.
func TestSeatVector(t *testing.T) {
	raw, err := parseKey("vector", []byte(vectorKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := of(raw, time.UnixMilli(1)).Seat("https://meet.example/", "rrrrrrrrrrrrrrrrrrrrrr")
	if err != nil {
		t.Fatal(err)
	}
	const want = "UGwJSBbxOReIIstozvIE8yhLn385JaVoupVMfwAtbPs"
	if got := base64.RawURLEncoding.EncodeToString(key.Seed()); got != want {
		t.Errorf("seed %s, want %s", got, want)
	}
}

// vectorKey is the key whose seed is 32 times the byte 7.
func vectorKey(t *testing.T) string {
	t.Helper()
	return seedKey(t, 7)
}

func TestManyStartAtOnce(t *testing.T) {
	dir := t.TempDir()
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			id, err := Open(dir, time.UnixMilli(1))
			if err != nil {
				t.Error(err)
				return
			}
			defer id.Close()
			keys[i] = string(id.Key)
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("they have different keys")
		}
	}
}

// A key that cannot be read is not replaced: the people who know it would meet a
// stranger.
func TestDamagedKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	garbage := []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n")
	if err := os.WriteFile(filepath.Join(dir, keyFile), garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := Open(dir, time.UnixMilli(1)); err == nil {
		t.Errorf("opened as %+v", id)
	}
	if text, err := os.ReadFile(filepath.Join(dir, keyFile)); err != nil || !bytes.Equal(text, garbage) {
		t.Errorf("the file became %q, %v", text, err)
	}
}

func TestNowhereToKeepIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(file, "sub"), ""} {
		if id := open(t, dir, 1000); len(id.Key) == 0 || seat(t, id, "s", "r") == "" {
			t.Errorf("%q: no key", dir)
		}
	}
}

// The file is one that other programs of the person can read.
func TestKeyIsInTheFormatOfOpenSSH(t *testing.T) {
	dir := t.TempDir()
	id := open(t, dir, 1)
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(id.Key)
	if err != nil || !bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
		t.Errorf("another key is in the file (%v)", err)
	}
}
