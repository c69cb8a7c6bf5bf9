package rtc

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/pagetest"
	"github.com/meet-term/meet/signal"
)

// pageDir holds the modules of the browser page.
const pageDir = "../web/page"

// page is a JavaScript engine with the page's machine and mesh in it.
type page struct {
	*pagetest.Page
	t       testing.TB
	handles int
}

func newPage(t testing.TB) *page {
	t.Helper()
	return &page{Page: pagetest.New(t, pageDir, "testdata/machine.js", "testdata/room.js"), t: t}
}

// of makes t what failures are reported to.
func (pg *page) of(t testing.TB) {
	pg.t = t
	pg.For(t)
}

// machine is a maker.
func (pg *page) machine(at time.Duration, self, id signal.PeerID) machine {
	pg.handles++
	pg.Call("make", pg.handles, string(self), string(id), millis(at))
	m := &pageMachine{pg: pg, handle: pg.handles}
	m.step(at, input{In: "look"})
	return m
}

// play plays a whole script to a machine of the page.
func (pg *page) play(self signal.PeerID, moments []moment) []outcome {
	b, err := json.Marshal(moments)
	if err != nil {
		pg.t.Fatal(err)
	}
	var out []outcome
	text := fmt.Sprint(pg.Call("play", string(self), "m", string(b)))
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		pg.t.Fatalf("the page said %.200q: %v", text, err)
	}
	return out
}

// pageMachine is a peer machine of the page.
type pageMachine struct {
	pg     *page
	handle int
	last   dump
}

func (m *pageMachine) step(at time.Duration, in input) []act {
	b, err := json.Marshal(in)
	if err != nil {
		m.pg.t.Fatal(err)
	}
	text := fmt.Sprint(m.pg.Call("step", m.handle, millis(at), string(b)))
	var out struct {
		Actions []act
		Dump    dump
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		m.pg.t.Fatalf("the page said %q: %v", text, err)
	}
	m.last = out.Dump
	return out.Actions
}

func (m *pageMachine) dump() dump { return m.last }

// pageMesh is the page's mesh; there is one at a time.
type pageMesh struct{ pg *page }

func (pg *page) mesh() mesh {
	pg.Call("room")
	return &pageMesh{pg}
}

func (m *pageMesh) give(at time.Duration, in roomInput) []string {
	m.pg.Call("roomInput", millis(at), toJSON(in))
	m.pg.Jobs()
	return m.look(at)
}

func (m *pageMesh) look(at time.Duration) []string {
	for range 3 { // what is due at once
		m.pg.Call("roomLook", millis(at))
		m.pg.Jobs()
	}
	var all []struct {
		What, Peer string
		Inc        signal.Inc
		Epoch      signal.Epoch
		N          uint64
		Mic        bool
		Body       fields
		Data       string
	}
	if err := json.Unmarshal([]byte(fmt.Sprint(m.pg.Call("roomDid"))), &all); err != nil {
		m.pg.t.Fatal(err)
	}
	o := &ownMesh{} // for its words
	for _, d := range all {
		switch d.What {
		case "send":
			o.say("send %s/%d %s", d.Peer, d.Inc, d.Body.text("k"))
		case "state":
			o.say("state n=%d mic=%v", d.N, d.Mic)
		case "nudge":
			o.say("nudge")
		case "do":
			o.say("do %s %d %s", d.Peer, d.Epoch, d.Body.text("do"))
		case "data":
			o.say("data %s %s", d.Peer, dataText([]byte(d.Data)))
		case "dial", "close":
			o.say("%s %s %d", d.What, d.Peer, d.Epoch)
		case "doze":
			o.say("doze %s %s", d.Peer, d.Data)
		case "hears":
			o.say("hears %s from %s", d.Data, d.Peer)
		case "emit":
			switch d.Body["event"] {
			case "server-state-changed", "media-state-changed", "ice-connection-state-changed", "connection-state-changed", "joined":
			default:
				o.say("emit %s %s", d.Peer, d.Body.text("event"))
			}
		}
	}
	return o.take()
}

func (m *pageMesh) wake(now time.Duration) time.Duration {
	return now + ms(as[float64](json.Number(fmt.Sprint(m.pg.Call("roomWake")))))
}

func (m *pageMesh) view() []string {
	var all []struct {
		ID, Name, State   string
		Away, Mic, OneWay bool
		Missing           []string
	}
	if err := json.Unmarshal([]byte(fmt.Sprint(m.pg.Call("roomView"))), &all); err != nil {
		m.pg.t.Fatal(err)
	}
	var out []string
	for _, p := range all {
		out = append(out, viewLine(p.ID, p.Name, p.State, p.Away, p.Mic, p.OneWay, p.Missing))
	}
	return out
}
