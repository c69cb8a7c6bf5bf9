package call

import "time"

// CodeState is how a spoken code is.
type CodeState string

// The states of a code. It ends in one of those after the first, and stays there.
const (
	CodeOpen   CodeState = "open"   // it waits for one person
	CodeUsed   CodeState = "used"   // somebody was given the invite
	CodeWrong  CodeState = "wrong"  // somebody tried it with wrong words
	CodeEnded  CodeState = "ended"  // its time is over, or its server was lost
	CodeFailed CodeState = "failed" // there is none: it could not be made
)

// CodeChanged is an event of the room's spoken code: a number and two words that
// let one person in.
type CodeChanged struct {
	State   CodeState
	Code    string    // such as 7-copper-lantern; "" if it failed
	Command string    // to be typed by who was told
	Until   time.Time // when it ends by itself
	Text    string    // what happened, for people
}

// EventName implements [rtc.Event].
func (CodeChanged) EventName() string { return "invite-code" }

// CodeChanged reports a spoken code to whoever follows the events.
func (c *Call) CodeChanged(e CodeChanged) { c.events.post(e) }

// OnNewCode sets what makes a new spoken code. It must only post.
func (c *Call) OnNewCode(ask func()) { c.newCode.Store(&ask) }

// NewCode asks for a spoken code in place of the one there is, and reports whether
// any can be made here. A [CodeChanged] tells how it went.
func (c *Call) NewCode() bool {
	ask := c.newCode.Load()
	if ask == nil {
		return false
	}
	(*ask)()
	return true
}
