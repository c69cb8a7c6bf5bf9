//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// quiet checks that no packet of somebody's sound arrived since a moment and
// that none was sent.
func (r *room) quiet(from, to *participant, since time.Time) {
	r.t.Helper()
	figuresOf := func(p, q *participant) (first, last *stats) {
		all := p.between(since, time.Now(), func(e event) bool { return e.Name == "stats" && e.PeerName == q.name })
		if len(all) < 2 {
			r.t.Fatalf("%s wrote %d lines of figures about %s", p.name, len(all), q.name)
		}
		return all[0].Body.(*stats), all[len(all)-1].Body.(*stats)
	}
	if a, b := figuresOf(to, from); b.Audio.Packets != a.Audio.Packets {
		r.t.Errorf("%s is muted, but %s heard %d packets", from.name, to.name, b.Audio.Packets-a.Audio.Packets)
	}
	if a, b := figuresOf(from, to); b.Sent.AudioBytes != a.Sent.AudioBytes {
		r.t.Errorf("%s is muted, but sent %s %d bytes of sound", from.name, to.name, b.Sent.AudioBytes-a.Sent.AudioBytes)
	}
}

// T3: mute, drop, return: still muted, and the others see it. Not a single
// packet of sound leaves in between.
func TestNetT3MutedStaysMuted(t *testing.T) {
	r := meeting(t, "A", "B")
	a, b := r.people[0], r.people[1]
	b.set("mic", false)
	a.must(2*time.Second, "B is muted", func(v *view) bool { return !v.peer("B").media.Mic })
	muted := time.Now().Add(200 * time.Millisecond) // what was on its way has arrived
	r.hearsOnly(b, a)

	for _, c := range []cut{dropped, linkDown} {
		at := c.cut(b.host)
		r.note("B: %s", c.name)
		a.next(at, 3*time.Second, "B disconnected", turns("B", "disconnected"))
		lasts(at, 5*time.Second)
		healed := c.heal(b.host)
		r.note("B: %s is over", c.name)
		r.audioReturns(described("audio", 5*time.Second, c), audioBack, healed, []direction{{a, b}})
		a.sees(b, "connected", 5*time.Second)
		r.hearsOnly(b, a)
		a.must(2*time.Second, "B is still muted", func(v *view) bool { return !v.peer("B").media.Mic && v.peer("B").rows == 1 })
		b.must(time.Second, "it is still muted itself", func(v *view) bool { return !v.media.Mic })
	}

	calm := time.Now() // an address change and a new server do not unmute either
	b.host.MoveToInterface()
	b.hears(a, calm.Add(time.Second), sureOf)
	r.server.crash()
	ready := r.server.start()
	for _, p := range r.people {
		p.next(ready, 10*time.Second, "the server again", serverTurns("connected"))
	}
	r.hearsOnly(b, a)
	a.must(2*time.Second, "B is still muted", func(v *view) bool { return !v.peer("B").media.Mic })
	r.quiet(b, a, muted)

	b.set("mic", true)
	a.must(2*time.Second, "B is on again", func(v *view) bool { return v.peer("B").media.Mic })
	a.hears(b, time.Now(), sureOf)
}

// hearsOnly waits until the first hears the second for a second.
func (r *room) hearsOnly(p, q *participant) {
	r.t.Helper()
	p.hears(q, time.Now(), 50)
}

// What is switched while cut off is what counts afterwards, and the first
// packets after healing obey it already.
func TestNetToggledWhileOffline(t *testing.T) {
	r := meeting(t, "A", "B")
	a, b := r.people[0], r.people[1]
	at := dropped.cut(b.host)
	r.note("B: packets dropped")
	a.next(at, 3*time.Second, "B disconnected", turns("B", "disconnected"))
	b.set("mic", false)
	b.must(2*time.Second, "it is muted", func(v *view) bool { return !v.media.Mic })
	lasts(at, 5*time.Second)
	healed := dropped.heal(b.host)
	r.note("B: packets pass")
	a.sees(b, "connected", 5*time.Second)
	a.must(2*time.Second, "B is muted", func(v *view) bool { return !v.peer("B").media.Mic })
	b.hears(a, healed, 50)
	r.quiet(b, a, healed)
}

