package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/signal"
)

// side is one of two people and the way from them to the other: messages wait for
// their turn on a line of some rate, and take some time from there.
type side struct {
	*Files
	mu     *sync.Mutex // of the line, both ways: guards free, epoch, open, bytes and queued
	t      *testing.T
	name   signal.PeerID
	dir    string
	other  *side
	rate   float64       // bytes a second
	delay  time.Duration // one way
	free   time.Time     // when the line is
	epoch  int           // of the channel; what is under way of an older one is lost
	open   bool
	bytes  int64         // sent in all
	queued time.Duration // longest time that something waited for the line
	happen chan Event
}

var errNoWay = errors.New("no way")

func (s *side) send(_ signal.PeerID, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.open {
		return errNoWay
	}
	wait := max(s.free.Sub(now), 0)
	if float64(wait)/float64(time.Second)*s.rate+float64(len(b)) > 256<<10 {
		return errNoWay
	}
	s.queued = max(s.queued, wait)
	s.free = now.Add(wait + time.Duration(float64(len(b))/s.rate*float64(time.Second)))
	s.bytes += int64(len(b))
	epoch, b := s.epoch, bytes.Clone(b)
	time.AfterFunc(s.free.Sub(now)+s.delay, func() {
		s.mu.Lock()
		arrives := epoch == s.epoch && s.open
		s.mu.Unlock()
		if arrives {
			s.other.Message(s.name, b)
		}
	})
	return nil
}

// two makes two people on a line, inside a bubble. Each has what the other sends in
// a folder.
func two(t *testing.T, rate float64, delay time.Duration, change func(*Config)) (ann, bob *side) {
	var id atomic.Uint64
	line := new(sync.Mutex)
	ctx, cancel := context.WithCancel(t.Context())
	make := func(name signal.PeerID) *side {
		s := &side{mu: line, t: t, name: name, dir: t.TempDir(), rate: rate, delay: delay, happen: make(chan Event, 1000)}
		cfg := Config{
			Send: s.send, NewID: func() uint64 { return id.Add(1) }, Most: 192 << 10, Into: s.dir,
			Name:  func(p signal.PeerID) string { return strings.ToUpper(string(p[:1])) + string(p[1:]) },
			Event: func(e Event) { s.happen <- e },
		}
		if change != nil {
			change(&cfg)
		}
		s.Files = New(cfg)
		go s.Run(ctx)
		return s
	}
	ann, bob = make("ann"), make("bob")
	ann.other, bob.other = bob, ann
	t.Cleanup(func() { cancel(); synctest.Wait() })
	connect(ann, bob)
	return ann, bob
}

func connect(ann, bob *side) {
	for _, s := range []*side{ann, bob} {
		s.mu.Lock()
		s.open, s.free = true, time.Now()
		s.mu.Unlock()
		s.Opened(s.other.name)
	}
}

// cut loses the connection and all that is under way.
func cut(ann, bob *side) {
	for _, s := range []*side{ann, bob} {
		s.mu.Lock()
		s.open = false
		s.epoch++
		s.mu.Unlock()
		s.Closed(s.other.name)
	}
}

// next waits for an event of a state.
func (s *side) next(state State) Event {
	s.t.Helper()
	for {
		select {
		case e := <-s.happen:
			if e.State == state {
				return e
			}
			if e.State == Failed || e.State == Done {
				s.t.Fatalf("%s: %s is %s (%s) instead of %s", s.name, e.Name, e.State, e.Error, state)
			}
		case <-time.After(time.Hour):
			s.t.Fatalf("%s: nothing is %s", s.name, state)
		}
	}
}

