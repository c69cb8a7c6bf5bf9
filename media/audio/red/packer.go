package red

// MaxDepth is the largest number of older frames a Packer repeats.
const MaxDepth = 2

// Depth says how many older frames to repeat for a loss reported by the far
// end (0 to 1), given the depth in use: one above 2 %, two above 8 %, and back
// only when the loss has fallen well below, so that a report on the edge does
// not flip the format every few seconds. At depth 2 in-band FEC adds nothing.
func Depth(loss float64, current int) int {
	up := [...]float64{0.02, 0.08}
	down := [...]float64{0.01, 0.05}
	depth := 0
	for i := range up {
		threshold := up[i]
		if current > i {
			threshold = down[i]
		}
		if loss > threshold {
			depth = i + 1
		}
	}
	return depth
}

// Packer remembers the last frames of one sender and repeats them. The zero
// value is ready; it belongs to one goroutine.
type Packer struct {
	older [MaxDepth]sent // newest last
}

type sent struct {
	timestamp uint32
	payload   []byte
}

// Next returns the packet for payload at timestamp, repeating up to depth
// older frames, and remembers payload, which must not change afterwards.
func (p *Packer) Next(payloadType uint8, timestamp uint32, payload []byte, depth int) []byte {
	blocks := make([]Block, 0, MaxDepth)
	for _, s := range p.older[MaxDepth-max(0, min(depth, MaxDepth)):] {
		blocks = append(blocks, Block{
			Offset: timestamp - s.timestamp, PayloadType: payloadType, Payload: s.payload,
		})
	}
	copy(p.older[:], p.older[1:])
	p.older[MaxDepth-1] = sent{timestamp, payload}
	return Pack(make([]byte, 0, 1+len(payload)+MaxDepth*128), payloadType, payload, blocks...)
}
