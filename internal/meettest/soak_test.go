package meettest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// TestSoak does whatever comes to its mind to a room, heals everything, and
// checks that within 10 s all pairs are connected and all states agree; over
// and over. MEET_SOAK=N runs N rooms instead of a few.
func TestSoak(t *testing.T) {
	rooms := 6
	if testing.Short() {
		rooms = 1
	}
	if s := os.Getenv("MEET_SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("MEET_SOAK: %v", err)
		}
		rooms = n
	}
	for seed := range uint64(rooms) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soak(t, seed) })
		})
	}
}

// chaos is one room and what was done to it.
type chaos struct {
	room *Room
	rand *rand.Rand
	log  []string
	down bool // the server
}

func soak(t *testing.T, seed uint64) {
	c := &chaos{room: New(t), rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 3 + c.rand.IntN(2) {
		c.join(i)
	}
	c.room.Wait(2 * time.Second)
	for episode := range 8 {
		for range 1 + c.rand.IntN(6) {
			c.step()
			c.room.Wait(c.pause())
		}
		c.healAll()
		c.room.Wait(settleTime)
		if trouble := c.room.Trouble(); len(trouble) > 0 {
			t.Fatalf("seed %d, episode %d:\n%s\nafter:\n%s", seed, episode,
				strings.Join(trouble, "\n"), strings.Join(c.log, "\n"))
		}
		c.attemptsWithinLimit(t)
		c.log = append(c.log, "--- all is well")
	}
	for _, p := range c.room.People() {
		if p.running() {
			p.Leave()
		}
	}
}

// settleTime is how long a healed room may take.
const settleTime = 10 * time.Second

// attemptsWithinLimit fails when anybody announced a fourth attempt in a row.
func (c *chaos) attemptsWithinLimit(t *testing.T) {
	for _, p := range c.room.People() {
		for _, e := range Events[rtc.Reconnecting](p) {
			if e.Attempt < 1 || e.Attempt > e.Of || e.Of != 3 {
				t.Errorf("%s: attempt %d of %d", p.Name, e.Attempt, e.Of)
			}
		}
		p.Forget()
	}
}

func (c *chaos) pause() time.Duration {
	return time.Duration(c.rand.ExpFloat64() * 4 * float64(time.Second)).Truncate(time.Millisecond)
}

func (c *chaos) note(format string, args ...any) {
	at := time.Since(c.room.Start).Truncate(time.Millisecond)
	c.log = append(c.log, fmt.Sprintf("%v ", at)+fmt.Sprintf(format, args...))
}

func (c *chaos) join(i int) {
	mic := c.rand.IntN(4) == 0 // sound costs real time: some rooms have it
	c.room.Join(string(rune('a'+i)), func(cfg *call.Config) { cfg.Start = signal.Media{Mic: mic} })
}

func (c *chaos) someone() *Person {
	all := c.room.People()
	return all[c.rand.IntN(len(all))]
}

// step does one thing.
func (c *chaos) step() {
	p, q := c.someone(), c.someone()
	switch op := c.rand.IntN(12); op {
	case 0, 1:
		c.note("cut %s", p.Name)
		p.Cut()
	case 2:
		c.note("heal %s", p.Name)
		p.Heal()
	case 3:
		c.note("cut media of %s", p.Name)
		p.CutMedia()
	case 4:
		c.note("cut server of %s", p.Name)
		p.CutServer()
	case 5:
		c.note("reset server link of %s", p.Name)
		c.room.net.Link(p.Name).Reset()
	case 6:
		c.note("block %s to %s", p.Name, q.Name)
		c.room.Block(p, q)
	case 7:
		c.toggleServer()
	case 8:
		if p.running() {
			on := c.rand.IntN(4) == 0
			c.note("mic of %s: %v", p.Name, on)
			p.Call.SetMic(on)
		}
	case 9:
		if p.running() {
			c.note("kill %s", p.Name)
			p.Kill()
		}
	case 10:
		if p.running() {
			c.note("%s leaves", p.Name)
			p.Leave()
		}
	case 11:
		if p.running() {
			c.note("%s retries", p.Name)
			p.Call.Retry("")
		}
	}
}

func (c *chaos) toggleServer() {
	if c.down {
		c.note("server starts")
		c.room.StartServer()
	} else {
		c.note("server dies")
		c.room.StopServer()
	}
	c.down = !c.down
}

// healAll ends every trouble and brings everybody back.
func (c *chaos) healAll() {
	c.note("heal everything")
	if c.down {
		c.toggleServer()
	}
	c.room.mu.Lock()
	clear(c.room.lost)
	clear(c.room.block)
	c.room.mu.Unlock()
	for _, p := range c.room.People() {
		p.HealServer()
		if !p.running() {
			p.Again(func(cfg *call.Config) { cfg.Start = signal.Media{} })
		}
	}
}
