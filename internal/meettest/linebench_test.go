package meettest

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// lineCase is one row of the table of lines.
type lineCase struct {
	what   string
	people int
	line   Line          // of B, who watches A
	later  Line          // after the first part; zero: the same
	loss   float64       // of what A sends to B
	trip   time.Duration // round trip
	wide   bool          // measure how soon the full rate is back afterwards
}

var lineCases = []lineCase{
	{what: "300 kbit/s, 50 ms of queue", people: 2, line: Line{Down: 300_000, Queue: 50 * time.Millisecond}, wide: true},
	{what: "300 kbit/s, 500 ms of queue", people: 2, line: Line{Down: 300_000, Queue: 500 * time.Millisecond}, wide: true},
	{what: "300 kbit/s up, 500 ms of queue", people: 2, line: Line{Up: 300_000, Queue: 500 * time.Millisecond}},
	{what: "1 Mbit/s, 500 ms of queue", people: 2, line: Line{Down: 1_000_000, Queue: 500 * time.Millisecond}},
	{
		what: "2 Mbit/s, then 300 kbit/s", people: 2, line: Line{Down: 2_000_000, Queue: 500 * time.Millisecond},
		later: Line{Down: 300_000, Queue: 500 * time.Millisecond}, wide: true,
	},
	{what: "5 % of loss", people: 2, line: Line{}, loss: 0.05},
	{what: "300 ms of round trip, 2 % of loss", people: 2, line: Line{}, loss: 0.02, trip: 300 * time.Millisecond},
	{what: "300 kbit/s, 400 ms of queue", people: 3, line: Line{Down: 300_000, Queue: 400 * time.Millisecond}, wide: true},
	{what: "1 Mbit/s, 400 ms of queue", people: 5, line: Line{Down: 1_000_000, Queue: 400 * time.Millisecond}},
}

// The table of docs/PERFORMANCE.md, in virtual time.
func TestBenchLines(t *testing.T) {
	if os.Getenv("MEET_BENCH") == "" {
		t.Skip("takes minutes: MEET_BENCH=1, or make bench-lines")
	}
	var rows []string
	for _, c := range lineCases {
		t.Run(fmt.Sprint(c.people, " people, ", c.what), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rows = append(rows, c.run(t)) })
		})
	}
	fmt.Println("| people | the line to one of them | frozen of 20 s | queue after 1 s, above 100 ms | concealed | she sees | another pair meanwhile | full rate back |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		fmt.Println(r)
	}
}

func (c lineCase) run(t *testing.T) string {
	latency := Latency
	if c.trip > 0 {
		latency = c.trip / 2
	}
	r := NewFar(t, latency)
	a := r.Join("a", withCamera)
	var others []*Person
	for i := range c.people - 2 {
		others = append(others, r.Join(string(rune('c'+i)), withCamera))
	}
	b := r.JoinNarrow("b", c.line, withCamera)
	r.Wait(time.Second + 10*c.trip)
	if c.loss > 0 {
		r.Lose(a, b, c.loss)
		r.Lose(b, a, c.loss)
	}
	if c.later != (Line{}) {
		r.Wait(5 * time.Second)
		b.SetLine(c.later)
	}
	from, at := a, b
	if c.line.Up > 0 { // what B sends is what the line is narrow for
		from, at = b, a
	}
	var before uint64
	if len(others) > 0 {
		before = others[0].statsOf(a).Received[1]
	}
	v := at.watch(from, 20*time.Second)
	v.log(t, c.what)
	untouched := ""
	if len(others) > 0 {
		s := others[0].statsOf(a)
		untouched = fmt.Sprintf("%d kbit/s, %d wide", (s.Received[1]-before)*8/1000/20, s.Camera.Width)
	}
	back := ""
	if c.wide {
		b.SetLine(Line{Queue: time.Second})
		began := time.Now()
		for time.Since(began) < 20*time.Second {
			was := b.statsOf(a).Received[1]
			r.Wait(500 * time.Millisecond)
			if s := b.statsOf(a); s.Camera.Width == 640 && (s.Received[1]-was)*16/1000 > 400 {
				break
			}
		}
		back = fmt.Sprintf("%.1f s", time.Since(began).Seconds())
	}
	for _, p := range r.People() {
		p.Leave()
	}
	return fmt.Sprintf("| %d | %s | %.1f s | %d ms, %.1f s | %.1f %% | %.1f fps, %d wide, %.0f kbit/s | %s | %s |",
		c.people, c.what, v.frozen.Seconds(), v.queue.Milliseconds(), v.full.Seconds(), v.concealed*100,
		float64(v.frames)/20, v.width, v.kbps, untouched, back)
}
