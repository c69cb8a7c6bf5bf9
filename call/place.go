package call

import (
	"crypto/tls"
	"fmt"
	"net/url"

	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/signal"
)

// Place is where the room is and how others get there, in words for people.
type Place struct {
	Dialed  signal.Invite // by this participant
	Invite  Invite        // to be given to others
	Where   string        // the room is, such as "hosted here, for this network"
	Note    string        // what is to be said besides; may be ""
	Reach   string        // who can get to a room that is hosted here, in words; "" on a server that was named
	Setting string        // the same as a setting
}

// Invite is how others get into the room.
type Invite struct {
	Command string // "meet join ..." to be typed in another terminal
	Link    string // for a browser; "" when there is no page
	Works   string // who can use it, such as "works on this network"; "" when nothing is known
	Alone   bool   // only this machine can: a QR code of it is of no use
}

// PlaceChanged says that the room is elsewhere, or that others get there by
// another way.
type PlaceChanged struct{ Place }

// EventName implements [rtc.Event].
func (PlaceChanged) EventName() string { return "invite-changed" }

// LanRoomFound says that the room was found on the local network, on a server
// that Host runs.
type LanRoomFound struct{ Room, Host, Address string }

// EventName implements [rtc.Event].
func (LanRoomFound) EventName() string { return "lan-room-found" }

// PlaceChanged reports a new place to whoever follows the events.
func (c *Call) PlaceChanged(p Place) { c.events.post(PlaceChanged{p}) }

// Found reports a room of the local network to whoever follows the events. The
// address is a base address, as of [signal.Invite].
func (c *Call) Found(host, address string) {
	if hp := signal.HostPort(address); hp != "" {
		address = hp
	}
	c.events.post(LanRoomFound{Room: c.cfg.Invite.Name, Host: host, Address: address})
}

// Move goes on in the same room on another server. No connection ends.
func (c *Call) Move(to signal.Invite) error {
	trust, err := trustOf(to)
	if err != nil {
		return err
	}
	c.server.Store(&to)
	c.client.Move(to.SocketURL(), trust)
	return nil
}

// trustOf is what a server of an invite must show; nil is what the system trusts.
func trustOf(i signal.Invite) (*tls.Config, error) {
	if i.Authority == "" {
		return nil, nil
	}
	trust, err := localtls.ClientConfig(i.Authority)
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", i.Name, err)
	}
	return trust, nil
}

// serverHost is the host of the server the call is on.
func (c *Call) serverHost() string {
	if u, err := url.Parse(c.server.Load().Server); err == nil {
		return u.Hostname()
	}
	return ""
}
