package call

import (
	"time"

	"github.com/meet-term/meet/rtc"
)

// Warning is a remark of the program itself: something is not as wished and
// the call goes on.
type Warning struct{ Code, Text string }

// EventName implements [rtc.Event].
func (Warning) EventName() string { return "warning" }

// Left is the last event of a call. Reason is "left", or the code of the
// refusal.
type Left struct{ Reason string }

// EventName implements [rtc.Event].
func (Left) EventName() string { return "left" }

// MediaResumed reports the first packet or picture of a peer after a gap in
// which it should have sent: what a person would hear or see come back.
type MediaResumed struct {
	rtc.Who
	Kind rtc.Kind
	Gap  time.Duration
	At   time.Time // when it came
}

// EventName implements [rtc.Event].
func (MediaResumed) EventName() string { return "media-resumed" }

// MediaStarted reports the first packet or picture of a peer ever.
type MediaStarted struct {
	rtc.Who
	Kind rtc.Kind
	At   time.Time
}

// EventName implements [rtc.Event].
func (MediaStarted) EventName() string { return "media-started" }
