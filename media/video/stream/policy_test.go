package stream

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
)

// at returns times of a policy's life.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func TestPolicyFollowsTheViewers(t *testing.T) {
	terminal, tile, full := Size{200, 120}, Size{640, 360}, Size{1920, 1080}
	people := func(n int, s Size) []Size {
		all := make([]Size, n)
		for i := range all {
			all[i] = s
		}
		return all
	}
	tests := []struct {
		name    string
		kind    media.Kind
		viewers []Size
		want    Target
	}{
		{"nobody", media.Camera, nil, Target{}},
		{"all hidden", media.Camera, people(5, Size{}), Target{}},
		{"one terminal", media.Camera, people(1, terminal), Target{200, 112, 30, 93}},
		{"one tile", media.Camera, people(1, tile), Target{640, 360, 15, 500}},
		{"small tile", media.Camera, people(1, Size{320, 180}), Target{320, 180, 30, 212}},
		{"small tile, more people", media.Camera, people(3, Size{320, 180}), Target{320, 180, 15, 150}},
		{"larger than the source", media.Camera, people(1, full), Target{640, 360, 15, 500}},
		{"the largest counts", media.Camera, []Size{terminal, {}, tile}, Target{640, 360, 15, 500}},
		{"five watch", media.Camera, people(5, tile), Target{640, 360, 15, 400}},
		{"ten watch", media.Camera, people(10, tile), Target{640, 360, 15, 300}},
		{"tall place", media.Camera, people(1, Size{200, 4000}), Target{200, 112, 30, 93}},
		{"screen", media.Screen, people(1, full), Target{1280, 720, 15, 1500}},
		{"screen in a terminal", media.Screen, people(1, terminal), Target{200, 112, 15, 100}},
		{"screen for ten", media.Screen, people(10, full), Target{1280, 720, 10, 734}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := NewPolicy(tt.kind, 0)
			for i, s := range tt.viewers {
				p.SetViewer(fmt.Sprint(i), s)
			}
			got, wake := p.Target(at(0))
			if got != tt.want || !wake.IsZero() {
				t.Errorf("got %+v, again at %v, want %+v", got, wake, tt.want)
			}
			if again, _ := p.Target(at(60)); again != got {
				t.Errorf("a minute later %+v, want %+v", again, got)
			}
		})
	}
}

func TestPolicyChangesSizesSeldom(t *testing.T) {
	p := NewPolicy(media.Camera, 0)
	p.SetViewer("bob", Size{640, 360})
	check := func(now float64, width int, wake float64) {
		t.Helper()
		got, again := p.Target(at(now))
		if got.Width != width || wake == 0 && !again.IsZero() || wake > 0 && !again.Equal(at(wake)) {
			t.Errorf("at %v s: width %d, again at %v; want %d, %v s", now, got.Width, again, width, wake)
		}
	}
	check(0, 640, 0)
	p.SetViewer("bob", Size{320, 180})
	check(0.5, 640, 2)
	check(1.9, 640, 2)
	check(2, 320, 0)
	p.SetViewer("bob", Size{326, 184}) // not worth a key frame
	check(10, 320, 0)
	p.SetViewer("bob", Size{300, 170})
	check(11, 320, 0)
	p.SetViewer("bob", Size{640, 360})
	check(12, 640, 0)
	p.SetViewer("bob", Size{})
	check(12.1, 0, 0) // to nothing at once
	p.SetViewer("bob", Size{320, 180})
	check(12.2, 320, 0) // and back
}

// reports lets a viewer report once a second for some time, and returns the
// bit rate at the end.
func reports(p *Policy, from float64, n int, r Report) Target {
	var got Target
	for i := range n {
		p.Report("bob", r)
		got, _ = p.Target(at(from + float64(i)))
	}
	return got
}

func TestPolicyYieldsToLoss(t *testing.T) {
	p := NewPolicy(media.Camera, 0)
	p.SetViewer("bob", Size{640, 360})
	p.Target(at(0))
	if got := reports(p, 1, 10, Report{Loss: 0.05}); got.Kbps != 500 {
		t.Errorf("a little loss made it %d kbit/s", got.Kbps)
	}
	if got := reports(p, 11, 1, Report{Loss: 0.4}); got.Kbps != 400 {
		t.Errorf("much loss made it %d kbit/s", got.Kbps)
	}
	got := reports(p, 12, 100, Report{Loss: 1})
	if got.Kbps != minCameraKbps || got.Width >= 640 {
		t.Errorf("nothing but loss made it %+v", got)
	}
	if got := reports(p, 112, 100, Report{Loss: 0}); got != (Target{640, 360, 15, 500}) {
		t.Errorf("100 s without loss made it %+v", got)
	}
}

