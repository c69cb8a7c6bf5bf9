package front

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// reportData is the report for programs.
type reportData struct {
	Room          string         `json:"room"`
	From          time.Time      `json:"from"`
	To            time.Time      `json:"to"`
	ServerOutages int            `json:"server_outages"`
	People        []reportPerson `json:"people"`
}

// reportPerson is one person in it. From and To are when they were in the list first and
// last.
type reportPerson struct {
	Name      string    `json:"name"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	OutagesMS []int64   `json:"outages_ms"` // that were mended, in order
	Failed    int       `json:"failed"`     // times three attempts were in vain
	Broken    bool      `json:"broken"`     // not connected at the end
	Why       string    `json:"why,omitempty"`
	Received  uint64    `json:"received"` // bytes
	Sent      uint64    `json:"sent"`
}

// data puts the report into its form for programs, people in the order in which they
// came.
func (r *Report) data() reportData {
	d := reportData{Room: r.room, From: r.from.UTC(), To: r.to.UTC(), ServerOutages: r.server, People: []reportPerson{}}
	for _, p := range r.people {
		if p.name == "" {
			continue
		}
		one := reportPerson{
			Name: p.name, From: p.from.UTC(), To: p.to.UTC(), OutagesMS: []int64{}, Failed: p.failed,
			Broken: p.broken, Why: p.why, Received: p.received, Sent: p.sent,
		}
		for _, o := range p.outages {
			one.OutagesMS = append(one.OutagesMS, o.Milliseconds())
		}
		d.People = append(d.People, one)
	}
	slices.SortFunc(d.People, func(a, b reportPerson) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Name, b.Name))
	})
	return d
}

// JSON is the report for programs, as one object; nil when the room was never
// entered.
func (r *Report) JSON() ([]byte, error) {
	if r.from.IsZero() {
		return nil, nil
	}
	b, err := json.MarshalIndent(r.data(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return append(b, '\n'), nil
}

// Markdown is the report for people, with local times; empty when the room was never
// entered.
func (r *Report) Markdown() string {
	if r.from.IsZero() {
		return ""
	}
	d := r.data()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s, %s\n", escape(d.Room), r.from.Format("2006-01-02 15:04"), Brief(r.to.Sub(r.from)))
	if d.ServerOutages > 0 {
		fmt.Fprintf(&b, "\nThe server was lost %s.\n", times(d.ServerOutages))
	}
	if len(d.People) == 0 {
		return b.String()
	}
	b.WriteString("\n| who | from | to | connection | in | out |\n|---|---|---|---|---|---|\n")
	for _, p := range d.People {
		var outages []time.Duration
		for _, ms := range p.OutagesMS {
			outages = append(outages, time.Duration(ms)*time.Millisecond)
		}
		text := (&personReport{outages: outages, failed: p.Failed, broken: p.Broken, why: p.Why}).text()
		if text == "" {
			text = "never broken"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", escape(p.Name), p.From.Local().Format("15:04:05"),
			p.To.Local().Format("15:04:05"), escape(text), DataSize(p.Received), DataSize(p.Sent))
	}
	return b.String()
}

// escape keeps what others wrote from being Markdown.
func escape(s string) string {
	var b strings.Builder
	for _, c := range s {
		if strings.ContainsRune("\\`*_{}[]<>()#+!|~&", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
