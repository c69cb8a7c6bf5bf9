package meettest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// TestSoak does whatever comes to its mind to a room, heals everything, and
// checks that within 10 s all pairs are connected and all states agree; over
// and over. MEET_SOAK=N runs N rooms instead of a few.
func TestSoak(t *testing.T) {
	few := uint64(6)
	if testing.Short() {
		few = 1
	}
	rooms, from := number(t, "MEET_SOAK", few), number(t, "MEET_SOAK_FROM", 0)
	for seed := from; seed < from+rooms; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soak(t, seed) })
		})
	}
}

// number is what a variable of the environment says, n if it is not set.
func number(t *testing.T, variable string, n uint64) uint64 {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return n
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// chaos is one room and what was done to it.
type chaos struct {
	room *Room
	rand *rand.Rand
	log  []string
	down bool // the server

	camera  string // a film
	screens bool   // there are some; they cost real time
	// strict: all are behind filters, so that only signaling mends what a change of
	// address broke.
	strict bool
}

func soak(t *testing.T, seed uint64) {
	c := &chaos{room: New(t), rand: rand.New(rand.NewPCG(seed, 1)), camera: film(t), strict: seed%2 == 1}
	c.screens = c.rand.IntN(4) == 0
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
		trouble := c.room.Trouble()
		if len(trouble) == 0 {
			trouble = c.silence()
		}
		if len(trouble) > 0 {
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
	p := c.room.Join(string(rune('a'+i)), c.config(signal.Media{Mic: c.rand.IntN(4) == 0})) // sound costs real time
	if c.strict {
		p.Strict()
	}
}

func (c *chaos) someone() *Person {
	all := c.room.People()
	return all[c.rand.IntN(len(all))]
}

// step does one thing.
func (c *chaos) step() {
	p, q := c.someone(), c.someone()
	switch op := c.rand.IntN(17); op {
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
	case 12:
		if p.running() {
			on := c.rand.IntN(2) == 0
			c.note("camera of %s: %v", p.Name, on)
			p.Call.SetCamera(on)
		}
	case 13:
		if p.running() && c.screens {
			on := c.rand.IntN(3) == 0
			c.note("screen of %s: %v", p.Name, on)
			p.Call.SetScreen(on)
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
	case 14, 15, 16:
		c.move(1 + c.rand.IntN(3))
	}
}

// move gives several people other addresses, all in one moment.
func (c *chaos) move(n int) {
	all := c.room.People()
	for _, i := range c.rand.Perm(len(all))[:min(n, len(all))] {
		if p := all[i]; p.running() {
			c.note("%s moves", p.Name)
			p.Move()
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
			p.Again(c.config(signal.Media{}))
		}
	}
}

// config is what everybody joins with.
func (c *chaos) config(start signal.Media) Option {
	return func(cfg *call.Config) {
		cfg.Start = start
		cfg.Camera = source.Camera{Kind: source.File, Path: c.camera}
		if c.screens {
			cfg.Screen = source.Screen{Kind: source.TestCard}
		}
	}
}

// film writes a small film, which loops.
func film(t *testing.T) string {
	t.Helper()
	const width, height, frames = 96, 64, 20
	b := []byte(fmt.Sprintf("YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n", width, height))
	for i := range frames {
		b = append(b, "FRAME\n"...)
		for j := range width * height * 3 / 2 {
			b = append(b, byte(64+i*6+j%16))
		}
	}
	path := filepath.Join(t.TempDir(), "film.y4m")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// flowTime is how long media are counted: a still screen sends a picture every 2 s.
const flowTime = 4 * time.Second

// silence has everybody speak and show themselves, and lists every direction in
// which that does not arrive. What was on before is on afterwards.
func (c *chaos) silence() (out []string) {
	var here []*Person
	before := map[*Person]signal.Media{}
	for _, p := range c.room.People() {
		if p.running() {
			here = append(here, p)
			before[p] = p.Call.View().Media
			p.Call.SetMic(true)
			p.Call.SetCamera(true)
		}
	}
	c.room.Wait(time.Second)
	type figures map[*Person]map[*Person]call.PeerStats
	count := func() figures {
		all := figures{}
		for _, p := range here {
			all[p] = map[*Person]call.PeerStats{}
			for _, q := range here {
				if p != q {
					all[p][q] = p.statsOf(q)
				}
			}
		}
		return all
	}
	first := count()
	c.room.Wait(flowTime)
	for p, others := range count() {
		for q, s := range others {
			was := first[p][q]
			if n := s.Audio.Decoded - was.Audio.Decoded; n < uint64(flowTime/time.Second)*45 {
				out = append(out, fmt.Sprintf("%s heard %d packets of %s in %v", p.Name, n, q.Name, flowTime))
			}
			if n := s.Camera.FramesDecoded - was.Camera.FramesDecoded; n < uint64(flowTime/time.Second)*5 {
				out = append(out, fmt.Sprintf("%s saw %d pictures of %s in %v", p.Name, n, q.Name, flowTime))
			}
			if n := s.Screen.FramesDecoded - was.Screen.FramesDecoded; before[q].Screen && n == 0 {
				out = append(out, fmt.Sprintf("%s saw nothing of the screen of %s in %v", p.Name, q.Name, flowTime))
			}
			if v, _ := p.Call.View().Peer(q.ID); v.Silent || v.Unheard {
				out = append(out, fmt.Sprintf("%s believes of %s: silent %v, unheard %v", p.Name, q.Name, v.Silent, v.Unheard))
			}
		}
	}
	for p, media := range before {
		p.Call.SetMic(media.Mic)
		p.Call.SetCamera(media.Camera)
	}
	return out
}
