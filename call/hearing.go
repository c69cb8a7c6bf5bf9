package call

import (
	"context"
	"encoding/json"
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// When silence is noticed. A microphone that is on sends fifty packets a
// second, so that the worst jitter and loss of a usable path stay below this.
const (
	hearEvery = rules.HearEvery // how often everybody is looked at
	restEvery = time.Second     // the same while everybody is muted
	// unheardAfter is how long no sound came although it is sent.
	unheardAfter = rules.UnheardAfter
	// askAfter is how long before the peer is asked whether it sends any.
	askAfter = rules.AskAfter
	// sendingWithin is how long ago the peer must have sent sound, when it
	// answers, to be sending it.
	sendingWithin = rules.SendingWithin
	// mutely is how long a peer that does not answer is believed to send what
	// its state says.
	mutely = rules.Mutely
	// heardAfter is how many packets end a silence.
	heardAfter = rules.HeardAfter
	// lasting is how long a silence must last to be worth a remark.
	lasting = rules.Lasting
)

// ear judges whether we hear one peer. It is pure.
type ear struct {
	deaf    bool
	due     time.Time // since when sound of it is due; zero: it is not
	packets uint64    // when the silence began
	asked   time.Time

	answered time.Time     // when the peer said
	quiet    time.Duration // how long ago it had sent sound; less than 0: never
}

// sound is what is known of a peer's sound at one moment.
type sound struct {
	on      bool      // the peer says that its microphone is on
	path    bool      // there is a connection, or it is being mended
	packets uint64    // arrived so far
	last    time.Time // when the newest came; zero: none
	alive   time.Time // when anything at all came of the peer
	rtt     time.Duration
}

// listen looks at the present, and says whether to ask the peer what it sends.
func (e *ear) listen(now time.Time, s sound) (ask bool) {
	if !s.on {
		*e = ear{}
		return false
	}
	if !s.path {
		return false // whatever it was, it stays
	}
	if e.due.IsZero() {
		e.due = now
	}
	since := e.due
	if s.last.After(since) {
		since = s.last
	}
	silence := now.Sub(since)
	if e.deaf {
		if s.packets >= e.packets+heardAfter && silence < sendingWithin {
			e.deaf = false
		}
		return false
	}
	if silence >= unheardAfter && e.missing(now, since, s) {
		e.deaf, e.packets = true, s.packets
		return false
	}
	if silence < askAfter || now.Sub(e.asked) < hearEvery {
		return false
	}
	e.asked = now
	return true
}

// missing reports whether sound that does not come since a moment is sent.
func (e *ear) missing(now, since time.Time, s sound) bool {
	silence := now.Sub(since)
	if e.answered.After(since) {
		return e.quiet >= 0 && e.quiet <= sendingWithin
	}
	if s.last.IsZero() {
		return silence >= mutely // it may not have begun
	}
	patience := unheardAfter + s.rtt // the answer may be on its way
	return silence >= patience && now.Sub(s.alive) >= unheardAfter || silence >= mutely
}

// answer takes what the peer says about the sound it sends.
func (e *ear) answer(now time.Time, quiet time.Duration) { e.answered, e.quiet = now, quiet }

// listener is who hears whom of one person: what we hear of them and what they say
// they hear of us. The lock of the person guards it.
type listener struct {
	ear   ear
	deaf  bool // it says that it does not hear us
	hears bool // as last told to the mesh
	heard bool

	since  time.Time // when something was missing first; zero: nothing is
	warned bool
}

// sendingMessage answers an "ask": how long ago, in ms, a packet of each kind
// was sent to the one who asked; less than 0: never.
type sendingMessage struct {
	Quiet [media.Kinds]int64 `json:"quiet"`
}

// hearingMessage tells a peer whether the sound it sends arrives.
type hearingMessage struct {
	Hears bool `json:"hears"`
}

// listen looks at who hears whom until ctx ends.
func (m *studio) listen(ctx context.Context) {
	timer := time.NewTimer(hearEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if m.look(time.Now()) {
				timer.Reset(hearEvery)
			} else {
				timer.Reset(restEvery)
			}
		}
	}
}

