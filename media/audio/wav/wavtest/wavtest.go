// Package wavtest has what tests need of wav files.
package wavtest

import (
	"os"
	"testing"

	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav"
)

// Read returns all samples of a wav file, at the rate of package pcm.
func Read(t testing.TB, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for block := make([]float32, pcm.SampleRate); ; {
		n := r.Read(block)
		all = append(all, block[:n]...)
		if n < len(block) {
			return all
		}
	}
}
