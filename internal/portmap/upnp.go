package portmap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/huin/goupnp/dcps/internetgateway2"

	"github.com/meet-term/meet/internal/crash"
)

// upnp asks by UPnP IGD. Looking for a router takes 2 s whoever answers, since
// the search waits for everybody.
type upnp struct {
	mu    sync.Mutex // guards what follows
	last  wan        // that was asked to map
	works bool       // it did: renewals do not search again
}

// NewUPnP asks by UPnP whatever router of the network answers.
func NewUPnP() Asker { return &upnp{} }

// wan is what the connections of all versions can do.
type wan interface {
	AddPortMappingCtx(ctx context.Context, remoteHost string, external uint16, protocol string, internal uint16,
		client string, enabled bool, description string, seconds uint32) error
	DeletePortMappingCtx(ctx context.Context, remoteHost string, external uint16, protocol string) error
	GetExternalIPAddressCtx(ctx context.Context) (string, error)
}

// found is a connection of a router and our address towards it.
type found struct {
	wan
	local netip.Addr
}

func (a *upnp) Protocol() Protocol { return UPnP }

func (a *upnp) Map(ctx context.Context, port uint16) (Lease, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := error(ErrNoRouter)
	var lease Lease
	for _, w := range a.search(ctx) {
		l, werr := mapOn(ctx, w, port)
		if a.works = werr == nil; a.works || !errors.Is(werr, ErrNotPublic) {
			a.last = w // also one that failed: it may have done half of it
		}
		if a.works {
			return l, nil
		}
		if err == ErrNoRouter || errors.Is(werr, ErrNotPublic) {
			err, lease = werr, l
		}
	}
	return lease, err
}

func (a *upnp) Unmap(ctx context.Context, port uint16) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		return nil
	}
	return errors.Join(a.last.DeletePortMappingCtx(ctx, "", port, "TCP"), a.last.DeletePortMappingCtx(ctx, "", port, "UDP"))
}

// search finds the connections of the routers that answer. The versions are
// asked for side by side: each search takes its 2 s.
func (a *upnp) search(ctx context.Context) []found {
	if w, ok := a.last.(found); ok && a.works {
		return []found{w}
	}
	var mu sync.Mutex
	var out []found
	var running sync.WaitGroup
	add := func(w wan, at *url.URL, local string) {
		from, err := netip.ParseAddr(at.Hostname())
		own, lerr := netip.ParseAddr(local)
		// Anybody may answer; one that is not of this network is no router of it.
		if err != nil || lerr != nil || !from.IsPrivate() && !from.IsLinkLocalUnicast() && !NotPublic(from) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		out = append(out, found{w, own.Unmap()})
	}
	crash.GoIn(&running, func() {
		clients, _, _ := internetgateway2.NewWANIPConnection2ClientsCtx(ctx) // of another version: an error of one of many
		for _, c := range clients {
			add(c, c.Location, c.LocalAddr().String())
		}
	})
	crash.GoIn(&running, func() {
		clients, _, _ := internetgateway2.NewWANIPConnection1ClientsCtx(ctx)
		for _, c := range clients {
			add(c, c.Location, c.LocalAddr().String())
		}
	})
	crash.GoIn(&running, func() {
		clients, _, _ := internetgateway2.NewWANPPPConnection1ClientsCtx(ctx)
		for _, c := range clients {
			add(c, c.Location, c.LocalAddr().String())
		}
	})
	running.Wait()
	return out
}

// mapOn asks one connection.
func mapOn(ctx context.Context, w found, port uint16) (Lease, error) {
	text, err := w.GetExternalIPAddressCtx(ctx)
	if err != nil {
		return Lease{}, fmt.Errorf("%w: ask for the outside address: %w", ErrRefused, err)
	}
	outside, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || NotPublic(outside) { // some say "" instead of what they have
		return Lease{Outside: outside}, fmt.Errorf("%w: %q", ErrNotPublic, text)
	}
	life := wanted
	for _, protocol := range []string{"TCP", "UDP"} {
		err := w.AddPortMappingCtx(ctx, "", port, protocol, port, w.local.String(), true, "meet", uint32(life/time.Second))
		if err != nil && life != 0 { // 725: some routers keep mappings for ever or not at all
			life = 0
			err = w.AddPortMappingCtx(ctx, "", port, protocol, port, w.local.String(), true, "meet", 0)
		}
		if err != nil {
			return Lease{Outside: outside}, fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return Lease{Outside: outside.Unmap(), Port: port, Life: life}, nil
}
