package termsync

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/term"
)

// bed is a sharer and a viewer with a link between them, in a time of their own.
type bed struct {
	t      *testing.T
	now    time.Time
	rand   *rand.Rand
	delay  time.Duration
	loss   int // in a hundred
	cut    bool
	rate   float64 // bytes a second of the way to the viewer; 0: no bound
	idle   time.Time
	queued time.Duration // the longest anything waited for the link

	term   *term.Terminal
	sender *Sender
	viewer *Receiver
	wires  []wire
	typed  Keys
	shown  []shown
	bytes  int
	sent   int
	taken  func(Keys) // unless nil, told of keys as they come
}

type wire struct {
	at       time.Time
	toViewer bool
	b        []byte
}

type shown struct {
	at    time.Time
	state uint32
}

const overhead = 60 // bytes of a packet besides its content

func newBed(t *testing.T, cols, rows int) *bed {
	b := &bed{
		t: t, now: time.Unix(1e9, 0), rand: rand.New(rand.NewPCG(3, 5)),
		term: term.New(cols, rows), sender: NewSender(1, 77, 0), viewer: NewReceiver(1, 9),
	}
	return b
}

func (b *bed) send(toViewer bool, m []byte) {
	at := b.now
	if toViewer {
		b.bytes += len(m)
		b.sent++
		if b.rate > 0 {
			if b.idle.Before(at) {
				b.idle = at
			}
			b.queued = max(b.queued, b.idle.Sub(at))
			b.idle = b.idle.Add(time.Duration(float64(len(m)+overhead) / b.rate * 1e9))
			at = b.idle
		}
	}
	if b.cut || b.rand.IntN(100) < b.loss {
		return
	}
	b.wires = append(b.wires, wire{at.Add(b.delay), toViewer, m})
}

// run plays d, in steps of a millisecond. write, if given, is what happens each step.
func (b *bed) run(d time.Duration, write func(ms int)) {
	for ms := range int(d / time.Millisecond) {
		b.now = b.now.Add(time.Millisecond)
		if write != nil {
			write(ms)
		}
		b.step()
	}
}

func (b *bed) step() {
	slices.SortStableFunc(b.wires, func(x, y wire) int { return cmp.Compare(x.at.UnixNano(), y.at.UnixNano()) })
	for len(b.wires) > 0 && !b.wires[0].at.After(b.now) {
		w := b.wires[0]
		b.wires = b.wires[1:]
		if w.toViewer {
			changed, err := b.viewer.Take(b.now, w.b)
			if err != nil {
				b.t.Fatalf("the viewer: %v", err)
			}
			if changed && b.viewer.newest() != nil {
				b.shown = append(b.shown, shown{b.now, b.viewer.newest().number})
			}
			continue
		}
		keys, want, err := b.sender.Take(b.now, w.b)
		if err != nil {
			b.t.Fatalf("the sharer: %v", err)
		}
		b.typed = append(b.typed, keys...)
		if b.taken != nil {
			b.taken(keys)
		}
		if want != nil {
			b.sender.Lines(b.term.History(want.First, want.Count))
		}
	}
	b.sender.Show(b.term.Snapshot())
	out, _ := b.sender.Poll(b.now, 0)
	for _, m := range out {
		b.send(true, m)
	}
	back, _ := b.viewer.Poll(b.now)
	for _, m := range back {
		b.send(false, m)
	}
}

// equal fails unless the viewer sees what the terminal shows, every cell of it.
func (b *bed) equal() {
	b.t.Helper()
	got, want := b.viewer.Snapshot(), b.term.Snapshot()
	if got == nil {
		b.t.Fatal("the viewer sees nothing")
	}
	if got.Cols != want.Cols || got.Rows != want.Rows || got.CursorX != want.CursorX || got.CursorY != want.CursorY || got.Hidden != want.Hidden {
		b.t.Fatalf("the viewer sees %d x %d at %d, %d; it is %d x %d at %d, %d", got.Cols, got.Rows, got.CursorX, got.CursorY,
			want.Cols, want.Rows, want.CursorX, want.CursorY)
	}
	for y := range want.Lines {
		for x, c := range want.Lines[y] {
			if got.Lines[y][x] != c {
				b.t.Fatalf("row %d, column %d: the viewer sees %+v, it is %+v", y, x, got.Lines[y][x], c)
			}
		}
	}
}

