package record

import "time"

// timeline puts the times of one stream of a person on the clock of the recording. A
// stream counts by its own clock, which begins anywhere and with another connection anew;
// what it says is trusted over short times, and the time of arrival over long ones.
type timeline struct {
	rate  int64 // of the stream's clock, in Hz
	begun bool
	stamp uint32        // the newest
	media time.Duration // of it, since the first
	base  time.Duration // where the first belongs in the recording
	last  time.Duration // when the newest came
}

// timelines are those of the streams of one track: while one connection takes over
// from another, packets of both come.
type timelines struct {
	rate    int64
	streams map[uint32]*timeline
}

// maxStreams is how many are known at once; who has more begins anew.
const maxStreams = 8

func (t *timelines) at(ssrc, stamp uint32, came time.Duration) time.Duration {
	if t.streams == nil || t.streams[ssrc] == nil && len(t.streams) >= maxStreams {
		t.streams = map[uint32]*timeline{}
	}
	if t.streams[ssrc] == nil {
		t.streams[ssrc] = &timeline{rate: t.rate}
	}
	return t.streams[ssrc].at(stamp, came)
}

const (
	// jump is how far stream and arrival may be apart; beyond it the stream has begun
	// anew, or stood still.
	jump = time.Second
	// leak is how fast the clocks may drift apart: a thousandth.
	leak = 1000
)

// at is where a packet belongs that came when the recording was that old.
func (t *timeline) at(stamp uint32, came time.Duration) time.Duration {
	if !t.begun {
		*t = timeline{rate: t.rate, begun: true, stamp: stamp, base: came, last: came}
		return came
	}
	media := t.media + time.Duration(int64(int32(stamp-t.stamp)))*time.Second/time.Duration(t.rate)
	transit := came - media
	switch off := transit - t.base; {
	case off > jump || off < -jump:
		t.base = transit
	case off < 0: // the quickest packet is the one to believe
		t.base = transit
	default:
		t.base += min(off, max(came-t.last, 0)/leak)
	}
	if int32(stamp-t.stamp) > 0 {
		t.media, t.stamp = media, stamp
	}
	t.last = max(t.last, came)
	return t.base + media
}
