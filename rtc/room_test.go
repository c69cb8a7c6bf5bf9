package rtc

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// mesh is the whole mesh of participant "m", ours or the page's, as the rooms of
// testdata/rooms see it.
type mesh interface {
	// give hands it one input at a moment and returns what it did, in words.
	give(at time.Duration, in roomInput) []string
	// look lets it act on the clock and returns what it did.
	look(at time.Duration) []string
	// wake is when it wants to look next.
	wake(now time.Duration) time.Duration
	// view is a line for each person, as people see them.
	view() []string
}

// roomInput is one input of a mesh. Which fields count depends on In.
type roomInput struct {
	In     string              `json:"in"`
	Peer   string              `json:"peer,omitempty"`
	Inc    signal.Inc          `json:"inc,omitempty"`
	On     bool                `json:"on"`
	Name   string              `json:"name,omitempty"`
	N      uint64              `json:"n,omitempty"`
	Mic    bool                `json:"mic"`
	Peers  []string            `json:"peers,omitempty"`
	Counts [media.Kinds]uint64 `json:"counts"`
	Body   fields              `json:"body,omitempty"`
	Event  *sessionEvent       `json:"event,omitempty"`
	Data   string              `json:"data,omitempty"`
	Path   string              `json:"path,omitempty"`
}

// TestRooms plays the files of testdata/rooms to our mesh and to the page's: who
// is listed, who is reached and how, what is told to whom.
func TestRooms(t *testing.T) { rooms(t, func() mesh { return newOwnMesh() }, true) }

// TestRoomsOfPage plays them to the page's.
func TestRoomsOfPage(t *testing.T) {
	pg := newPage(t)
	rooms(t, func() mesh { return pg.mesh() }, false)
}

func rooms(t *testing.T, make func() mesh, ours bool) {
	files, err := filepath.Glob("testdata/rooms/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatal("the rooms are missing", err)
	}
	for _, file := range files {
		t.Run(name(file), func(t *testing.T) {
			want := readTimeline(t, file)
			if !ours && strings.Contains(want, pageLater) {
				t.Skip("the page does not follow this rule yet")
			}
			got := playRoom(t, want, make())
			if ours && *update && got != want {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				want = got
			}
			differ(t, "the mesh", got, want)
		})
	}
}

// roomStep is how exact the clock is here.
const roomStep = 10 * time.Millisecond

// playRoom runs the inputs of a room and returns the file with what happened.
func playRoom(t *testing.T, text string, m mesh) string {
	t.Helper()
	var out, comments []string
	var now time.Duration
	was := map[string]string{}
	note := func(did []string) {
		for _, d := range did {
			out = append(out, fmt.Sprintf("| %-8v %s", now, d))
		}
		for _, line := range m.view() {
			id := strings.Fields(line)[0]
			if was[id] != line {
				was[id] = line
				out = append(out, fmt.Sprintf("| %-8v = %s", now, line))
			}
		}
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "|"):
			continue
		case len(words) == 0 || words[0][0] == '#':
			comments = append(comments, line)
			continue
		}
		at, err := time.ParseDuration(words[0])
		if err != nil || at < now || len(words) < 2 {
			t.Fatalf("line %d: %q: want a time that does not go back, and an input", i+1, line)
		}
		for {
			// Both look at the same moments, whatever their timers are like.
			wake := (max(m.wake(now), now+1) + roomStep - 1).Truncate(roomStep)
			if wake > at {
				break
			}
			now = wake
			note(m.look(now))
		}
		now = at
		out = append(append(out, comments...), line)
		comments = nil
		for _, in := range roomInputs(t, words[1:]) {
			note(m.give(now, in))
		}
	}
	return strings.Join(append(out, comments...), "\n") + "\n"
}

