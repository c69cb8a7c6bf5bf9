package termsync

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/term"
)

var update = flag.Bool("update", false, "write the golden file anew")

// golden is one message of a sharer and what a viewer sees then.
type golden struct {
	Message string   `json:"message"` // base64
	Whole   bool     `json:"whole"`   // a state is whole with it
	Lines   []string `json:"lines,omitempty"`
	Cursor  [2]int   `json:"cursor"`
	Styled  string   `json:"styled,omitempty"` // row 0: attributes and colours of its first cell
}

// The page reads the same messages, and sees the same in them (web/test).
func TestGoldenMessages(t *testing.T) {
	const path = "../../web/test/terminal.golden.json"
	x, s, r := term.New(60, 12), NewSender(1, 77, 0), NewReceiver(1, 9)
	s.lookedAt = began
	var all []golden
	noise := strings.Builder{}
	for i := range 600 {
		fmt.Fprintf(&noise, "\x1b[38;5;%dm%c", i*7%256, 'a'+i*11%26)
	}
	now := began
	for _, out := range []string{
		"\x1b[1;31mred\x1b[m plain \x1b[48;2;1;2;3mparts\x1b[m\r\n日本語 e\u0301 👩\u200d👩\u200d👧 ┌─┐ end",
		"\r\nx\r\n", strings.Repeat("a line that scrolls\r\n", 9), "\x1b[?25l\x1b[2;3H\x1b[44m\x1b[K", noise.String(), "\x1b[H\x1b[L\x1b[7mtop",
	} {
		fmt.Fprint(x, out)
		s.Show(x.Snapshot())
		for _, m := range s.state(now) {
			whole, err := r.Take(now, m)
			if err != nil {
				t.Fatal(err)
			}
			g := golden{Message: base64.StdEncoding.EncodeToString(m), Whole: whole}
			if whole {
				snap := r.Snapshot()
				g.Lines, g.Cursor = snap.Texts(), [2]int{snap.CursorX, snap.CursorY}
				c := snap.Lines[0][0]
				fg, _ := c.Style.Fg.Index()
				g.Styled = fmt.Sprintf("%d %d", c.Style.Attr, fg)
			}
			all = append(all, g)
		}
		now = now.Add(time.Second)
	}
	got, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is sent now: go test ./internal/termsync -run Golden -update", path)
	}
}
