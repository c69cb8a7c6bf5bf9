package conn

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// pipe is a path as a control sees it: it carries so much, queues the rest, and
// says what arrived when.
type pipe struct {
	control *control
	now     time.Time
	rate    float64       // bit/s; 0: anything
	keeps   time.Duration // the longest queue
	delay   time.Duration // one way
	back    time.Duration // of the feedback
	loss    float64
	noise   time.Duration // each packet may take so much longer
	random  *rand.Rand
	skew    time.Duration // of the peer's clock

	free    time.Time
	seq     uint16
	pending []arrival // the time of arrival is since the start
	told    time.Time
	words   []word
	queue   time.Duration
	start   time.Time
}

type word struct {
	at time.Time
	f  transportFeedback
}

func newPipe() *pipe {
	start := time.Unix(1000, 0)
	return &pipe{
		control: &control{}, now: start, start: start, free: start, keeps: 400 * time.Millisecond,
		delay: 20 * time.Millisecond, back: 20 * time.Millisecond,
		random: rand.New(rand.NewPCG(1, 2)), skew: 5 * time.Second,
	}
}

// run sends packets of 1,000 bytes at the rate that is allowed, at most at top,
// and 50 small ones a second.
func (p *pipe) run(d time.Duration, top float64) {
	const step = 5 * time.Millisecond
	var credit float64
	for n := 0; n < int(d/step); n++ {
		p.now = p.now.Add(step)
		for len(p.words) > 0 && !p.words[0].at.After(p.now) {
			p.control.arrived(p.now, p.words[0].f)
			p.words = p.words[1:]
		}
		if n%4 == 0 {
			p.send(120)
		}
		v := p.control.judge(p.now)
		credit += min(max(v.rate-48_000, 0), top) / 8 * step.Seconds()
		for credit >= 1000 {
			credit -= 1000
			if v.flight < v.window {
				p.send(1000)
				v.flight += 1000
			}
		}
		p.feedback()
	}
}

func (p *pipe) send(size int) {
	p.control.went(p.now, p.seq, size)
	a := arrival{seq: p.seq}
	p.seq++
	if p.free.Before(p.now) {
		p.free = p.now
	}
	p.queue = p.free.Sub(p.now)
	if p.queue <= p.keeps && p.random.Float64() >= p.loss {
		if p.rate > 0 {
			p.free = p.free.Add(time.Duration(float64(size) * 8 / p.rate * float64(time.Second)))
		}
		at := p.free.Add(p.delay)
		if p.noise > 0 {
			at = at.Add(time.Duration(p.random.Int64N(int64(p.noise))))
		}
		a.came, a.at = true, at.Sub(p.start)
	}
	p.pending = append(p.pending, a)
}

// feedback has the peer tell what arrived by now.
func (p *pipe) feedback() {
	if p.now.Sub(p.told) < arrivalsEvery {
		return
	}
	upTo := -1
	for i, a := range p.pending {
		if a.came && !p.start.Add(a.at).After(p.now) {
			upTo = i
		}
	}
	if upTo < 0 {
		return
	}
	p.told = p.now
	reference := uint32(p.skew / (64 * time.Millisecond))
	p.words = append(p.words, word{p.now.Add(p.back), transportFeedback{reference, append([]arrival(nil), p.pending[:upTo+1]...)}})
	p.pending = p.pending[upTo+1:]
}

func (p *pipe) steady() float64 { return p.control.judge(p.now).steady }

// A line that is too narrow is found within half a second, in one step, and its
// queue is gone a second after.
func TestControlFindsNarrowLine(t *testing.T) {
	for name, keeps := range map[string]time.Duration{"long queue": 500 * time.Millisecond, "short queue": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			p := newPipe()
			p.run(3*time.Second, 600_000)
			if got := p.steady(); got < 900_000 {
				t.Fatalf("a good line is given %.0f bit/s", got)
			}
			p.rate, p.keeps = 300_000, keeps
			p.run(700*time.Millisecond, 600_000)
			if got := p.steady(); got > 350_000 || got < 150_000 {
				t.Errorf("after 700 ms a line of 300 kbit/s is given %.0f", got)
			}
			p.run(800*time.Millisecond, 600_000)
			if p.queue > 100*time.Millisecond {
				t.Errorf("after 1.5 s the queue is %v", p.queue)
			}
			var sum float64
			var worst time.Duration
			for range 200 {
				p.run(100*time.Millisecond, 600_000)
				sum += p.steady()
				worst = max(worst, p.queue)
			}
			if mean := sum / 200; mean < 200_000 || mean > 330_000 {
				t.Errorf("a line of 300 kbit/s is given %.0f on average", mean)
			}
			if worst > 150*time.Millisecond {
				t.Errorf("the queue reached %v", worst)
			}
		})
	}
}

// What became wide again is used again within five seconds.
func TestControlProbesUpwards(t *testing.T) {
	p := newPipe()
	p.rate = 300_000
	p.run(20*time.Second, 1_500_000)
	p.rate = 2_000_000
	began := p.now
	for p.steady() < 1_500_000 && p.now.Sub(began) < 10*time.Second {
		p.run(100*time.Millisecond, 1_500_000)
	}
	if took := p.now.Sub(began); took > 5*time.Second {
		t.Errorf("the full rate is back after %v", took)
	}
}

