// Package red packs and unpacks redundant audio (RFC 2198): each packet also
// carries the one or two payloads before it, so that a lost packet is played
// from its successor. Everything in here is a pure function of its arguments
// or a value without clock, lock or goroutine.
package red

import (
	"errors"
	"fmt"
)

// Limits of the format (RFC 2198 section 3): 10 bits of length; and ours: browsers
// send two copies, nobody needs more than eight.
const (
	maxLength = 1<<10 - 1
	maxBlocks = 9
)

// Block is one payload within a packet.
type Block struct {
	// Offset is how many timestamp units the block is older than the packet;
	// 0 for the primary, which is always the last block.
	Offset uint32
	// PayloadType is the RTP payload type of the block.
	PayloadType uint8
	// Payload aliases the packet it was unpacked from.
	Payload []byte
}

// ErrMalformed is what Unpack returns, wrapped, for bytes that are not RED.
var ErrMalformed = errors.New("malformed redundant audio")

// Unpack splits a packet into its blocks, oldest first, the primary last. The
// blocks alias packet.
func Unpack(packet []byte) ([]Block, error) {
	var blocks []Block
	var lengths []int
	rest := packet
	for {
		if len(rest) == 0 {
			return nil, fmt.Errorf("%w: the headers do not end", ErrMalformed)
		}
		if rest[0]&0x80 == 0 {
			blocks = append(blocks, Block{PayloadType: rest[0]})
			rest = rest[1:]
			break
		}
		if len(rest) < 4 {
			return nil, fmt.Errorf("%w: a header of %d bytes", ErrMalformed, len(rest))
		}
		if len(blocks) == maxBlocks-1 {
			return nil, fmt.Errorf("%w: more than %d blocks", ErrMalformed, maxBlocks)
		}
		blocks = append(blocks, Block{
			PayloadType: rest[0] & 0x7f,
			Offset:      uint32(rest[1])<<6 | uint32(rest[2])>>2,
		})
		lengths = append(lengths, int(rest[2]&3)<<8|int(rest[3]))
		rest = rest[4:]
	}
	for i, n := range lengths {
		if n > len(rest) {
			return nil, fmt.Errorf("%w: a block of %d bytes in %d", ErrMalformed, n, len(rest))
		}
		blocks[i].Payload, rest = rest[:n:n], rest[n:]
	}
	blocks[len(blocks)-1].Payload = rest
	return blocks, nil
}
