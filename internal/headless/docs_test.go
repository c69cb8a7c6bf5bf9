package headless

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// samples are one event of every type that line has a case for; that it has one
// for every type there is, internal/archtest sees to.
var samples = []rtc.Event{
	rtc.Joined{}, rtc.RosterChanged{}, rtc.ServerStateChanged{}, rtc.ConnectionStateChanged{}, rtc.ICEConnectionStateChanged{},
	rtc.PeerConnected{}, rtc.PeerDisconnected{}, rtc.PeerConnectionFailed{}, rtc.Reconnecting{}, rtc.Reconnected{},
	rtc.ReconnectFailed{}, rtc.MediaStateChanged{}, rtc.Identified{Identity: rtc.Identity{Known: "x"}}, rtc.HearingChanged{}, rtc.PicturesPaused{}, rtc.HearingLost{}, rtc.PathChangedTo{},
	rtc.ConnectFailed{}, rtc.CarryingChanged{}, rtc.Undelivered{}, rtc.HandRaised{}, rtc.PeerJoined{}, rtc.PeerLeft{},
	call.MediaStarted{}, call.MediaResumed{}, call.Chat{}, call.RecordingChanged{}, call.FileOffered{}, call.FileProgress{}, call.FileDone{}, call.FileFailed{}, call.PlaceChanged{}, call.CodeChanged{}, call.LanRoomFound{}, call.Warning{},
	call.SoundChanged{}, call.EventsLost{}, call.Left{},
	call.TerminalStarted{}, call.TerminalResized{}, call.TerminalStopped{}, call.TerminalAsked{}, call.TerminalAllowed{},
}

func TestSamplesAreComplete(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "encode.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var cases, have []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSwitchStmt)
		if ok {
			for _, c := range s.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					cases = append(cases, types.ExprString(e))
				}
			}
		}
		return true
	})
	for _, e := range samples {
		have = append(have, fmt.Sprintf("%T", e))
	}
	slices.Sort(cases)
	slices.Sort(have)
	if !slices.Equal(cases, have) {
		t.Errorf("line knows %q\nsamples are %q", cases, have)
	}
}

// Every line that can be written is a row of docs/HEADLESS.md with exactly its
// keys, those that may be missing in parentheses, and there is no other row.
func TestLinesAreDocumented(t *testing.T) {
	written := map[string]string{}
	add := func(l any) {
		name := reflect.ValueOf(l).FieldByName("Event").String()
		keys := strings.Join(keysOf(reflect.TypeOf(l))[2:], " ") // without time and event
		// What only a warning of one kind has is documented for all of them.
		if name != "error" {
			written[name] = keys
		} else {
			written[name] = strings.TrimSuffix(keys, " (count)")
		}
	}
	for _, e := range samples {
		if l := line(time.Time{}, e, &rtc.RoomView{}, call.Place{}); l != nil {
			add(l)
		}
	}
	add(stats(time.Time{}, call.PeerStats{}))
	add(status(time.Time{}, &rtc.RoomView{}, nil))
	add(messageLine{head: head{Event: "error"}})
	add(terminalText(time.Time{}, call.TerminalView{}))

	documented := map[string]string{}
	for _, row := range rows(t, "## Events") {
		documented[strings.Trim(row[0], "`")] = keysOfRow(row[1])
	}
	for name, keys := range written {
		if got, ok := documented[name]; !ok {
			t.Errorf("%s is not documented", name)
		} else if got != keys {
			t.Errorf("%s is documented with\n %s\nand has\n %s", name, got, keys)
		}
	}
	for name := range documented {
		if _, ok := written[name]; !ok {
			t.Errorf("%s is documented and never written", name)
		}
	}
}

// Every command stands in docs/HEADLESS.md with each of its fields, and nothing
// else does.
func TestCommandsAreDocumented(t *testing.T) {
	known := map[string][]string{}
	known["terminal-text"] = keysOf(reflect.TypeFor[terminalArgs]())
	for _, c := range slices.Concat(commands, terminalCommands) {
		if _, twice := known[c.name]; twice {
			t.Errorf("%s is there twice", c.name)
		}
		known[c.name] = keysOf(c.args)
	}
	for name := range questions {
		known[name] = nil
	}
	seen := map[string]map[string]bool{}
	for l := range strings.Lines(section(t, "## Commands")) {
		if !strings.HasPrefix(l, "{") {
			continue
		}
		var example map[string]any
		if err := json.NewDecoder(strings.NewReader(l)).Decode(&example); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		name, _ := example["command"].(string)
		keys, ok := known[name]
		if !ok {
			t.Errorf("%s is documented, and there is no such command", name)
		}
		delete(example, "command")
		if seen[name] == nil {
			seen[name] = map[string]bool{}
		}
		for key := range example {
			seen[name][key] = true
			if !slices.Contains(keys, key) {
				t.Errorf("%s is documented with %q, which it does not have", name, key)
			}
		}
	}
	for name, keys := range known {
		if seen[name] == nil {
			t.Errorf("%s is not documented", name)
		}
		for _, key := range keys {
			if !seen[name][key] {
				t.Errorf("%s is documented without %q", name, key)
			}
		}
	}
}

// keysOf lists the JSON keys of a struct in their order, with those within:
// "self{id name}", and in parentheses those that may be missing.
func keysOf(typ reflect.Type) (keys []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			keys = append(keys, keysOf(f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Array || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[stamp]() {
			name += "{" + strings.Join(keysOf(inner), " ") + "}"
		}
		if options == "omitempty" {
			name = "(" + name + ")"
		}
		keys = append(keys, name)
	}
	return keys
}

// keysOfRow reads the same from a cell of the documentation.
func keysOfRow(cell string) string {
	r := strings.NewReplacer("`", "", "[", "", "]", "", ", ", " ", ",", " ")
	return strings.TrimSpace(r.Replace(cell))
}

// section is the part of docs/HEADLESS.md under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/HEADLESS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n"+heading+"\n")
	if !found {
		t.Fatalf("docs/HEADLESS.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// rows are the rows of the table under a heading.
func rows(t *testing.T, heading string) (all [][]string) {
	t.Helper()
	for l := range strings.Lines(section(t, heading)) {
		if !strings.HasPrefix(l, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(l), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	if len(all) == 0 {
		t.Fatalf("no table under %q", heading)
	}
	return all
}
