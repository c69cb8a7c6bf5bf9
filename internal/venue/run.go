package venue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/portmap"
	"github.com/meet-term/meet/signal"
)

// Run keeps the room where it is, or takes it elsewhere, until ctx ends. Then
// the server that is hosted here ends too.
func (v *Venue) Run(ctx context.Context, c Client) {
	v.client = c
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			v.Close()
			return
		case now := <-ticker.C:
			v.tick(ctx, now)
		case m := <-v.inbox:
			v.take(ctx, m)
		}
	}
}

// Close ends everything. It is for a venue whose Run was never called; Run does
// it by itself.
func (v *Venue) Close() {
	select {
	case <-v.ended:
		return
	default:
	}
	close(v.ended)
	v.douse()
	v.unmap()
	for _, s := range []Server{v.hosting, v.passing} {
		if s != nil {
			if err := s.Stop(); err != nil {
				v.cfg.Logger.Warn("stop the server", "error", err)
			}
		}
	}
	v.tasks.Wait()
}

func (v *Venue) take(ctx context.Context, m any) {
	switch m := m.(type) {
	case sighting:
		v.sighted(ctx, m)
	case probed:
		v.probed(m)
	case setReach:
		v.changeReach(ctx, m.reach)
	case mapping:
		if m.generation == v.maps {
			v.mapped = m.status
			v.announce()
			v.publish()
		}
	case networkChanged:
		v.announce()
		if v.beacon != nil {
			v.beacon.Ask()
		}
		v.publish()
	}
}

// better reports whether the room should be on a server that somebody told of.
// Of two the one with the smaller id stays; who is on the other moves. One that
// was lost is left for any, but the one that runs here cannot be lost: a
// participant that has only begun to dial it would say so, and two hosts would
// hand everything on to each other.
func (v *Venue) better(id string) bool {
	return id < v.cur.id || v.hosting == nil && v.client.Lost()
}

// sighted acts on a server of the room that somebody told of.
func (v *Venue) sighted(ctx context.Context, m sighting) {
	switch {
	case m.gone && m.server.ID == v.cur.id && v.hosting == nil:
		v.beacon.Ask() // somebody else may have it already
	case m.gone || v.probing == m.server.ID:
	case m.server.ID == v.cur.id:
		if v.cur.remote != nil {
			v.cur.remote = &m.server
			v.publish()
		}
	case v.better(m.server.ID):
		v.probing = m.server.ID
		v.tasks.Add(1)
		crash.Go(func() {
			defer v.tasks.Done()
			base, err := v.probeRemote(ctx, m.server)
			v.post(probed{m.server, base, err})
		})
	}
}

// probed moves to a server that turned out to be one.
func (v *Venue) probed(m probed) {
	v.probing = ""
	if m.err != nil {
		v.cfg.Logger.Info("a server that somebody told of does not answer", "error", m.err)
		return
	}
	if !v.better(m.server.ID) {
		return // another was found meanwhile
	}
	v.cfg.Logger.Info("the room is on another server of this network", "server", m.base)
	if v.hosting != nil {
		// Whoever came here follows, browsers too, and finds the way there later.
		if v.passing != nil {
			v.stop(v.passing)
		}
		v.passing, v.hosting = v.hosting, nil
		v.unmap()
	}
	v.settleRemote(m.server, m.base)
	v.move()
	if v.passing != nil {
		v.passing.Forward(v.cur.base, v.cur.authority)
	}
	v.cfg.Found(m.server.Host, m.base)
	v.publish()
}

// tick looks after the server, and takes over when it is gone for good.
func (v *Venue) tick(ctx context.Context, now time.Time) {
	switch {
	case v.hosting != nil || !v.client.Lost():
		v.lostAt = time.Time{}
		return
	case v.lostAt.IsZero():
		v.lostAt, v.stand = now, standAfter
		if v.cur.remote != nil { // others of the network do the same: let one be first
			v.stand += v.cfg.Jitter(standSpread)
		}
		if v.beacon != nil {
			v.beacon.Ask()
		}
		return
	case now.Sub(v.lostAt) < v.stand:
		return
	}
	if v.cur.remote != nil && len(v.cfg.System.Addresses()) == 0 {
		return // it is this machine that is off the network
	}
	v.takeOver(ctx)
}

