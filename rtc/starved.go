package rtc

// starvation compares what a peer says it has sent over the present
// connection with what arrived, report by report. It is pure and belongs to
// one session.
type starvation struct {
	seen      bool
	sent, got [Kinds]uint64
	dry       [Kinds]int // reports in a row in which it sent and nothing came
}

const (
	dryPackets = 5 // a report interval with fewer packets proves nothing
	dryReports = 3 // that many in a row are no accident
)

// report takes the peer's counters and ours and returns the kinds that it
// sends and we do not get.
func (s *starvation) report(sent, got [Kinds]uint64) []Kind {
	var missing []Kind
	for k := range Kind(Kinds) {
		switch {
		case !s.seen, got[k] != s.got[k]:
			s.dry[k] = 0
		case sent[k] >= s.sent[k]+dryPackets:
			s.dry[k]++
		case sent[k] == s.sent[k]:
			s.dry[k] = 0 // it stopped sending: nothing is missing
		}
		if s.dry[k] >= dryReports {
			missing = append(missing, k)
		}
	}
	s.seen, s.sent, s.got = true, sent, got
	return missing
}
