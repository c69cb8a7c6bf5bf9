package rtc

import "testing"

// A report that says something new is sent at once and twice more, one that does
// not every fourth time.
func TestNews(t *testing.T) {
	var n news
	for _, c := range []struct {
		name   string
		report string
		heard  bool
		want   string // one report after the other: sent, or kept back
	}{
		{name: "at first", report: "a", want: "!!!...!...!"},
		{name: "a change", report: "b", want: "!!!...!.."},
		{name: "and back, after two were kept back", report: "a", want: "!!!."},
		{name: "the peer had news", report: "a", heard: true, want: "!!!...!"},
	} {
		if c.heard {
			n.heard()
		}
		got := ""
		for range c.want {
			if n.tells([]byte(c.report)) {
				got += "!"
			} else {
				got += "."
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for i := range 20 {
		if !n.tells([]byte{byte(i)}) {
			t.Fatal("news is kept back")
		}
	}
}
