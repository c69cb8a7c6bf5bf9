package rtc

import "github.com/meet-term/meet/signal"

// link names the connection of this moment on both sides.
type link struct {
	epoch  signal.Epoch // ours; 0 without a session
	remote signal.Epoch // theirs, the highest seen of their process
	up     bool         // ICE and DTLS were connected once in this epoch
}

// dials begins one of a new epoch.
func (l *link) dials(e signal.Epoch) { l.epoch = e }

// ends gives it up. What the peer is known to have reached stays, so that its older
// messages remain recognisable.
func (l *link) ends() { l.epoch, l.up = 0, false }

// comes says that it carries.
func (l *link) comes() { l.up = true }

// theirs takes the epoch of the peer; 0 voids what was known.
func (l *link) theirs(e signal.Epoch) { l.remote = e }

// generation is one exchange of descriptions and the candidates that belong to it.
// Another one replaces it as a whole.
type generation struct {
	n, gen  uint32 // of the newest offer, whoever made it, and its ICE generation
	making  bool   // our session is preparing the offer
	offer   *signal.Offer
	answer  *signal.Answer
	applied bool     // the peer's description of gen is set: candidates may pass
	local   []string // our candidates of gen, kept to be sent again
	done    bool     // there will be no more of them
	taken   int      // candidates passed on in gen
}

// next begins another: descriptions and candidates of the one before are void.
func (g *generation) next(n, gen uint32, making bool) {
	*g = generation{n: n, gen: gen, making: making}
}

// offered keeps our offer until it is answered.
func (g *generation) offered(o signal.Offer) { g.making, g.offer = false, &o }

// answered keeps our answer while it is the newest.
func (g *generation) answered(a signal.Answer) { g.answer = &a }

// apply says that the peer's description is set.
func (g *generation) apply() { g.offer, g.applied = nil, true }

// gathered keeps candidates of ours.
func (g *generation) gathered(c []string, done bool) {
	g.local, g.done = append(g.local, c...), g.done || done
}

// admit counts n candidates of the peer and returns how many are taken.
func (g *generation) admit(n int) int {
	n = min(n, maxCandidates-g.taken)
	g.taken += n
	return n
}
