package rtc

import (
	"fmt"

	"github.com/meet-term/meet/signal"
)

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

// logged prints an action for the log: its kind and what is short of it.
// Descriptions and candidates hold addresses and are left out.
type logged struct{ action }

func (l logged) String() string {
	switch a := l.action.(type) {
	case do:
		return fmt.Sprintf("%T of epoch %d", a.cmd, a.epoch)
	case send:
		switch b := a.body.(type) {
		case signal.Offer:
			return fmt.Sprintf("send offer %d of epoch %d to %d, generation %d, restart %v", b.N, b.Epoch, b.Remote, b.Gen, b.Restart)
		case signal.Answer:
			return fmt.Sprintf("send answer %d of epoch %d to %d", b.N, b.Epoch, b.Remote)
		case signal.Candidates:
			return fmt.Sprintf("send %d candidates of epoch %d to %d, generation %d", len(b.Candidates), b.Epoch, b.Remote, b.Gen)
		default:
			return fmt.Sprintf("send %T %+v", b, b)
		}
	default:
		return fmt.Sprintf("%T %+v", a, a)
	}
}
