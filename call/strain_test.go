package call

import (
	"testing"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc/conn"
	"github.com/meet-term/meet/signal"
)

// Pictures give way to load step by step, come back when it is gone, and wait longer
// when that was too soon. People are told once.
func TestStrain(t *testing.T) {
	var s strain
	told := 0
	pass := func(seconds int, load func(level int) float64) (levels []int) {
		for range seconds {
			changed, tell := s.second(load(s.level))
			if changed {
				levels = append(levels, s.level)
			}
			if tell {
				told++
			}
		}
		return levels
	}
	idle := func(int) float64 { return 0.2 }
	if got := pass(60, idle); got != nil {
		t.Errorf("without load: %v", got)
	}
	if pass(1, func(int) float64 { return 4 }); s.level != 0 {
		t.Error("one bad second is taken for strain")
	}
	pass(1, idle)
	if got := pass(5*(strainedIn+settleIn)+20, func(int) float64 { return 2 }); len(got) != mostStrain || s.level != mostStrain {
		t.Errorf("under load: %v", got)
	}
	if got := pass(200, idle); len(got) != mostStrain || s.level != 0 {
		t.Errorf("after it: %v, still at %d", got, s.level)
	}
	// A machine that bears the second step, and no less.
	got := pass(300, func(level int) float64 { return []float64{1.5, 1.1, 0.4, 0.2, 0.2, 0.2}[level] })
	if len(got) > 14 || s.level == 0 {
		t.Errorf("at the edge it went %v", got)
	}
	if told != 1 {
		t.Errorf("people were told %d times", told)
	}
}

// What a person wants to receive, and what the machine can take, decide what is asked
// of the others.
func TestWants(t *testing.T) {
	ann, bob := signal.PeerID("ann"), signal.PeerID("bob")
	people := newPeople()
	for _, id := range []signal.PeerID{ann, bob} {
		people.admit(id)
	}
	told := map[signal.PeerID]viewMessage{}
	p := newPictures(pictureConfig{
		people: people,
		tell:   func(peer signal.PeerID, v viewMessage) { told[peer] = v },
	})
	p.show("self", map[Viewed]stream.Size{
		{ann, media.Camera}: {Width: 640, Height: 360}, {bob, media.Camera}: {Width: 320, Height: 180},
		{bob, media.Screen}: {Width: 1280, Height: 720},
	})
	for _, c := range []struct {
		name     string
		change   func(*pictures)
		ann, bob viewMessage
	}{
		{"everything", func(*pictures) {}, viewMessage{Camera: [2]int{640, 360}},
			viewMessage{Camera: [2]int{320, 180}, Screen: [2]int{1280, 720}}},
		{"screens", func(p *pictures) { p.receive = ReceiveScreens }, viewMessage{}, viewMessage{Screen: [2]int{1280, 720}}},
		{"sound", func(p *pictures) { p.receive = ReceiveSound }, viewMessage{}, viewMessage{}},
		{"everything again", func(p *pictures) { p.receive = ReceiveAll }, viewMessage{Camera: [2]int{640, 360}},
			viewMessage{Camera: [2]int{320, 180}, Screen: [2]int{1280, 720}}},
		{"half", func(p *pictures) { p.strain = strainSize }, viewMessage{Camera: [2]int{320, 180}},
			viewMessage{Camera: [2]int{160, 90}, Screen: [2]int{1280, 720}}},
		{"one", func(p *pictures) { p.strain = strainOne }, viewMessage{}, viewMessage{Screen: [2]int{1280, 720}}},
		{"none", func(p *pictures) { p.strain = strainNobody }, viewMessage{}, viewMessage{}},
	} {
		p.update(c.change)
		if told[ann] != c.ann || told[bob] != c.bob {
			t.Errorf("%s: ann is asked for %v, bob for %v", c.name, told[ann], told[bob])
		}
	}
}

// A ceiling for the line is divided among the people who are there, and told to them.
func TestCeiling(t *testing.T) {
	people := newPeople()
	told := map[signal.PeerID]viewMessage{}
	p := newPictures(pictureConfig{
		people: people, most: 900_000, watchAll: true, out: conn.NewOutbound(),
		tell: func(peer signal.PeerID, v viewMessage) { told[peer] = v },
	})
	for i, id := range []signal.PeerID{"ann", "bob", "cyd"} {
		one := people.admit(id)
		one.mu.Lock()
		one.listens = true
		one.mu.Unlock()
		p.connected(one)
		if want := 900 / (i + 1); told["ann"].Most != want || told[id].Most != want {
			t.Errorf("of %d people, ann is told %d, the last %d", i+1, told["ann"].Most, told[id].Most)
		}
	}
}

func TestParseBandwidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "800k": 800_000, "2M": 2_000_000, "1.5M": 1_500_000, "64000": 64_000} {
		if got, err := ParseBandwidth(text); got != want || err != nil {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1M", "3k", "fast", "2Mk", "2kM", "NaN", "k", "9999999M"} {
		if got, err := ParseBandwidth(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
