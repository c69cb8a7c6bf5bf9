package stream

import (
	"math"
	"time"

	"github.com/meet-term/meet/media"
)

// How viewers whose paths carry less than those of others are served, so that the
// others notice nothing. Shares are of what a viewer's path carries to what the
// encoding for all takes.
const (
	weakBelow = 0.62 // of what the best path carries, and pictures deserve: a viewer is weak
	weakUntil = 0.9

	layerOneFrom = 0.75 // of the encoding for all: half of its frames
	layerTwoFrom = 0.5  // a quarter of them
	again        = 1.15 // more than that to get more than before

	// A path that carries less than pausedBelow kbit/s for pausedAfter gets no
	// pictures, until it carries pausedUntil again and a while has passed.
	pausedBelow, pausedUntil = 25, 40
	pausedAfter              = 3 * time.Second
	pausedFor                = 3 * time.Second // twice as long each time, up to pausedMost
	pausedMost               = 24 * time.Second
	// Pictures that went on for so long count as a success.
	pausedWell = 15 * time.Second

	// What the small encoding is at most.
	smallKbps, smallFPS = 150, 10
	smallScreenKbps     = 300
)

var smallSize, smallScreen = Size{320, 180}, Size{640, 360}

// serve decides who is weak, and gives everything to the others. It returns what
// their paths carry, at this moment and once no queue is left. deserved is what
// the picture would take, were there no paths.
func (p *Policy) serve(now time.Time, deserved float64) (limit, steady float64) {
	best, people := 0.0, 0
	for _, v := range p.viewers {
		if v.size.hidden() {
			continue
		}
		p.pause(v, now)
		if !v.serving.Paused {
			people++
			best = max(best, v.steady())
		}
	}
	best = min(best, deserved)
	limit, steady = math.Inf(1), math.Inf(1)
	for _, v := range p.viewers {
		if v.size.hidden() || v.serving.Paused {
			continue
		}
		share := v.steady() / best
		switch {
		case people < 2:
			v.weak = false
		case v.weak:
			v.weak = share < weakUntil
		default:
			v.weak = share < weakBelow
		}
		if !v.weak {
			v.serving = media.Everything
			limit, steady = min(limit, v.now()), min(steady, v.steady())
		}
	}
	return limit, steady
}

// divide gives the weak what they can have of an encoding of so many kbit/s, and
// returns what the small one may take; 0: nobody needs it.
func (p *Policy) divide(kbps float64) float64 {
	weakest := math.Inf(1)
	p.layered = false
	for _, v := range p.viewers {
		if v.size.hidden() || v.serving.Paused || !v.weak {
			continue
		}
		can := v.steady() / kbps
		need := func(share float64, has bool) bool {
			if !has {
				share *= again
			}
			return can >= share
		}
		was := v.serving
		switch {
		case need(layerOneFrom, !was.Small && was.Layer >= 1):
			v.serving = media.Serving{Layer: 1}
		case need(layerTwoFrom, !was.Small):
			v.serving = media.Serving{Layer: 0}
		default:
			v.serving = media.Serving{Small: true, Layer: media.TopLayer}
			weakest = min(weakest, v.now())
			continue
		}
		p.layered = true
	}
	if math.IsInf(weakest, 1) {
		return 0
	}
	return weakest
}

// allPaused says whether nobody gets any pictures.
func (p *Policy) allPaused() bool {
	for _, v := range p.viewers {
		if !v.size.hidden() && !v.serving.Paused {
			return false
		}
	}
	return true
}

// pause stops pictures to a viewer whose path carries none, and lets them go on.
func (p *Policy) pause(v *viewer, now time.Time) {
	scale := 1.0
	if p.kind == media.Screen {
		scale = 2
	}
	switch {
	case v.reported == 0: // nothing is known
	case !v.serving.Paused && v.reported >= pausedBelow*scale:
		v.thin = time.Time{}
	case !v.serving.Paused && v.thin.IsZero():
		v.thin = now
	case !v.serving.Paused && now.Sub(v.thin) >= pausedAfter:
		v.wait = min(2*v.wait, pausedMost)
		if v.wait == 0 || now.Sub(v.resumed) > pausedWell {
			v.wait = pausedFor
		}
		v.serving, v.paused, v.thin = media.Serving{Paused: true}, now, time.Time{}
	case v.serving.Paused && v.reported >= pausedUntil*scale && now.Sub(v.paused) >= v.wait:
		v.resumed = now
		v.serving = media.Serving{Small: v.weak, Layer: media.TopLayer}
	}
}

// now is what a viewer's path takes at this moment, in kbit/s.
func (v *viewer) now() float64 {
	if v.limit == 0 {
		return math.Inf(1)
	}
	return v.limit
}

// steady is the same once no queue has to be worked off.
func (v *viewer) steady() float64 {
	if v.shape == 0 {
		return math.Inf(1)
	}
	return v.shape
}

// Serving is what each viewer gets by the last Target.
func (p *Policy) Serving() map[string]media.Serving {
	all := make(map[string]media.Serving, len(p.viewers))
	for id, v := range p.viewers {
		if v.size.hidden() {
			all[id] = media.Everything
		} else {
			all[id] = v.serving
		}
	}
	return all
}

// Small is what the encoding for the weak should make; the zero value when nobody
// needs it.
func (p *Policy) Small() Target { return p.small }

// Layered says whether somebody gets a part of the temporal layers.
func (p *Policy) Layered() bool { return p.layered }

// sizeSmall shapes the small encoding for paths that carry so much.
func (p *Policy) sizeSmall(kbps float64) Target {
	if kbps == 0 {
		return Target{}
	}
	bounds, most, least := smallSize, smallKbps, float64(pausedBelow)
	if p.kind == media.Screen {
		bounds, most, least = smallScreen, smallScreenKbps, 2*pausedBelow
	}
	return Target{
		Width: min(bounds.Width, p.now.Width), Height: min(bounds.Height, p.now.Height),
		FPS: min(smallFPS, p.now.FPS), Kbps: int(min(max(kbps, least), float64(most))),
	}
}
