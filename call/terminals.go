package call

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/internal/term"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// terminals owns every shared terminal, our own and those of others. One goroutine,
// that of run, owns all below the line; everybody else posts to it.
type terminals struct {
	self    signal.PeerID
	name    string
	nameOf  func(signal.PeerID) string
	send    func(signal.PeerID, []byte) error // on the channel for terminals
	waiting func(signal.PeerID) int           // bytes in it
	tell    func(signal.PeerID, string, json.RawMessage)
	events  func(rtc.Event)
	changed chan struct{}
	views   atomic.Pointer[[]TerminalView]
	ended   chan struct{}

	mu     sync.Mutex
	queue  []func(time.Time)     // guarded by mu
	mail   map[signal.PeerID]int // of it, from each peer; guarded by mu
	unread int                   // bytes of output in it; guarded by mu
	closed bool                  // guarded by mu
	begun  bool                  // guarded by mu: it runs
	ready  chan struct{}
	drain  *sync.Cond // unread fell, or closed

	// Owned by run.
	shares  map[byte]*shared
	others  map[signal.PeerID]map[byte]*watched
	open    map[signal.PeerID]signal.Epoch
	down    map[signal.PeerID]time.Time
	instant uint16 // instance of the next terminal
	tellAt  time.Time
	stale   bool // the views are
}

// shared is a terminal of ours.
type shared struct {
	cfg      ShareConfig
	id       byte
	instance uint16
	term     *term.Terminal
	title    string
	senders  map[signal.PeerID]*termsync.Sender
	typing   map[signal.PeerID]bool
	asking   []signal.PeerID
	last     *term.Snapshot
	dirty    time.Time // since when last is behind; zero: it is not
	typed    bool      // a viewer just typed: its echo does not wait
	back     int
}

// watched is a terminal of somebody else.
type watched struct {
	about    announced
	receiver *termsync.Receiver
	asked    bool
	back     int
}

// announced is what the owner of a terminal says of it: all of them, at every change.
type announced struct {
	ID       byte            `json:"id"`
	Instance uint16          `json:"i"`
	Title    string          `json:"title"`
	Cols     int             `json:"cols"`
	Rows     int             `json:"rows"`
	ViewOnly bool            `json:"view_only,omitempty"`
	Typing   []signal.PeerID `json:"typing,omitempty"`
}

func newTerminals(self signal.PeerID, name string) *terminals {
	t := &terminals{
		self: self, name: name, changed: make(chan struct{}, 1), ended: make(chan struct{}), ready: make(chan struct{}, 1),
		mail: map[signal.PeerID]int{}, shares: map[byte]*shared{}, others: map[signal.PeerID]map[byte]*watched{},
		open: map[signal.PeerID]signal.Epoch{}, down: map[signal.PeerID]time.Time{},
		instant: uint16(rand.Uint32()) | 1,
	}
	t.drain = sync.NewCond(&t.mu)
	t.views.Store(new([]TerminalView))
	return t
}

// post queues work for the goroutine, and reports whether it will be done.
func (t *terminals) post(f func(time.Time)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.queue = append(t.queue, f)
	select {
	case t.ready <- struct{}{}:
	default:
	}
	return true
}

// note is post for what concerns only those who are shared with already.
func (t *terminals) note(f func(time.Time)) {
	t.mu.Lock()
	begun := t.begun
	t.mu.Unlock()
	if begun {
		t.post(f)
	}
}

// ask posts and waits for the answer.
func (t *terminals) ask(f func(time.Time) error) error {
	done := make(chan error, 1)
	if !t.post(func(now time.Time) { done <- f(now) }) {
		return errCallEnded
	}
	select {
	case err := <-done:
		return err
	case <-t.ended:
		return errCallEnded
	}
}

// room waits until so many bytes of output may be queued.
func (t *terminals) room(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.unread+n > maxOutput && !t.closed {
		t.drain.Wait()
	}
	t.unread += n
	return !t.closed
}

