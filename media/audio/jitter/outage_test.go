package jitter

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media/audio/pcm"
)

// cutFrom and cutTo bound the outage in the tests below.
const (
	cutFrom = 5 * time.Second
	cutTo   = 8 * time.Second
)

// path is what a network does to a packet that is sent at a moment: when it
// arrives, and whether it does.
type path func(sent time.Duration) (at time.Duration, ok bool)

const oneWay = 5 * time.Millisecond

// dropped loses what is sent during a cut.
func dropped(from, to time.Duration) path {
	return func(sent time.Duration) (time.Duration, bool) { return sent + oneWay, sent < from || sent >= to }
}

// kept holds back what is sent during a cut, all of it or no more than the
// newest, and delivers it spread over a while when the cut is over.
func kept(from, to, newest, spread time.Duration) path {
	return func(sent time.Duration) (time.Duration, bool) {
		switch {
		case sent < from || sent >= to+spread:
			return sent + oneWay, true
		case sent >= to:
			return to + spread + oneWay, true // behind what was held back
		case sent < to-newest:
			return 0, false
		}
		since := sent - max(from, to-newest)
		return to + oneWay + time.Duration(float64(spread)*float64(since)/float64(min(newest, to-from))), true
	}
}

// longer is a path that takes more time once the cut is over.
func longer(from, to, by time.Duration) path {
	return func(sent time.Duration) (time.Duration, bool) {
		if sent >= to {
			return sent + oneWay + by, true
		}
		return sent + oneWay, sent < from
	}
}

// both is one trouble after the other; they do not overlap.
func both(a, b path) path {
	return func(sent time.Duration) (time.Duration, bool) {
		at, ok := a(sent)
		if !ok || at > sent+oneWay {
			return at, ok
		}
		return b(sent)
	}
}

// played is what a listener gets at one moment.
type played struct {
	now   time.Duration
	sound bool
	delay time.Duration // from the sender's mouth to the buffer's output
}

// listen plays what a sender sends over a path, but for what muted covers.
func listen(p path, skew float64, d time.Duration, muted func(time.Duration) bool) ([]played, Stats) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1, skew: skew}
	var packets []sent
	for s.clock < d {
		if muted != nil && muted(s.clock) {
			s.skip(20 * time.Millisecond)
			continue
		}
		at, ok := p(s.clock)
		if x := s.next(0); ok {
			x.at = at
			packets = append(packets, x)
		}
	}
	var heard []played
	block := make([]float32, pcm.BlockSamples)
	for now := time.Duration(0); now < d; now += 10 * time.Millisecond {
		for len(packets) > 0 && packets[0].at <= now {
			packets[0].p.At = start.Add(packets[0].at)
			b.Push(packets[0].p)
			packets = packets[1:]
		}
		b.Pull(block)
		media := pcm.Duration(b.play.next - int64(b.play.out.pending()) - pcm.BlockSamples)
		heard = append(heard, played{now, pcm.Measure(block) > -30, now - time.Duration(float64(media)*(1-skew/1e6))})
	}
	return heard, b.Stats()
}

