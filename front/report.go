package front

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Report collects what a call was like, for the lines printed after it. Its
// zero value is ready; it belongs to one goroutine.
type Report struct {
	room     string
	from, to time.Time
	people   map[signal.PeerID]*personReport
	server   int // outages of the signaling server
}

// personReport is what happened with one person.
type personReport struct {
	name           string
	from, to       time.Time       // when they were in the list first and last
	outages        []time.Duration // mended, in order
	failed         int             // times three attempts were in vain
	broken         bool            // an outage was going on at the end
	why            string          // why the person was not reached last; "" if they were
	received, sent uint64
}

// person finds or makes the entry of a person.
func (r *Report) person(id signal.PeerID, name string) *personReport {
	if r.people == nil {
		r.people = map[signal.PeerID]*personReport{}
	}
	p := r.people[id]
	if p == nil {
		p = &personReport{}
		r.people[id] = p
	}
	if name != "" {
		p.name = Name(name)
	}
	return p
}

// View notes who is there.
func (r *Report) View(v *rtc.RoomView, now time.Time) {
	r.room = Name(v.Room)
	if r.from.IsZero() && !v.Since.IsZero() {
		r.from = v.Since
	}
	r.to = now
	for i := range v.Peers {
		p := r.person(v.Peers[i].ID, v.Peers[i].Name)
		if p.from.IsZero() {
			p.from = now
		}
		p.to = now
		p.broken = v.Peers[i].State == rtc.StateDisconnected || v.Peers[i].State == rtc.StateFailed
		p.why = Text(v.Peers[i].Trouble)
	}
}

// Event notes outages and how they ended. Every other event is over when the call
// is: none can be forgotten here.
func (r *Report) Event(ev rtc.Event, now time.Time) {
	r.to = now
	switch e := any(ev).(type) {
	case rtc.Reconnected:
		p := r.person(e.Peer, e.Name)
		p.outages = append(p.outages, e.Outage)
		p.broken = false
	case rtc.ConnectFailed:
		r.person(e.Peer, e.Name).why = Text(e.Reasons())
	case rtc.ReconnectFailed:
		r.person(e.Peer, e.Name).failed++
	case rtc.ServerStateChanged:
		if e.State == signal.Reconnecting && e.Previous == signal.Connected {
			r.server++
		}
	}
}

// Stats notes how much data was used.
func (r *Report) Stats(all []call.PeerStats) {
	for _, s := range all {
		p := r.person(s.Peer, "")
		p.received, p.sent = max(p.received, media.Total(s.Received)), max(p.sent, media.Total(s.Sent))
	}
}

// Finish notes the end of the call.
func (r *Report) Finish(now time.Time) { r.to = now }

// Text is the report in a few plain lines, without colours; empty when the
// room was never entered.
func (r *Report) Text() string {
	if r.from.IsZero() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.room, Brief(r.to.Sub(r.from)))
	people := make([]*personReport, 0, len(r.people))
	var in, out uint64
	for _, p := range r.people {
		in, out = in+p.received, out+p.sent
		if p.name != "" {
			people = append(people, p)
		}
	}
	slices.SortFunc(people, func(a, b *personReport) int { return strings.Compare(a.name, b.name) })
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.name
	}
	if len(names) > 0 {
		b.WriteString(" with " + strings.Join(slices.Compact(names), ", "))
	}
	b.WriteByte('\n')
	for _, p := range people {
		if line := p.text(); line != "" {
			fmt.Fprintf(&b, "  %s: %s\n", p.name, line)
		}
	}
	if r.server > 0 {
		fmt.Fprintf(&b, "  the server was lost %s\n", times(r.server))
	}
	if len(people) > 0 {
		fmt.Fprintf(&b, "  data: %s in, %s out\n", DataSize(in), DataSize(out))
	}
	return b.String()
}

// text tells about the outages of one person; empty without any.
func (p *personReport) text() string {
	var parts []string
	if n := len(p.outages); n > 0 {
		longest := slices.Max(p.outages)
		text := Plural(n, "outage") + " mended"
		if n == 1 {
			text += " in " + Brief(longest)
		} else {
			text += ", the longest in " + Brief(longest)
		}
		parts = append(parts, text)
	}
	if p.failed > 0 {
		parts = append(parts, "reconnecting failed "+times(p.failed))
	}
	switch {
	case p.why != "":
		parts = append(parts, "not reached: "+p.why)
	case p.broken:
		parts = append(parts, "not connected at the end")
	}
	return strings.Join(parts, ", ")
}

// times is "once", "twice" or "5 times".
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}
