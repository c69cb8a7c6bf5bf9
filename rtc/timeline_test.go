package rtc

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

var update = flag.Bool("update", false, "write what our machine does into the timelines")

// timelines are the files of testdata/timelines, whose README.md tells how they
// read.
func timelines(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/timelines/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatal("the timelines are missing", err)
	}
	return files
}

func name(file string) string { return strings.TrimSuffix(filepath.Base(file), ".txt") }

func readTimeline(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTimelines plays the timelines to our machine: it must do the same at the
// same millisecond.
func TestTimelines(t *testing.T) {
	for _, file := range timelines(t) {
		t.Run(name(file), func(t *testing.T) {
			want := readTimeline(t, file)
			got := play(t, want, newOwn, newOwn)
			if *update && got != want {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				want = got
			}
			differ(t, "our machine", got, want)
		})
	}
}

// TestTimelinesOfPage does the same with the page's machine, and with pairs of
// one of each.
func TestTimelinesOfPage(t *testing.T) {
	pg := newPage(t)
	for _, file := range timelines(t) {
		t.Run(name(file), func(t *testing.T) {
			want := readTimeline(t, file)
			if strings.Contains(want, pageLater) {
				t.Skip("the page does not follow this rule yet")
			}
			pg.of(t)
			differ(t, "the page's machine", play(t, want, pg.machine, pg.machine), want)
			if isPair(want) {
				differ(t, "the page (a) with us (b)", play(t, want, pg.machine, newOwn), want)
				differ(t, "us (a) with the page (b)", play(t, want, newOwn, pg.machine), want)
			}
		})
	}
}

// pageLater marks a timeline of a rule that the page does not have yet.
const pageLater = "# page: later"

// differ shows the first lines in which a timeline went another way.
func differ(t *testing.T, who, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i < len(g) && i < len(w) && g[i] == w[i] {
			continue
		}
		from := max(0, i-4)
		t.Errorf("%s, line %d:\n got\n\t%s\nwant\n\t%s\n(-update writes what our machine does)", who, i+1,
			strings.Join(g[min(from, len(g)):min(i+4, len(g))], "\n\t"), strings.Join(w[min(from, len(w)):min(i+4, len(w))], "\n\t"))
		return
	}
}

func isPair(text string) bool { return strings.Contains("\n"+text, "\npair") }

// play runs the inputs of a timeline and returns the file with what happened.
func play(t *testing.T, text string, a, b maker) string {
	t.Helper()
	var out, comments []string
	var w *world
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "|"):
			continue // what happened the last time
		case len(words) == 0 || words[0][0] == '#':
			comments = append(comments, line)
			continue
		case w == nil:
			w = newWorld(t, words, a, b)
		default:
			at, err := time.ParseDuration(words[0])
			if err != nil || at < w.now || len(words) < 2 {
				t.Fatalf("line %d: %q: want a time that does not go back, and an input", i+1, line)
			}
			w.until(at)
			out = append(out, w.take()...)
			w.line = i + 1
			w.do(words[1:])
		}
		out = append(append(out, comments...), line)
		comments = nil
		out = append(out, w.take()...)
	}
	if w == nil || !w.ended {
		t.Fatal("a timeline begins with its machines and ends with an end")
	}
	return strings.Join(append(out, comments...), "\n") + "\n"
}

// world is one machine, or a pair with a fake signaling path and a fake media
// path between, driven by one clock.
type world struct {
	t     *testing.T
	now   time.Duration
	line  int
	ended bool
	log   []string

	make     map[string]maker
	sides    []*end // in the order of their ids: the second of a pair offers
	media    bool   // packets get through, where descriptions match
	signal   bool   // messages get through
	held     bool   // messages wait, as in a dead TCP connection
	latency  time.Duration
	inFlight []envelope
}

// end is one machine with what its session is like.
type end struct {
	id, other       string
	m               machine
	was             string // what was last shown of it
	path            path
	deaf            bool
	carried         bool // the path of a machine that is alone
	heard, answered *float64
	connectAt       time.Duration // when the handshake of path ends; 0 without one
}

// path is a session made of paper: it carries when both ends hold each other's
// newest descriptions.
type path struct {
	epoch         float64
	local, remote string
	connected     bool
}

type envelope struct {
	at   time.Duration
	to   int
	body fields
}