// roomInputs reads the words of an input; some stand for several.
func roomInputs(t *testing.T, words []string) []roomInput {
	t.Helper()
	args := parseFields(words[1:])
	num := func(k string, otherwise float64) uint64 {
		if v, given := args[k].(float64); given {
			otherwise = v
		}
		return uint64(otherwise)
	}
	switch words[0] {
	case "server":
		return []roomInput{{In: "server", On: words[1] == "up"}}
	case "welcome":
		return []roomInput{{In: "server", On: true}, {In: "welcome", Peers: words[1:]}}
	case "alive", "silent":
		var all []roomInput
		for _, p := range words[1:] {
			all = append(all, roomInput{In: "alive", Peer: p, On: words[0] == "alive"})
		}
		return all
	case "moved":
		lost := ""
		if args["lost"] == true {
			lost = "lost"
		}
		return []roomInput{{In: "moved", On: args["woke"] == true, Path: lost}}
	case "media":
		return []roomInput{{In: "media", Mic: args["mic"] == true}}
	case "hand":
		return []roomInput{{In: "hand", On: words[1] == "up"}}
	case "retry", "end":
		return []roomInput{{In: words[0]}}
	}
	peer := words[0]
	args = parseFields(words[2:])
	in := roomInput{Peer: peer, Inc: signal.Inc(num("inc", 1)), N: num("n", 1), Name: "Name-" + peer, Mic: args["mic"] == true, In: words[1]}
	event := func(on string) roomInput {
		return roomInput{In: "session", Peer: peer, Event: &sessionEvent{On: on, N: 1, Gen: 1, SDP: "x", Cands: []string{}}}
	}
	switch words[1] {
	case "listed", "away", "gone":
		in.On = args["unsaid"] == true
		return []roomInput{in}
	case "offers", "connected", "failed", "data-open":
		on := words[1]
		if on == "offers" {
			on = "offer"
		}
		return []roomInput{event(on)}
	case "comes":
		// What makes a connection with somebody listed: we are "m", so a smaller
		// id is offered to, and a larger one offers.
		open := []roomInput{event("connected"), {In: "alive", Peer: peer, On: true}, event("data-open")}
		if peer < "m" {
			return append([]roomInput{event("offer"), {In: "message", Peer: peer, Inc: in.Inc, Body: fields{"k": "answer", "ep": 1.0, "rep": epochOf, "n": 1.0, "g": 1.0, "sdp": "x"}}}, open...)
		}
		return append([]roomInput{{In: "message", Peer: peer, Inc: in.Inc, Body: fields{"k": "offer", "ep": float64(num("ep", 1)), "rep": 0.0, "n": 1.0, "g": 1.0, "sdp": "x"}}, event("answer")}, open...)
	case "report":
		state := fields{"n": num("n", 1), "name": in.Name, "media": fields{"mic": in.Mic, "camera": false, "screen": false}, "hand": float64(num("hand", 0))}
		return []roomInput{{In: "data", Peer: peer, Data: toJSON(fields{"t": "report", "state": state, "sent": counts(args["sent"]), "peers": list(args["peers"])})}}
	case "gets":
		return []roomInput{{In: "gets", Peer: peer, Counts: counts(words[2])}}
	case "relays":
		to, _ := args["to"].(string)
		from, _ := args["from"].(string)
		frame := toJSON(fields{"from": from, "inc": in.Inc, "body": fields{"k": "probe", "ep": 1.0, "rep": 1.0, "n": 7.0}})
		return []roomInput{{In: "data", Peer: peer, Data: toJSON(fields{"t": "relay", "from": from, "to": to, "frame": frame})}}
	case "leaves":
		return []roomInput{{In: "data", Peer: peer, Data: `{"t":"bye"}`}}
	case "says":
		return []roomInput{{In: "data", Peer: peer, Data: `{"t":"app","kind":"chat","data":"x"}`}}
	}
	args["k"] = words[1]
	delete(args, "inc")
	return []roomInput{{In: "message", Peer: peer, Inc: in.Inc, Body: args}}
}

// epochOf stands for our epoch of the connection with a peer, in a message.
const epochOf = "epoch"

func counts(v any) [media.Kinds]uint64 {
	var c [media.Kinds]uint64
	text, _ := v.(string)
	_, _ = fmt.Sscanf(text, "%d,%d,%d", &c[0], &c[1], &c[2]) // none given: all 0
	return c
}

func list(v any) []string {
	text, _ := v.(string)
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ",")
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// ownMesh is a Manager whose goroutine is the test's, with sessions of paper.
type ownMesh struct {
	m       *Manager
	at      time.Duration
	did     []string
	alive   map[signal.PeerID]bool
	got     map[signal.PeerID][media.Kinds]uint64
	current map[signal.PeerID]*paper
}