// run is the goroutine, until ctx ends.
func (t *terminals) run(ctx context.Context) {
	defer close(t.ended)
	defer func() {
		t.mu.Lock()
		t.closed, t.queue = true, nil
		t.drain.Broadcast()
		t.mu.Unlock()
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	t.mu.Lock()
	t.begun = true
	t.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.ready:
		case <-timer.C:
		}
		t.mu.Lock()
		queue := t.queue
		t.queue = nil
		t.mu.Unlock()
		for _, f := range queue {
			now := time.Now()
			f(now)
			// A program that writes without end must not keep states from going out.
			if len(queue) > 4 {
				t.flush(now)
			}
		}
		wake := t.flush(time.Now())
		timer.Reset(max(0, time.Until(wake)))
	}
}

// flush takes pictures of the terminals that changed and sends what is due. It
// returns when there is more to do at the latest.
func (t *terminals) flush(now time.Time) time.Time {
	wake := now.Add(time.Minute)
	soon := func(at time.Time) {
		if !at.IsZero() && at.Before(wake) {
			wake = at
		}
	}
	for _, s := range t.shares {
		soon(t.picture(now, s))
		for peer, sender := range s.senders {
			out, at := sender.Poll(now, t.waiting(peer))
			t.sendAll(peer, out)
			soon(at)
		}
	}
	for peer, all := range t.others {
		if _, open := t.open[peer]; !open {
			continue
		}
		for _, w := range all {
			out, at := w.receiver.Poll(now)
			t.sendAll(peer, out)
			soon(at)
		}
	}
	if !t.tellAt.IsZero() && !now.Before(t.tellAt) {
		t.tellAt = time.Time{}
		t.announce()
	}
	soon(t.tellAt)
	if t.stale {
		t.publish()
	}
	return wake
}

func (t *terminals) sendAll(peer signal.PeerID, messages [][]byte) {
	for _, m := range messages {
		if t.send(peer, m) != nil {
			return // the next state makes up for it
		}
	}
}

// picture takes the present of a terminal once its program seems to be done, and
// returns when to look again.
func (t *terminals) picture(now time.Time, s *shared) time.Time {
	if s.dirty.IsZero() {
		return time.Time{}
	}
	wait := settle
	if s.term.Modes().Synchronized {
		wait = settleLong
	} else if s.typed {
		wait = 0
	}
	if due := s.dirty.Add(wait); now.Before(due) {
		return due
	}
	s.dirty, s.typed = time.Time{}, false
	s.last = s.term.Snapshot()
	for _, sender := range s.senders {
		sender.Show(s.last)
	}
	if title := s.term.Title(); title != "" {
		if title = safetext.Line(title, maxTerminalTitle); title != "" && title != s.title {
			s.title = title
			t.resize(now, s)
		}
	}
	t.stale = true
	return time.Time{}
}

// share begins to share a terminal.
func (t *terminals) share(now time.Time, cfg ShareConfig) (*Share, error) {
	var id byte
	for id = 1; t.shares[id] != nil; id++ {
	}
	if id > MaxTerminals {
		return nil, ErrManyShared
	}
	if cfg.Input == nil {
		cfg.ViewOnly = true
	}
	title := safetext.Line(cfg.Title, maxTerminalTitle)
	if title == "" {
		title = "terminal"
	}
	s := &shared{
		cfg: cfg, id: id, instance: t.instant, title: title, term: term.New(cfg.Cols, cfg.Rows),
		senders: map[signal.PeerID]*termsync.Sender{}, typing: map[signal.PeerID]bool{}, dirty: now,
	}
	t.instant += 2 // stays odd: never 0
	t.shares[id] = s
	for peer := range t.open {
		s.senders[peer] = termsync.NewSender(id, s.instance, 0)
	}
	t.picture(now.Add(settle), s)
	cols, rows := s.term.Size()
	t.events(TerminalStarted{t.me(), int(id), title, cols, rows})
	t.announce()
	return &Share{t, id}, nil
}

func (t *terminals) me() rtc.Who { return rtc.Who{Peer: t.self, Name: t.name} }

func (t *terminals) who(peer signal.PeerID) rtc.Who {
	if peer == t.self {
		return t.me()
	}
	return rtc.Who{Peer: peer, Name: safetext.Line(t.nameOf(peer), signal.MaxName)}
}

