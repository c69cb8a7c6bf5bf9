package tui

import (
	"maps"
	"time"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// digits are the keys 1 to 9 that select people. Whoever has one keeps it, however
// many come and go: a hand that has learned a key must not find another person there.
// It is an immutable value.
type digits map[signal.PeerID]int

// settleDigits is how long after one has come in people have digits in the order of the
// list; from then on everybody keeps theirs.
const settleDigits = 3 * time.Second

// digitMax is the last of the keys.
const digitMax = 9

// follow gives a digit to everybody of a view who has none, as long as there are some.
// Those of people who left come last, so that who comes back finds their own.
func (d digits) follow(v *rtc.RoomView) digits {
	var next digits
	for i := range v.Peers {
		id := v.Peers[i].ID
		if d[id] != 0 || next[id] != 0 {
			continue
		}
		if next == nil {
			next = maps.Clone(d)
		}
		if next == nil {
			next = digits{}
		}
		n, of := next.free(v)
		if n == 0 {
			break
		}
		delete(next, of)
		next[id] = n
	}
	if next == nil {
		return d
	}
	return next
}

// free is the lowest digit that nobody has, or else the lowest of those who left, with
// whose it was; 0 if there is none.
func (d digits) free(v *rtc.RoomView) (int, signal.PeerID) {
	owner := make(map[int]signal.PeerID, digitMax)
	for id, n := range d {
		owner[n] = id
	}
	for n := 1; n <= digitMax; n++ {
		if _, taken := owner[n]; !taken {
			return n, ""
		}
	}
	for n := 1; n <= digitMax; n++ {
		if _, here := v.Peer(owner[n]); !here {
			return n, owner[n]
		}
	}
	return 0, ""
}

// who has a digit and is here, or "".
func (d digits) who(n int, v *rtc.RoomView) signal.PeerID {
	for id, digit := range d {
		if _, here := v.Peer(id); digit == n && here {
			return id
		}
	}
	return ""
}
