package recent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRooms(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "meet")
	if rooms, err := List(dir); len(rooms) != 0 || err != nil {
		t.Fatalf("before the first: %v, %v", rooms, err)
	}
	for _, room := range []string{"demo", "https://host/standup", "", "two words", "demo", "\x1b[31m"} {
		if err := Add(dir, room); err != nil {
			t.Fatal(err)
		}
	}
	rooms, err := List(dir)
	if want := []string{"demo", "https://host/standup"}; err != nil || !slices.Equal(rooms, want) {
		t.Errorf("%q, %v, want %q", rooms, err, want)
	}
	for i := range 2 * most {
		if err := Add(dir, fmt.Sprintf("room-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if rooms, _ = List(dir); len(rooms) != most || rooms[0] != fmt.Sprintf("room-%d", 2*most-1) {
		t.Errorf("%d rooms, the newest %q", len(rooms), rooms[0])
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("\n\x00\x1b]0;x\x07\ndemo\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rooms, err := List(dir); err != nil || !slices.Equal(rooms, []string{"demo"}) {
		t.Errorf("%q, %v", rooms, err)
	}
}
