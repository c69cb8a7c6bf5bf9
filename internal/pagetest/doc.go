// Package pagetest runs modules of the browser page in tests of Go, on a machine
// with nothing but Go: the same rules are held to the same data in both languages
// (docs/adr/0013-one-truth.md). No program imports it.
package pagetest
