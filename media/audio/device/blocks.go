//go:build linux || (windows && (amd64 || arm64)) || (cgo && darwin)

package device

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	sampleBytes = 4 // 32-bit floats, little endian
	blockBytes  = pcm.BlockSamples * sampleBytes
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
