package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/signal"
)

// Event is that something became of a transfer: its State says what. While it is
// Moving, there is one now and then, as progress.
type Event struct{ Transfer }

// Config is what files need of a call. Send, Event and NewID are required.
type Config struct {
	// Send sends one message to a peer, at once or not at all; an error says that there
	// is no room, or no way. The bytes are not kept.
	Send func(signal.PeerID, []byte) error
	// Event is called by the goroutine of Run.
	Event func(Event)
	// NewID makes the number of a transfer, below 2^53, that was never used before.
	NewID func() uint64
	// Most is how many bytes may be under way to one peer.
	Most int
	// Into is where files go that were accepted, unless a folder is said.
	Into string
	// Accept has every file accepted into Into unasked.
	Accept bool
	// Name is what people call a peer.
	Name func(signal.PeerID) string
}

// Files are all transfers of a call.
type Files struct {
	cfg  Config
	wake chan struct{}
	list atomic.Pointer[[]Transfer] // published by Run

	mu     sync.Mutex
	inbox  []func(time.Time)     // guarded by mu
	weight map[signal.PeerID]int // bytes of each peer in the inbox; guarded by mu
	ended  bool                  // guarded by mu
	lastID int                   // guarded by mu

	// The rest is owned by Run.
	lanes map[signal.PeerID]*lane
	all   []*transfer // oldest first
	dirty bool        // the list is to be published
}

// transfer is a Transfer with what is needed to carry it out.
type transfer struct {
	Transfer
	wire uint64 // number of the sender
	out  *outgoing
	in   *incoming
	told time.Time // progress
}

// New makes the files of a call; Run carries them.
func New(cfg Config) *Files {
	f := &Files{cfg: cfg, wake: make(chan struct{}, 1), weight: map[signal.PeerID]int{}, lanes: map[signal.PeerID]*lane{}}
	f.list.Store(&[]Transfer{})
	return f
}

// Run carries files until ctx ends; what was under way then is told to have failed.
func (f *Files) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			f.end(time.Now())
			return
		case <-f.wake:
		case <-timer.C:
		}
		f.mu.Lock()
		inputs := f.inbox
		f.inbox = nil
		clear(f.weight)
		f.mu.Unlock()
		for _, in := range inputs {
			in(time.Now())
		}
		next := time.Hour
		now := time.Now()
		for peer, l := range f.lanes {
			if at := f.pump(now, peer, l); !at.IsZero() {
				next = min(next, max(at.Sub(now), 0))
			}
		}
		f.publish()
		timer.Reset(next)
	}
}

// post has Run do something.
func (f *Files) post(do func(now time.Time)) {
	f.mu.Lock()
	if f.ended {
		f.mu.Unlock()
		return
	}
	f.inbox = append(f.inbox, do)
	f.mu.Unlock()
	f.poke()
}

func (f *Files) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Files) end(now time.Time) {
	f.mu.Lock()
	f.ended, f.inbox = true, nil
	f.mu.Unlock()
	for _, t := range f.all {
		if !t.ended() {
			f.say(t, words{File: t.stopWord(), Why: "the call ended"})
			f.fail(now, t, "the call ended")
		}
	}
	f.publish()
}

// List is all transfers there are and the last that ended, oldest first. It is
// never changed.
func (f *Files) List() []Transfer { return *f.list.Load() }

func (f *Files) publish() {
	if !f.dirty {
		return
	}
	f.dirty = false
	list := make([]Transfer, len(f.all))
	for i, t := range f.all {
		list[i] = t.Transfer
	}
	f.list.Store(&list)
}

// number gives a transfer its ID.
func (f *Files) number() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastID++
	return f.lastID
}

// Offer offers a file to people and returns a transfer for each. The error is of a file
// that cannot be sent.
func (f *Files) Offer(path string, peers []signal.PeerID) ([]Transfer, error) {
	if len(peers) == 0 {
		return nil, ErrNobody
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the file: %w", err)
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("send: %w", err)
	case st.IsDir():
		return nil, fmt.Errorf("%s is a folder: pack it first, into a zip or tar file", path)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	}
	if file, err := os.Open(path); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	} else {
		file.Close()
	}
	var all []Transfer
	for _, peer := range peers {
		t := &transfer{wire: f.cfg.NewID(), out: &outgoing{modified: st.ModTime()}}
		t.Transfer = Transfer{
			ID: f.number(), Peer: peer, Person: f.cfg.Name(peer), Mine: true, Name: CleanName(filepath.Base(path)), Size: st.Size(), State: Offered, Path: path,
		}
		all = append(all, t.Transfer)
		f.post(func(now time.Time) { f.offer(now, t) })
	}
	return all, nil
}

