package conn

import (
	"bytes"

	"github.com/pion/ice/v4"

	"github.com/meet-term/meet/rtc"
)

// guess saves the side that begins DTLS a round trip: the pair of a new session
// is used as soon as a check of the peer has come in on it, a round trip before ours
// can be answered. Nothing but the
// handshake is sent on that guess, which ends only if packets pass both ways. A pair
// that answers while the guessed one has not takes its place, and until then no
// check is left out.
//
// Whoever has a pair in use nominates none (RFC 8445 section 8.1.1). So that the
// peer too learns at once that checks pass both ways, ours is sent once more
// behind the answer to its own, and again when the guess has proved right.
//
// The zero value makes no guess. Guarded by the mutex of [pulse].
type guess struct {
	on   bool             // one may be made: nothing was in use before
	made bool             // one was, and nothing has answered yet
	sent map[spare]func() // sends the newest check of a pair once more
}

// asks notes a check of ours.
func (g *guess) asks(pair spare, check []byte, send func(packet []byte)) {
	if !g.on && !g.made || len(g.sent) >= maxSpares {
		return
	}
	if g.sent == nil {
		g.sent = map[spare]func(){}
	}
	packet := bytes.Clone(check)
	g.sent[pair] = func() { send(packet) }
}

// make guesses that a pair on which a check came in works, if it is a direct path.
// It returns how to send ours again if one has gone out, or nil.
func (g *guess) make(pair *ice.CandidatePair, path rtc.Path) (guessed bool, again func()) {
	if !g.on || path != rtc.PathDirect {
		return false, nil
	}
	g.on, g.made = false, true
	return true, g.sent[spareOf(pair)]
}

// open reports whether the pair in use is a guess.
func (g *guess) open() bool { return g.made }

// end is told that a pair works both ways. It returns how to send the check of it
// again, or nil.
func (g *guess) end(pair *ice.CandidatePair) (again func()) {
	again = g.sent[spareOf(pair)]
	*g = guess{}
	return again
}

// spareOf names a pair by where its packets leave and go.
func spareOf(pair *ice.CandidatePair) spare {
	return spare{basePort(pair.Local), endpointsOf(pair).remote}
}
