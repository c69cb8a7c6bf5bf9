package rules

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "write numbers.go and the page's rules.js from rules.json")

// entry is a number of rules.json, or the topic of those that follow.
type entry struct {
	Topic string          `json:"topic"`
	Name  string          `json:"name"`
	Value *int            `json:"value"`
	MS    json.RawMessage `json:"ms"` // one number of milliseconds, or several
	Why   string          `json:"why"`
}

func read(t *testing.T) []entry {
	t.Helper()
	b, err := os.ReadFile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&all); err != nil {
		t.Fatalf("rules.json: %v", err)
	}
	var names []string
	for _, e := range all {
		if e.Topic == "" && (e.Name == "" || e.Why == "" || (e.Value == nil) == (e.MS == nil) || slices.Contains(names, e.Name)) {
			t.Errorf("rules.json: %+v: want a name of its own, a value or ms, and why", e)
		}
		names = append(names, e.Name)
	}
	return all
}

// TestNumbers holds the files made of rules.json to it.
func TestNumbers(t *testing.T) {
	all := read(t)
	for path, want := range map[string][]byte{
		"numbers.go":              goNumbers(t, all),
		"../../web/page/rules.js": pageNumbers(all),
	} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what rules.json says (%v): go test ./internal/rules -update", path, err)
		}
	}
}

const notice = "// Made of internal/rules/rules.json by go test ./internal/rules -update: not to be edited.\n"

func goNumbers(t *testing.T, all []entry) []byte {
	t.Helper()
	var b, lists bytes.Buffer
	b.WriteString("// Code generated from rules.json by go test ./internal/rules -update. DO NOT EDIT.\n\npackage rules\n\nimport \"time\"\n")
	open := false
	for _, e := range all {
		var several []int
		switch {
		case e.Topic != "":
			if open {
				b.WriteString(")\n")
			}
			fmt.Fprintf(&b, "\n// %s.\nconst (\n", e.Topic)
			open = true
		case e.Value != nil:
			fmt.Fprintf(&b, "\t%s = %d // %s\n", e.Name, *e.Value, e.Why)
		case json.Unmarshal(e.MS, &several) == nil:
			fmt.Fprintf(&lists, "\n// %s: %s.\nfunc %s() []time.Duration {\n\treturn []time.Duration{", e.Name, e.Why, e.Name)
			for i, ms := range several {
				if i > 0 {
					lists.WriteString(", ")
				}
				fmt.Fprintf(&lists, "%d * time.Millisecond", ms)
			}
			lists.WriteString("}\n}\n")
		default:
			fmt.Fprintf(&b, "\t%s = %s * time.Millisecond // %s\n", e.Name, e.MS, e.Why)
		}
	}
	b.WriteString(")\n")
	b.Write(lists.Bytes())
	out, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pageNumbers(all []entry) []byte {
	var b bytes.Buffer
	b.WriteString(notice)
	b.WriteString("// What this page and the terminal program follow alike. Times are in ms.\nexport const rules = Object.freeze({\n")
	for i, e := range all {
		switch {
		case e.Topic != "" && i > 0:
			fmt.Fprintf(&b, "\n  // %s.\n", e.Topic)
		case e.Topic != "":
			fmt.Fprintf(&b, "  // %s.\n", e.Topic)
		case e.Value != nil:
			fmt.Fprintf(&b, "  %s: %d, // %s\n", camel(e.Name), *e.Value, e.Why)
		case e.MS[0] == '[':
			fmt.Fprintf(&b, "  %s: Object.freeze(%s), // %s\n", camel(e.Name), e.MS, e.Why)
		default:
			fmt.Fprintf(&b, "  %s: %s, // %s\n", camel(e.Name), e.MS, e.Why)
		}
	}
	b.WriteString("});\n")
	return b.Bytes()
}

// camel makes a name of Go one of JavaScript: MaxSDP is maxSDP, SDP would be sdp.
func camel(name string) string {
	upper := 0
	for upper < len(name) && unicode.IsUpper(rune(name[upper])) {
		upper++
	}
	if upper > 1 && upper < len(name) {
		upper--
	}
	return strings.ToLower(name[:upper]) + name[upper:]
}

// TestProtocolSaysTheSame holds the table of times in docs/PROTOCOL.md to the
// numbers.
func TestProtocolSaysTheSame(t *testing.T) {
	b, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]time.Duration{}
	for _, e := range read(t) {
		var ms int64
		if e.MS != nil && json.Unmarshal(e.MS, &ms) == nil {
			times[e.Name] = time.Duration(ms) * time.Millisecond
		}
	}
	found := 0
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		want, known := times[strings.Trim(cells[1], " `")]
		if !known {
			continue
		}
		found++
		got, err := time.ParseDuration(strings.NewReplacer(" min", "m", " ", "").Replace(strings.TrimSpace(cells[2])))
		if err != nil || got != want {
			t.Errorf("docs/PROTOCOL.md: %q, but rules.json has %v", strings.TrimSpace(line), want)
		}
	}
	if found < 8 {
		t.Errorf("the table of times in docs/PROTOCOL.md has %d of them", found)
	}
}
