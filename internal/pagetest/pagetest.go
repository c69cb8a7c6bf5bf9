//go:build !race

package pagetest

import (
	"os"
	"path/filepath"
	"testing"

	"modernc.org/quickjs"
)

// Page is a JavaScript engine with modules of the page in it. It is for one
// goroutine.
type Page struct {
	t  testing.TB
	vm *quickjs.VM
}

// New starts an engine that finds the page's modules in the folder pages and runs
// the given modules, which make functions of theirs global.
func New(t testing.TB, pages string, drivers ...string) *Page {
	t.Helper()
	vm, err := quickjs.NewVM()
	if err != nil {
		t.Fatalf("start the JavaScript engine: %v", err)
	}
	t.Cleanup(func() { _ = vm.Close() })
	vm.SetModuleLoader(
		func(_ *quickjs.VM, name string) (string, error) {
			b, err := os.ReadFile(filepath.Join(pages, name))
			return string(b), err
		},
		func(_ *quickjs.VM, _, name string) (string, error) { return filepath.Base(name), nil },
	)
	// What the modules find in a browser and do not need here.
	if _, err := vm.Eval("globalThis.TextEncoder = globalThis.TextDecoder = class {};", quickjs.EvalGlobal); err != nil {
		t.Fatal(err)
	}
	for _, driver := range drivers {
		b, err := os.ReadFile(driver)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vm.Eval(string(b), quickjs.EvalModule); err != nil {
			t.Fatalf("load the page's modules for %s: %v", driver, err)
		}
	}
	return &Page{t, vm}
}

// For makes t what failures are reported to, such as a part of the test.
func (p *Page) For(t testing.TB) { p.t = t }

// Call calls a global function.
func (p *Page) Call(function string, args ...any) any {
	p.t.Helper()
	v, err := p.vm.Call(function, args...)
	if err != nil {
		p.t.Fatalf("%s of the page: %v", function, err)
	}
	return v
}

// Jobs runs what promises left to be done.
func (p *Page) Jobs() {
	p.t.Helper()
	if _, err := p.vm.ExecutePendingJobs(); err != nil {
		p.t.Fatalf("the page: %v", err)
	}
}