// file makes a file of random bytes and returns its hash.
func file(t *testing.T, name string, size int) (path, sum string) {
	t.Helper()
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = r.Read(b)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(b)
	return path, hex.EncodeToString(h[:])
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// offer offers a file and has it accepted.
func offer(t *testing.T, ann, bob *side, path string) Event {
	t.Helper()
	if _, err := ann.Offer(path, []signal.PeerID{bob.name}); err != nil {
		t.Fatal(err)
	}
	e := bob.next(Offered)
	if err := bob.Accept(e.ID, ""); err != nil {
		t.Fatal(err)
	}
	return e
}

// A file arrives as it was sent, as fast as the line carries it, without keeping
// anything else on the line waiting.
func TestFileArrives(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  float64 // bytes a second
		delay time.Duration
		size  int
		share float64 // of the line that is used at least
	}{
		{"narrow", 40e3, 25 * time.Millisecond, 1 << 20, 0.7},
		{"home", 1.25e6, 20 * time.Millisecond, 20 << 20, 0.75},
		{"local", 60e6, 500 * time.Microsecond, 100 << 20, 0.6},
		{"empty", 1e6, time.Millisecond, 0, 0},
		{"one byte", 1e6, time.Millisecond, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ann, bob := two(t, c.rate, c.delay, nil)
				path, sum := file(t, "notes.pdf", c.size)
				begin := time.Now()
				e := offer(t, ann, bob, path)
				if e.Name != "notes.pdf" || e.Size != int64(c.size) || e.Mine || e.Peer != "ann" {
					t.Errorf("offered %+v", e)
				}
				done, sent := bob.next(Done), ann.next(Done)
				took := time.Since(begin)
				if done.SHA256 != sum || sumOf(t, done.Path) != sum || sent.SHA256 != sum {
					t.Errorf("what arrived is not what was sent: %+v", done)
				}
				if filepath.Base(done.Path) != "notes.pdf" || filepath.Dir(done.Path) != bob.dir {
					t.Errorf("it is at %s", done.Path)
				}
				if got := float64(c.size) / took.Seconds() / c.rate; got < c.share {
					t.Errorf("%.0f%% of the line was used: %v", 100*got, took)
				}
				t.Logf("%v, %.0f%% of the line, waited at most %v", took, 100*float64(c.size)/took.Seconds()/c.rate, ann.queued)
				if ann.queued > 150*time.Millisecond {
					t.Errorf("something waited for %v", ann.queued)
				}
			})
		})
	}
}

// After cuts it goes on where it was: in all hardly more is sent than once.
func TestFileGoesOnAfterCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := two(t, 1e6, 20*time.Millisecond, nil)
		path, sum := file(t, "film.mkv", 10<<20)
		offer(t, ann, bob, path)
		for range 3 {
			time.Sleep(2 * time.Second)
			cut(ann, bob)
			time.Sleep(5 * time.Second)
			connect(ann, bob)
		}
		if done := bob.next(Done); sumOf(t, done.Path) != sum {
			t.Error("what arrived is not what was sent")
		}
		ann.next(Done)
		if again := ann.bytes - 10<<20; again > 1<<20 {
			t.Errorf("%d bytes were sent twice", again)
		}
		if left, err := os.ReadDir(bob.dir); err != nil || len(left) != 1 {
			t.Errorf("in the folder: %v, %v", left, err)
		}
	})
}

// The word that all arrived may be lost with the connection.
func TestLastWordIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := two(t, 1e6, 20*time.Millisecond, nil)
		path, _ := file(t, "a", 1000)
		offer(t, ann, bob, path)
		bob.next(Done)
		cut(ann, bob)
		connect(ann, bob)
		ann.next(Done)
	})
}

// What is offered while there is no way is offered when there is one.
func TestOfferWaitsForTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := two(t, 1e6, time.Millisecond, nil)
		cut(ann, bob)
		path, _ := file(t, "a", 10)
		if _, err := ann.Offer(path, []signal.PeerID{"bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		connect(ann, bob)
		bob.next(Offered)
	})
}

func TestNothingIsOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := two(t, 1e6, time.Millisecond, func(c *Config) { c.Accept = true })
		if err := os.WriteFile(filepath.Join(bob.dir, "a.tar.gz"), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		path, _ := file(t, "a.tar.gz", 10)
		var names []string
		for range 2 {
			if _, err := ann.Offer(path, []signal.PeerID{"bob"}); err != nil {
				t.Fatal(err)
			}
			names = append(names, filepath.Base(bob.next(Done).Path))
		}
		if want := []string{"a.tar (2).gz", "a.tar (3).gz"}; !slices.Equal(names, want) {
			t.Errorf("named %q", names)
		}
		if b, _ := os.ReadFile(filepath.Join(bob.dir, "a.tar.gz")); string(b) != "mine" {
			t.Errorf("overwritten with %q", b)
		}
	})
}

