package conn

import (
	"testing"
	"time"
)

// sized is a path that carries packets up to a size.
type sized struct {
	carries int
	rtt     time.Duration
	probes  int
	bytes   int
}

// run lets a sizer work for a while.
func (p *sized) run(s *sizer, now *time.Time, d time.Duration) {
	type reply struct {
		at   time.Time
		size int
	}
	var replies []reply
	for end := now.Add(d); now.Before(end); *now = now.Add(5 * time.Millisecond) {
		for len(replies) > 0 && !replies[0].at.After(*now) {
			s.answer(*now, replies[0].size)
			replies = replies[1:]
		}
		for _, size := range s.step(*now) {
			p.probes++
			p.bytes += size
			if size <= p.carries {
				replies = append(replies, reply{now.Add(p.rtt), size})
			}
		}
	}
}

func TestSizerFindsWhatAPathCarries(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 400 * time.Millisecond} {
		for carries, want := range map[int]int{1500: maxSize, 1240: maxSize, 1200: 1100, 1000: 980, 576: baseSize, 560: baseSize, 100: 0} {
			var s sizer
			p := &sized{carries: carries, rtt: rtt}
			now := time.Unix(1000, 0)
			s.restart(now)
			p.run(&s, &now, time.Second)
			if s.limit != want {
				t.Errorf("%d bytes carried, %v away: found %d, want %d", carries, rtt, s.limit, want)
			}
			if want == maxSize && rtt < probeEvery && p.probes > 2 {
				t.Errorf("%d probes on a good path", p.probes)
			}
		}
	}
}

func TestSizerFollowsAPathThatChanges(t *testing.T) {
	var s sizer
	p := &sized{carries: 1500, rtt: 30 * time.Millisecond}
	now := time.Unix(1000, 0)
	s.restart(now)
	p.run(&s, &now, 5*time.Second)
	p.carries = 900
	s.doubt(now)
	p.run(&s, &now, time.Second)
	if s.limit != 820 {
		t.Errorf("found %d on a path of 900 bytes", s.limit)
	}
	p.carries = 1500
	p.run(&s, &now, raiseEvery+time.Second)
	if s.limit != maxSize {
		t.Errorf("found %d on a path that is wide again", s.limit)
	}
	sent := p.probes
	for range 100 { // losses all the time, and not because of the size
		s.doubt(now)
		p.run(&s, &now, 100*time.Millisecond)
	}
	if s.limit != maxSize || p.probes-sent > 20 {
		t.Errorf("limit %d, %d probes for 10 s of doubt", s.limit, p.probes-sent)
	}
	p.carries = 0
	p.run(&s, &now, verifyEvery)
	s.doubt(now)
	p.run(&s, &now, time.Second)
	if s.limit != maxSize {
		t.Errorf("an outage changed the limit to %d", s.limit)
	}
}
