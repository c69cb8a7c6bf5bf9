package meettest

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
)

// largeFile makes a file of random bytes and returns its hash.
func largeFile(t *testing.T, size int) (path, sum string) {
	t.Helper()
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	path = filepath.Join(t.TempDir(), "film.mkv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(b)
	return path, hex.EncodeToString(h[:])
}

// concealed is how much of the sound of another was made up so far.
func concealed(p, peer *Person) time.Duration {
	for _, s := range p.Call.Stats() {
		if s.Peer == peer.ID {
			return time.Duration(s.Audio.ConcealedMS * float64(time.Millisecond))
		}
	}
	return 0
}

// 50 MB go through two cuts and a change of address, and arrive as they were sent.
// While nothing is cut, the sound does not notice.
func TestFileThroughTrouble(t *testing.T) {
	size := 50 << 20
	if testing.Short() {
		size = 10 << 20
	}
	dir := t.TempDir()
	path, sum := largeFile(t, size)
	into := func(c *call.Config) { c.FilesInto, c.AcceptFiles = dir, true }
	bubbleWith(t, []string{"a", "b"}, into, func(t *testing.T, r *Room, p []*Person) {
		before := [2]time.Duration{concealed(p[0], p[1]), concealed(p[1], p[0])}
		begin := time.Now()
		if err := p[0].Call.SendFile(path, ""); err != nil {
			t.Fatal(err)
		}
		r.Wait(2 * time.Second)
		for i, was := range before {
			made := concealed(p[i], p[1-i]) - was
			if share := made.Seconds() / 2; share > 0.005 {
				t.Errorf("%s: %.2f%% of the sound was made up while the file went", p[i].Name, 100*share)
			}
		}
		p[1].CutMedia()
		r.Wait(4 * time.Second)
		p[1].HealMedia()
		r.Wait(time.Second)
		p[0].Move()
		r.Wait(2 * time.Second)
		p[0].Cut()
		r.Wait(20 * time.Second) // longer than the connection lives
		p[0].Heal()
		for n := 0; len(Events[call.FileDone](p[0])) == 0 && n < 120; n++ {
			r.Wait(time.Second)
		}
		t.Logf("%d bytes took %v", size, time.Since(begin))
		for _, who := range p {
			for _, e := range Events[call.FileFailed](who) {
				t.Errorf("%s: %s", who.Name, e.Error)
			}
			done := Events[call.FileDone](who)
			if len(done) != 1 || done[0].SHA256 != sum {
				t.Fatalf("%s: it has not arrived: %+v, %+v", who.Name, done, who.Call.Files())
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "film.mkv"))
		if err != nil {
			t.Fatal(err)
		}
		if h := sha256.Sum256(b); hex.EncodeToString(h[:]) != sum {
			t.Error("what arrived is not what was sent")
		}
	})
}
