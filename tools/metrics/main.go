// Command metrics measures the shape of a tree of Go code: the longest file, how long
// functions are, the widest struct together with what it embeds, how many packages
// there are, and how many of the own ones they import. Tests and generated files are left
// out. docs/ARCHITECTURE.md has its table.
//
//	cd tools && go run ./metrics ..
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the one whose code is measured.
const module = "github.com/meet-term/meet"

// size is something with a name and a number.
type size struct {
	name string
	n    int
}

// shape is what was measured.
type shape struct {
	files, functions, structs []size
	imports                   map[string]map[string]bool // of our own, by package
	lines                     int
}

// declared is a struct as it is written.
type declared struct {
	own      int
	embedded []string // types of the same package, by name
}

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	s, err := measure(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "metrics: "+err.Error())
		os.Exit(1)
	}
	s.print()
}

func measure(root string) (*shape, error) {
	s := &shape{imports: map[string]map[string]bool{}}
	types := map[string]map[string]declared{} // by package
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		at = filepath.ToSlash(at)
		if e.IsDir() {
			base := path.Base(at)
			if at != "." && (strings.HasPrefix(base, ".") || base == "testdata" || at == "tools" || at == "bench" || at == "e2e") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") {
			return nil
		}
		return s.file(name, at, types)
	})
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", root, err)
	}
	for pkg, all := range types {
		for name := range all {
			s.structs = append(s.structs, size{pkg + "." + name, width(all, name, 0)})
		}
	}
	for _, sizes := range [][]size{s.files, s.functions, s.structs} {
		slices.SortFunc(sizes, func(a, b size) int {
			if a.n != b.n {
				return a.n - b.n
			}
			return strings.Compare(b.name, a.name)
		})
	}
	return s, nil
}

// maxDepth ends what embeds itself by way of a pointer.
const maxDepth = 5

// width counts the fields of a struct and of the structs it embeds.
func width(all map[string]declared, name string, depth int) int {
	d := all[name]
	n := d.own
	for _, e := range d.embedded {
		if _, ok := all[e]; ok && depth < maxDepth {
			n += width(all, e, depth+1)
		} else {
			n++
		}
	}
	return n
}

// file measures one file.
func (s *shape) file(name, at string, types map[string]map[string]declared) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	if ast.IsGenerated(f) {
		return nil
	}
	pkg := path.Dir(at)
	if s.imports[pkg] == nil {
		s.imports[pkg], types[pkg] = map[string]bool{}, map[string]declared{}
	}
	for _, i := range f.Imports {
		if p := strings.Trim(i.Path.Value, `"`); strings.HasPrefix(p, module+"/") {
			s.imports[pkg][p] = true
		}
	}
	lines := strings.Count(string(text), "\n")
	s.lines += lines
	s.files = append(s.files, size{at, lines})
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				s.functions = append(s.functions, size{pkg + "." + n.Name.Name, set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1})
			}
		case *ast.TypeSpec:
			if st, ok := n.Type.(*ast.StructType); ok {
				types[pkg][n.Name.Name] = fields(st)
			}
		}
		return true
	})
	return nil
}

// fields counts what a struct is written with.
func fields(st *ast.StructType) declared {
	var d declared
	for _, f := range st.Fields.List {
		if len(f.Names) > 0 {
			d.own += len(f.Names)
			continue
		}
		t := f.Type
		if p, ok := t.(*ast.StarExpr); ok {
			t = p.X
		}
		if id, ok := t.(*ast.Ident); ok {
			d.embedded = append(d.embedded, id.Name)
		} else {
			d.own++
		}
	}
	return d
}

func (s *shape) print() {
	last := func(sizes []size) size { return sizes[len(sizes)-1] }
	p95 := s.functions[len(s.functions)*95/100]
	imports := 0
	for _, of := range s.imports {
		imports += len(of)
	}
	fmt.Printf("lines            %d in %d files\n", s.lines, len(s.files))
	fmt.Printf("longest file     %d (%s)\n", last(s.files).n, last(s.files).name)
	fmt.Printf("functions, p95   %d lines of %d functions\n", p95.n, len(s.functions))
	fmt.Printf("longest function %d (%s)\n", last(s.functions).n, last(s.functions).name)
	for _, w := range slices.Backward(s.structs[len(s.structs)-5:]) {
		fmt.Printf("wide struct      %d fields with what it embeds (%s)\n", w.n, w.name)
	}
	fmt.Printf("packages         %d\n", len(s.imports))
	fmt.Printf("imports of ours  %d\n", imports)
}