// longest is the longest time between two new states, from one time on.
func (b *bed) longest(from time.Time) (gap time.Duration) {
	last := from
	for _, s := range b.shown {
		if s.at.After(from) {
			gap, last = max(gap, s.at.Sub(last)), s.at
		}
	}
	return gap
}

// Whatever a program draws arrives, cell for cell, and late joiners have all after
// one round trip.
func TestStatesArrive(t *testing.T) {
	b := newBed(t, 90, 30)
	b.delay = 25 * time.Millisecond
	fmt.Fprint(b.term, "\x1b[1;31mred\x1b[m plain \x1b[48;2;1;2;3mparts\x1b[m\r\n日本語 é 👩\u200d👩\u200d👧 🇩🇪 ┌─┐\r\n\x1b[44m\x1b[K")
	b.run(76*time.Millisecond, nil)
	b.equal()
	r := b.rand
	for i := range 300 {
		switch r.IntN(12) {
		case 0:
			fmt.Fprintf(b.term, "\x1b[%d;%dH\x1b[3%dm%s", 1+r.IntN(30), 1+r.IntN(90), r.IntN(8), strings.Repeat("語x", r.IntN(30)))
		case 1:
			fmt.Fprintf(b.term, "\x1b[%d;%dr\x1b[%d;1H\n\n\x1b[r", 1+r.IntN(10), 15+r.IntN(15), 15+r.IntN(15))
		case 2:
			fmt.Fprintf(b.term, "\x1b[%d%c", 1+r.IntN(5), "LMSTP@XK"[r.IntN(8)])
		case 3:
			b.term.Resize(20+r.IntN(90), 5+r.IntN(30))
		case 4:
			fmt.Fprintf(b.term, "\x1b[?25%c", "hl"[r.IntN(2)])
		default:
			fmt.Fprintf(b.term, "line %d é %s\r\n", i, strings.Repeat("=", r.IntN(120)))
		}
		b.run(time.Duration(r.IntN(60))*time.Millisecond, nil)
	}
	b.run(300*time.Millisecond, nil)
	b.equal()
}

// At 30 % loss each way and a round trip of 200 ms there is a new state all the time,
// and keys come through, each once and in order.
func TestLossyLink(t *testing.T) {
	b := newBed(t, 80, 24)
	b.delay, b.loss = 100*time.Millisecond, 30
	b.run(2*time.Second, nil)
	from := b.now
	var sentAt []time.Time
	var took []time.Duration
	b.taken = func(keys Keys) {
		for range keys {
			took = append(took, b.now.Sub(sentAt[len(took)]))
		}
	}
	b.run(60*time.Second, func(ms int) {
		if ms%10 == 0 {
			fmt.Fprintf(b.term, "line %d\r\n", ms)
		}
		if ms%200 == 0 && ms < 59_000 {
			sentAt = append(sentAt, b.now)
			if !b.viewer.Type(Key{Text: fmt.Sprint(ms / 200 % 10)}) {
				t.Fatal("no room for a key")
			}
		}
	})
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	t.Logf("%d new states a second, the longest gap %v; keys take %v, p95 %v, at most %v; %d bytes a second",
		len(b.shown)/60, b.longest(from), took[len(took)/2], p95, took[len(took)-1], b.bytes/60)
	if gap := b.longest(from); gap > 300*time.Millisecond {
		t.Errorf("nothing new for %v", gap)
	}
	if p95 > 500*time.Millisecond {
		t.Errorf("the 95th of a hundred keys took %v", p95)
	}
	if len(b.typed) != 295 {
		t.Errorf("%d keys of 295 came", len(b.typed))
	}
	for i, k := range b.typed {
		if k.Text != fmt.Sprint(i%10) {
			t.Fatalf("key %d is %q", i, k.Text)
		}
	}
	b.loss = 0
	b.run(time.Second, nil)
	b.equal()
}