// What a pair's network takes.
const (
	defaultLatency = 20 * time.Millisecond
	handshake      = 20 * time.Millisecond
)

func newWorld(t *testing.T, words []string, a, b maker) *world {
	w := &world{t: t, media: true, signal: true, latency: defaultLatency, make: map[string]maker{"a": a, "b": b}}
	text, connected := strings.CutSuffix(strings.Join(words, " "), " connected")
	switch text {
	case "pair":
		w.sides = []*end{{id: "a", other: "b"}, {id: "b", other: "a"}}
	case "machine a":
		w.sides = []*end{{id: "a", other: "b"}}
	case "machine b":
		w.sides = []*end{{id: "b", other: "a"}}
	default:
		t.Fatalf("%q: want \"pair\", \"machine a\" (which answers) or \"machine b\" (which offers)", words)
	}
	for _, s := range w.sides {
		s.m = w.newMachine(s)
		s.was = s.m.dump().String()
	}
	if connected {
		for _, line := range connecting[text] {
			w.do(strings.Fields(line))
		}
		w.until(connectedAt)
		w.log = nil
	}
	return w
}

// connecting brings up what a timeline that begins connected begins with.
var connecting = map[string][]string{
	"pair":      {"both here"},
	"machine a": {"here", "offer ep=1 rep=0 n=1 g=1 sdp=x", "local answer", "connected"},
	"machine b": {"here", "local offer", "answer ep=1 rep=1 n=1 g=1 sdp=x", "connected"},
}

// connectedAt is when it is.
const connectedAt = 100 * time.Millisecond

func (w *world) alone() bool { return len(w.sides) == 1 }

func (w *world) newMachine(s *end) machine {
	return w.make[s.id](w.now, signal.PeerID(s.id), signal.PeerID(s.other))
}

func (w *world) take() []string {
	out := w.log
	w.log = nil
	return out
}

// tell notes what a machine did, for a pair without what its session is told.
func (w *world) tell(s *end, acts []act) {
	for _, a := range acts {
		if w.alone() || a.Act != "do" && a.Event["event"] != "ice-connection-state-changed" {
			w.note(s, a.String())
		}
	}
}

func (w *world) note(s *end, text string) {
	who := s.id + " "
	if w.alone() {
		who = ""
	}
	w.log = append(w.log, fmt.Sprintf("| %-8v %s%s", w.now, who, text))
}

// give hands a machine one input and carries out what it wants done.
func (w *world) give(s *end, in input) {
	if s.m == nil {
		return
	}
	acts := s.m.step(w.now, in)
	w.tell(s, acts)
	if now := s.m.dump().String(); now != s.was {
		s.was = now
		w.note(s, "= "+now)
	}
	for _, a := range acts {
		w.carryOut(s, a)
	}
}

func (w *world) carryOut(s *end, a act) {
	if w.alone() {
		return
	}
	switch a.Act {
	case "dial":
		s.path = path{epoch: float64(a.Epoch)}
		s.heard, s.answered = nil, nil
	case "hangup":
		if s.path.epoch == float64(a.Epoch) {
			s.path = path{}
		}
	case "do":
		if s.path.epoch == float64(a.Epoch) {
			w.command(s, a)
		}
	case "send":
		other := slices.IndexFunc(w.sides, func(o *end) bool { return o != s })
		w.inFlight = append(w.inFlight, envelope{w.now + w.latency, other, a.Body})
	}
	w.match()
}

// command lets the paper session do what a real one does at once.
func (w *world) command(s *end, a act) {
	n, _ := a.Cmd["n"].(float64)
	gen, _ := a.Cmd["gen"].(float64)
	sdp, _ := a.Cmd["sdp"].(string)
	e := sessionEvent{N: uint32(n), Gen: uint32(gen), SDP: fmt.Sprintf("%s%v.%v", s.id, a.Epoch, n)}
	switch a.Cmd["do"] {
	case "offer":
		s.path.local, s.path.remote = e.SDP, "" // break before make
		e.On = "offer"
		e.Restart, _ = a.Cmd["restart"].(bool)
	case "accept-offer":
		s.path.local, s.path.remote = e.SDP, sdp
		e.On = "answer"
	case "accept-answer":
		s.path.remote = sdp
		return
	default:
		return
	}
	w.give(s, input{In: "session", Epoch: a.Epoch, Event: &e})
}

