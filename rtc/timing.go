package rtc

import "time"

// Timing holds every duration the mesh decides by. Its zero value of a field
// means the default beside it; tests assert the defaults by equality.
type Timing struct {
	// Silence is how long nothing must be heard of a peer before it counts
	// as disconnected: 2 s.
	Silence time.Duration
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
	set(&t.Silence, 2*time.Second)
	set(&t.Poll, 50*time.Millisecond)
	set(&t.Grace, 300*time.Millisecond)
	set(&t.Ask, 2*time.Second)
	set(&t.Await, 3*time.Second)
	set(&t.Mend, 5*time.Second)
	set(&t.Rest, 15*time.Second)
	set(&t.Spacing, time.Second)
	set(&t.Linger, 30*time.Second)
	set(&t.Report, time.Second)
	if t.Backoff == nil {
		t.Backoff = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	}
	return t
}
