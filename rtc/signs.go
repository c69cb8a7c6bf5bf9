package rtc

import "time"

// signs is the evidence of life of the present session, and what it shows.
type signs struct {
	pulse  Pulse
	outage time.Time // when the last sign of life before this outage came; zero without one
	oneWay bool      // they are heard and do not hear us
}

// note takes newer evidence.
func (s *signs) note(p Pulse) {
	s.pulse.Heard = later(s.pulse.Heard, p.Heard)
	s.pulse.Answered = later(s.pulse.Answered, p.Answered)
}

// reset starts a session with what is known of it.
func (s *signs) reset(p Pulse) { s.pulse = p }

// cut begins an outage at a moment, whatever one there was.
func (s *signs) cut(at time.Time) { s.outage = at }

// cutSince begins one unless there is one.
func (s *signs) cutSince(at time.Time) {
	if s.outage.IsZero() {
		s.outage = at
	}
}

// ends ends the outage and returns when it began; zero if there was none.
func (s *signs) ends() time.Time {
	began := s.outage
	s.outage, s.oneWay = time.Time{}, false
	return began
}

// oneSided says whether the path carries one way only.
func (s *signs) oneSided(is bool) { s.oneWay = is }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// standing is what people and scripts see of a peer.
type standing struct {
	state, previous State
	since           time.Time
	ice             ICEState
	met             bool // was connected once
}

// becomes moves to a state, and reports whether that is another one.
func (s *standing) becomes(now time.Time, to State) bool {
	if s.state == to {
		return false
	}
	s.previous, s.state, s.since = s.state, to, now
	return true
}

// iceBecomes does the same for what ICE says, which decides nothing.
func (s *standing) iceBecomes(to ICEState) (was ICEState, changed bool) {
	was, s.ice = s.ice, to
	return was, was != to
}

// meets notes that they were connected.
func (s *standing) meets() { s.met = true }