func newOwnMesh() *ownMesh {
	o := &ownMesh{alive: map[signal.PeerID]bool{}, got: map[signal.PeerID][media.Kinds]uint64{}, current: map[signal.PeerID]*paper{}}
	o.m = NewManager(Config{
		Self: "m", State: signal.State{N: 1, Name: "Me", Media: signal.Media{Mic: true}},
		Dialer: o, Signal: o, Sealer: o,
		Clean:  func(line string, _ int) string { return line },
		Handle: o.handle,
		Data:   func(from signal.PeerID, kind string, _ json.RawMessage) { o.say("hears %s from %s", kind, from) },
	})
	return o
}

func (o *ownMesh) say(format string, args ...any) {
	o.did = append(o.did, fmt.Sprintf(format, args...))
}
func (o *ownMesh) now() time.Time { return time.Unix(1e6, 0).Add(o.at) }

func (o *ownMesh) handle(e Event) {
	switch e.(type) {
	case RosterChanged, ServerStateChanged, MediaStateChanged, ICEConnectionStateChanged, ConnectionStateChanged, Joined, ConnectFailed:
		return // the view shows it, or it is for those who want to know more
	}
	who := as[struct{ Peer string }](e).Peer
	o.say("emit %s %s", who, fields(as[fields](eventOf(e))).text("event"))
}

// Send and what follows implement Signaler, Sealer and Dialer.
func (o *ownMesh) Send(to signal.PeerID, inc signal.Inc, body signal.Body) {
	o.say("send %s/%d %s", to, inc, wireOf(body).text("k"))
}
func (o *ownMesh) SetState(s signal.State) { o.say("state n=%d mic=%v", s.N, s.Media.Mic) }

// Nudge is noted while the server is away. The page also asks at a long silence,
// since nobody tells it that its network changed.
func (o *ownMesh) Nudge() {
	if !o.m.serverUp {
		o.say("nudge")
	}
}

func (o *ownMesh) SealMessage(to signal.PeerID, inc signal.Inc, body signal.Body) ([]byte, error) {
	return []byte(toJSON(fields{"to": to, "inc": inc, "body": wireOf(body)})), nil
}

func (o *ownMesh) OpenMessage(frame []byte) (signal.Message, error) {
	var f struct {
		From signal.PeerID
		Inc  signal.Inc
		Body fields
	}
	err := json.Unmarshal(frame, &f)
	if err != nil || f.Body == nil {
		return signal.Message{}, fmt.Errorf("no message: %w", err)
	}
	return signal.Message{From: f.From, Inc: f.Inc, Body: f.Body.message()}, nil
}

func (o *ownMesh) Sign(string, string) signal.Signature { return signal.Signature{} }
func (o *ownMesh) Verify(signal.PeerID, signal.Inc, string, string, signal.Signature) error {
	return nil
}
func (o *ownMesh) VerifyBinding(_, _ ed25519.PublicKey, _ []byte) error { return nil }

func (o *ownMesh) Dial(c SessionConfig) Session {
	p := &paper{o: o, peer: c.Peer, epoch: c.Epoch, heard: o.now()}
	o.current[c.Peer] = p
	o.say("dial %s %d", c.Peer, c.Epoch)
	return p
}

// paper is a session of paper.
type paper struct {
	o     *ownMesh
	peer  signal.PeerID
	epoch signal.Epoch
	heard time.Time
}

func (p *paper) Do(c Command) {
	switch c := c.(type) {
	case SendData:
		p.o.say("data %s %s", p.peer, dataText(c.Data))
	case Doze:
		p.o.say("doze %s %s", p.peer, map[bool]string{true: "on", false: "off"}[c.On])
	case MakeOffer, AcceptOffer, AcceptAnswer, AddCandidates:
		p.o.say("do %s %d %s", p.peer, p.epoch, as[fields](commandOf(c)).text("do"))
	}
}

func (p *paper) Pulse() Pulse {
	if p.o.alive[p.peer] {
		p.heard = p.o.now()
	}
	return Pulse{Heard: p.heard, Answered: p.heard}
}
func (p *paper) Stats() TransportStats { return TransportStats{Source: paperSource} }

// paperSource is the address that all packets leave from.
var paperSource = netip.MustParseAddr("192.0.2.1")

func (p *paper) Tried() Tried { return Tried{} }
func (p *paper) Flow() Flow   { return Flow{Received: p.o.got[p.peer]} }
func (p *paper) Close()       { p.o.say("close %s %d", p.peer, p.epoch) }
func (p *paper) Wait()        {}

