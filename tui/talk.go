package tui

import "time"

// talk is the machine behind hold-to-talk. It is pure: what happened and when
// goes in, what to do with the microphone comes out.
//
// Where the terminal reports releases, the microphone is open from the press
// to the release. Elsewhere a held key is one that repeats: talking starts
// with the first repetition and ends talkGap after the last.
type talk struct {
	phase talkPhase
	last  time.Time // of the last press or repetition; zero with releases
}

type talkPhase uint8

const (
	talkIdle  talkPhase = iota
	talkArmed           // pressed once; a repetition would start talking
	talkOn
)

// talkAct is what the machine wants done.
type talkAct uint8

const (
	talkKeep talkAct = iota
	talkStart
	talkStop
)

// Keyboards repeat first after 250 to 660 ms, then every 25 to 50 ms.
const (
	talkArm = 800 * time.Millisecond
	talkGap = 250 * time.Millisecond
)

// press is the talk key going down or repeating. open tells whether the
// microphone is on already, in which case there is nothing to do.
func (t talk) press(now time.Time, releases, open bool) (talk, talkAct) {
	switch {
	case t.phase == talkIdle && open:
		return t, talkKeep
	case releases && t.phase == talkOn:
		return t, talkKeep
	case releases:
		return talk{phase: talkOn}, talkStart
	case t.phase == talkOn:
		return talk{talkOn, now}, talkKeep
	case t.phase == talkArmed && now.Sub(t.last) <= talkArm:
		return talk{talkOn, now}, talkStart
	}
	return talk{talkArmed, now}, talkKeep
}

// release is the key going up, or the terminal losing the focus, after which
// no release would be reported.
func (t talk) release() (talk, talkAct) {
	if t.phase == talkOn {
		return talk{}, talkStop
	}
	return talk{}, talkKeep
}

// tick ends what was not repeated in time.
func (t talk) tick(now time.Time) (talk, talkAct) {
	at := t.wakeAt()
	if at.IsZero() || now.Before(at) {
		return t, talkKeep
	}
	return t.release()
}

// wakeAt is when tick has something to do; zero for never.
func (t talk) wakeAt() time.Time {
	switch {
	case t.last.IsZero():
		return time.Time{}
	case t.phase == talkOn:
		return t.last.Add(talkGap)
	case t.phase == talkArmed:
		return t.last.Add(talkArm)
	}
	return time.Time{}
}
