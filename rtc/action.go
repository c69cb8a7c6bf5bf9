package rtc

import "github.com/meet-term/meet/signal"

// action is something a peer machine wants done: [dial], [hangUp], [do],
// [send] or [emit]. The Manager carries actions out in order.
type action interface{ action() }

// dial opens the session of a new epoch.
type dial struct{ epoch signal.Epoch }

// hangUp closes the session of an epoch.
type hangUp struct{ epoch signal.Epoch }

// do gives a command to the session of an epoch.
type do struct {
	epoch signal.Epoch
	cmd   Command
}

// send passes a body to the peer through signaling.
type send struct{ body signal.Body }

// emit reports an event to the room.
type emit struct{ event Event }

func (dial) action()   {}
func (hangUp) action() {}
func (do) action()     {}
func (send) action()   {}
func (emit) action()   {}
