package words

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the page's list from words.txt")

const page = "../../web/page/wordlist.js"

func TestThereIsAWordForEachByte(t *testing.T) {
	if len(list) != 256 || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != 256 {
		t.Fatalf("%d words, which should be 256 different ones in order", len(list))
	}
	for _, w := range list {
		if len(w) < 3 || len(w) > 8 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q is not easily read aloud", w)
		}
	}
	if got := Of([]byte{0, 255, 7}); got != list[0]+" "+list[255]+" "+list[7] {
		t.Errorf("said %q", got)
	}
}

// The page says the same bytes in the same words.
func TestPageHasTheSameWords(t *testing.T) {
	var b strings.Builder
	b.WriteString("// Made of internal/words/words.txt by go test ./internal/words -update: not to be edited.\n")
	b.WriteString("export const wordlist = `\n")
	b.WriteString(strings.TrimSpace(text))
	b.WriteString("`.trim().split(/\\s+/);\n")
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != b.String() {
		t.Errorf("%s is old (%v): run go test ./internal/words -update", page, err)
	}
}
