package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/netwatch"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// place is where a room is: on a server that was named, or at a venue, which
// finds or hosts one.
type place struct {
	now   call.Place // at the start
	venue *venue.Venue
	token string // of the server that is named; "" for none
	log   *slog.Logger
	after *afterwards
}

// afterwards takes what a venue says before there is a call to say it to.
type afterwards struct {
	mu     sync.Mutex
	call   *call.Call
	events []func(*call.Call)
}

func (a *afterwards) say(f func(*call.Call)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.call == nil {
		a.events = append(a.events, f)
		return
	}
	f(a.call)
}

func (a *afterwards) begin(c *call.Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.call = c
	for _, f := range a.events {
		f(c)
	}
	a.events = nil
}

// reachFlags are --local, --lan and --internet.
type reachFlags struct{ local, lan, internet bool }

// reach is who should get to a room that is hosted here: by flag, else by
// setting. Asked is true if a flag says so.
func (f joinFlags) reach() (r venue.Reach, asked bool, err error) {
	r = venue.Default
	if f.settings.Reach != "" {
		if set, err := venue.ParseReach(f.settings.Reach); err == nil { // else it was complained about
			r = set
		}
	}
	n := 0
	for _, c := range []struct {
		on    bool
		reach venue.Reach
	}{{f.reaches.local, venue.Machine}, {f.reaches.lan, venue.Network}, {f.reaches.internet, venue.Internet}} {
		if c.on {
			r = c.reach
			n++
		}
	}
	if n > 1 {
		return r, true, usagef("--local, --lan and --internet exclude each other")
	}
	return r, n == 1, nil
}

// findRoom works out where the room is: in the link, on the server asked for,
// or else on this machine or its network, where a server is hosted if none has
// the room.
func findRoom(ctx context.Context, room string, f joinFlags, log *slog.Logger) (place, error) {
	reach, asked, err := f.reach()
	if err != nil {
		return place{}, err
	}
	server := f.server
	if server == "" {
		server = os.Getenv("MEET_SERVER")
	}
	link := strings.ContainsAny(room, "/:#")
	if asked && (f.serverGiven || link) {
		return place{}, usagef("--local, --lan and --internet are for rooms that are hosted here, and a server is named")
	}
	named := link || server != "" && !asked
	if !named || server == "" {
		server = localServer
	}
	invite, err := signal.ParseInvite(room, server)
	if err != nil {
		return place{}, roomError(err)
	}
	if f.private && invite.Open() {
		if invite.Secret, err = newSecret(); err != nil {
			return place{}, err
		}
	}
	p := place{log: log, after: &afterwards{}}
	if named {
		p.token = tokenFor(invite.Server, server, f.token)
		p.now = namedPlace(ctx, invite)
		return p, nil
	}
	p.venue, err = venue.New(venue.Config{
		Invite: invite, Reach: reach, Host: ownName(f.name), Port: signal.DefaultPort, System: &machine{log: log}, Logger: log,
		Changed: func(at venue.Place) {
			p.after.say(func(c *call.Call) { c.PlaceChanged(placeOf(at)) })
		},
		Found: func(host, address string) {
			p.after.say(func(c *call.Call) { c.Found(host, address) })
		},
	})
	if err != nil {
		return place{}, fmt.Errorf("join %s: %w", invite.Name, err)
	}
	at, err := p.venue.Find(ctx)
	if err != nil {
		return place{}, err
	}
	p.now = placeOf(at)
	return p, nil
}

// placeOf is a venue's place as a call tells of it.
func placeOf(at venue.Place) call.Place {
	return call.Place{
		Dialed: at.Invite, Invite: inviteTo(at.Others, at.Who), Where: at.Where, Note: at.Note,
		Reach: at.Reach.String(), Setting: at.Reach.Setting(),
	}
}

// newest is where the room is by now.
func (p place) newest() call.Place {
	if p.venue == nil {
		return p.now
	}
	return placeOf(p.venue.Place())
}

// inviteTo is how others get to a room, and who can.
func inviteTo(others signal.Invite, who string) call.Invite {
	return call.Invite{Command: others.Command(), Link: others.Link(), Works: who, Alone: who == venue.OnMachine}
}

// signWithin bounds how long the person's key may take to sign: an agent may ask.
const signWithin = time.Minute