// What a path carries is known: pictures follow it at once, but do not shrink for
// a queue that is only being worked off.
func TestPolicyFollowsThePath(t *testing.T) {
	p := NewPolicy(media.Camera, 0)
	p.SetViewer("bob", Size{640, 360})
	p.Target(at(0))
	if got := reports(p, 1, 1, Report{Estimate: 300_000}); got != (Target{640, 360, 15, 276}) {
		t.Errorf("a narrow path made it %+v", got)
	}
	if got := reports(p, 20, 1, Report{Estimate: 100_000, Steady: 300_000}); got != (Target{640, 360, 15, 92}) {
		t.Errorf("a queue made it %+v", got)
	}
	if got := reports(p, 40, 1, Report{Estimate: 10_000_000}); got.Kbps != 500 {
		t.Errorf("a wide path made it %d kbit/s", got.Kbps)
	}
}

func TestPolicyGoesByTheWeakestWatcher(t *testing.T) {
	p := NewPolicy(media.Camera, 0)
	p.SetViewer("bob", Size{640, 360})
	p.SetViewer("eve", Size{640, 360})
	p.Report("bob", Report{Estimate: 5_000_000})
	p.Report("eve", Report{Estimate: 400_000})
	if got, _ := p.Target(at(0)); got.Kbps != 368 {
		t.Errorf("%d kbit/s with eve", got.Kbps)
	}
	p.SetViewer("eve", Size{})
	p.Report("eve", Report{Estimate: 100_000})
	if got, _ := p.Target(at(10)); got.Kbps != 500 {
		t.Errorf("%d kbit/s once eve has hidden it", got.Kbps)
	}
	p.RemoveViewer("bob")
	if got, _ := p.Target(at(20)); !got.Nothing() {
		t.Errorf("%+v once bob has left", got)
	}
	p.Report("nobody", Report{Loss: 1})
}

func TestPolicyKeepsScreensLegible(t *testing.T) {
	p := NewPolicy(media.Screen, 0)
	p.SetViewer("bob", Size{1280, 720})
	p.Target(at(0))
	got := reports(p, 1, 10, Report{Estimate: 400_000})
	if got.Width != 1280 || got.FPS != 5 || got.Kbps != 368 {
		t.Errorf("a narrow path made it %+v, want full size at 5 frames per second", got)
	}
	p.SetBoth(true)
	if got := reports(p, 20, 1, Report{Estimate: 400_000}); got.Kbps != 257 {
		t.Errorf("beside a camera %d kbit/s", got.Kbps)
	}
}

// TestPolicyKeepsItsPromises drives a policy at random.
func TestPolicyKeepsItsPromises(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		kind := media.Kind(seed % 2)
		p := NewPolicy(kind, 0)
		now, changed := 0.0, -10.0
		var last Target
		for range 2000 {
			now += r.Float64()
			peer := fmt.Sprint(r.IntN(6))
			switch r.IntN(6) {
			case 0:
				p.SetViewer(peer, Size{r.IntN(2000) - 100, r.IntN(2000) - 100})
			case 1:
				p.RemoveViewer(peer)
			case 2:
				p.Report(peer, Report{Loss: r.Float64() * 2, Estimate: r.IntN(3_000_000) - 1_000_000})
			case 3:
				p.SetSource(Size{r.IntN(2000), r.IntN(2000)})
			case 4:
				p.SetBoth(r.IntN(2) == 0)
			}
			got, wake := p.Target(at(now))
			if got.Nothing() {
				if got != (Target{}) {
					t.Fatalf("seed %d: half of nothing: %+v", seed, got)
				}
				last = got
				continue
			}
			if got.Width%2 != 0 || got.Height%2 != 0 || got.Height <= 0 || got.FPS < 5 || got.FPS > 30 || got.Kbps < int(p.floor()) {
				t.Fatalf("seed %d: %+v", seed, got)
			}
			shape := got
			shape.Kbps, last.Kbps = 0, 0
			if shape != last {
				if last != (Target{}) && now-changed < shapeEvery.Seconds()-1e-6 {
					t.Fatalf("seed %d: shape changed after %v s", seed, now-changed)
				}
				changed = now
			}
			if !wake.IsZero() && (!wake.After(at(now)) || wake.After(at(now).Add(shapeEvery))) {
				t.Fatalf("seed %d: asks to be asked at %v, now is %v", seed, wake, at(now))
			}
			last = got
		}
	}
}
