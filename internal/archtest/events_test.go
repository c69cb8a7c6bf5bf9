package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const eventType = module + "/rtc.Event"

// program is what `meet` is linked from, as the compiler sees it.
type program struct {
	packages []*compiled // of this module
	imports  types.Importer
	events   map[string][]string // the types that implement rtc.Event, by package
	fset     *token.FileSet
}

type compiled struct {
	ImportPath, Dir, Export string
	GoFiles, Imports, Deps  []string
}

func loadProgram(t *testing.T) *program {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Imports,Deps", module+"/cmd/meet")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	p := &program{events: map[string][]string{}, fset: token.NewFileSet()}
	export := map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		c := new(compiled)
		if err := dec.Decode(c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		export[c.ImportPath] = c.Export
		if strings.HasPrefix(c.ImportPath, module) {
			p.packages = append(p.packages, c)
		}
	}
	p.imports = importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	p.findEvents(t)
	return p
}

// findEvents lists every type of the program that is an event of the room.
func (p *program) findEvents(t *testing.T) {
	t.Helper()
	home, err := p.imports.Import(module + "/rtc")
	if err != nil {
		t.Fatal(err)
	}
	event := home.Scope().Lookup("Event").Type().Underlying().(*types.Interface)
	for _, c := range p.packages {
		pkg, err := p.imports.Import(c.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pkg.Scope().Names() {
			tn, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if ok && !types.IsInterface(tn.Type()) && types.Implements(tn.Type(), event) {
				p.events[c.ImportPath] = append(p.events[c.ImportPath], name)
			}
		}
	}
}

// seenFrom lists the events that a package can know: its own and those of
// whatever it imports, however far away.
func (p *program) seenFrom(path string, deps []string) (all []string) {
	for _, dep := range append(slices.Clone(deps), path) {
		for _, name := range p.events[dep] {
			all = append(all, dep+"."+name)
		}
	}
	return all
}

// switches checks every type switch over an event in the files of a package: how
// many there are, and which events they have no case for.
func (p *program) switches(t *testing.T, path string, deps []string, files []*ast.File) (n int, forgotten []string) {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	if _, err := (&types.Config{Importer: p.imports}).Check(path, p.fset, files, info); err != nil {
		t.Fatal(err)
	}
	inspect := func(node ast.Node) bool {
		s, ok := node.(*ast.TypeSwitchStmt)
		if !ok || info.TypeOf(subject(s)).String() != eventType {
			return true
		}
		n++
		left := map[string]bool{}
		for _, e := range p.seenFrom(path, deps) {
			left[e] = true
		}
		for _, clause := range s.Body.List {
			for _, expr := range clause.(*ast.CaseClause).List {
				delete(left, info.TypeOf(expr).String())
			}
		}
		for e := range left {
			at := p.fset.Position(s.Pos())
			forgotten = append(forgotten, fmt.Sprintf("%s:%d forgets %s", filepath.Base(at.Filename), at.Line, e))
		}
		return true
	}
	for _, f := range files {
		ast.Inspect(f, inspect)
	}
	slices.Sort(forgotten)
	return n, forgotten
}

// subject is what a type switch is over.
func subject(s *ast.TypeSwitchStmt) ast.Expr {
	switch a := s.Assign.(type) {
	case *ast.AssignStmt:
		return a.Rhs[0].(*ast.TypeAssertExpr).X
	case *ast.ExprStmt:
		return a.X.(*ast.TypeAssertExpr).X
	}
	panic("no type switch")
}

// readers is how many type switches read the events of a room. Whoever adds one
// counts it here; whoever turns one into something else has to see to it that
// forgetting an event is noticed all the same.
var readers = map[string]int{
	"internal/headless": 1, // JSON lines
	"front":             1, // words; names and the report take any event
	"plain":             1, // lines of text
}

// passing is how many type switches take what concerns them of each event and
// hand every one on: nothing is lost of an event they do not know.
var passing = map[string]int{
	"rtc":  1, // steps worth a line of the log
	"call": 1, // whose sound and pictures are to be expected
}

// Whoever reads the events of a room has a case for each that can come, and be
// it one that says why it is ignored. A default counts for none.
func TestNoReaderForgetsAnEvent(t *testing.T) {
	p := loadProgram(t)
	if n := len(p.events[module+"/rtc"]); n < 15 {
		t.Fatalf("found %d events of rtc only: %v", n, p.events)
	}
	for _, c := range p.packages {
		if !slices.Contains(c.Imports, module+"/rtc") && c.ImportPath != module+"/rtc" {
			continue
		}
		var files []*ast.File
		for _, name := range c.GoFiles {
			f, err := parser.ParseFile(p.fset, filepath.Join(c.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		n, forgotten := p.switches(t, c.ImportPath, c.Deps, files)
		path := strings.TrimPrefix(c.ImportPath, module+"/")
		if want := readers[path] + passing[path]; n != want {
			t.Errorf("%s: %d type switches over events, %d are listed here", path, n, want)
		}
		if passing[path] > 0 {
			continue
		}
		for _, f := range forgotten {
			t.Errorf("%s/%s", path, f)
		}
	}
}

// The test above finds what it is for: a reader of the events of rtc with all
// cases but one, and a default that would swallow it.
func TestForgottenEventIsFound(t *testing.T) {
	p := loadProgram(t)
	const path = module + "/reader"
	var cases []string
	for _, name := range p.events[module+"/rtc"] {
		if name != "PeerLeft" {
			cases = append(cases, "rtc."+name)
		}
	}
	source := `package reader
import "` + module + `/rtc"
func read(e rtc.Event) {
	switch e.(type) {
	case ` + strings.Join(cases, ", ") + `:
	default:
	}
}`
	f, err := parser.ParseFile(p.fset, "reader.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, forgotten := p.switches(t, path, []string{module + "/rtc"}, []*ast.File{f})
	if want := []string{"reader.go:4 forgets " + module + "/rtc.PeerLeft"}; n != 1 || !slices.Equal(forgotten, want) {
		t.Errorf("%d switches, %q, want %q", n, forgotten, want)
	}
}
