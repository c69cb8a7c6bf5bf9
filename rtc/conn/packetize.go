package conn

// vp8Descriptor is the length of the payload descriptor that packetize writes.
const vp8Descriptor = 4

// packetize cuts a VP8 frame into RTP payloads of at most limit bytes, each with
// a payload descriptor that has room for a picture id of 15 bits (RFC 7741 section
// 4.2), which [putPictureID] sets.
// They are of nearly the same size, so that none is a small rest.
func packetize(frame []byte, limit int) [][]byte {
	room := limit - vp8Descriptor
	count := (len(frame) + room - 1) / room
	packets := make([][]byte, 0, count)
	backing := make([]byte, 0, len(frame)+count*vp8Descriptor)
	for i := range count {
		from := len(backing)
		first := byte(0x80) // X: an extension follows
		if i == 0 {
			first |= 0x10 // S: the start of the partition, which is all of the frame
		}
		backing = append(backing, first, 0x80 /* I */, 0x80, 0)
		backing = append(backing, frame[i*len(frame)/count:(i+1)*len(frame)/count]...)
		packets = append(packets, backing[from:len(backing):len(backing)])
	}
	return packets
}

// putPictureID sets the picture id in a packet that packetize made.
func putPictureID(packet []byte, id uint16) {
	packet[2], packet[3] = 0x80|byte(id>>8), byte(id)
}

// packets are the packets of one frame by their largest size: sessions over paths
// that carry less share none with the others, but the encoding.
type packets struct {
	frame []byte
	sizes [2]int // those that were asked for; hardly ever are there more
	made  [2][][]byte
}

// of returns the packets of at most limit bytes.
func (p *packets) of(limit int) [][]byte {
	for i, size := range p.sizes {
		if size == limit {
			return p.made[i]
		}
		if size == 0 {
			p.sizes[i], p.made[i] = limit, packetize(p.frame, limit)
			return p.made[i]
		}
	}
	return packetize(p.frame, limit)
}
