package audio

import "github.com/meet-term/meet/media"

const (
	voiceLeast  = -60 // dBov: anything below is no voice
	voiceAbove  = 9   // dB over the background
	voiceHang   = 10  // frames (200 ms) a pause between words may last
	floorRise   = 0.05
	floorFall   = 0.5
	startFloor  = -70.0
	lowestFloor = -90.0
)

// voiceDetector tells speech from background by loudness alone: it follows
// the background slowly upwards and quickly downwards. The zero value is
// ready.
type voiceDetector struct {
	floor   float64 // dB above startFloor
	hanging int
}

// add takes in the level of the next frame and reports whether it is voice.
func (v *voiceDetector) add(l media.Level) bool {
	level := max(float64(l), lowestFloor)
	floor := startFloor + v.floor
	if level > floor {
		v.floor += min(floorRise, level-floor)
	} else {
		v.floor += (level - floor) * floorFall
	}
	if level >= voiceLeast && level > floor+voiceAbove {
		v.hanging = voiceHang
		return true
	}
	v.hanging--
	return v.hanging > 0
}
