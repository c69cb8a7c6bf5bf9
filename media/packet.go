package media

import "time"

// Packet is one packet of sound, on its way out or in. Of one that goes out,
// the Timestamp, the Payload, the Level and the flags count; the rest is given to
// it by each connection.
type Packet struct {
	Seq       uint16
	Timestamp uint32 // media time of the first sample, at 48 kHz
	SSRC      uint32 // another one is another stream: start afresh
	Marker    bool   // the first after silence (RFC 7587 section 4.1)
	// Level is how loud it is, and Voice the sender's opinion whether somebody
	// speaks (RFC 6464). Without HasLevel the sender tells neither. It is shown
	// without waiting for the sound itself.
	Level    Level
	HasLevel bool
	Voice    bool
	// Redundant says that Payload is in the format of RFC 2198 around Opus, and
	// not Opus itself; whoever unpacks it fills in Older.
	Redundant bool
	Payload   []byte // immutable
	Older     []Copy // earlier payloads that came along
	// At is when it came, or when its last sample was captured of one that goes out.
	At time.Time
	// Captured is when it was sampled by the sender's clock; zero until that has
	// told the time (RFC 3550 section 6.4.1). All media of a person share the clock.
	Captured time.Time
}

// Copy is a payload sent a second time along with a later packet (RFC 2198).
type Copy struct {
	Offset  uint32 // how much older than its packet it is, at 48 kHz
	Payload []byte
}

// Frame is one whole VP8 frame (RFC 6386), on its way out or in.
type Frame struct {
	Kind Kind // Camera or Screen
	Key  bool // decoding can start here
	// Timestamp is the media time at 90 kHz; it starts anywhere and wraps.
	Timestamp uint32
	Data      []byte // immutable
	// At is when the picture was taken (of one that goes out) or when its last
	// packet came.
	At       time.Time
	Captured time.Time // by the sender's clock, as in a [Packet]
	// Layer is the temporal layer of one that goes out: others build only on such
	// of the same or a lower layer. Small says that it is of the encoding for those
	// whose paths carry little.
	Layer uint8
	Small bool
}

// TopLayer is the highest temporal layer of pictures.
const TopLayer = 2

// Serving is what a viewer gets of a source of pictures.
type Serving struct {
	Paused bool  // nothing: the path carries no pictures
	Small  bool  // the encoding for those whose paths carry little
	Layer  uint8 // the highest temporal layer
}

// Everything is what a viewer gets whose path carries it.
var Everything = Serving{Layer: TopLayer}