// Both sides are told how a transfer ended, whoever ended it.
func TestTransfersThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		do       func(t *testing.T, ann, bob *side, path string, offered Event)
		ann, bob string
	}{
		"refused": {func(t *testing.T, ann, bob *side, _ string, e Event) { check(t, bob.Stop(e.ID)) }, "Bob refused it", "you refused it"},
		"taken back": {func(t *testing.T, ann, bob *side, _ string, _ Event) {
			check(t, ann.Stop(ann.List()[0].ID))
		}, "you stopped it", "Ann took it back"},
		"stopped": {func(t *testing.T, ann, bob *side, _ string, e Event) {
			check(t, bob.Accept(e.ID, ""))
			time.Sleep(100 * time.Millisecond)
			check(t, bob.Stop(e.ID))
		}, "Bob stopped it", "you stopped it"},
		"changed": {func(t *testing.T, ann, bob *side, path string, e Event) {
			check(t, bob.Accept(e.ID, ""))
			time.Sleep(100 * time.Millisecond)
			check(t, os.Truncate(path, 100))
		}, "it became shorter while it was sent", "Ann stopped it: it became shorter while it was sent"},
		"gone before": {func(t *testing.T, ann, bob *side, path string, e Event) {
			check(t, os.Remove(path))
			check(t, bob.Accept(e.ID, ""))
		}, "it can no longer be read", "Ann stopped it: it can no longer be read"},
		"left": {func(t *testing.T, ann, bob *side, _ string, e Event) {
			check(t, bob.Accept(e.ID, ""))
			time.Sleep(100 * time.Millisecond)
			cut(ann, bob)
			ann.Gone("bob")
			bob.Gone("ann")
		}, "Bob left", "Ann left"},
		"nowhere to write": {func(t *testing.T, ann, bob *side, _ string, e Event) {
			dir := filepath.Join(bob.dir, "sub")
			check(t, os.Mkdir(dir, 0o700))
			check(t, bob.Accept(e.ID, dir))
			check(t, os.Remove(dir))
		}, "Bob stopped it: it could not be written", "make the file: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ann, bob := two(t, 1e6, 5*time.Millisecond, nil)
				path, _ := file(t, "a", 1<<20)
				check(t, second(ann.Offer(path, []signal.PeerID{"bob"})))
				c.do(t, ann, bob, path, bob.next(Offered))
				if got := ann.next(Failed).Error; got != c.ann {
					t.Errorf("Ann is told %q", got)
				}
				if got := bob.next(Failed).Error; !strings.HasPrefix(got, c.bob) {
					t.Errorf("Bob is told %q", got)
				}
				if left, err := os.ReadDir(bob.dir); err != nil || len(left) != 0 {
					t.Errorf("in the folder: %v, %v", left, err)
				}
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	f := New(Config{Into: "/"})
	dir := t.TempDir()
	for path, want := range map[string]string{dir: "pack it first", filepath.Join(dir, "none"): "no such file", os.DevNull: "is no file"} {
		if _, err := f.Offer(path, []signal.PeerID{"b"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := f.Offer(os.Args[0], nil); !errors.Is(err, ErrNobody) {
		t.Errorf("to nobody: %v", err)
	}
	if err := f.Accept(7, ""); !errors.Is(err, ErrNoTransfer) {
		t.Errorf("accepting nothing: %v", err)
	}
	if err := f.Stop(7); !errors.Is(err, ErrNoTransfer) {
		t.Errorf("stopping nothing: %v", err)
	}
}

// hostile is a peer that says what it likes to Bob.
func hostile(t *testing.T, change func(*Config)) (bob *side, say func(words), data func(id uint64, offset int64, n int)) {
	ann, bob := two(t, 1e9, time.Millisecond, change)
	ann.Files.Closed("bob") // and speaks for itself from now on
	say = func(w words) { bob.Message("ann", encode(w)) }
	data = func(id uint64, offset int64, n int) {
		bob.Message("ann", packet{kind: typeData, id: id, offset: offset, data: make([]byte, n)}.append(nil))
	}
	return bob, say, data
}

func TestHostileSender(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(say func(words), data func(uint64, int64, int))
		want string // of the first file
	}{
		"a gap":    {func(_ func(words), data func(uint64, int64, int)) { data(1, 0, 10); data(1, 20, 10) }, "sent what does not belong"},
		"too much": {func(_ func(words), data func(uint64, int64, int)) { data(1, 0, 90); data(1, 90, 11) }, "sent what does not belong"},
		"end early": {func(say func(words), data func(uint64, int64, int)) {
			data(1, 0, 90)
			say(words{File: wordEnd, ID: 1, SHA256: sum(90)})
		}, "did not arrive as it was sent"},
		"wrong hash": {func(say func(words), data func(uint64, int64, int)) {
			data(1, 0, 100)
			say(words{File: wordEnd, ID: 1, SHA256: sum(99)})
		}, "did not arrive as it was sent"},
		"repetitions": {func(say func(words), data func(uint64, int64, int)) {
			data(1, 0, 60)
			data(1, 0, 60)
			data(1, 60, 40)
			say(words{File: wordEnd, ID: 1, SHA256: sum(100)})
		}, ""},
		"another size": {func(say func(words), data func(uint64, int64, int)) {
			say(words{File: wordOffer, ID: 1, Name: "b", Size: 1 << 40})
			data(1, 0, 100)
			say(words{File: wordEnd, ID: 1, SHA256: sum(100)})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bob, say, data := hostile(t, func(c *Config) { c.Accept = true })
				data(9, 0, 100) // nobody asked
				say(words{File: wordOffer, ID: 1, Name: "../../a", Size: 100})
				synctest.Wait()
				c.do(say, data)
				if c.want != "" {
					if got := bob.next(Failed).Error; !strings.Contains(got, c.want) {
						t.Errorf("told %q", got)
					}
				} else if done := bob.next(Done); done.Path != filepath.Join(bob.dir, "a") {
					t.Errorf("it is at %s", done.Path)
				}
				if left, err := os.ReadDir(bob.dir); err != nil || len(left) != map[bool]int{true: 1}[c.want == ""] {
					t.Errorf("in the folder: %v, %v", left, err)
				}
			})
		})
	}
}

func sum(n int) string {
	h := sha256.Sum256(make([]byte, n))
	return hex.EncodeToString(h[:])
}

// Floods of offers and of bytes cost no more than the bounds say.
func TestFloods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob, say, data := hostile(t, nil)
		for n := range 10_000 {
			say(words{File: wordOffer, ID: uint64(n) + 1, Name: "a", Size: 1})
		}
		synctest.Wait()
		if n := len(bob.List()); n != maxOffers {
			t.Errorf("%d offers are kept", n)
		}
		for range 10_000 {
			data(1, 0, chunkMax)
		}
		bob.Files.mu.Lock()
		waits := bob.weight["ann"]
		bob.Files.mu.Unlock()
		if waits > maxInbox {
			t.Errorf("%d bytes wait", waits)
		}
	})
}

