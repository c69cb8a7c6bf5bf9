package rtc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// moment is one input of a script, with its time.
type moment struct {
	At float64 `json:"at"` // ms since the start
	In input   `json:"in"`
}

// outcome is what a machine made of one input.
type outcome struct {
	Actions []act `json:"actions"`
	Dump    dump  `json:"dump"`
}

// TestSameAsPage gives random scripts, hostile messages included, to our machine
// and to the page's, and compares all they do and believe after every input.
// MEET_COMPARE is for how long to go on, such as 9m; a few seconds without it.
func TestSameAsPage(t *testing.T) {
	skipWhileLate(t)
	pg := newPage(t)
	long, err := time.ParseDuration(os.Getenv("MEET_COMPARE"))
	if err != nil && os.Getenv("MEET_COMPARE") != "" {
		t.Fatalf("MEET_COMPARE: %v", err)
	}
	seed, enough := uint64(1), func(n int) bool { return n >= 150 }
	if long > 0 {
		start := time.Now()
		seed, enough = uint64(start.UnixNano()), func(int) bool { return time.Since(start) >= long }
	}
	scripts, inputs := 0, 0
	for ; !enough(scripts) && !t.Failed(); scripts++ {
		rng := rand.New(rand.NewPCG(seed, uint64(scripts)))
		script := make([]byte, 2*(10+rng.IntN(150)))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		for _, self := range []signal.PeerID{"a", "z"} {
			inputs += compare(t, pg, self, script)
		}
	}
	t.Logf("seed %d: %d scripts of %d inputs, the same in both languages", seed, 2*scripts, inputs)
}

// FuzzSameAsPage does the same, led by what our machine covers.
func FuzzSameAsPage(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
	var pg *page
	f.Fuzz(func(t *testing.T, script []byte) {
		skipWhileLate(t)
		if pg == nil {
			pg = newPage(t)
		}
		pg.of(t)
		for _, self := range []signal.PeerID{"a", "z"} {
			compare(t, pg, self, script[:min(len(script), 1000)])
		}
	})
}

// skipWhileLate skips a comparison that cannot hold: a timeline says that the
// page does not have a rule yet.
func skipWhileLate(t *testing.T) {
	t.Helper()
	for _, file := range timelines(t) {
		if strings.Contains(readTimeline(t, file), pageLater) {
			t.Skipf("the page does not follow %s yet", file)
		}
	}
}

// compare plays a script to both and returns how many inputs it had. Of a script
// that differs the shortest part that does is shown.
func compare(t *testing.T, pg *page, self signal.PeerID, script []byte) int {
	t.Helper()
	moments := invent(self, script)
	differs := func(ms []moment) int {
		ours, theirs := playOwn(self, ms), pg.play(self, ms)
		for i := range ms {
			if !sameOutcome(ours[i], theirs[i]) {
				return i
			}
		}
		return -1
	}
	at := differs(moments)
	if at < 0 {
		return len(moments)
	}
	moments = moments[:at+1]
	for i := len(moments) - 2; i >= 0; i-- { // the last is where it shows
		if shorter := slices.Delete(slices.Clone(moments), i, i+1); differs(shorter) == len(shorter)-1 {
			moments = shorter
		}
	}
	ours, theirs := playOwn(self, moments), pg.play(self, moments)
	var b strings.Builder
	for i, m := range moments {
		in, _ := json.Marshal(m)
		fmt.Fprintf(&b, "%s\n\tours   %v\n\t       %+v\n", in, ours[i].Actions, asText(ours[i].Dump))
		if !sameOutcome(ours[i], theirs[i]) {
			fmt.Fprintf(&b, "\tpage's %v\n\t       %+v\n", theirs[i].Actions, asText(theirs[i].Dump))
		}
	}
	t.Errorf("machine %q and the page's differ:\n%s", self, b.String())
	return len(moments)
}

func asText(d dump) string {
	b, _ := json.Marshal(d)
	return string(b)
}

func sameOutcome(a, b outcome) bool {
	return reflect.DeepEqual(a.Dump, b.Dump) && fmt.Sprint(a.Actions) == fmt.Sprint(b.Actions)
}

func playOwn(self signal.PeerID, moments []moment) []outcome {
	m := newOwn(0, self, "m")
	out := make([]outcome, 0, len(moments))
	for _, at := range moments {
		out = append(out, outcome{m.step(ms(at.At), at.In), m.dump()})
	}
	return out
}

// invent makes inputs of bytes, two each: what happens, and how. They follow what
// our machine believes, so that much of it is to the point.
func invent(self signal.PeerID, script []byte) []moment {
	m := newOwn(0, self, "m")
	now := time.Duration(0)
	var out []moment
	give := func(in input) {
		if in.Event != nil && in.Event.Cands == nil {
			in.Event.Cands = []string{}
		}
		out = append(out, moment{millis(now), in})
		m.step(now, in)
	}
	give(input{In: "present", Inc: 1})
	for i := 0; i+1 < len(script); i += 2 {
		op, arg := script[i], script[i+1]
		if op >= 160 { // time goes by, as far as the next deadline
			now += time.Duration(arg) * 20 * time.Millisecond
			if wake := m.dump().Wake; wake != nil && op >= 200 {
				now = max(now, ms(*wake))
			}
			give(input{In: "tick"})
			continue
		}
		now += time.Duration(arg>>4) * time.Millisecond
		give(inventOne(m.dump(), now, op, arg))
	}
	return out
}