// output gives what a program wrote to its grid.
func (t *terminals) output(now time.Time, id byte, p []byte) {
	t.mu.Lock()
	t.unread -= len(p)
	t.drain.Broadcast()
	t.mu.Unlock()
	if s := t.shares[id]; s != nil {
		_, _ = s.term.Write(p) // never fails
		if s.dirty.IsZero() {
			s.dirty = now
		}
	}
}

func (t *terminals) resized(now time.Time, id byte, cols, rows int) {
	if s := t.shares[id]; s != nil {
		s.term.Resize(cols, rows)
		s.dirty = now
		t.resize(now, s)
	}
}

// resize tells of another size or title, the others not too often.
func (t *terminals) resize(now time.Time, s *shared) {
	cols, rows := s.term.Size()
	t.events(TerminalResized{t.me(), int(s.id), s.title, cols, rows})
	if t.tellAt.IsZero() {
		t.tellAt = now.Add(tellAgain)
	}
	t.stale = true
}

func (t *terminals) stop(id byte) {
	s := t.shares[id]
	if s == nil {
		return
	}
	delete(t.shares, id)
	cols, rows := s.term.Size()
	t.events(TerminalStopped{t.me(), int(id), s.title, cols, rows})
	t.announce()
}

// announce tells everybody what we share. It goes over the reliable channel.
func (t *terminals) announce() {
	t.tell("", "terminals", encode(t.list()))
	t.stale = true
}