// What an outage held back is no jitter: one is heard at once again and no
// later than before.
func TestHeardAfterAnOutage(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name   string
		path   path
		healed time.Duration // the last of them
		extra  time.Duration // that the path takes longer for good
		skew   float64
		muted  func(time.Duration) bool
		slack  time.Duration // until the first sound
	}{
		{name: "dropped", path: dropped(cutFrom, cutTo), healed: cutTo},
		{name: "all kept, at once", path: kept(cutFrom, cutTo, time.Minute, 0), healed: cutTo},
		{name: "all kept, within 50 ms", path: kept(cutFrom, cutTo, time.Minute, 50*time.Millisecond), healed: cutTo},
		{name: "all kept, within 200 ms", path: kept(cutFrom, cutTo, time.Minute, 200*time.Millisecond), healed: cutTo, slack: 200 * time.Millisecond},
		{name: "all kept, within a second", path: kept(cutFrom, cutTo, time.Minute, second), healed: cutTo, slack: 200 * time.Millisecond},
		{name: "the last second kept", path: kept(cutFrom, cutTo, second, 20*time.Millisecond), healed: cutTo},
		{name: "half a second, kept", path: kept(cutFrom, cutFrom+500*time.Millisecond, time.Minute, 10*time.Millisecond), healed: cutFrom + 500*time.Millisecond},
		{name: "a long one, the last two seconds kept", path: kept(cutFrom, 25*second, 2*second, 20*time.Millisecond), healed: 25 * second},
		{name: "a long one, all kept", path: kept(cutFrom, 25*second, time.Minute, 100*time.Millisecond), healed: 25 * second, slack: 100 * time.Millisecond},
		{name: "the path is longer", path: longer(cutFrom, cutTo, 300*time.Millisecond), healed: cutTo, extra: 300 * time.Millisecond},
		{name: "one cut after the other", path: both(kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), kept(9*second, 12*second, time.Minute, 20*time.Millisecond)), healed: 12 * second},
		{name: "kept, then dropped", path: both(kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), dropped(9*second, 12*second)), healed: 12 * second},
		{name: "a fast clock", path: kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), healed: cutTo, skew: 300},
		{name: "a slow clock", path: kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), healed: cutTo, skew: -300},
		{name: "muted around the cut's end", path: kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), healed: 9 * second,
			muted: func(at time.Duration) bool { return at >= 4*second && at < 9*second }},
		{name: "muted before, speaking during the cut", path: kept(cutFrom, cutTo, time.Minute, 20*time.Millisecond), healed: cutTo,
			muted: func(at time.Duration) bool { return at >= 2*second && at < 6*second }},
		{name: "the first packets of all were kept", path: kept(0, 2*second, time.Minute, 20*time.Millisecond), healed: 2 * second},
	} {
		t.Run(c.name, func(t *testing.T) {
			heard, st := listen(c.path, c.skew, c.healed+10*second, c.muted)
			first := time.Duration(-1)
			for _, h := range heard {
				if h.now < c.healed+c.extra {
					continue
				}
				if h.sound && first < 0 {
					first = h.now - c.healed - c.extra
				}
				if h.now >= c.healed+c.extra+2*second && h.delay > 60*time.Millisecond+c.extra {
					t.Fatalf("%v after the heal the delay is %v", h.now-c.healed, h.delay)
				}
				if h.now >= c.healed+c.extra+second && !h.sound {
					t.Fatalf("silence %v after the heal", h.now-c.healed)
				}
			}
			if first < 0 || first > 100*time.Millisecond+c.slack {
				t.Errorf("heard %v after the heal", first)
			}
			if st.Target > 60*time.Millisecond {
				t.Errorf("target %v: the outage was taken for jitter", st.Target)
			}
		})
	}
}

// Speech that comes back is not chopped: once it is heard, it goes on.
func TestHeardWithoutHolesAfterABurst(t *testing.T) {
	for _, spread := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond} {
		heard, _ := listen(kept(cutFrom, cutTo, time.Minute, spread), 0, 12*time.Second, nil)
		begun, silent := false, 0
		for _, h := range heard {
			if h.now < cutTo {
				continue
			}
			begun = begun || h.sound
			if begun && !h.sound {
				silent++
			}
		}
		if silent > 0 {
			t.Errorf("kept packets over %v: %d blocks of silence once it was heard", spread, silent)
		}
	}
}

// A path that stalls again and again has jitter, and no outages.
func TestStallsAgainAndAgainAreJitter(t *testing.T) {
	stalls := func(sent time.Duration) (time.Duration, bool) {
		const every, length = 2 * time.Second, 400 * time.Millisecond
		if in := sent % every; in < length {
			return sent - in + length + oneWay, true
		}
		return sent + oneWay, true
	}
	_, st := listen(stalls, 0, time.Minute, nil)
	if st.Target < 200*time.Millisecond {
		t.Errorf("target %v after 30 stalls of 400 ms", st.Target)
	}
	early, _ := listen(stalls, 0, 30*time.Second, nil)
	silent := 0
	for _, h := range early[2000:] {
		if !h.sound {
			silent++
		}
	}
	if silent > 50 {
		t.Errorf("%d of %d blocks silent although the stalls are known", silent, len(early[2000:]))
	}
}
