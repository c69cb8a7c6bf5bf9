package front

import (
	"fmt"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/rtc"
)

// Path is how packets travel: "direct", "relay", "via NAME" or "none".
func Path(l call.PeerStats) string {
	if l.Transport.Path == rtc.PathVia && l.Via != "" {
		return "via " + Name(l.Via)
	}
	return l.Transport.Path.String()
}

// LinkText is a connection in a few words: "direct, 23 ms, 0.0% lost".
func LinkText(l call.PeerStats) string {
	text := Path(l)
	if l.Transport.Path == rtc.PathNone {
		return "no path"
	}
	if l.Transport.RTT > 0 {
		text += ", " + Millis(l.Transport.RTT)
	}
	return text + ", " + Percent(l.Now.Loss) + " lost"
}

// StateWords are the product's words for the state of a peer, without symbol and attempt.
func StateWords(p rtc.PeerView) string {
	switch p.State {
	case rtc.StateNew:
		return "waiting"
	case rtc.StateConnecting:
		return "Connecting..."
	case rtc.StateConnected:
		switch {
		case p.Silent:
			return "you do not hear them"
		case p.OneWay || p.Unheard:
			return "not hearing you"
		}
		return "connected"
	case rtc.StateDisconnected:
		return "Reconnecting..."
	case rtc.StateFailed:
		return "Failed"
	case rtc.StateClosed:
		return "left"
	}
	return "unknown"
}

// StateText says in words how the connection to a peer is, for a line of text:
// "connected", "Reconnecting... attempt 2 of 3", "Failed".
func StateText(p rtc.PeerView) string {
	text := StateWords(p)
	if p.State != rtc.StateDisconnected {
		return text
	}
	switch r := p.Repair; {
	case p.Away:
		return text + " away"
	case r.Attempt > 0 && !r.Waiting:
		return fmt.Sprintf("%s attempt %d of %d", text, r.Attempt, r.Of)
	}
	return text
}
