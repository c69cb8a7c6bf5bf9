package rtc

import "time"

// trouble is since when something is wrong, and so which evidence of life counts.
type trouble struct {
	troubledAt time.Time // evidence must be newer than this to count as mended
	goneAt     time.Time // when our end of the path in use was found to be gone; zero while it is there
	// unprovenTill is when being heard begins to prove something, for a peer that is
	// heard and whose media does not arrive; zero for every other trouble.
	unprovenTill time.Time
}

// begin notes trouble that began at a moment.
func (t *trouble) begin(at time.Time) { t.troubledAt, t.unprovenTill = at, time.Time{} }

// starve notes trouble in which being heard is not what is wrong: until a moment it
// proves nothing.
func (t *trouble) starve(until time.Time) { t.unprovenTill = until }

// outlived reports whether a sign of life is of after the trouble.
func (t *trouble) outlived(sign time.Time) bool { return sign.After(t.proof()) }

// proof is the moment after which evidence counts.
func (t *trouble) proof() time.Time { return later(t.troubledAt, t.unprovenTill) }

// loses notes that the path in use is gone.
func (t *trouble) loses(now time.Time) { t.goneAt = now }

// replaces notes that another path is on its way.
func (t *trouble) replaces() { t.goneAt = time.Time{} }

// pathGone reports whether the path in use is known to be gone. Until something
// replaces it, or the other side follows us, hearing something proves nothing:
// whoever answers a check from our new address may still send to the old one.
func (t *trouble) pathGone() bool { return !t.goneAt.IsZero() }

// question is the probe by which the offering side asks before it gives anything up.
type question struct {
	probe uint32 // number of the last
	wish  bool   // it is for an ICE restart; else for a new connection
	doubt uint32 // number of one sent to learn whether a need still holds; 0 without one
}

// ask numbers another.
func (q *question) ask(wish bool) { q.probe, q.wish = q.probe+1, wish }

// doubts says that the last one was sent by who knows of no trouble.
func (q *question) doubts() { q.doubt = q.probe }

// settles is told that the last one was answered, and reports whether it was such
// a doubt.
func (q *question) settles() (doubted bool) {
	doubted = q.doubt != 0 && q.probe == q.doubt
	q.doubt = 0
	return doubted
}

// given keeps repairs that give up a connection apart.
type given struct {
	gaveUpAt time.Time // when one was last given up for another
	owed     bool      // a need came too soon after that: it is served when Spacing is over
}

// giveUp notes that a connection, or its path, is given up.
func (g *given) giveUp(now time.Time) { g.gaveUpAt = now }

// owe says whether a need is to be served later.
func (g *given) owe(owed bool) { g.owed = owed }
