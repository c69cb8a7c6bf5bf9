package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
)

// Timing holds every duration the mesh decides by. Its zero value of a field
// means the default beside it, of internal/rules, which the page follows too.
type Timing struct {
	// Silence is how long nothing must be heard of a peer before it counts
	// as disconnected: 2 s.
	Silence time.Duration
	// Unanswered is how long our checks may go unanswered by a peer that is
	// heard before the path counts as one that carries one way only: 2.5 s.
	Unanswered time.Duration
	// Poll is how often a peer that is being mended is looked at: 50 ms.
	Poll time.Duration
	// Backoff is the wait before each attempt in a row; its length is the
	// number of attempts before a peer counts as failed: 1, 2, 4 s.
	Backoff []time.Duration
	// Grace is how long a path gets to heal alone after the peer or the
	// network came back, before an attempt is spent on it: 300 ms. ICE
	// checks run every 200 ms.
	Grace time.Duration
	// Ask is how long a probe may go unanswered through signaling: 2 s.
	Ask time.Duration
	// Await is how long the answering side waits for an offer it asked for,
	// or for the first offer of all: 3 s.
	Await time.Duration
	// Mend is how long an offered connection may take to carry something,
	// ICE restart and rebuild alike: 5 s.
	Mend time.Duration
	// Rest is the wait between the slow retries of a failed peer: 15 s.
	Rest time.Duration
	// Spacing is the least time between two repairs that give up a
	// connection because the other side asked: 1 s.
	Spacing time.Duration
	// Linger is how long a crashed peer stays listed as away when the
	// server that would tell has forgotten it: 30 s.
	Linger time.Duration
	// Keep is how long the silent connection of somebody who is gone is kept, off
	// the list: 15 min.
	Keep time.Duration
	// Glance is how often such a connection is looked at: 1 s.
	Glance time.Duration
	// Report is how often peers tell each other what they send and hear, while
	// there is news: 1 s.
	Report time.Duration
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.Silence, rules.Silence)
	set(&t.Unanswered, rules.Unanswered)
	set(&t.Poll, rules.Poll)
	set(&t.Grace, rules.Grace)
	set(&t.Ask, rules.Ask)
	set(&t.Await, rules.Await)
	set(&t.Mend, rules.Mend)
	set(&t.Rest, rules.Rest)
	set(&t.Spacing, rules.Spacing)
	set(&t.Linger, rules.Linger)
	set(&t.Keep, rules.Keep)
	set(&t.Glance, rules.Glance)
	set(&t.Report, rules.Report)
	if t.Backoff == nil {
		t.Backoff = rules.Backoff()
	}
	return t
}
