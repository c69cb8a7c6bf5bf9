//go:build linux || darwin || (windows && (amd64 || arm64))

package device

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	sampleBytes = 4 // 32-bit floats, little endian
	blockBytes  = pcm.BlockSamples * sampleBytes
)

const (
	// playBlocks is how much sound is kept ahead of the speaker: 30 ms. Two blocks
	// crackle as soon as the machine is busy. Where three do too there is one more
	// after every gap, up to maxPlayBlocks, but for those within raiseEvery, which
	// have the same cause.
	playBlocks    = 3
	maxPlayBlocks = 12
	raiseEvery    = 300 * time.Millisecond
	// captureBlocks is how much recorded sound the system keeps for us when we are
	// late. Depth costs no delay.
	captureBlocks = 20
)

// blocks cuts a stream of bytes into blocks of samples. It belongs to the
// goroutine or thread that the sound comes in on.
type blocks struct {
	emit   func([]float32)
	block  []float32
	filled int
}

// newBlocks returns blocks of one channel, or of two interleaved.
func newBlocks(stereo bool, emit func([]float32)) *blocks {
	return &blocks{emit: emit, block: make([]float32, pcm.BlockSamples*channels(stereo))}
}

func channels(stereo bool) int {
	if stereo {
		return 2
	}
	return 1
}

func (b *blocks) add(data []byte) {
	for ; len(data) >= sampleBytes; data = data[sampleBytes:] {
		b.block[b.filled] = math.Float32frombits(binary.LittleEndian.Uint32(data))
		if b.filled++; b.filled == len(b.block) {
			b.filled = 0
			b.emit(b.block)
		}
	}
}

// putBlock writes one block as bytes to dst, of blockBytes.
func putBlock(dst []byte, block []float32) {
	for i, v := range block {
		binary.LittleEndian.PutUint32(dst[i*sampleBytes:], math.Float32bits(v))
	}
}

// printable removes what could do anything to a terminal but show a name.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
}
