package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/portmap"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/signal"
)

// lookAtMulticast sends itself a message by way of the local network's multicast.
func lookAtMulticast(ctx context.Context) finding {
	f := finding{What: "local network"}
	heard, err := multicast(ctx)
	switch {
	case errors.Is(err, lan.ErrNoNetwork):
		f.Text = "No network with multicast: rooms of other machines are not found by their names."
		f.Hint = "Invite links work all the same where the machine is reached."
	case err != nil:
		f.Text = "Multicast does not work: " + err.Error() + "."
		f.Hint = "Rooms of other machines are not found by their names; invite links work all the same."
	case !heard:
		f.Text = "What is sent by multicast (mDNS, UDP port 5353) does not come back: a firewall of this machine may stop it."
		f.Hint = "Rooms of other machines are not found by their names; invite links work all the same."
	default:
		f.OK, f.Text = true, "Multicast works: meet join NAME finds rooms of this network. (A Wi-Fi may keep its guests apart all the same.)"
	}
	return f
}

// multicastWithin is how long a message to ourselves may take.
const multicastWithin = 500 * time.Millisecond

// multicast reports whether one socket of this machine hears another.
func multicast(ctx context.Context) (bool, error) {
	secret, err := signal.NewSecret(rand.Reader)
	if err != nil {
		return false, err
	}
	room, err := signal.Invite{Name: "doctor", Secret: secret}.Room() // nobody else's
	if err != nil {
		return false, err
	}
	heard := make(chan struct{}, 1)
	ctx, cancel := context.WithTimeout(ctx, multicastWithin)
	defer cancel()
	var beacons [2]*lan.Beacon
	ended := make(chan struct{}, len(beacons))
	for i := range beacons {
		conn, err := lan.Open()
		if err != nil {
			return false, err
		}
		beacons[i], err = lan.New(lan.Config{Keys: room, Conn: conn, Heard: func(lan.Server, bool) {
			if i == 0 { // the other one's answer
				wake.Poke(heard)
			}
		}})
		if err != nil {
			return false, errors.Join(err, conn.Close())
		}
		crash.Go(func() {
			_ = beacons[i].Run(ctx) // it ends with ctx
			ended <- struct{}{}
		})
		defer func() { cancel(); <-ended }()
	}
	beacons[1].Announce(&lan.Server{ID: "doctor", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 1}, true)
	beacons[0].Ask()
	select {
	case <-heard:
		return true, nil
	case <-ctx.Done():
		return false, nil
	}
}

// lookAtMapping asks the router for a port, and gives it back.
func lookAtMapping(ctx context.Context) finding {
	f := finding{What: "port mapping"}
	for _, a := range machineAddresses() {
		if !portmap.NotPublic(a) && a.Is4() {
			f.OK, f.Text = true, "Not needed: this machine has the public address "+a.String()+"."
			return f
		}
	}
	f.Text, f.OK = portmap.Verdict(portmap.Try(ctx, signal.DefaultPort+1, portmap.Askers()))
	return f
}
