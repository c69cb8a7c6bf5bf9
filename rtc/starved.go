package rtc

import (
	"time"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
)

// starvation compares what a peer says it has sent over the present
// connection with what arrived, report by report. It is pure and belongs to
// one session.
type starvation struct {
	at        time.Time // of the last report that counted; zero before
	sent, got [media.Kinds]uint64
	dry       [media.Kinds]int // reports in a row in which it sent and nothing came
}

const (
	dryPackets = rules.DryPackets // a report interval with fewer packets proves nothing
	dryReports = rules.DryReports // that many in a row are no accident
	// dryInterval is the least time between reports that count: after a cut
	// the data channel delivers at once what was said during it, when nothing
	// could arrive.
	dryInterval = rules.DryInterval
)

// report takes the peer's counters and ours and returns the kinds that it
// sends and we do not get.
func (s *starvation) report(now time.Time, sent, got [media.Kinds]uint64) []media.Kind {
	if !s.at.IsZero() && now.Sub(s.at) < dryInterval {
		s.sent = sent
		return s.missing()
	}
	for k := range media.Kind(media.Kinds) {
		switch {
		case s.at.IsZero(), got[k] != s.got[k]:
			s.dry[k] = 0
		case sent[k] >= s.sent[k]+dryPackets:
			s.dry[k]++
		case sent[k] == s.sent[k]:
			s.dry[k] = 0 // it stopped sending: nothing is missing
		}
	}
	s.at, s.sent, s.got = now, sent, got
	return s.missing()
}

func (s *starvation) missing() []media.Kind {
	var out []media.Kind
	for k, n := range s.dry {
		if n >= dryReports {
			out = append(out, media.Kind(k))
		}
	}
	return out
}
