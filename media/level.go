package media

// Level is a loudness in dBov as RFC 6464 section 3 counts it: the root mean
// square of a block relative to a full-scale square wave, 0 (loudest) to -127.
type Level int8

// Silence is the lowest level there is; digital silence has it.
const Silence Level = -127

// Loudness is how loud one person is, smoothed over 300 ms.
type Loudness struct {
	DB       float64 // dBov; -127 is silence
	Speaking bool
}
