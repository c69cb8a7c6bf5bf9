// Package archtest holds the import rules of docs/ARCHITECTURE.md as a test:
// an arrow that is not listed here fails the build.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/meet-term/meet"

// allowed says for each layer (the longest prefix that matches a package)
// which other layers its code, tests excepted, may import.
var allowed = map[string][]string{
	"cmd/meet":           {"*"},
	"call":               {"internal/term", "internal/termsync", "rtc", "rtc/conn", "signal", "media", "media/audio", "media/lipsync", "media/video", "internal/files", "internal/iceserver", "internal/localtls", "internal/netwatch", "internal/outdial", "internal/record", "internal/known", "internal/safetext", "internal/rules"},
	"internal/headless":  {"internal/term", "internal/termsync", "call", "media", "rtc", "signal"},
	"tui/termvideo":      {"media/video"},
	"tui/termout":        {"tui/termvideo"},
	"front":              {"internal/termsync", "call", "media", "rtc", "signal", "internal/safetext"},
	"plain":              {"internal/term", "internal/termsync", "call", "front", "media", "rtc", "signal", "internal/files", "internal/safetext"},
	"tui":                {"internal/term", "internal/termsync", "call", "front", "internal/files", "rtc", "signal", "media", "media/video", "tui/termvideo", "tui/termout", "internal/safetext", "internal/config"},
	"tui/stage":          {"call", "media", "media/video", "rtc", "tui", "tui/termvideo"},
	"rtc/conn":           {"media", "rtc", "signal", "internal/rules"},
	"rtc":                {"media", "signal", "internal/rules", "internal/words"},
	"relay":              {"signal", "internal/crash", "internal/mediatcp"},
	"signal":             {"internal/calmlog", "internal/safetext", "internal/rules"},
	"media":              {},
	"media/audio":        {"media", "media/lipsync"},
	"media/lipsync":      {},
	"media/video":        {"media", "media/lipsync"},
	"web":                {},
	"internal/calmlog":   {},
	"internal/config":    {"internal/hooks"},
	"internal/control":   {},
	"internal/cpace":     {},
	"internal/crash":     {},
	"internal/files":     {"signal", "internal/safetext"},
	"internal/hooks":     {},
	"internal/hostile":   {},
	"internal/iceserver": {"signal"},
	"internal/identity":  {"signal"},
	"internal/lan":       {"internal/safetext"},
	"internal/localtls":  {},
	"internal/mediatcp":  {},
	"internal/memnet":    {},
	"internal/meettest":  {"*"},
	"internal/netlab":    {},
	"internal/outdial":   {"internal/mediatcp"},
	"internal/netwatch":  {},
	"internal/known":     {"internal/safetext"},
	"internal/pagetest":  {},
	"internal/portmap":   {},
	"internal/program":   {},
	"internal/pulsetest": {},
	"internal/recent":    {},
	"internal/record":    {"media", "media/audio", "internal/safetext"},
	"internal/rules":     {},
	"internal/safetext":  {},
	"internal/score":     {},
	"internal/term":      {},
	"internal/termsync":  {"internal/term", "internal/safetext"},
	"internal/spoken":    {"internal/cpace"},
	"internal/voicetest": {"internal/score", "media", "media/audio"},
	"internal/wake":      {},
	"internal/words":     {},
	"internal/venue":     {"signal", "internal/lan", "internal/portmap"},
	"internal/archtest":  {},
	"e2e":                {"*"},
	"bench":              {"*"},
}

// anybody may import these: goroutines are started, and woken, everywhere.
var anybody = []string{"internal/crash", "internal/wake"}

// only says who may import a library from outside.
var only = map[string][]string{
	"github.com/pion/webrtc":             {"rtc/conn", "internal/meettest"},
	"github.com/pion/turn":               {"relay"},
	"github.com/charmbracelet/bubbletea": {"tui", "cmd/meet"},
	"github.com/gorilla/websocket":       {"signal", "bench", "internal/meettest"},
	"golang.org/x/crypto/ssh":            {"internal/identity", "internal/known", "internal/meettest"},
	"modernc.org/quickjs":                {"internal/pagetest"},
	module + "/internal/pagetest":        {}, // tests only
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layer is the longest listed prefix of a package of this module.
func layer(path string) (string, bool) {
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return "", false
	}
	best := ""
	for l := range allowed {
		if (rest == l || strings.HasPrefix(rest, l+"/")) && len(l) > len(best) {
			best = l
		}
	}
	if best == "" {
		return rest, true // not listed: the test says so
	}
	return best, true
}

func TestImports(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	for _, p := range all {
		from, _ := layer(p.ImportPath)
		rules, known := allowed[from]
		if !known {
			t.Errorf("%s: a package that docs/ARCHITECTURE.md and this test do not know", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := layer(imp)
			if ours && to != from && !slices.Contains(anybody, to) && !slices.Contains(rules, to) && !slices.Contains(rules, "*") {
				t.Errorf("%s must not import %s", p.ImportPath, imp)
			}
			for lib, may := range only {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(may, from) {
					t.Errorf("%s must not import %s: only %v may", p.ImportPath, imp, may)
				}
			}
		}
	}
}
