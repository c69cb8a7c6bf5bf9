package plain

import (
	"slices"
	"testing"
)

// What scrolled is not said again, what changed in its place is, and nothing else.
func TestFreshLines(t *testing.T) {
	for _, c := range []struct {
		name              string
		before, now, want []string
	}{
		{"the first", nil, []string{"a", "b"}, []string{"a", "b"}},
		{"nothing", []string{"a", "b"}, []string{"a", "b"}, nil},
		{"more", []string{"a", "b"}, []string{"a", "b", "c"}, []string{"c"}},
		{"scrolled", []string{"a", "b", "c"}, []string{"b", "c", "d"}, []string{"d"}},
		{"scrolled all away", []string{"a", "b"}, []string{"x", "y"}, []string{"x", "y"}},
		{"one changed in its place", []string{"a", "cpu 3 %", "c"}, []string{"a", "cpu 5 %", "c"}, []string{"cpu 5 %"}},
		{"cleared", []string{"a", "b"}, nil, nil},
	} {
		if got := fresh(c.before, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
