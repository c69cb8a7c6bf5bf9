package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// helpers are the packages that no call runs.
var helpers = []string{"e2e", "bench", "tools", "internal/archtest", "internal/crash", "internal/memnet", "internal/meettest", "internal/netlab", "internal/pulsetest"}

// Every goroutine of the program begins with crash.Catch: a panic anywhere gives
// the terminal back and tells the others.
func TestGoroutinesCatch(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			for _, h := range helpers {
				if rel == h {
					return filepath.SkipDir
				}
			}
			if strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s:%d starts a goroutine: crash.Go does", rel, set.Position(n.Pos()).Line)
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || f.Sel.Name != "Go" {
					return true
				}
				if of, ok := f.X.(*ast.Ident); !ok || of.Name != "crash" {
					t.Errorf("%s:%d starts a goroutine: crash.GoIn does", rel, set.Position(n.Pos()).Line)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Fatalf("looked at %d files only", files)
	}
}
