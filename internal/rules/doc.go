// Package rules holds the timings and limits that the terminal program and the
// browser page both follow. They are written in rules.json, and nowhere else:
// go test ./internal/rules -update makes numbers.go and web/page/rules.js of it.
package rules