// carries reports whether packets of a path get through at present.
func (w *world) carries() bool {
	a, b := w.sides[0].path, w.sides[1].path
	return w.media && a.local != "" && a.local == b.remote && b.local == a.remote
}

// match begins the handshake of two paths that fit.
func (w *world) match() {
	if w.alone() {
		return
	}
	up := w.carries() && !w.sides[0].deaf && !w.sides[1].deaf
	for _, s := range w.sides {
		switch {
		case !up || s.path.connected:
			s.connectAt = 0
		case s.connectAt == 0:
			s.connectAt = w.now + handshake
		}
	}
}

// refresh notes the signs of life up to now.
func (w *world) refresh() {
	if w.alone() {
		if s := w.sides[0]; s.carried {
			s.heard, s.answered = millisPtr(w.now), millisPtr(w.now)
		}
		return
	}
	if !w.carries() {
		return
	}
	for i, s := range w.sides {
		if s.path.connected && !s.deaf {
			s.heard = millisPtr(w.now)
			if !w.sides[1-i].deaf {
				s.answered = s.heard
			}
		}
	}
}

// hear shows a machine its session's signs of life, as the Manager does before
// everything else.
func (w *world) hear(s *end) {
	w.refresh()
	if s.m != nil && s.m.dump().Epoch != 0 && (!w.alone() || s.carried) {
		w.give(s, input{In: "hear", Heard: s.heard, Answered: s.answered})
	}
}

// until lets time go by: messages arrive, paths connect, machines wake.
func (w *world) until(end time.Duration) {
	for spins := 0; ; {
		at, act := w.next()
		if act == nil || at > end {
			break
		}
		if spins++; at > w.now {
			spins = 0
		}
		if spins > 200 {
			w.t.Fatalf("line %d: a machine spins at %v: %s", w.line, w.now, w.sides[0].m.dump())
		}
		w.refresh()
		w.now = max(w.now, at)
		act()
	}
	w.refresh()
	w.now = max(w.now, end)
}

// next is what happens next by itself, and when.
func (w *world) next() (at time.Duration, act func()) {
	sooner := func(t time.Duration, f func()) {
		if t = max(t, w.now); act == nil || t < at {
			at, act = t, f
		}
	}
	if !w.held {
		for i, e := range w.inFlight {
			sooner(e.at, func() {
				w.inFlight = slices.Delete(w.inFlight, i, i+1)
				w.arrive(w.sides[e.to], e.body)
			})
			break // in order
		}
	}
	for _, s := range w.sides {
		if s.connectAt != 0 {
			sooner(s.connectAt, func() {
				s.connectAt, s.path.connected = 0, true
				w.refresh()
				w.give(s, input{In: "session", Epoch: s.m.dump().Epoch, Event: &sessionEvent{On: "connected"}})
			})
		}
		if s.m == nil {
			continue
		}
		if wake := s.m.dump().Wake; wake != nil {
			sooner(ms(*wake), func() {
				w.hear(s)
				w.give(s, input{In: "tick"})
			})
		}
	}
	return at, act
}

func (w *world) arrive(s *end, body fields) {
	if !w.signal || s.m == nil {
		return
	}
	if s.m.dump().Phase != "settled" {
		w.hear(s)
	}
	w.give(s, input{In: "message", Body: body})
}

// do carries out one input line.
func (w *world) do(words []string) {
	w.refresh()
	on := len(words) > 1 && words[1] == "on"
	switch words[0] {
	case "media":
		w.media = on
	case "signal":
		w.signal, w.held = on || words[1] == "hold", words[1] == "hold"
	case "latency":
		w.latency = w.duration(words[1])
	case "sleep": // the machine sleeps: nobody acts, nobody beats
		w.now += w.duration(words[1])
	case "end":
		w.ended = true
	default:
		w.input(words)
	}
	w.match()
}

// input gives an input to the machine it names, or to all.
func (w *world) input(words []string) {
	given := false
	for _, s := range w.sides {
		if w.alone() {
			w.inputOf(s, words)
			given = true
		} else if words[0] == s.id || words[0] == "both" {
			w.inputOf(s, words[1:])
			given = true
		}
	}
	if !given {
		w.t.Fatalf("line %d: %q: for whom?", w.line, words)
	}
}