// dataText is a data message in words.
func dataText(b []byte) string {
	var f fields
	if err := json.Unmarshal(b, &f); err != nil {
		return string(b)
	}
	if f["t"] == "report" {
		state := as[signal.State](f["state"])
		hand := ""
		if state.Hand > 0 {
			hand = fmt.Sprintf(" hand=%d", state.Hand)
		}
		return fmt.Sprintf("report n=%d mic=%v%s sent=%v peers=%v", state.N, state.Media.Mic, hand, f["sent"], asList(f["peers"]))
	}
	if f["t"] == "relay" {
		frame := fields{}
		if json.Unmarshal([]byte(fmt.Sprint(f["frame"])), &frame) != nil || frame["body"] == nil {
			return f.text("t")
		}
		return fmt.Sprintf("relay from=%v to=%v: %s", f["from"], f["to"], as[fields](frame["body"]).text("k"))
	}
	return f.text("t")
}

func (o *ownMesh) look(at time.Duration) []string {
	o.at = at
	for range 3 { // what is due at once
		o.m.settle(o.now())
	}
	return o.take()
}

func (o *ownMesh) wake(time.Duration) time.Duration {
	return o.m.wakeAt(o.now()).Sub(time.Unix(1e6, 0))
}

func (o *ownMesh) take() []string {
	did := o.did
	o.did = nil
	// The order of a map is no order.
	slices.SortStableFunc(did, func(a, b string) int { return strings.Compare(whose(a), whose(b)) })
	return did
}

func whose(did string) string { return strings.Split(strings.Fields(did + " -")[1], "/")[0] }

func (o *ownMesh) give(at time.Duration, in roomInput) []string {
	o.at = at
	now := o.now()
	id := signal.PeerID(in.Peer)
	presence := func(p string, away bool) signal.Presence {
		return signal.Presence{Peer: signal.PeerID(p), Inc: max(1, in.Inc), Away: away,
			State: signal.State{N: max(1, in.N), Name: "Name-" + p, Media: signal.Media{Mic: in.Mic}}}
	}
	var item mail
	switch in.In {
	case "server":
		state := signal.Reconnecting
		if in.On {
			state = signal.Connected
		}
		item = fromSignal{signal.ServerState{State: state}}
	case "welcome":
		w := signal.Welcome{}
		for _, p := range in.Peers {
			w.Peers = append(w.Peers, presence(p, false))
		}
		item = fromSignal{w}
	case "listed", "away":
		item = fromSignal{signal.PeerChanged{Presence: presence(in.Peer, in.In == "away")}}
	case "gone":
		item = fromSignal{signal.PeerGone{Peer: id, Inc: in.Inc, Unsaid: in.On}}
	case "message":
		if in.Body["rep"] == epochOf {
			in.Body["rep"] = float64(o.current[id].epoch)
		}
		item = fromSignal{signal.Message{From: id, Inc: in.Inc, Body: in.Body.message()}}
	case "session":
		item = fromSession{id, o.current[id].epoch, in.Event.event(), &intake{}}
	case "data":
		item = fromSession{id, o.current[id].epoch, DataReceived{[]byte(in.Data)}, &intake{}}
	case "alive":
		if p := o.current[id]; p != nil {
			p.Pulse() // up to now
		}
		o.alive[id] = in.On
	case "gets":
		o.got[id] = in.Counts
	case "moved":
		item = networkChanged{woke: in.On}
		if in.Path == "lost" {
			item = networkChanged{gone: []netip.Addr{paperSource}}
		}
	case "media":
		item = setMedia{Mic: in.Mic}
	case "hand":
		item = setHand(in.On)
	case "retry":
		item = retryPeer("")
	case "end":
	default:
		panic("no input " + in.In)
	}
	if item != nil {
		item.deliver(o.m, now)
	}
	return o.look(at)
}

func (o *ownMesh) view() []string {
	var out []string
	for _, p := range o.m.View().Peers {
		out = append(out, viewLine(string(p.ID), p.Name, p.State.String(), p.Away, p.Media.Mic, p.OneWay, p.Missing))
	}
	return out
}

func viewLine(id, name, state string, away, mic, oneWay bool, missing []string) string {
	s := id + " " + name + " " + state
	for _, flag := range []struct {
		on   bool
		text string
	}{{away, " away"}, {mic, " mic"}, {oneWay, " one-way"}, {len(missing) > 0, " missing=" + strings.Join(missing, ",")}} {
		if flag.on {
			s += flag.text
		}
	}
	return s
}
