package call

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// Warning is a remark of the program itself: something is not as wished and
// the call goes on.
type Warning struct{ media.Warning }

// EventName implements [rtc.Event].
func (Warning) EventName() string { return "warning" }

// Left is the last event of a call. Reason is "left", or the code of the
// refusal.
type Left struct{ Reason string }

// EventName implements [rtc.Event].
func (Left) EventName() string { return "left" }

// MediaResumed reports that media of a peer is heard or shown again after a gap
// in which none arrived. It is posted when that happens, and not when the first
// packet comes.
type MediaResumed struct {
	rtc.Who
	Kind media.Kind
	Gap  time.Duration // between the last packet before and the first after
	At   time.Time     // when the first packet came
	// Perceived is when the first sound went to the speaker, or the first picture
	// could be shown, and Hole how long there was none; 0 if there never was any.
	Perceived time.Time
	Hole      time.Duration
}

// EventName implements [rtc.Event].
func (MediaResumed) EventName() string { return "media-resumed" }

// MediaStarted reports the first packet or picture of a peer ever.
type MediaStarted struct {
	rtc.Who
	Kind media.Kind
	At   time.Time
}

// EventName implements [rtc.Event].
func (MediaStarted) EventName() string { return "media-started" }