func (t *terminals) list() []announced {
	list := []announced{}
	for _, s := range t.shares {
		cols, rows := s.term.Size()
		a := announced{ID: s.id, Instance: s.instance, Title: s.title, Cols: cols, Rows: rows, ViewOnly: s.cfg.ViewOnly}
		for peer := range s.typing {
			a.Typing = append(a.Typing, peer)
		}
		slices.Sort(a.Typing)
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b announced) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// dataOpen tells a peer what it may have missed.
func (t *terminals) dataOpen(peer signal.PeerID) {
	t.post(func(time.Time) {
		if list := t.list(); len(list) > 0 {
			t.tell(peer, "terminals", encode(list))
		}
	})
}

// data takes what a peer says about terminals on the reliable channel.
func (t *terminals) data(peer signal.PeerID, kind string, data json.RawMessage) error {
	switch kind {
	case "terminals":
		var list []announced
		if err := json.Unmarshal(data, &list); err != nil {
			return fmt.Errorf("read what is shared: %w", err)
		}
		t.postFrom(peer, func(now time.Time) { t.heard(now, peer, list) })
	case "terminal-ask":
		var a struct {
			ID       byte   `json:"id"`
			Instance uint16 `json:"i"`
			On       bool   `json:"on"`
		}
		if err := json.Unmarshal(data, &a); err != nil {
			return fmt.Errorf("read a wish to type: %w", err)
		}
		t.postFrom(peer, func(time.Time) { t.asked(peer, a.ID, a.Instance, a.On) })
	}
	return nil
}

// postFrom is post for what a peer causes, of which so much waits at most.
func (t *terminals) postFrom(peer signal.PeerID, f func(time.Time)) {
	t.mu.Lock()
	full := t.mail[peer] >= maxTerminalMail
	if !full {
		t.mail[peer]++
	}
	t.mu.Unlock()
	if full {
		return
	}
	t.post(func(now time.Time) {
		t.mu.Lock()
		if t.mail[peer]--; t.mail[peer] <= 0 {
			delete(t.mail, peer)
		}
		t.mu.Unlock()
		f(now)
	})
}

// heard takes the whole of what a peer shares.
func (t *terminals) heard(now time.Time, peer signal.PeerID, list []announced) {
	all := t.others[peer]
	if all == nil {
		all = map[byte]*watched{}
		t.others[peer] = all
	}
	listed := map[byte]bool{}
	for _, a := range list[:min(len(list), MaxTerminals)] {
		a.Title = safetext.Line(a.Title, maxTerminalTitle)
		if a.ID == 0 || listed[a.ID] || a.Instance == 0 || a.Cols < 1 || a.Rows < 1 || a.Cols > term.MaxCols || a.Rows > term.MaxRows {
			continue
		}
		a.Typing = slices.DeleteFunc(a.Typing[:min(len(a.Typing), maxAskers)], func(id signal.PeerID) bool { return id == "" || len(id) > rules.MaxChatID })
		listed[a.ID] = true
		t.announcedOne(peer, all, a)
	}
	for id, w := range all {
		if !listed[id] {
			delete(all, id)
			t.events(TerminalStopped{t.who(peer), int(id), w.about.Title, w.about.Cols, w.about.Rows})
		}
	}
	if len(all) == 0 {
		delete(t.others, peer)
	}
	t.stale = true
}

// announcedOne takes one entry of the list.
func (t *terminals) announcedOne(peer signal.PeerID, all map[byte]*watched, a announced) {
	w := all[a.ID]
	if w != nil && w.about.Instance != a.Instance {
		t.events(TerminalStopped{t.who(peer), int(a.ID), w.about.Title, w.about.Cols, w.about.Rows})
		w = nil
	}
	if w == nil {
		w = &watched{about: a, receiver: termsync.NewReceiver(a.ID, rand.Uint32())}
		all[a.ID] = w
		t.events(TerminalStarted{t.who(peer), int(a.ID), a.Title, a.Cols, a.Rows})
		return
	}
	was := w.about
	w.about = a
	if was.Title != a.Title || was.Cols != a.Cols || was.Rows != a.Rows {
		t.events(TerminalResized{t.who(peer), int(a.ID), a.Title, a.Cols, a.Rows})
	}
	could, can := slices.Contains(was.Typing, t.self), slices.Contains(a.Typing, t.self)
	if could != can {
		w.asked = false
		if !can {
			w.receiver.Forget()
		}
		t.events(TerminalAllowed{t.me(), t.who(peer), int(a.ID), can})
	}
}

// publish makes the views.
func (t *terminals) publish() {
	t.stale = false
	views := make([]TerminalView, 0, len(t.shares)+len(t.others))
	for _, s := range t.shares {
		views = append(views, t.viewOfOwn(s))
	}
	for peer, all := range t.others {
		for _, w := range all {
			views = append(views, t.viewOf(peer, w))
		}
	}
	slices.SortFunc(views, func(a, b TerminalView) int {
		if a.Own != b.Own {
			if a.Own {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.ID, b.ID))
	})
	t.views.Store(&views)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *terminals) viewOfOwn(s *shared) TerminalView {
	cols, rows := s.term.Size()
	v := TerminalView{
		Who: t.me(), ID: int(s.id), Own: true, Title: s.title, Cols: cols, Rows: rows,
		ViewOnly: s.cfg.ViewOnly, MayType: s.cfg.Input != nil, Snapshot: s.last, Back: s.back,
	}
	for _, peer := range s.asking {
		v.Asking = append(v.Asking, t.who(peer))
	}
	for peer := range s.typing {
		v.Typing = append(v.Typing, t.who(peer))
	}
	slices.SortFunc(v.Typing, func(a, b rtc.Who) int { return cmp.Compare(a.Peer, b.Peer) })
	if v.Back > 0 {
		if first := s.last.Scrolled; first > 0 {
			from := first - min(first, uint64(v.Back))
			got, lines := s.term.History(from, min(v.Back, rows))
			v.Past = append(make([][]term.Cell, min(int(got-from), rows)), lines...)
		}
	}
	return v
}

func (t *terminals) viewOf(peer signal.PeerID, w *watched) TerminalView {
	a := w.about
	v := TerminalView{
		Who: t.who(peer), ID: int(a.ID), Title: a.Title, Cols: a.Cols, Rows: a.Rows, ViewOnly: a.ViewOnly,
		MayType: slices.Contains(a.Typing, t.self), Asked: w.asked, Snapshot: w.receiver.Snapshot(), Back: w.back,
		Unconfirmed: w.receiver.Unconfirmed(),
	}
	for _, id := range a.Typing {
		v.Typing = append(v.Typing, t.who(id))
	}
	if s := v.Snapshot; s != nil {
		v.Cols, v.Rows = s.Cols, s.Rows
		if v.Back > 0 {
			from := s.Scrolled - min(s.Scrolled, uint64(v.Back))
			n := min(v.Back, s.Rows)
			w.receiver.Look(from, n)
			for i := range n {
				line, _ := w.receiver.Line(from + uint64(i))
				v.Past = append(v.Past, line)
			}
		}
	}
	return v
}
