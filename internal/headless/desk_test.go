package headless

import (
	"slices"
	"strings"
	"testing"
)

// The names that commands can be run for are those of the document.
func TestEventNames(t *testing.T) {
	var documented []string
	for _, row := range rows(t, "## Events") {
		name := strings.Trim(row[0], "`")
		if name != "stats" && name != "status" && name != "error" && name != "terminal-text" { // nothing that happens
			documented = append(documented, name)
		}
	}
	if got := EventNames(); !slices.Equal(got, documented) {
		t.Errorf("got  %q\nwant %q", got, documented)
	}
}
