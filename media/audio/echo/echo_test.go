package echo_test

import (
	"testing"

	"github.com/meet-term/meet/media/audio/echo"
)

// TestPassThrough: with both halves off the sound is only late.
func TestPassThrough(t *testing.T) {
	c := echo.New(echo.Config{EchoOff: true, NoiseOff: true})
	block := make([]float32, echo.BlockSamples)
	for b := range 5 {
		for i := range block {
			block[i] = float32(b*len(block)+i+1) / 1e4
		}
		c.Process(block, nil, block)
		for i, got := range block {
			if want := max(0, float32(b*len(block)+i+1-echo.Delay)/1e4); got != want {
				t.Fatalf("sample %d of block %d is %v, want %v", i, b, got, want)
			}
		}
	}
}
