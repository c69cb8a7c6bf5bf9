package red

// MaxDepth is the largest number of older frames a Packer repeats.
const MaxDepth = 2

// Packer makes what tests receive: the packets a call sends are made by rtc/conn.
// It remembers the last frames of one sender and repeats them. The zero
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
