package rtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/signal"
)

// machine is a peer machine under test, ours or the page's, as the timelines
// see it. Times are counted from the start of a timeline.
type machine interface {
	// step gives one input and returns what the machine does.
	step(at time.Duration, in input) []act
	// dump is what the machine believes after the last step.
	dump() dump
}

// maker makes a machine of self for the pair it has with peer.
type maker func(at time.Duration, self, peer signal.PeerID) machine

// input is one input of a machine. Which fields count depends on In.
type input struct {
	In       string        `json:"in"`
	Inc      signal.Inc    `json:"inc,omitempty"`   // present
	On       bool          `json:"on"`              // reach
	Heard    *float64      `json:"heard"`           // hear: ms, nil for never
	Answered *float64      `json:"answered"`        // hear
	Body     fields        `json:"body,omitempty"`  // message, as on the wire
	Epoch    signal.Epoch  `json:"epoch,omitempty"` // session
	Event    *sessionEvent `json:"event,omitempty"` // session
	Path     string        `json:"path,omitempty"`  // moved: kept, doubted or lost
}

// fields is a JSON object: a message or command by the names of its members.
type fields map[string]any

// sessionEvent is an event of a session in the page's words.
type sessionEvent struct {
	On      string   `json:"on"`
	N       uint32   `json:"n"`
	Gen     uint32   `json:"gen"`
	Restart bool     `json:"restart"`
	SDP     string   `json:"sdp"`
	Cands   []string `json:"cands"`
	Done    bool     `json:"done"`
	State   string   `json:"state"`
}

// act is one action in the page's words: dial, hangup, do, send or emit.
type act struct {
	Act   string       `json:"act"`
	Epoch signal.Epoch `json:"epoch"`
	Cmd   fields       `json:"cmd"`
	Body  fields       `json:"body"`
	Event fields       `json:"event"`
}

// String is the action as a timeline writes it.
func (a act) String() string {
	switch a.Act {
	case "do":
		return fmt.Sprintf("do %d %s", a.Epoch, a.Cmd.text("do"))
	case "send":
		return "send " + a.Body.text("k")
	case "emit":
		return "emit " + a.Event.text("event")
	}
	return fmt.Sprintf("%s %d", a.Act, a.Epoch)
}