// A receiver cannot make us believe, or read, what is not so.
func TestHostileReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := two(t, 1e5, time.Millisecond, nil)
		bob.Files.Closed("ann")
		path, _ := file(t, "a", 1<<20)
		check(t, second(ann.Offer(path, []signal.PeerID{"bob"})))
		id := uint64(1)
		say := func(w words) { w.ID = id; ann.Message("bob", encode(w)); synctest.Wait() }
		say(words{File: wordDone}) // before it was accepted
		say(words{File: wordAccept, Offset: 5})
		if got := ann.next(Failed).Error; got != "Bob has more of it than was sent" {
			t.Errorf("told %q", got)
		}
		id = 2
		check(t, second(ann.Offer(path, []signal.PeerID{"bob"})))
		synctest.Wait()
		say(words{File: wordAccept})
		time.Sleep(time.Second)
		say(words{File: wordDone})
		ack := packet{kind: typeAck, id: id, offset: 1 << 40}
		ann.Message("bob", ack.append(nil))
		ack.offset, ack.stamp = 1, 1<<63
		ann.Message("bob", ack.append(nil))
		synctest.Wait()
		if tr := ann.List()[1]; tr.State != Moving || tr.Bytes > 1<<20 {
			t.Errorf("it is %+v", tr)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add(encode(words{File: wordOffer, ID: 1, Name: "a", Size: 3}))
	f.Add(packet{kind: typeData, id: 1, data: []byte("abc")}.append(nil))
	f.Add(packet{kind: typeAck, id: 1}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, w, err := decode(b)
		if err != nil {
			return
		}
		if again := p.append(nil); w.File == "" && b[0] != '{' && !bytes.Equal(again, b) {
			t.Errorf("%x became %x", b, again)
		}
		if p.offset < 0 || w.Offset < 0 || w.Size < 0 || w.Size > maxFileSize {
			t.Errorf("%+v %+v", p, w)
		}
	})
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a.txt", "../../etc/passwd", `C:\x`, ".bashrc", "CON", "a\x1b[2J", "-rf", strings.Repeat("ä", 300), "\u202etxt.exe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := CleanName(s)
		if got == "" || len(got) > nameMax+5 || got == "." || got == ".." || strings.ContainsAny(got, "/\\\x00\x1b\n:") ||
			strings.HasPrefix(got, ".") || strings.HasPrefix(got, "-") || filepath.Base(got) != got {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"notes.pdf": "notes.pdf", "../../etc/passwd": "passwd", `..\..\x.exe`: "x.exe", ".bashrc": "bashrc", "": "file",
		"..": "file", "a:b|c?.txt": "a_b_c_.txt", "con": "_con", "COM1.txt": "_COM1.txt", "x\x1b]0;t\x07y": "xy", "-rf": "rf",
		"a/": "file", "trail. ": "trail",
	} {
		if got := CleanName(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	if got := CleanName(strings.Repeat("x", 300) + ".pdf"); len(got) > nameMax {
		t.Errorf("%d bytes", len(got))
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "2 kB", 3_200_000: "3.2 MB", 5_250_000_000: "5.25 GB"} {
		if got := Bytes(n); got != want {
			t.Error(fmt.Sprint(n, " is ", got, ", want ", want))
		}
	}
}
