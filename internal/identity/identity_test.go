package identity

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T, dir string, at int64) *Identity {
	t.Helper()
	id, err := Open(dir, time.UnixMilli(at))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestIDOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meet")
	first := open(t, dir, 1000)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, 2000)
	defer again.Close()
	if again.ID != first.ID || again.Inc <= first.Inc {
		t.Errorf("came back as %+v, was %+v", again, first)
	}
}

func TestTwoAtOnceAreTwoPeople(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, 1000)
	b := open(t, dir, 1000)
	if a.ID == b.ID {
		t.Fatal("two running processes share an id")
	}
	a.Close()
	c := open(t, dir, 3000)
	if c.ID != a.ID {
		t.Error("the id that was given back was not taken")
	}
	b.Close()
	c.Close()
}

func TestDamagedFileGetsANewID(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "id-0"), []byte("\x00\xffgarbage that is far longer than any id could be, really, it is"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := open(t, dir, 1000)
	a.Close()
	b := open(t, dir, 1001)
	b.Close()
	if a.ID == "" || a.ID != b.ID {
		t.Errorf("ids %q and %q", a.ID, b.ID)
	}
}

func TestNowhereToKeepIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if id := open(t, filepath.Join(file, "sub"), 1000); id.ID == "" {
		t.Error("no id")
	}
}
