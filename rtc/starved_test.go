package rtc

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media"
)

func TestStarvation(t *testing.T) {
	type step struct {
		after     time.Duration
		sent, got uint64 // of the camera
		missing   bool
	}
	s := time.Second
	for name, steps := range map[string][]step{
		"flowing":         {{0, 0, 0, false}, {s, 30, 30, false}, {s, 60, 60, false}, {s, 90, 90, false}, {s, 120, 119, false}},
		"nothing arrives": {{0, 0, 0, false}, {s, 30, 0, false}, {s, 60, 0, false}, {s, 90, 0, true}, {s, 120, 0, true}},
		"comes back":      {{0, 0, 0, false}, {s, 30, 0, false}, {s, 60, 0, false}, {s, 90, 0, true}, {s, 120, 3, false}},
		"not sent":        {{0, 10, 10, false}, {s, 10, 10, false}, {s, 10, 10, false}, {s, 10, 10, false}, {s, 10, 10, false}},
		"a trickle":       {{0, 0, 0, false}, {s, 1, 0, false}, {s, 2, 0, false}, {s, 3, 0, false}, {s, 4, 0, false}},
		"a burst of reports after a cut": {
			{0, 0, 0, false}, {s, 30, 30, false}, {8 * s, 60, 30, false}, {0, 90, 30, false}, {0, 120, 30, false},
			{0, 150, 30, false}, {0, 180, 30, false}, {s, 210, 60, false}, {s, 240, 90, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var st starvation
			now := time.Unix(1000, 0)
			for i, step := range steps {
				now = now.Add(step.after)
				var sent, got [media.Kinds]uint64
				sent[media.Camera], got[media.Camera] = step.sent, step.got
				missing := st.report(now, sent, got)
				if (len(missing) == 1 && missing[0] == media.Camera) != step.missing {
					t.Errorf("step %d: missing %v", i, missing)
				}
			}
		})
	}
}
