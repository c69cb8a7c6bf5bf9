// Package words says bytes in words that people read to each other: short, common,
// and hard to mishear for one another.
package words

import (
	_ "embed"
	"strings"
)

//go:embed words.txt
var text string

// list has a word for each byte.
var list = strings.Fields(text)

// Of is a word for each of the bytes.
func Of(b []byte) string {
	out := make([]string, len(b))
	for i, v := range b {
		out[i] = list[v]
	}
	return strings.Join(out, " ")
}