// What looks like trouble, and is none of a queue of ours.
func TestControlKeepsRate(t *testing.T) {
	for name, change := range map[string]func(*pipe){
		"random loss":                    func(p *pipe) { p.loss = 0.05 },
		"a long way with loss":           func(p *pipe) { p.loss = 0.02 },
		"an unsteady path":               func(p *pipe) { p.noise = 80 * time.Millisecond },
		"a full queue in the other way":  func(p *pipe) { p.back = 500 * time.Millisecond },
		"another path that takes longer": func(p *pipe) { p.delay = 200 * time.Millisecond; p.control.moved(p.now) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe()
			if strings.HasPrefix(name, "a long way") {
				p.delay, p.back = 150*time.Millisecond, 150*time.Millisecond
			}
			p.run(5*time.Second, 500_000)
			change(p)
			least := p.steady()
			for range 100 {
				p.run(100*time.Millisecond, 500_000)
				least = min(least, p.steady())
			}
			if least < 700_000 {
				t.Errorf("the rate fell to %.0f", least)
			}
		})
	}
}

// A cut says nothing of the rate, and neither does what an access point held
// back.
func TestControlSurvivesCut(t *testing.T) {
	p := newPipe()
	p.run(5*time.Second, 500_000)
	p.loss = 1
	p.run(3*time.Second, 500_000)
	p.loss = 0
	for range 40 {
		p.run(100*time.Millisecond, 500_000)
		if got := p.steady(); got < 900_000 {
			t.Fatalf("%v after a cut: %.0f", p.now.Sub(p.start), got)
		}
	}
	p.free = p.now.Add(2 * time.Second)
	p.keeps = 5 * time.Second
	p.run(3*time.Second, 500_000)
	if got := p.steady(); got < 700_000 {
		t.Errorf("after two seconds that were held back: %.0f", got)
	}
}

// A queue that others fill, and that does not yield, does not take everything.
func TestControlForeignQueue(t *testing.T) {
	p := newPipe()
	p.run(5*time.Second, 500_000)
	p.delay += 200 * time.Millisecond
	p.run(15*time.Second, 500_000)
	if got := p.steady(); got < 400_000 {
		t.Errorf("beside a queue of others: %.0f", got)
	}
}

func TestControlLimitAndReports(t *testing.T) {
	p := newPipe()
	p.run(2*time.Second, 500_000)
	p.control.limit(250_000)
	if got := p.steady(); got != 250_000 {
		t.Errorf("with a ceiling of 250 kbit/s: %.0f", got)
	}
	p.control.limit(0)
	// A peer that gives receiver reports alone.
	c := &control{}
	now := time.Unix(1000, 0)
	for range 8 {
		now = now.Add(time.Second)
		c.report(now, 0.3)
	}
	if got := c.judge(now).rate; got > rateStart/2 {
		t.Errorf("with 30 %% loss: %.0f", got)
	}
	for range 30 {
		now = now.Add(time.Second)
		c.report(now, 0)
	}
	if got := c.judge(now).rate; got < rateStart {
		t.Errorf("and without: %.0f", got)
	}
}

// Feedback comes through as pion writes it, wrapping and all, and nonsense of it
// hurts nobody.
func TestFeedbackRoundTrip(t *testing.T) {
	r := twcc.NewRecorder(1)
	want := map[uint16]time.Duration{}
	for i := range 600 {
		seq := uint16(65300 + i)
		if i%7 == 3 {
			continue
		}
		at := time.Duration(i*i%90000)*50*time.Microsecond + time.Duration(i)*3*time.Millisecond
		want[seq] = at
		r.Record(7, seq, at.Microseconds())
	}
	got := map[uint16]time.Duration{}
	var u unwrap
	for _, p := range r.BuildFeedbackPacket() {
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var back rtcp.TransportLayerCC
		if err := back.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		f := feedbackOf(&back)
		base := u.add(f.reference)
		for _, a := range f.packets {
			if a.came {
				got[a.seq] = base + a.at
			} else if _, came := want[a.seq]; came {
				t.Errorf("%d is said to be lost", a.seq)
			}
		}
	}
	for seq, at := range want {
		if d := (got[seq] - at).Abs(); d > 300*time.Microsecond {
			t.Errorf("%d came at %v, it is said to be %v", seq, at, got[seq])
		}
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 3, 0, 0, 1, 0, 0x20, 3, 4, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p rtcp.TransportLayerCC
		if p.Unmarshal(raw) != nil {
			return
		}
		got := feedbackOf(&p)
		if len(got.packets) > int(p.PacketStatusCount) || len(got.packets) > maxFeedback {
			t.Fatalf("%d packets of %d", len(got.packets), p.PacketStatusCount)
		}
		c := &control{}
		now := time.Unix(1000, 0)
		for i := range 40 {
			c.went(now.Add(time.Duration(i)*time.Millisecond), uint16(i), 1000)
		}
		c.arrived(now.Add(50*time.Millisecond), got)
		if v := c.judge(now.Add(60 * time.Millisecond)); v.rate < rateMin || v.rate > rateMax || v.flight < 0 {
			t.Fatalf("%+v", v)
		}
	})
}