// text is an object as words, the value of head first. What is false or empty
// is left out, as it may be on the wire.
func (f fields) text(head string) string {
	order := []string{"ep", "rep", "n", "g", "gen", "attempt", "of", "previous", "state"}
	rank := func(k string) int {
		if i := slices.Index(order, k); i >= 0 {
			return i
		}
		return len(order)
	}
	var keys []string
	for k := range f {
		if k != head {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	words := []string{fmt.Sprint(f[head])}
	for _, k := range keys {
		switch v := f[k].(type) {
		case bool:
			if v {
				words = append(words, k)
			}
		case []any:
			if len(v) > 0 {
				words = append(words, k+"="+strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]"))
			}
		case float64:
			if slices.Contains([]string{"delay", "outage"}, k) {
				words = append(words, k+"="+ms(v).String())
			} else {
				words = append(words, fmt.Sprintf("%s=%v", k, v))
			}
		case nil:
		default:
			words = append(words, fmt.Sprintf("%s=%v", k, v))
		}
	}
	return strings.Join(words, " ")
}

func ms(v float64) time.Duration         { return time.Duration(v * float64(time.Millisecond)) }
func millis(d time.Duration) float64     { return float64(d) / float64(time.Millisecond) }
func millisPtr(d time.Duration) *float64 { v := millis(d); return &v }

// dump is all that a machine believes. Times are ms since the start, nil for
// never.
type dump struct {
	State, Previous, ICE                   string
	Since, Heard, Answered, Outage         *float64
	Met, OneWay, Reachable, Up, Hears      bool
	Inc                                    signal.Inc
	Epoch, Remote                          signal.Epoch
	N, Gen                                 uint32
	Making, Offer, Answer, Applied, Done   bool
	Local, Early, Taken                    int
	Phase                                  string
	At, TroubledAt, GaveUpAt, GoneAt, Wake *float64
	Attempt, Announced                     int
	Exhausted, Wish, Owed                  bool
	Probe, Doubt                           uint32
}

// String is what a timeline shows of it.
func (d dump) String() string {
	s := d.State + " " + d.Phase
	if d.At != nil && d.Phase != "settled" {
		s += " until " + ms(*d.At).String()
	}
	if d.Attempt != 0 {
		s += fmt.Sprintf(" attempt=%d", d.Attempt)
	}
	if d.Epoch != 0 || d.Remote != 0 {
		s += fmt.Sprintf(" ep=%d/%d", d.Epoch, d.Remote)
	}
	if d.N != 0 {
		s += fmt.Sprintf(" n=%d g=%d", d.N, d.Gen)
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{
		{!d.Reachable, "unreachable"}, {d.OneWay, "one-way"}, {d.Exhausted, "exhausted"},
		{d.GoneAt != nil, "path-gone"}, {d.Owed, "owed"}, {d.Doubt != 0, "doubting"}, {d.Wake == nil, "asleep"},
	} {
		if flag.on {
			s += " " + flag.name
		}
	}
	return s
}

// own is our machine.
type own struct {
	start time.Time
	p     *peer
	now   time.Time
}

func newOwn(at time.Duration, self, id signal.PeerID) machine {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &own{start, newPeer(start.Add(at), self, id, Timing{}.withDefaults(), &epochs{}), start.Add(at)}
}

func (o *own) step(at time.Duration, in input) []act {
	now := o.start.Add(at)
	o.now = now
	p := o.p
	switch in.In {
	case "present":
		p.present(now, in.Inc)
	case "reach":
		p.reach(now, in.On)
	case "hear":
		p.hear(now, Pulse{Heard: o.moment(in.Heard), Answered: o.moment(in.Answered)})
	case "message":
		p.message(now, in.Body.message())
	case "session":
		p.session(now, in.Epoch, in.Event.event())
	case "moved":
		p.moved(now, pathChange(slices.Index(pathNames[:], in.Path)))
	case "retry":
		p.retry(now)
	case "starved":
		p.starved(now)
	case "resync":
		p.resync()
	case "tick":
		p.tick(now)
	case "leave":
		p.leave(now)
	case "look":
	default:
		panic("no input " + in.In)
	}
	var out []act
	for _, a := range p.take() {
		out = append(out, actOf(a))
	}
	return out
}

func (o *own) moment(v *float64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return o.start.Add(ms(*v))
}

func (o *own) dump() dump {
	p := o.p
	when := func(t time.Time) *float64 {
		if t.IsZero() {
			return nil
		}
		return millisPtr(t.Sub(o.start))
	}
	return dump{
		State: p.state.String(), Previous: p.previous.String(), Since: when(p.since), ICE: p.ice.String(), Met: p.met, OneWay: p.oneWay,
		Inc: p.inc, Reachable: p.reachable, Heard: when(p.pulse.Heard), Answered: when(p.pulse.Answered), Outage: when(p.outage),
		Epoch: p.epoch, Remote: p.remote, Up: p.up, N: p.n, Gen: p.gen, Making: p.making,
		Offer: p.offer != nil, Answer: p.answer != nil, Applied: p.applied,
		Local: len(p.local), Done: p.done, Early: len(p.early), Taken: p.taken,
		Phase: p.phase.String(), At: when(p.at), Attempt: p.attempt, Exhausted: p.exhausted, TroubledAt: when(p.proof()),
		Announced: p.announced, Probe: p.probe, Wish: p.wish, Doubt: p.doubt, GaveUpAt: when(p.gaveUpAt),
		GoneAt: when(p.goneAt), Owed: p.owed,
		Wake: when(p.wakeAt(o.now)), Hears: p.hears(o.now),
	}
}

var pathNames = [...]string{"kept", "doubted", "lost"}

// message is the body that the wire form stands for.
func (f fields) message() signal.Body {
	switch f["k"] {
	case "offer":
		return as[signal.Offer](f)
	case "answer":
		return as[signal.Answer](f)
	case "cand":
		return as[signal.Candidates](f)
	case "need":
		return as[signal.Need](f)
	case "probe":
		return as[signal.Probe](f)
	case "ack":
		return as[signal.ProbeAck](f)
	case "bye":
		return as[signal.Bye](f)
	}
	panic(fmt.Sprintf("no message %v", f["k"]))
}

// as turns one JSON value into another.
func as[T any](v any) T {
	b, err := json.Marshal(v)
	var out T
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

func (e *sessionEvent) event() SessionEvent {
	switch e.On {
	case "offer":
		return LocalOffer{N: e.N, Gen: e.Gen, Restart: e.Restart, SDP: e.SDP}
	case "answer":
		return LocalAnswer{N: e.N, Gen: e.Gen, SDP: e.SDP}
	case "candidates":
		return LocalCandidates{Gen: e.Gen, Candidates: e.Cands, Done: e.Done}
	case "ice":
		return ICEStateChanged{ICEState(slices.Index(iceNames[:], e.State))}
	case "connected":
		return SessionConnected{}
	case "data-open":
		return DataOpened{}
	case "failed":
		return SessionFailed{errors.New("dtls: bad record")}
	}
	panic("no event " + e.On)
}

// actOf puts an action of ours into the page's words.
func actOf(a action) act {
	switch a := a.(type) {
	case dial:
		return act{Act: "dial", Epoch: a.epoch}
	case hangUp:
		return act{Act: "hangup", Epoch: a.epoch}
	case do:
		return act{Act: "do", Epoch: a.epoch, Cmd: as[fields](commandOf(a.cmd))}
	case send:
		return act{Act: "send", Body: wireOf(a.body)}
	case emit:
		return act{Act: "emit", Event: as[fields](eventOf(a.event))}
	}
	panic(fmt.Sprintf("no action %T", a))
}

func commandOf(c Command) fields {
	switch c := c.(type) {
	case MakeOffer:
		return fields{"do": "offer", "n": c.N, "gen": c.Gen, "restart": c.Restart}
	case AcceptOffer:
		return fields{"do": "accept-offer", "n": c.N, "gen": c.Gen, "sdp": c.SDP}
	case AcceptAnswer:
		return fields{"do": "accept-answer", "n": c.N, "gen": c.Gen, "sdp": c.SDP}
	case AddCandidates:
		return fields{"do": "candidates", "cands": c.Candidates, "done": c.Done}
	}
	panic(fmt.Sprintf("a machine does not do %T", c))
}

func wireOf(b signal.Body) fields {
	f := as[fields](b)
	switch b.(type) {
	case signal.Offer:
		f["k"] = "offer"
	case signal.Answer:
		f["k"] = "answer"
	case signal.Candidates:
		f["k"] = "cand"
	case signal.Need:
		f["k"] = "need"
	case signal.Probe:
		f["k"] = "probe"
	case signal.ProbeAck:
		f["k"] = "ack"
	}
	return f
}

func eventOf(e Event) fields {
	f := fields{"event": e.EventName()}
	switch e := e.(type) {
	case ConnectionStateChanged:
		f["state"], f["previous"] = e.State.String(), e.Previous.String()
	case ICEConnectionStateChanged:
		f["state"], f["previous"] = e.State.String(), e.Previous.String()
	case Reconnecting:
		f["attempt"], f["of"], f["delay"] = e.Attempt, e.Of, millis(e.Delay)
	case Reconnected:
		f["attempts"], f["outage"] = e.Attempts, millis(e.Outage)
	case PeerLeft:
		f["crashed"] = e.Crashed
	case HandRaised:
		f["on"], f["own"], f["place"] = e.On, e.Own, e.Place
	case ReconnectFailed:
		f["attempts"] = e.Attempts
	}
	return f
}