// T4: sharing, drop, return: the share works, the camera is seen, and neither
// is taken for the other.
func TestNetT4ShareSurvives(t *testing.T) {
	r := filmed(t, []string{"A", "--screen", "testcard", "--share"}, []string{"B"})
	a, b := r.people[0], r.people[1]
	var camera, screen picture
	b.must(15*time.Second, "camera and screen of A", func(v *view) bool {
		s := v.peer("A").stats
		camera, screen = s.Camera, s.Screen
		return camera.FramesDecoded > 20 && screen.FramesDecoded > 5
	})
	widest := camera.Width // of the camera; any screen is wider, however much either adapts
	if screen.Width <= widest {
		t.Fatalf("the camera is %d wide and the screen %d: they cannot be told apart", widest, screen.Width)
	}
	for _, c := range []cut{dropped, linkDown} {
		at := c.cut(a.host)
		r.note("A: %s", c.name)
		b.next(at, 3*time.Second, "A disconnected", turns("A", "disconnected"))
		lasts(at, 5*time.Second)
		healed := c.heal(a.host)
		r.note("A: %s is over", c.name)
		for _, kind := range []string{"camera", "screen"} {
			figures.addBack(t, described(kind, 5*time.Second, c), cameraBack, direction{a, b}, r.back(healed, direction{a, b}, kind))
		}
		b.must(10*time.Second, "pictures of camera and screen", func(v *view) bool {
			s := v.peer("A").stats
			return s.Camera.FramesDecoded > camera.FramesDecoded+20 && s.Screen.FramesDecoded > screen.FramesDecoded+5
		})
		for _, e := range b.between(healed, time.Now(), is("stats", "A")) {
			if s := e.Body.(*stats); s.Camera.Width > widest || s.Screen.Width <= widest {
				t.Fatalf("camera and screen are taken for each other: %s", e.raw)
			}
		}
		m := b.mediaOf(a)
		if !m.Camera || !m.Screen {
			t.Errorf("B believes that A sends %+v", m)
		}
		b.look(func(v *view, _ []event) { camera, screen = v.peer("A").stats.Camera, v.peer("A").stats.Screen })
	}
	a.set("camera", false)
	b.must(2*time.Second, "A's camera is off and the screen is not", func(v *view) bool {
		m := v.peer("A").media
		return !m.Camera && m.Screen
	})
}

// Pictures come back as quickly as sound does.
func TestNetCameraReturns(t *testing.T) {
	r := filmed(t, []string{"A"}, []string{"B"})
	for _, c := range []cut{dropped, linkDown} {
		for _, length := range []time.Duration{5 * time.Second, 10 * time.Second} {
			for range repeats() {
				for _, d := range r.directions(everybody) {
					seen := d.to.framesOf(d.from)
					d.to.must(10*time.Second, "pictures of "+d.from.name, func(v *view) bool {
						return v.peer(d.from.name).stats.Camera.FramesDecoded > seen+15
					})
				}
				at := c.cut(r.people[1].host)
				r.note("B: %s for %v", c.name, length)
				lasts(at, length)
				healed := c.heal(r.people[1].host)
				r.note("B: %s is over", c.name)
				for _, d := range r.directions(everybody) {
					figures.addBack(t, described("camera", length, c), cameraBack, d, r.back(healed, d, "camera"))
				}
			}
			figures.checkMedians(t, described("camera", length, c))
		}
	}
}

// filmed makes a room of people with a test card for a camera. It skips the
// test, and says why, if this build has no camera.
func filmed(t *testing.T, people ...[]string) *room {
	t.Helper()
	r := newRoom(t)
	for _, flags := range people {
		r.add(flags[0], append([]string{"--camera", "testcard"}, flags[1:]...)...).start()
	}
	for _, p := range r.people {
		missing := ""
		p.must(15*time.Second, "a camera, or a warning that there is none", func(v *view) bool {
			for _, w := range v.remarks {
				if strings.Contains(w.Code+" "+w.Text, "camera") {
					missing = fmt.Sprintf("%s: %s", w.Code, w.Text)
				}
			}
			return v.media.Camera || missing != ""
		})
		if missing != "" {
			t.Skip("e2e: skipped: this build has no camera: " + missing)
		}
	}
	r.everyoneHearsEveryone(20 * time.Second)
	return r
}

func (p *participant) mediaOf(q *participant) (m mediaState) {
	p.look(func(v *view, _ []event) { m = v.peer(q.name).media })
	return m
}

func (p *participant) framesOf(q *participant) (n uint64) {
	p.look(func(v *view, _ []event) { n = v.peer(q.name).stats.Camera.FramesDecoded })
	return n
}