// takeOver hosts the room from here on. Of several that do so at once, one gets
// the port of a machine, and one stays of those of a network.
func (v *Venue) takeOver(ctx context.Context) {
	if v.passing != nil {
		v.stop(v.passing)
		v.passing = nil
	}
	s, err := v.cfg.System.Host(ctx, v.reach)
	if err == nil {
		v.cfg.Logger.Info("the server is gone: hosting it from here")
		v.settleHosting(ctx, s)
		v.move()
		v.publish()
		return
	}
	if v.cur.remote == nil {
		return // another process of this machine was quicker, or it is back
	}
	if about, err := v.probeOwn(ctx); err == nil {
		v.settleLocal(about)
		v.move()
		v.publish()
	}
}

// changeReach opens the room's server to others, or closes it.
func (v *Venue) changeReach(ctx context.Context, r Reach) {
	if r == v.reach {
		return
	}
	v.reach = r
	if r == Machine {
		v.douse()
	} else {
		v.light(ctx)
	}
	v.unmap()
	if v.hosting == nil && !(r == Machine && v.cur.remote != nil) {
		if v.beacon != nil {
			v.announce()
			v.beacon.Ask()
		}
		v.publish()
		return // it is somebody else's to open
	}
	if v.hosting != nil {
		v.stop(v.hosting)
		v.hosting = nil
	}
	if v.passing != nil {
		v.stop(v.passing)
		v.passing = nil
	}
	s, about, err := v.takePort(ctx)
	switch {
	case err != nil:
		v.cfg.Logger.Warn("open the server", "error", err)
		v.mapped = portmap.Status{Trouble: "the server could not be opened: " + err.Error()}
	case s != nil:
		v.settleHosting(ctx, s)
	default:
		v.settleLocal(about)
	}
	if v.beacon != nil {
		v.beacon.Ask()
	}
	v.move()
	v.publish()
}

func (v *Venue) stop(s Server) {
	if err := s.Stop(); err != nil {
		v.cfg.Logger.Warn("stop the server", "error", err)
	}
}

// The three places a room can be.

func (v *Venue) settleHosting(ctx context.Context, s Server) {
	base, _ := v.cfg.System.Own(v.reach)
	v.hosting = s
	v.cur = server{id: s.ID(), base: base, authority: s.Authority()}
	v.lostAt = time.Time{}
	v.startMap(ctx)
	v.announce()
}

func (v *Venue) settleLocal(about About) {
	r, err := ParseReach(about.Reach)
	if err != nil {
		r = Machine
	}
	base, _ := v.cfg.System.Own(r)
	v.cur = server{id: about.ID, base: base, authority: about.Authority, about: about}
	v.lostAt = time.Time{}
	v.announce()
}

func (v *Venue) settleRemote(s lan.Server, base string) {
	v.cur = server{id: s.ID, base: base, authority: s.Authority, remote: &s}
	v.lostAt = time.Time{}
	v.announce()
}

// move has the participant dial the server the room is on.
func (v *Venue) move() {
	v.lostAt = time.Time{}
	if err := v.client.Move(v.dial()); err != nil {
		v.cfg.Logger.Warn("move to another server", "error", err)
	}
}

func (v *Venue) dial() signal.Invite {
	invite := v.cfg.Invite
	invite.Server, invite.Authority = v.cur.base, v.cur.authority
	return invite
}

// light joins the local network, if the reach goes so far.
func (v *Venue) light(ctx context.Context) {
	if v.beacon != nil || v.reach == Machine {
		return
	}
	conn, err := v.cfg.System.Multicast()
	if err != nil {
		v.cfg.Logger.Info("nobody is looked for on the local network", "error", err)
		return
	}
	b, err := lan.New(lan.Config{
		Keys: v.room, Conn: conn, Logger: v.cfg.Logger,
		Heard: func(s lan.Server, gone bool) {
			select {
			case v.inbox <- sighting{s, gone}:
			default: // it will be said again
			}
		},
	})
	if err != nil {
		v.cfg.Logger.Warn("nobody is looked for on the local network", "error", err)
		conn.Close()
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until douse: it says goodbye
	done := make(chan struct{})
	crash.Go(func() {
		defer close(done)
		if err := b.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			v.cfg.Logger.Warn("nobody is looked for on the local network any more", "error", err)
		}
	})
	v.beacon, v.endBeacon = b, func() { cancel(); <-done }
}