// After a cut of any length the viewer has the present within one round trip, and
// nothing of what was in between.
func TestCut(t *testing.T) {
	for _, heals := range []bool{true, false} {
		b := newBed(t, 80, 24)
		b.delay = 50 * time.Millisecond
		out := func(ms int) { fmt.Fprintf(b.term, "line %d\r\n", ms) }
		b.run(time.Second, out)
		b.cut = true
		b.run(10*time.Second, out)
		n := len(b.shown)
		b.cut = false
		if heals { // the path tells; else the next try does
			b.sender.Healed(b.now)
			b.viewer.Healed(b.now)
		}
		healed := b.now
		b.run(time.Second, out)
		took := b.shown[n].at.Sub(healed)
		t.Logf("told of it: %v; the present after %v", heals, took)
		if most := 2 * b.delay; took > most+slowest && !heals || took > most && heals {
			t.Errorf("told of it: %v; nothing new for %v after a cut", heals, took)
		}
		b.run(time.Second, nil)
		b.equal()
	}
}

// `yes` costs nothing, and a flood of differing lines no more than 60 states a second.
func TestFlood(t *testing.T) {
	b := newBed(t, 120, 40)
	b.delay = 5 * time.Millisecond
	b.run(100*time.Millisecond, nil)
	b.bytes = 0
	b.run(3*time.Second, func(int) { fmt.Fprint(b.term, strings.Repeat("y\r\n", 1000)) })
	t.Logf("yes: %d bytes in 3 s", b.bytes)
	if b.bytes > 100_000 {
		t.Errorf("yes cost %d bytes", b.bytes)
	}
	b.bytes, b.shown = 0, nil
	n := 0
	b.run(10*time.Second, func(int) {
		for range 20 {
			n++
			fmt.Fprintf(b.term, "%08d 2026-01-02 request served in %d ms by worker %d\r\n", n, n*7919%1000, n*31%64)
		}
	})
	t.Logf("log: %d bytes a second, %d states a second", b.bytes/10, len(b.shown)/10)
	if b.bytes > 3_000_000 || len(b.shown) > 10*61 {
		t.Errorf("%d bytes, %d states", b.bytes, len(b.shown))
	}
	b.run(100*time.Millisecond, nil)
	b.equal()
}

// A thin link is not filled with states that wait in its queue.
func TestThinLink(t *testing.T) {
	b := newBed(t, 120, 40)
	b.delay, b.rate = 25*time.Millisecond, 300_000/8
	n := 0
	b.run(20*time.Second, func(int) {
		n++
		fmt.Fprintf(b.term, "%08d %016x %016x %016x\r\n", n, b.rand.Uint64(), b.rand.Uint64(), b.rand.Uint64())
		if n == 5000 {
			b.queued = 0
		}
	})
	t.Logf("%d states a second, %d bytes a second, at most %v in the queue", len(b.shown)/20, b.bytes/20, b.queued)
	if b.queued > 400*time.Millisecond || len(b.shown) < 60 {
		t.Errorf("%v in the queue, %d states", b.queued, len(b.shown))
	}
	b.run(2*time.Second, nil)
	b.equal()
}

// Another viewer with the same name, another terminal with the same id, and another
// connection begin anew by themselves.
func TestBeginsAnew(t *testing.T) {
	b := newBed(t, 40, 10)
	b.delay = 10 * time.Millisecond
	fmt.Fprint(b.term, "first")
	b.viewer.Type(Key{Text: "a"})
	b.run(time.Second, nil)
	b.equal()
	b.viewer = NewReceiver(1, 10)
	b.viewer.Type(Key{Text: "b"})
	b.run(time.Second, nil)
	b.equal()
	b.term, b.sender = term.New(50, 12), NewSender(1, 78, 0)
	fmt.Fprint(b.term, "second")
	b.run(5*time.Second, nil)
	b.equal()
	b.viewer.Type(Key{Text: "c"})
	b.wires = nil
	b.sender.Reset(b.now)
	b.viewer.Healed(b.now)
	b.run(time.Second, nil)
	if got := fmt.Sprint(b.typed); got != fmt.Sprint(Keys{{Text: "a"}, {Text: "b"}, {Text: "c"}}) {
		t.Errorf("typed %s", got)
	}
	b.viewer.Type(Key{Text: "lost"})
	b.viewer.Forget()
	b.viewer.Type(Key{Text: "d"})
	b.run(time.Second, nil)
	if got := b.typed[len(b.typed)-1].Text; got != "d" {
		t.Errorf("the last typed is %q", got)
	}
}