// Accept takes an offered file into a folder, or into the usual one with "".
func (f *Files) Accept(id int, dir string) error {
	t, ok := f.find(id)
	switch {
	case !ok || t.Mine:
		return ErrNoTransfer
	case t.State != Offered:
		return ErrAnswered
	}
	if dir == "" {
		dir = f.cfg.Into
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	if st, err := os.Stat(dir); err != nil {
		return fmt.Errorf("accept: %w", err)
	} else if !st.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	if left, ok := free(dir); ok && left < t.Size {
		return errors.New("there is no room for it: " + Bytes(left) + " are left, and it has " + Bytes(t.Size))
	}
	f.post(func(now time.Time) { f.accept(now, id, dir) })
	return nil
}

// Stop refuses an offered file, takes back one that we offered, or stops one that is
// under way.
func (f *Files) Stop(id int) error {
	t, ok := f.find(id)
	switch {
	case !ok:
		return ErrNoTransfer
	case t.ended():
		return ErrAnswered
	}
	f.post(func(now time.Time) { f.stop(now, id) })
	return nil
}

func (f *Files) find(id int) (Transfer, bool) {
	for _, t := range f.List() {
		if t.ID == id {
			return t, true
		}
	}
	return Transfer{}, false
}

// Opened says that the channel to a peer is open, for the first time or again.
func (f *Files) Opened(peer signal.PeerID) { f.post(func(now time.Time) { f.opened(now, peer) }) }

// Closed says that it is not now.
func (f *Files) Closed(peer signal.PeerID) {
	f.post(func(time.Time) {
		if l := f.lanes[peer]; l != nil {
			l.open = false
		}
	})
}

// Drained says that there is room in it again.
func (f *Files) Drained(signal.PeerID) { f.poke() }

// Gone says that a person left for good.
func (f *Files) Gone(peer signal.PeerID) {
	f.post(func(now time.Time) {
		for _, t := range f.all {
			if t.Peer == peer && !t.ended() {
				f.fail(now, t, t.Person+" left")
			}
		}
		delete(f.lanes, peer)
	})
}

// Message takes what a peer sent; the bytes are ours from now on. What comes faster
// than it can be written is dropped, and the transfer with it: nobody honest sends so
// much unasked.
func (f *Files) Message(peer signal.PeerID, b []byte) {
	f.mu.Lock()
	full := f.weight[peer]+len(b)+headSize > maxInbox
	if !full && !f.ended {
		f.weight[peer] += len(b) + headSize
		f.inbox = append(f.inbox, func(now time.Time) { f.message(now, peer, b) })
	}
	f.mu.Unlock()
	f.poke()
}

// message carries out one message of a peer.
func (f *Files) message(now time.Time, peer signal.PeerID, b []byte) {
	p, w, err := decode(b)
	if err != nil {
		return // nothing that we could be told belongs to anything
	}
	id := w.ID
	if w.File == "" {
		id = p.id
	}
	if w.File == wordOffer {
		f.offered(now, peer, w)
		return
	}
	mine := p.kind == typeAck || w.File == wordAccept || w.File == wordStop || w.File == wordDone
	t := f.wired(peer, mine, id)
	if t == nil || t.ended() {
		return
	}
	switch {
	case p.kind == typeData:
		f.received(now, t, p)
	case p.kind == typeAck:
		f.acked(now, t, p)
	case w.File == wordAccept:
		f.accepted(now, t, w.Offset)
	case w.File == wordStop || w.File == wordWithdraw:
		f.fail(now, t, f.stopped(t, w))
	case w.File == wordEnd:
		f.complete(now, t, w.SHA256)
	case w.File == wordDone:
		f.arrived(now, t)
	}
}

// wired finds a transfer by the sender's number.
func (f *Files) wired(peer signal.PeerID, mine bool, wire uint64) *transfer {
	for _, t := range f.all {
		if t.Peer == peer && t.Mine == mine && t.wire == wire {
			return t
		}
	}
	return nil
}

// add keeps a transfer and drops the oldest that ended.
func (f *Files) add(t *transfer) {
	f.all = append(f.all, t)
	f.dirty = true
	for len(f.all) > maxKept {
		i := slices.IndexFunc(f.all, func(t *transfer) bool { return t.ended() })
		if i < 0 {
			return
		}
		f.all = slices.Delete(f.all, i, i+1)
	}
}

// say sends words about a transfer. What does not get through is said again when the
// channel opens the next time.
func (f *Files) say(t *transfer, w words) bool {
	w.ID = t.wire
	return f.cfg.Send(t.Peer, encode(w)) == nil
}

// event tells what became of a transfer.
func (f *Files) event(now time.Time, t *transfer) {
	t.told, f.dirty = now, true
	f.publish() // whoever hears of it finds it
	f.cfg.Event(Event{t.Transfer})
}

// progressEvery is how often the way of a file is told.
const progressEvery = time.Second

// progress tells how far it is, not too often.
func (f *Files) progress(now time.Time, t *transfer) {
	f.dirty = true
	if now.Sub(t.told) >= progressEvery {
		f.event(now, t)
	}
}

// fail ends a transfer.
func (f *Files) fail(now time.Time, t *transfer, why string) {
	t.State, t.Error = Failed, why
	t.close(true)
	f.event(now, t)
}

func (t *transfer) close(remove bool) {
	if t.out != nil {
		t.out.close()
	}
	if t.in != nil {
		t.in.close(remove)
	}
}

// stopWord is what the one says who ends it.
func (t *transfer) stopWord() string {
	if t.Mine {
		return wordWithdraw
	}
	return wordStop
}

// stop ends a transfer because the person here wants it.
func (f *Files) stop(now time.Time, id int) {
	for _, t := range f.all {
		if t.ID == id && !t.ended() {
			f.say(t, words{File: t.stopWord()})
			why := "you stopped it"
			if t.State == Offered && !t.Mine {
				why = "you refused it"
			}
			f.fail(now, t, why)
		}
	}
}