// douse leaves the local network.
func (v *Venue) douse() {
	if v.beacon != nil {
		v.endBeacon()
		v.beacon = nil
	}
}

// announce has the network told where the room is, if it can get there.
func (v *Venue) announce() {
	if v.beacon == nil {
		return
	}
	if v.cur.remote != nil {
		v.beacon.Announce(v.cur.remote, false)
		return
	}
	open := v.cur.about.Reach != "" && v.cur.about.Reach != Machine.Setting()
	addresses := v.cfg.System.Addresses()
	if (v.hosting == nil && !open) || len(addresses) == 0 {
		v.beacon.Announce(nil, false)
		return
	}
	v.beacon.Announce(&lan.Server{
		ID: v.cur.id, Addresses: addresses, Port: v.cfg.Port, Authority: v.cur.authority, Host: v.cfg.Host,
	}, v.hosting != nil)
}

// startMap asks the router for a port, if the reach goes so far.
func (v *Venue) startMap(ctx context.Context) {
	v.unmap()
	if v.reach != Internet {
		return
	}
	v.maps++
	generation := v.maps
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until unmap
	done := make(chan struct{})
	crash.Go(func() {
		defer close(done)
		v.cfg.System.Map(ctx, func(s portmap.Status) { v.post(mapping{generation, s}) })
	})
	v.endMap = func() { cancel(); <-done }
	v.mapped = portmap.Status{Asking: true}
}

func (v *Venue) unmap() {
	v.maps++
	v.mapped = portmap.Status{}
	if v.endMap != nil {
		end := v.endMap
		v.endMap = nil
		v.tasks.Add(1)
		crash.Go(func() { // its last report may wait for us
			defer v.tasks.Done()
			end()
		})
	}
}

// publish works the Place out and tells of it.
func (v *Venue) publish() Place {
	p := Place{Invite: v.dial(), Reach: v.reach, Hosting: v.hosting != nil}
	p.Others, p.Who = p.Invite, OnMachine
	reach, public := v.reach, ""
	switch {
	case v.cur.remote != nil:
		p.Who, p.Where = OnNetwork, "on "+hostOf(v.cur.base)+", in this network"
		if v.cur.remote.Host != "" {
			p.Where = "hosted by " + v.cur.remote.Host + ", in this network"
		}
		v.tellPlace(p)
		return p
	case v.hosting != nil:
		p.Where = "hosted here, for " + reach.String()
		if v.mapped.Public.IsValid() {
			public = fmt.Sprintf("https://%s/", v.mapped.Public)
		}
	default:
		reach, _ = ParseReach(v.cur.about.Reach)
		public = v.cur.about.Public
		p.Where = "hosted by another meet of this machine"
		if reach != 0 {
			p.Where += ", for " + reach.String()
		}
	}
	addresses := v.cfg.System.Addresses()
	switch {
	case reach == Internet && public != "":
		p.Others.Server, p.Who = public, Anywhere
	case reach >= Network && len(addresses) > 0:
		p.Others.Server = lan.Server{Port: v.cfg.Port, Authority: v.cur.authority}.Base(addresses[0])
		p.Who = OnNetwork
	case reach >= Network:
		p.Note = "There is no network here but this machine."
	}
	if v.hosting != nil && reach == Internet {
		if text := v.mapped.Text(); text != "" {
			p.Note = text
		}
		v.hosting.Tell(About{ID: v.cur.id, Reach: reach.Setting(), Public: public})
	} else if v.hosting != nil {
		v.hosting.Tell(About{ID: v.cur.id, Reach: reach.Setting()})
	}
	v.tellPlace(p)
	return p
}

func (v *Venue) tellPlace(p Place) {
	if old := v.place.Swap(&p); old != nil && *old != p { // the first is what Find returns
		v.cfg.Changed(p)
	}
}

// hostOf is the host of a base address.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Hostname()
}
