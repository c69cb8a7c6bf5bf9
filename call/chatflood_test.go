package call

import (
	"testing"
	"time"
)

// Of 720 lines a second for a minute four a second are shown, with a word about it
// twice; somebody else's are all shown.
func TestChatFlood(t *testing.T) {
	p, now := newChatPace(), time.Unix(1000, 0)
	shown, told, other := 0, 0, 0
	for i := range 60 * 720 {
		at := now.Add(time.Duration(i) * time.Second / 720)
		n, tell := p.pass("mallory", 1, at)
		if shown += n; tell {
			told++
		}
		if i%720 == 0 {
			n, _ := p.pass("ada", 3, at)
			other += n
		}
	}
	if most := chatBurst + 4*60; shown > most || shown < most-2 || told != 2 {
		t.Errorf("%d lines are shown and %d notes, want %d and 2", shown, told, most)
	}
	if other != 3*60 {
		t.Errorf("%d lines of somebody else are shown", other)
	}
	if n, _ := p.pass("mallory", 50, now.Add(2*time.Minute)); n != 50 {
		t.Errorf("a minute later %d of 50 lines are shown", n)
	}
	p.forget("mallory")
	if len(p.people) != 1 {
		t.Error("who is gone is remembered")
	}
}