// inventOne is one input of the kind op.
func inventOne(d dump, now time.Duration, op, arg byte) input {
	ep, rep := float64(d.Remote), float64(d.Epoch)
	n, g := float64(d.N), float64(d.Gen)
	if arg&3 == 3 { // now and then nothing fits
		ep, rep, n, g = float64(arg>>2&3), float64(arg>>4&3), float64(arg>>6), float64(arg>>5&3)
	}
	next := float64(arg >> 2 & 1) // of the same, or one further
	flag := arg>>3&1 == 1
	said := func(k string, more fields) input {
		more["k"], more["ep"], more["rep"] = k, ep, rep
		return input{In: "message", Body: more}
	}
	session := func(e sessionEvent) input {
		epoch := d.Epoch
		if arg&15 == 15 && epoch > 0 {
			epoch--
		}
		return input{In: "session", Epoch: epoch, Event: &e}
	}
	cands := func() []any { return slices.Repeat([]any{"c"}, int(arg)%40) }
	switch op % 20 {
	case 0:
		return input{In: "reach", On: true}
	case 1:
		return input{In: "reach", On: arg&1 == 1}
	case 2:
		return input{In: "present", Inc: max(1, d.Inc+signal.Inc(arg>>2&1))}
	case 3:
		return said("offer", fields{"n": n + next, "g": g + next, "restart": flag, "sdp": "x"})
	case 4:
		ep += next
		return said("offer", fields{"n": 1.0, "g": 1.0, "restart": false, "sdp": "x"})
	case 5:
		if ep == 0 {
			ep = 1
		}
		return said("answer", fields{"n": n, "g": g, "sdp": "x"})
	case 6:
		ep += float64(arg >> 7)
		return said("cand", fields{"g": g + next, "cands": cands(), "done": flag})
	case 7:
		return said("need", fields{"restart": flag, "gone": arg>>5&1 == 1})
	case 8:
		return said("probe", fields{"n": n})
	case 9:
		return said("ack", fields{"n": max(0, float64(d.Probe)-float64(arg>>6&1)), "silent": flag})
	case 10:
		return session(sessionEvent{On: "offer", N: d.N, Gen: d.Gen, Restart: flag, SDP: "x"})
	case 11:
		return session(sessionEvent{On: "answer", N: d.N, Gen: d.Gen, SDP: "x"})
	case 12:
		return session(sessionEvent{On: "candidates", Gen: d.Gen + uint32(arg>>7), Cands: []string{"c"}, Done: flag})
	case 13:
		return session(sessionEvent{On: "connected"})
	case 14:
		if arg < 60 {
			return session(sessionEvent{On: "failed"})
		}
		return session(sessionEvent{On: "ice", State: iceNames[int(arg)%len(iceNames)]})
	case 15, 16:
		heard := max(0, now-time.Duration(arg&15)*100*time.Millisecond)
		in := input{In: "hear", Heard: millisPtr(heard), Answered: millisPtr(heard)}
		if arg>>6 == 0 {
			in.Answered = d.Answered
		}
		return in
	case 17:
		return input{In: "retry"}
	case 18:
		return input{In: "moved", Path: pathNames[int(arg>>2)%len(pathNames)]}
	}
	switch {
	case arg < 6:
		return input{In: "leave"}
	case arg < 100:
		return input{In: "resync"}
	}
	return input{In: "starved"}
}

// TestPageCountsAlike compares when media that does not arrive is noticed.
func TestPageCountsAlike(t *testing.T) {
	pg := newPage(t)
	rng := rand.New(rand.NewPCG(1, 2))
	type count struct {
		At   float64             `json:"at"`
		Sent [media.Kinds]uint64 `json:"sent"`
		Got  [media.Kinds]uint64 `json:"got"`
	}
	for range 300 {
		var counts []count
		var want [][]string
		var st starvation
		var c count
		start := time.Unix(1000, 0)
		for range 1 + rng.IntN(20) {
			c.At += float64([]int{0, 300, 800, 1000, 1000, 4000}[rng.IntN(6)])
			for k := range media.Kinds {
				c.Sent[k] += uint64([]int{0, 0, 3, 5, 50}[rng.IntN(5)])
				c.Got[k] += uint64([]int{0, 0, 0, 1}[rng.IntN(4)])
			}
			counts = append(counts, c)
			missing := []string{}
			for _, k := range st.report(start.Add(ms(c.At)), c.Sent, c.Got) {
				missing = append(missing, k.String())
			}
			want = append(want, missing)
		}
		b, err := json.Marshal(counts)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		if err := json.Unmarshal([]byte(fmt.Sprint(pg.Call("starve", string(b)))), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("reports %s\n  ours %v\npage's %v", b, want, got)
		}
	}
}