// look judges everybody, and reports whether there is anything to hear.
func (m *studio) look(now time.Time) (busy bool) {
	view := m.mesh.View()
	busy = view.Media.Mic && len(view.Peers) > 0
	for i := range view.Peers {
		p := &view.Peers[i]
		if p.State == rtc.StateConnected || p.State == rtc.StateDisconnected {
			if who := m.people.find(p.ID); who != nil {
				m.lookAt(now, who, p, view.Media.Mic)
			}
			busy = busy || p.Media.Mic || p.Silent || p.Unheard
		}
	}
	return busy
}

// lookAt judges one peer and tells whoever is to know.
func (m *studio) lookAt(now time.Time, who *person, p *rtc.PeerView, micOn bool) {
	got := m.dialer.Received(p.ID, media.Mic)
	s := sound{
		on: p.Media.Mic, path: true, packets: got.Packets, last: got.Last,
		alive: m.dialer.Heard(p.ID), rtt: p.Transport.RTT,
	}
	who.mu.Lock()
	l := &who.hearing
	was := l.ear.deaf
	ask := l.ear.listen(now, s)
	deaf := l.ear.deaf
	hears, heard := !deaf, !micOn || !l.deaf && !p.OneWay
	changed := hears != l.hears || heard != l.heard
	l.hears, l.heard = hears, heard
	lost := l.remark(now, p.State == rtc.StateConnected)
	who.mu.Unlock()

	if ask {
		m.mesh.SendData(p.ID, "ask", encode(struct{}{}))
	}
	if deaf != was {
		m.mesh.SendData(p.ID, "hearing", encode(hearingMessage{hears}))
	}
	if changed {
		m.mesh.SetHearing(p.ID, heard, hears)
	}
	if lost {
		m.events.post(rtc.HearingLost{Who: rtc.Who{Peer: p.ID, Name: p.Name}, Heard: heard, Hears: hears})
	}
}

// remark reports whether a silence has lasted for so long that it is worth a
// remark, once. That a connection is being mended is told otherwise.
func (l *listener) remark(now time.Time, connected bool) bool {
	if l.hears && l.heard || !connected {
		l.since, l.warned = time.Time{}, false
		return false
	}
	if l.since.IsZero() {
		l.since = now
	}
	if l.warned || now.Sub(l.since) < lasting {
		return false
	}
	l.warned = true
	return true
}

// asked answers a peer that hears nothing of us.
func (h *studio) asked(peer signal.PeerID) {
	var m sendingMessage
	for k := range media.Kind(media.Kinds) {
		m.Quiet[k] = -1
		if last := h.out.Sent(peer, k).Last; !last.IsZero() {
			m.Quiet[k] = time.Since(last).Milliseconds()
		}
	}
	h.mesh.SendData(peer, "sending", encode(m))
}

// answered takes a person's answer.
func (h *studio) answered(by *person, data json.RawMessage) error {
	var m sendingMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	by.mu.Lock()
	defer by.mu.Unlock()
	by.hearing.ear.answer(time.Now(), time.Duration(m.Quiet[media.Mic])*time.Millisecond)
	return nil
}

// toldHearing takes a person's word on whether they hear us.
func (h *studio) toldHearing(by *person, data json.RawMessage) error {
	var m hearingMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	by.mu.Lock()
	defer by.mu.Unlock()
	by.hearing.deaf = !m.Hears
	return nil
}

// opened is called when a person can be told something again: both sides start
// afresh.
func (h *studio) opened(p *person) {
	p.mu.Lock()
	p.hearing.deaf = false
	deaf := p.hearing.ear.deaf
	p.mu.Unlock()
	if deaf {
		h.mesh.SendData(p.id, "hearing", encode(hearingMessage{false}))
	}
}
