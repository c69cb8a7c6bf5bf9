package call

import (
	"context"
	"time"

	"github.com/meet-term/meet/media"
)

// How it is noticed that the machine is too slow for the call, so that the pictures
// give way before the sound does.
const (
	strainEvery = 100 * time.Millisecond // the beat whose lateness tells
	// strainLate is a lateness of the beat that sound does not survive for long: it is
	// made in steps of 20 ms.
	strainLate = 25 * time.Millisecond

	strained   = 0.85 // load from which pictures give way
	relaxed    = 0.45 // and below which they may come back
	strainedIn = 2    // seconds of load in a row until they do
	settleIn   = 3    // seconds that each step gets to show
	relaxedIn  = 10   // seconds without load until a step back, more after each in vain
	relaxedMax = 120
)

// strain decides how much of the pictures is given up: 0 is nothing, mostStrain all
// but the own, small. It is pure, and called once a second.
type strain struct {
	level       int
	high, low   int // seconds in a row
	settle      int
	patience    int // seconds until a step back; 0: relaxedIn
	sinceUp     int // seconds since the last step back
	saidAnybody bool
}

// What each step of strain gives up, with all of those before it.
const (
	strainRate   = 1 // own pictures at 10 a second
	strainSize   = 2 // own pictures three quarters as wide, those of others half
	strainFew    = 3 // only the four largest of others, and screens
	strainOne    = 4 // only the largest
	strainNobody = 5 // none
	mostStrain   = strainNobody
)

// second takes the load of a second, 1 being all that the machine has. It reports
// whether the level has changed, and whether to tell the person.
func (s *strain) second(load float64) (changed, tell bool) {
	if s.settle > 0 {
		s.settle--
		return false, false
	}
	s.sinceUp++
	switch {
	case load > strained:
		s.low = 0
		if s.high++; s.high < strainedIn || s.level == mostStrain {
			return false, false
		}
		if s.level > 0 || s.patience > 0 {
			if s.sinceUp < 2*relaxedIn { // the step back was in vain
				s.patience = min(max(2*s.patience, 2*relaxedIn), relaxedMax)
			}
		}
		s.level++
		s.high, s.settle = 0, settleIn
		tell, s.saidAnybody = !s.saidAnybody, true
		return true, tell
	case load < relaxed && s.level > 0:
		s.high = 0
		if s.low++; s.low < max(s.patience, relaxedIn) {
			return false, false
		}
		s.level--
		s.low, s.settle, s.sinceUp = 0, settleIn, 0
		return true, false
	}
	s.high, s.low = 0, 0
	return false, false
}

// tooSlow is what a person is told once.
var tooSlow = media.Warning{
	Code: media.SlowMachine,
	Text: "This computer is too slow for this call: pictures give way so that the sound does not.",
}

// strains watches how the machine fares until ctx ends.
func (m *studio) strains(ctx context.Context) {
	var s strain
	ticker := time.NewTicker(strainEvery)
	defer ticker.Stop()
	due := time.Now().Add(strainEvery)
	var late time.Duration
	for beats := 1; ; beats++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		late += max(now.Sub(due), 0)
		due = now.Add(strainEvery)
		if beats%int(time.Second/strainEvery) != 0 {
			continue
		}
		beat := late / (time.Second / strainEvery)
		late = 0
		load := max(float64(beat)/float64(strainLate), m.pictures.load())
		changed, tell := s.second(load)
		if changed {
			m.log.Info("pictures give way to the load of the machine", "level", s.level, "load", load)
			m.pictures.giveWay(s.level)
		}
		if tell {
			m.events.post(Warning{tooSlow})
		}
	}
}