// Nothing is sent to somebody who does not look.
func TestNobodyLooks(t *testing.T) {
	b := newBed(t, 40, 10)
	b.run(time.Second, nil)
	viewer := b.viewer
	b.cut = true
	b.run(lease, func(int) { fmt.Fprint(b.term, "x") })
	b.sent = 0
	b.run(10*time.Second, func(int) { fmt.Fprint(b.term, "x") })
	if b.sent > 0 {
		t.Errorf("%d messages to nobody", b.sent)
	}
	b.cut, b.viewer = false, viewer
	b.viewer.Healed(b.now)
	b.run(100*time.Millisecond, nil)
	b.equal()
}

// The past is there on demand, also what left before somebody came.
func TestPast(t *testing.T) {
	b := newBed(t, 40, 10)
	b.delay, b.loss = 20*time.Millisecond, 20
	for i := range 600 {
		fmt.Fprintf(b.term, "line %d 日本\r\n", i)
	}
	b.run(time.Second, nil)
	if _, ok := b.viewer.Line(100); ok {
		t.Fatal("a line is known that nobody told")
	}
	b.viewer.Look(90, 120)
	b.run(5*time.Second, nil)
	for n := range 120 {
		line, ok := b.viewer.Line(uint64(90 + n))
		if want := fmt.Sprintf("line %d 日本", 90+n); !ok || term.Text(line) != want {
			t.Fatalf("line %d is %q, %v", 90+n, term.Text(line), ok)
		}
	}
}

// An hour of work in bytes: what one key of an editor costs, and a page.
func TestBytes(t *testing.T) {
	b := newBed(t, 120, 40)
	b.delay = time.Millisecond
	for i := range 40 {
		fmt.Fprintf(b.term, "\x1b[%d;1Hfunc line%d() { return %d } // and what it is for", i+1, i, i)
	}
	b.run(time.Second, nil)
	b.bytes = 0
	for i := range 20 { // a key, and the ruler of an editor
		fmt.Fprintf(b.term, "\x1b[10;%dHx\x1b[40;103H10,%d\x1b[10;%dH", 50+i, 50+i, 51+i)
		b.run(200*time.Millisecond, nil)
	}
	t.Logf("%d bytes a key", b.bytes/20)
	if b.bytes/20 > 60 {
		t.Errorf("%d bytes a key", b.bytes/20)
	}
	b.bytes = 0
	for i := range 20 { // scrolling by a line
		fmt.Fprintf(b.term, "\x1b[40;1H\r\nanother line %d", i)
		b.run(200*time.Millisecond, nil)
	}
	t.Logf("%d bytes a line", b.bytes/20)
	if b.bytes/20 > 80 {
		t.Errorf("%d bytes a line", b.bytes/20)
	}
}

// A key typed by a viewer is on its screen one round trip later: nothing waits for a
// tick, in either direction.
func TestEchoTakesOneRoundTrip(t *testing.T) {
	b := newBed(t, 120, 40)
	b.delay = 25 * time.Millisecond
	b.taken = func(keys Keys) {
		for _, k := range keys {
			fmt.Fprint(b.term, k.Text) // as a shell echoes
		}
	}
	b.run(time.Second, nil)
	var longest time.Duration
	for range 50 {
		b.viewer.Type(Key{Text: "x"})
		typed, n := b.now, len(b.shown)
		b.run(200*time.Millisecond, nil)
		if len(b.shown) == n {
			t.Fatal("no echo")
		}
		longest = max(longest, b.shown[n].at.Sub(typed))
	}
	t.Logf("%v after the key at most", longest)
	if longest > 2*b.delay+5*time.Millisecond {
		t.Errorf("%v after the key, with a round trip of %v", longest, 2*b.delay)
	}
}