// seat is the key of a person in the room here, and what ties it to who they are. A
// room that is hosted by those in it moves with them, and they stay who they are.
func (p place) seat(ctx context.Context, who *identity.Identity, which string) (ed25519.PrivateKey, *rtc.Person, error) {
	room, err := p.now.Dialed.Room()
	if err != nil {
		return nil, nil, fmt.Errorf("join %s: %w", p.now.Dialed.Name, err)
	}
	server := p.now.Dialed.Server
	if p.venue != nil {
		server = ""
	}
	key, err := who.Seat(server, room.ID())
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, signWithin)
	defer cancel()
	if err := who.Use(ctx, which); err != nil {
		return nil, nil, usagef("--identity: %w", err)
	}
	bind, err := who.Bind(ctx, room, key)
	if err != nil {
		return nil, nil, err
	}
	return key, &rtc.Person{Key: who.Key, Bind: bind}, nil
}

// askServer bounds asking a server of this machine what others know it by.
const askServer = time.Second

// namedPlace is a server that was named. One of this machine may be known to
// others by another address.
func namedPlace(ctx context.Context, invite signal.Invite) call.Place {
	at := call.Place{Dialed: invite, Invite: inviteTo(invite, ""), Where: "on " + signal.HostPort(invite.Server)}
	u, err := url.Parse(invite.Server)
	if err != nil {
		return at // ParseInvite made it
	}
	at.Invite = inviteTo(invite, venue.Audience(u.Hostname()))
	if !at.Invite.Alone {
		return at
	}
	ctx, cancel := context.WithTimeout(ctx, askServer)
	defer cancel()
	transport, err := plainTransport(invite.Authority)
	if err != nil {
		return at
	}
	about, err := venue.Ask(ctx, &http.Client{Transport: transport}, invite.Server)
	addresses := machineAddresses()
	if reach, perr := venue.ParseReach(about.Reach); err != nil || perr != nil || reach == venue.Machine || len(addresses) == 0 {
		return at
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	u.Host = net.JoinHostPort(addresses[0].String(), port)
	others, who := invite, venue.OnNetwork
	others.Server = u.String()
	if public, err := signal.ParseServer(about.Public); err == nil { // another user of this machine may have said it
		others.Server, who = public, venue.Anywhere
	}
	at.Invite = inviteTo(others, who)
	return at
}

// keep keeps the room where it is while the call lasts, or moves it. The
// function it returns ends that.
func (p place) keep(ctx context.Context, c *call.Call) (end func()) {
	p.after.begin(c)
	if p.venue == nil {
		if text := notEncrypted(p.now.Dialed.Server); text != "" {
			c.Warn("not-encrypted", text)
		}
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the call says goodbye first
	var running sync.WaitGroup
	crash.GoIn(&running, func() { p.venue.Run(ctx, movable{c}) })
	crash.GoIn(&running, func() {
		err := netwatch.Watch(ctx, func(netwatch.Change) { p.venue.NetworkChanged() })
		if err != nil && ctx.Err() == nil {
			p.log.Info("network changes are not seen", "error", err)
		}
	})
	return func() { cancel(); running.Wait() }
}

// abandon ends a place that no call came to.
func (p place) abandon() {
	if p.venue != nil {
		p.venue.Close()
	}
}

// changeReach returns what opens the room to others or closes it; nil where
// that is not ours to say.
func (p place) changeReach() func() {
	if p.venue == nil {
		return nil
	}
	return func() { p.venue.SetReach(p.venue.Place().Reach.Next()) }
}

// movable is a call as a venue sees it.
type movable struct{ *call.Call }

// Lost implements venue.Client.
func (m movable) Lost() bool { return looksFor(m.View().Server) }

// lookAtNamed says in the lobby when a server that was named is not there.
func (p place) lookAtNamed(ctx context.Context, c *call.Call) {
	transport, err := plainTransport(p.now.Dialed.Authority)
	if err != nil {
		return
	}
	transport.Proxy = http.ProxyFromEnvironment // as the call goes
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = venue.Ask(ctx, &http.Client{Transport: transport}, p.now.Dialed.Server)
	if err == nil || ctx.Err() == context.Canceled {
		return
	}
	at := p.now
	if errors.Is(err, venue.ErrStranger) {
		err = signal.ErrNoServer
	}
	at.Note = "The server does not answer: " + signal.Trouble(err) + "."
	c.PlaceChanged(at)
}

// roomError explains what a room may look like.
func roomError(err error) error {
	if errors.Is(err, signal.ErrInvite) {
		return usageError{err}
	}
	return fmt.Errorf("find the room: %w", err)
}
