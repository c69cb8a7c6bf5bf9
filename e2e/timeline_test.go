//go:build linux

package e2e

import (
	"bytes"
	"sync"
	"time"
)

// view is what a participant knows, folded from its events. People are found
// by name; in a test nobody shares one.
type view struct {
	self    string // one's own name
	id      string // one's own id
	joined  bool
	server  string
	media   mediaState // one's own
	peers   map[string]*peerView
	remarks []remark // warnings and errors
	left    *left
}

// peerView is what a participant knows of another.
type peerView struct {
	id       string
	rows     int    // in the newest roster: 1, or 0 if not listed
	presence string // present or away
	state    string
	media    mediaState
	stats    stats
}

func (v *view) peer(name string) *peerView {
	p := v.peers[name]
	if p == nil {
		p = &peerView{state: "new"}
		v.peers[name] = p
	}
	return p
}

// listed is how many others the newest roster holds.
func (v *view) listed() int {
	n := 0
	for _, p := range v.peers {
		n += p.rows
	}
	return n
}

func (v *view) fold(e event) {
	switch b := e.Body.(type) {
	case *joined:
		v.joined = true
		if b.Self.ID != "" { // invite-changed has none
			v.id = b.Self.ID
		}
	case *roster:
		for _, p := range v.peers {
			p.rows = 0
		}
		for _, row := range b.Participants {
			if row.Self {
				v.media = row.Media
				continue
			}
			p := v.peer(row.Name)
			p.id, p.presence, p.state, p.media = row.ID, row.Presence, row.State, row.Media
			p.rows++
		}
	case *serverState:
		v.server = b.State
	case *connState:
		if e.Name == "connection-state-changed" {
			v.peer(e.PeerName).state = b.State
		}
	case *mediaState:
		if e.PeerName == v.self {
			v.media = *b
		} else {
			v.peer(e.PeerName).media = *b
		}
	case *stats:
		v.peer(e.PeerName).stats = *b
	case *remark:
		v.remarks = append(v.remarks, *b)
	case *left:
		v.left = b
	}
}

// timeline is everything one process of a participant has said. It is an
// io.Writer for that process's output and safe for concurrent use.
type timeline struct {
	mu      sync.Mutex
	events  []event
	view    view
	bad     []string // lines that break the contract
	partial []byte
	changed chan struct{} // closed and replaced at every event
}

func newTimeline(self string) *timeline {
	return &timeline{view: view{self: self, peers: map[string]*peerView{}}, changed: make(chan struct{})}
}

// Write takes output in pieces of any size.
func (tl *timeline) Write(p []byte) (int, error) {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	tl.partial = append(tl.partial, p...)
	for {
		line, rest, whole := bytes.Cut(tl.partial, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		tl.add(bytes.Clone(line))
		tl.partial = rest
	}
}

// add is called with mu held.
func (tl *timeline) add(line []byte) {
	e, err := parseEvent(line)
	if err != nil {
		tl.bad = append(tl.bad, err.Error())
		return
	}
	tl.events = append(tl.events, e)
	tl.view.fold(e)
	close(tl.changed)
	tl.changed = make(chan struct{})
}

// look calls f with what is known now and returns a channel that is closed
// at the next event.
func (tl *timeline) look(f func(*view, []event)) <-chan struct{} {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	f(&tl.view, tl.events)
	return tl.changed
}

// until waits for done to return true, which is asked again at every event.
// It returns false after the timeout, or when ended closes first.
func (tl *timeline) until(timeout time.Duration, ended <-chan struct{}, done func(*view, []event) bool) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for last := false; ; {
		ok := false
		changed := tl.look(func(v *view, events []event) { ok = done(v, events) })
		if ok || last {
			return ok
		}
		select {
		case <-changed:
		case <-ended: // all its output was read: look once more
			last = true
		case <-timer.C:
			last = true
		}
	}
}

// between returns the events that happened in a span of time and match.
func (tl *timeline) between(from, to time.Time, match func(event) bool) []event {
	var found []event
	tl.look(func(_ *view, events []event) {
		for _, e := range events {
			if !e.At.Before(from) && e.At.Before(to) && match(e) {
				found = append(found, e)
			}
		}
	})
	return found
}
