package call

import (
	"testing"
	"time"
)

// line plays a story to an ear, looking every 100 ms.
type story struct {
	on       func(at time.Duration) bool // the microphone is
	arrives  func(at time.Duration) bool // a packet sent now does
	sends    func(at time.Duration) bool // one is sent
	alive    func(at time.Duration) bool // checks and data of the peer arrive
	mute     bool                        // it does not answer
	rtt      time.Duration
	wantDeaf []time.Duration // when deaf changes
}

func always(time.Duration) bool { return true }
func never(time.Duration) bool  { return false }
func until(d time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at < d }
}
func except(from, to time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at < from || at >= to }
}

func (s story) run(d time.Duration) (changes []time.Duration) {
	var e ear
	var answers []time.Duration
	sound := sound{path: true, rtt: s.rtt}
	start := time.Unix(1000, 0)
	lastSent := -time.Hour
	for at := time.Duration(0); at < d; at += 10 * time.Millisecond {
		now := start.Add(at)
		if s.alive(at) && at%(200*time.Millisecond) == 0 {
			sound.alive = now
		}
		if s.on(at) && s.sends(at) && at%(20*time.Millisecond) == 0 {
			lastSent = at
			if s.arrives(at) {
				sound.packets, sound.last, sound.alive = sound.packets+1, now, now
			}
		}
		for len(answers) > 0 && answers[0] <= at {
			e.answer(now, at-lastSent)
			sound.alive, answers = now, answers[1:]
		}
		if at%hearEvery != 0 {
			continue
		}
		was := e.deaf
		sound.on = s.on(at)
		if e.listen(now, sound) && s.alive(at) && !s.mute {
			answers = append(answers, at+s.rtt)
		}
		if e.deaf != was {
			changes = append(changes, at)
		}
	}
	return changes
}

func TestEar(t *testing.T) {
	ms := time.Millisecond
	cut := except(2000*ms, 4000*ms)
	for name, s := range map[string]story{
		"all is well":              {on: always, arrives: always, sends: always, alive: always},
		"muted":                    {on: never, arrives: always, sends: always, alive: always},
		"muted, then gone":         {on: never, arrives: always, sends: always, alive: until(2000 * ms)},
		"muted in between":         {on: cut, arrives: always, sends: always, alive: always},
		"sends nothing":            {on: always, arrives: always, sends: never, alive: always, rtt: 50 * ms},
		"pauses":                   {on: always, arrives: always, sends: cut, alive: always, rtt: 50 * ms},
		"pauses, a long way off":   {on: always, arrives: always, sends: cut, alive: always, rtt: 600 * ms},
		"comfort noise":            {on: always, arrives: always, sends: func(at time.Duration) bool { return at%(400*ms) == 0 }, alive: always, rtt: 50 * ms},
		"half of it lost":          {on: always, arrives: func(at time.Duration) bool { return at%(40*ms) == 0 }, sends: always, alive: always},
		"stalls of 300 ms":         {on: always, arrives: func(at time.Duration) bool { return at%(400*ms) >= 300*ms }, sends: always, alive: always},
		"sound is swallowed":       {on: always, arrives: cut, sends: always, alive: always, rtt: 50 * ms, wantDeaf: []time.Duration{2500 * ms, 4100 * ms}},
		"the network is gone":      {on: always, arrives: cut, sends: always, alive: cut, rtt: 20 * ms, wantDeaf: []time.Duration{2500 * ms, 4100 * ms}},
		"swallowed from the start": {on: always, arrives: never, sends: always, alive: always, rtt: 50 * ms, wantDeaf: []time.Duration{500 * ms}},
		"swallowed, no answer":     {on: always, arrives: cut, sends: always, alive: always, mute: true, wantDeaf: []time.Duration{3500 * ms, 4100 * ms}},
		"muted while not heard":    {on: until(3000 * ms), arrives: until(2000 * ms), sends: always, alive: always, rtt: 50 * ms, wantDeaf: []time.Duration{2500 * ms, 3000 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.run(6 * time.Second)
			same := len(got) == len(s.wantDeaf)
			for i := range got {
				same = same && (got[i]-s.wantDeaf[i]).Abs() <= hearEvery
			}
			if !same {
				t.Errorf("deaf changed at %v, want %v", got, s.wantDeaf)
			}
		})
	}
}