func (w *world) inputOf(s *end, words []string) {
	args := parseFields(words[1:])
	text := strings.Join(words, " ")
	switch {
	case text == "here":
		w.give(s, input{In: "present", Inc: 1})
		w.give(s, input{In: "reach", On: true})
	case words[0] == "present":
		inc, err := strconv.ParseUint(words[1], 10, 32)
		if err != nil {
			w.t.Fatalf("line %d: %v", w.line, err)
		}
		w.give(s, input{In: "present", Inc: signal.Inc(inc)})
	case text == "reach yes":
		w.hear(s)
		w.give(s, input{In: "reach", On: true})
	case text == "reach no":
		w.give(s, input{In: "reach"})
	case words[0] == "carry":
		w.refresh()
		s.carried = words[1] == "on"
	case words[0] == "hear":
		w.hearInput(s, args)
	case text == "deaf", text == "hears":
		s.deaf = text == "deaf"
	case text == "lost":
		s.path.remote = "lost" // only new descriptions fit again
	case text == "new process":
		w.restartProcess(s)
	case words[0] == "local":
		w.local(s, words[1], args)
	case text == "connected", text == "failed", words[0] == "ice":
		e := sessionEvent{On: words[0]}
		if words[0] == "ice" {
			e.State = words[1]
		}
		w.give(s, input{In: "session", Epoch: s.m.dump().Epoch, Event: &e})
	case words[0] == "moved":
		path := "kept"
		if len(words) > 1 {
			path = words[1]
		}
		w.give(s, input{In: "moved", Path: path})
	case slices.Contains([]string{"retry", "starved", "resync", "leave", "tick"}, words[0]):
		w.give(s, input{In: words[0]})
	default:
		args["k"] = words[0]
		if words[0] == "cand" && args["cands"] == nil {
			args["cands"] = []any{}
		}
		w.give(s, input{In: "message", Body: args})
	}
}

// hearInput gives signs of life: "hear" for both now, else the ages of each.
func (w *world) hearInput(s *end, args fields) {
	age := func(name string) *float64 {
		v, given := args[name].(string)
		if !given {
			return millisPtr(w.now)
		}
		return millisPtr(w.now - w.duration(v))
	}
	s.heard, s.answered = age("heard"), age("answered")
	w.give(s, input{In: "hear", Heard: s.heard, Answered: s.answered})
}

// local is what the session of a machine that is alone was asked for.
func (w *world) local(s *end, what string, args fields) {
	d := s.m.dump()
	e := sessionEvent{On: what, N: d.N, Gen: d.Gen, SDP: fmt.Sprintf("%s%d.%d", s.id, d.Epoch, d.N), Cands: []string{}}
	e.Restart = args["restart"] == true
	e.Done = args["done"] == true
	for _, c := range asList(args["cands"]) {
		e.Cands = append(e.Cands, fmt.Sprint(c))
	}
	epoch := d.Epoch
	if of, given := args["of"].(float64); given {
		epoch = signal.Epoch(of)
	}
	if n, given := args["n"].(float64); given {
		e.N = uint32(n)
	}
	if g, given := args["g"].(float64); given {
		e.Gen = uint32(g)
	}
	w.give(s, input{In: "session", Epoch: epoch, Event: &e})
}

// restartProcess replaces a machine of a pair by one that knows nothing, and
// tells both.
func (w *world) restartProcess(s *end) {
	other := w.sides[0]
	if other == s {
		other = w.sides[1]
	}
	inc := other.m.dump().Inc + 1
	known := s.m.dump().Inc
	w.inFlight = nil // what was for the old process finds nobody
	s.path, s.heard, s.answered = path{}, nil, nil
	s.m = w.newMachine(s)
	w.give(s, input{In: "present", Inc: known})
	w.give(s, input{In: "reach", On: true})
	w.give(other, input{In: "present", Inc: inc})
}

func (w *world) duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		w.t.Fatalf("line %d: %v", w.line, err)
	}
	return d
}

// parseFields reads words: name=value, or a name alone for true. Values are
// numbers where they look like one, and lists for cands.
func parseFields(words []string) fields {
	f := fields{}
	for _, word := range words {
		k, v, has := strings.Cut(word, "=")
		n, err := strconv.ParseFloat(v, 64)
		switch {
		case !has:
			f[k] = true
		case k == "cands":
			f[k] = as[[]any](strings.Split(v, ","))
		case err == nil && k != "sdp":
			f[k] = n
		default:
			f[k] = v
		}
	}
	return f
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}
