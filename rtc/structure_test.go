package rtc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

// sources parses the files of the package in dir, without its tests.
func sources(t *testing.T, dir string) (*token.FileSet, []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return set, files
}

// A value of a peer or a member is changed by its own methods alone: no other code
// assigns its fields.
func TestValuesKeepTheirFields(t *testing.T) {
	owners := map[string]string{}
	for _, v := range []string{"standing", "signs", "link", "generation", "step", "attempts", "trouble", "question", "given"} {
		owners[v] = "peer"
	}
	for _, v := range []string{"arrival", "introduction", "absence", "debt", "hearing", "reach", "hunger"} {
		owners[v] = "member"
	}
	set, files := sources(t, ".")
	fields := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || owners[spec.Name.Name] == "" {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					fields[owners[spec.Name.Name]+"."+name.Name] = spec.Name.Name
				}
			}
			return true
		})
	}
	if len(fields) < 40 {
		t.Fatalf("found only %d fields: %v", len(fields), fields)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				for _, x := range assigned(n) {
					sel, ok := x.(*ast.SelectorExpr)
					if !ok {
						continue
					}
					if value := fields[ownerOf(fn, sel.X)+"."+sel.Sel.Name]; value != "" {
						t.Errorf("%s assigns %s, which belongs to %s", set.Position(x.Pos()), sel.Sel.Name, value)
					}
				}
				return true
			})
		}
	}
}

// assigned are the operands that a statement changes.
func assigned(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	}
	return nil
}

// ownerOf is "peer" or "member" if x is one, or a value of one reached through it.
func ownerOf(fn *ast.FuncDecl, x ast.Expr) string {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		if x.Sel.Name == "peer" {
			return "peer"
		}
		return ownerOf(fn, x.X)
	case *ast.Ident:
		if x.Name == "mb" {
			return "member"
		}
		if fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 || fn.Recv.List[0].Names[0].Name != x.Name {
			return ""
		}
		if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
			if of, ok := star.X.(*ast.Ident); ok && of.Name == "peer" {
				return "peer"
			}
		}
	}
	return ""
}

// Whoever switches over a closed set names every case of it, or says what holds for
// the rest.
func TestSwitchesAreComplete(t *testing.T) {
	set, files := sources(t, ".")
	_, theirs := sources(t, filepath.Join("..", "signal"))
	sets := map[string][]string{}
	for _, f := range slices.Concat(files, theirs) {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl: // a marker method
				if d.Recv != nil && len(d.Body.List) == 0 && d.Type.Params.NumFields() == 0 && d.Type.Results == nil {
					if id, ok := d.Recv.List[0].Type.(*ast.Ident); ok {
						key := f.Name.Name + "." + d.Name.Name
						sets[key] = append(sets[key], id.Name)
					}
				}
			case *ast.GenDecl: // constants of one type that count up
				if d.Tok == token.CONST && f.Name.Name == "rtc" {
					addConstants(sets, d)
				}
			}
		}
	}
	for _, want := range []string{"rtc.action", "rtc.command", "rtc.sessionEvent", "rtc.dataMessage", "signal.body", "signal.event", "phase", "expiry", "pathChange"} {
		if len(sets[want]) < 3 {
			t.Errorf("the set %s was not found: %v", want, sets[want])
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch n := n.(type) {
			case *ast.TypeSwitchStmt:
				body = n.Body
			case *ast.SwitchStmt:
				if n.Tag == nil {
					return true
				}
				body = n.Body
			default:
				return true
			}
			names, rest := cases(body)
			for key, all := range sets {
				if rest || !slices.ContainsFunc(names, func(s string) bool { return slices.Contains(all, s) }) {
					continue
				}
				for _, s := range all {
					if !slices.Contains(names, s) {
						t.Errorf("%s: no case for %s of %s, and no default", set.Position(n.Pos()), s, key)
					}
				}
			}
			return true
		})
	}
}

// addConstants adds the constants of a declaration that counts up by iota; one that
// is named by the plural of its type is how many there are.
func addConstants(sets map[string][]string, d *ast.GenDecl) {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || first.Type == nil || len(first.Values) != 1 {
		return
	}
	of, ok := first.Type.(*ast.Ident)
	if id, counts := first.Values[0].(*ast.Ident); !ok || !counts || id.Name != "iota" {
		return
	}
	for _, s := range d.Specs {
		if name := s.(*ast.ValueSpec).Names[0].Name; name != of.Name+"s" {
			sets[of.Name] = append(sets[of.Name], name)
		}
	}
}

// cases are the names in the cases of a switch, and whether it has a default.
func cases(body *ast.BlockStmt) (names []string, rest bool) {
	for _, c := range body.List {
		list := c.(*ast.CaseClause).List
		rest = rest || list == nil
		for _, x := range list {
			switch x := x.(type) {
			case *ast.Ident:
				names = append(names, x.Name)
			case *ast.SelectorExpr:
				names = append(names, x.Sel.Name)
			}
		}
	}
	return names, rest
}

// The ladder that docs/ARCHITECTURE.md shows is the one that is climbed.
func TestLadderIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	due := map[expiry]string{expiryNone: "-", expiryTry: "an attempt begins", expiryFails: "the attempt has failed"}
	for ph := range phases {
		row := ladder[ph]
		var cells []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| *"+row.name+"* |") {
				cells = strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			}
		}
		if len(cells) != 6 {
			t.Errorf("%s has no row of six cells: %q", ph, cells)
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[4] != due[row.due] || (cells[3] == "none") != (row.due == expiryNone) {
			t.Errorf("%s: its deadline is %q and brings %q, want %q", ph, cells[3], cells[4], due[row.due])
		}
		if row.offline != (cells[5] == "goes on") {
			t.Errorf("%s without signaling: %q", ph, cells[5])
		}
	}
}

// Every test that the package comment names is there.
func TestInvariantsAreTested(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(b)
	}
	named := regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(string(doc), -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, name := range named {
		if !strings.Contains(tests.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}

// A connection whose media does not arrive is heard all the time. That proves nothing
// until the other side had its time to offer another.
func TestHeardIsNoProofWhileStarved(t *testing.T) {
	now := time.Unix(1000, 0)
	timing := Timing{}.withDefaults()
	p := newPeer(now, "a", "m", timing, &epochs{})
	p.present(now, 1)
	p.reach(now, true)
	p.message(now, signal.Offer{Epoch: 1, N: 1, Gen: 1, SDP: "x"})
	p.session(now, p.epoch, SessionConnected{})
	now = now.Add(time.Second)
	p.hear(now, Pulse{Heard: now, Answered: now})
	if !p.connected() || !p.settled() {
		t.Fatalf("state %v, %v", p.state, p.phase)
	}
	p.starved(now)
	began := now
	for p.unsettled() && now.Sub(began) < time.Minute {
		now = now.Add(timing.Poll)
		p.hear(now, Pulse{Heard: now, Answered: now})
		if p.unsettled() {
			p.tick(now)
		}
	}
	if took := now.Sub(began); took != timing.Await+timing.Poll {
		t.Errorf("being heard ended it after %v, want %v", took, timing.Await+timing.Poll)
	}
}
