//go:build linux

package e2e

import (
	"fmt"
	"time"
)

// What the figures are held to: medians in benchmarks, the worst case always.
var (
	detection   = bounds{2200 * time.Millisecond, 2500 * time.Millisecond}
	audioBack   = bounds{100 * time.Millisecond, 500 * time.Millisecond}  // heard, like all that follow
	cameraBack  = bounds{200 * time.Millisecond, 1500 * time.Millisecond} // everyone's codecs share this machine
	addressBack = bounds{300 * time.Millisecond, 500 * time.Millisecond}
	longBack    = bounds{300 * time.Millisecond, time.Second} // with the server gone too
	roamBack    = bounds{1200 * time.Millisecond, 3 * time.Second}
	mendedBack  = bounds{3 * time.Second, 10 * time.Second} // by negotiation, with backoff before it
	serverBack  = bounds{time.Second, 2 * time.Second}
	serverAgain = bounds{time.Second, 5 * time.Second} // from the client's side, backoff included
)

const (
	// packetTime is how much sound one audio packet carries.
	packetTime = 20 * time.Millisecond
	// sureOf is how many packets in a row show that media flows for good.
	sureOf = 25
	// healing is how long a direction may take to come back before the test
	// gives up on it.
	healing = 30 * time.Second
)

// comeback is how long media took to come back: until the first packet, and until
// the first of them was heard or seen.
type comeback struct{ packet, perceived time.Duration }

// comebackAt reads it from the event that tells of it.
func comebackAt(since time.Time, e event) comeback {
	c := comeback{packet: e.At.Sub(since)}
	c.perceived = c.packet // of somebody who is met anew no more is told
	if f, ok := e.Body.(*flow); ok {
		for _, at := range []time.Time{f.Heard, f.Seen} {
			if !at.IsZero() {
				c.perceived = at.Sub(since)
			}
		}
	}
	return c
}

// back waits until media of a direction flow again after what was done at a
// moment, and returns how long that took. If they came back only to break off
// again, the last return counts.
func (r *room) back(since time.Time, d direction, kind string) comeback {
	r.t.Helper()
	first := d.to.next(since, healing, kind+" of "+d.from.name+" again", resumes(d.from.name, kind))
	if kind == "audio" {
		d.to.hears(d.from, first.At, sureOf)
	}
	all := d.to.between(since, time.Now(), resumes(d.from.name, kind))
	last := all[len(all)-1]
	if len(all) > 1 {
		r.t.Logf("%v: %s broke off %d times after it first came back, %v after healing",
			d, kind, len(all)-1, first.At.Sub(since))
	}
	return comebackAt(since, last)
}

// silence measures how long a direction was without audio around a change
// that may be too short to be reported as a gap: then the packets that are
// missing in the figures tell.
func (r *room) silence(change time.Time, d direction) comeback {
	r.t.Helper()
	d.to.hears(d.from, change.Add(time.Second), sureOf)
	now := time.Now()
	if gaps := d.to.between(change, now, resumes(d.from.name, "audio")); len(gaps) > 0 {
		return comebackAt(change, gaps[len(gaps)-1])
	}
	heard := func(e event) bool { return e.Name == "stats" && e.PeerName == d.from.name }
	before := d.to.between(r.began, change, heard)
	after := d.to.between(change, now, heard)
	if len(before) == 0 || len(after) == 0 {
		r.t.Fatalf("%v: no figures around the change", d)
	}
	a, b := before[len(before)-1], after[len(after)-1]
	want := int64(b.At.Sub(a.At) / packetTime)
	got := int64(b.Body.(*stats).Audio.Packets - a.Body.(*stats).Audio.Packets)
	missing := time.Duration(max(0, want-got)) * packetTime
	return comeback{missing, missing}
}

// stall is how long a gap in the sound may be for which a busy machine, and
// not the network, is to blame: nothing at all ran for a while.
const stall = time.Second

// undisturbed fails the test if anything happened to some directions since a
// moment: a gap in the sound, or a change of the connection's state.
func (r *room) undisturbed(since time.Time, directions []direction) {
	r.t.Helper()
	for _, d := range directions {
		gaps := d.to.between(since, time.Now(), resumes(d.from.name, "audio"))
		changes := d.to.between(since, time.Now(), is("connection-state-changed", d.from.name))
		for _, e := range append(gaps, changes...) {
			if f, ok := e.Body.(*flow); ok && time.Duration(f.GapMS)*time.Millisecond < stall {
				r.t.Logf("%v: a gap of %d ms by itself", d, f.GapMS)
				continue
			}
			r.t.Errorf("%v should notice nothing, but %s", d, e.raw)
		}
	}
}

// audioReturns records how long each direction took to carry sound again.
func (r *room) audioReturns(name string, b bounds, since time.Time, directions []direction) {
	r.t.Helper()
	for _, d := range directions {
		figures.addBack(r.t, name, b, d, r.back(since, d, "audio"))
	}
}

// noticed records how long each direction took to be seen as disconnected.
func (r *room) noticed(name string, since time.Time, directions []direction) {
	r.t.Helper()
	for _, d := range directions {
		e := d.to.next(since, 4*time.Second, d.from.name+" disconnected", turns(d.from.name, "disconnected"))
		figures.add(r.t, "cut to disconnected, "+name, detection, d, e.At.Sub(since))
	}
}

// serverReturns records how long after healing somebody had the server again,
// if it was lost at all.
func (p *participant) serverReturns(name string, healed time.Time) {
	p.room.t.Helper()
	p.must(20*time.Second, "the server again", func(v *view) bool { return v.server == "connected" })
	for _, e := range p.between(healed, time.Now(), serverTurns("connected")) {
		figures.add(p.room.t, name, serverAgain, p, e.At.Sub(healed))
	}
}

// lasts lets time pass until a condition of the network has lasted so long.
func lasts(since time.Time, length time.Duration) { time.Sleep(time.Until(since.Add(length))) }

// attempts checks that the attempts announced for somebody since a moment
// count up from 1 to at most their limit, or start afresh, and returns how
// many there were.
func (p *participant) attempts(q *participant, since time.Time) int {
	p.room.t.Helper()
	announced := p.between(since, time.Now(), is("reconnecting", q.name))
	last := 0
	for _, e := range announced {
		b := e.Body.(*reconnecting)
		if b.Of != 3 || b.Attempt > b.Of || b.Attempt != 1 && b.Attempt != last+1 {
			p.room.t.Errorf("%s announced attempt %d of %d for %s after attempt %d: %s",
				p.name, b.Attempt, b.Of, q.name, last, e.raw)
		}
		last = b.Attempt
	}
	return len(announced)
}

// described names a figure of an outage.
func described(what string, length time.Duration, c cut) string {
	return fmt.Sprintf("%s after %v, %s", what, length, c.name)
}
