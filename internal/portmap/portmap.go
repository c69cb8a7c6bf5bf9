// Package portmap asks the router of a home network to let a port through: by
// PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP IGD, all at once, since nobody
// knows which of them a router speaks.
package portmap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Protocol is a way to ask a router.
type Protocol string

// The protocols. None is a machine that has a public address itself.
const (
	None   Protocol = "none"
	PCP    Protocol = "PCP"
	NATPMP Protocol = "NAT-PMP"
	UPnP   Protocol = "UPnP"
)

// Status is how far the asking is.
type Status struct {
	Asking   bool
	Protocol Protocol       // that gave the port
	Public   netip.AddrPort // what others dial; invalid: nothing yet
	Outside  netip.Addr     // the router's own address towards its provider, if it is known
	Trouble  string         // why there is none
}

// Text says in words what there is to say, or "".
func (s Status) Text() string {
	switch {
	case s.Asking:
		return "Asking the router for a port..."
	case s.Trouble != "":
		return s.Trouble
	}
	return ""
}

// What helps where no port can be had.
const helps = "What helps: `meet serve` on a machine with a public address, a VPN you both are in, or a public IPv4 address from the provider."

// The reasons why there is no port.
var (
	// ErrNoRouter: nobody answers.
	ErrNoRouter = errors.New("no router answers to PCP, NAT-PMP or UPnP")
	// ErrNotPublic: the router's own address is none of the internet.
	ErrNotPublic = errors.New("the router has no public address itself")
	// ErrRefused: the router does not want to.
	ErrRefused = errors.New("the router refuses")
)

// reserved are networks that the internet does not route and package netip does
// not know for such (RFC 6890).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NATs (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
}

// NotPublic reports whether an address is none that the internet routes: it is
// private, or of a carrier-grade NAT.
func NotPublic(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() ||
		slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}

// trouble says what an error means to people.
func trouble(err error, outside netip.Addr) string {
	switch {
	case errors.Is(err, ErrNotPublic):
		at := ""
		if outside.IsValid() && !outside.IsUnspecified() {
			at = " (its own is " + outside.String() + ")"
		}
		return "Your router has no public address" + at + ": your provider puts many homes behind one (carrier-grade NAT). " + helps
	case errors.Is(err, ErrRefused):
		return "Your router refuses to open a port. Allow UPnP or NAT-PMP in its settings, or forward the port by hand. " + helps
	}
	return "No router here opens a port (nobody answers to PCP, NAT-PMP or UPnP). Switch UPnP on in the router's settings. " + helps
}

// Lease is a pair of ports, one for TCP and one for UDP, that a router lets
// through to this machine.
type Lease struct {
	Outside netip.Addr
	Port    uint16
	Life    time.Duration // 0: for ever
}

// Asker asks by one protocol. Its methods may take seconds, and end with ctx.
type Asker interface {
	Protocol() Protocol
	// Map asks for the port, TCP and UDP, or renews it. An error wraps one of the
	// Err of this package.
	Map(ctx context.Context, port uint16) (Lease, error)
	// Unmap gives it back, if there is a router that may have it.
	Unmap(ctx context.Context, port uint16) error
}

// Times.
const (
	wanted     = time.Hour        // life of a lease
	shortest   = 20 * time.Second // between renewals, whatever a router says
	again      = 2 * time.Minute  // after a failure
	askWithin  = 8 * time.Second
	giveBackIn = 2 * time.Second
)

// Keep has a port mapped until ctx ends, then gives it back. It reports every
// change. Leases are renewed at half their life.
func Keep(ctx context.Context, port uint16, own []netip.Addr, askers []Asker, report func(Status), log *slog.Logger) {
	for _, a := range own {
		if a.Is4() && !NotPublic(a) {
			report(Status{Protocol: None, Public: netip.AddrPortFrom(a, port), Outside: a})
			<-ctx.Done()
			return
		}
	}
	used := map[Asker]bool{}
	defer giveBack(ctx, used, port, log)
	report(Status{Asking: true})
	var last Status
	var best Asker // the one that gave the port, asked alone to renew it
	for {
		from := askers
		if best != nil {
			from = []Asker{best}
		}
		asker, lease, err := ask(ctx, port, from, used, func(outside netip.Addr) {
			if status := (Status{Outside: outside, Trouble: trouble(ErrNotPublic, outside)}); status != last {
				last = status
				report(status)
			}
		}, log)
		if ctx.Err() != nil {
			return
		}
		status, wait := Status{}, again
		if err != nil {
			status = Status{Outside: lease.Outside, Trouble: trouble(err, lease.Outside)}
			log.Info("no port from the router", "error", err)
			if best != nil {
				best, wait = nil, 0 // others may
			}
		} else {
			best = asker
			status = Status{Protocol: asker.Protocol(), Public: netip.AddrPortFrom(lease.Outside, lease.Port), Outside: lease.Outside}
			if wait = max(shortest, lease.Life/2); lease.Life == 0 {
				wait = wanted / 2
			}
		}
		if status != last {
			last = status
			report(status)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// ask asks by all protocols at once and takes the first port. An answer that
// there is none for good (the router is not on the internet itself) beats
// silence, and is told to hopeless at once.
func ask(ctx context.Context, port uint16, askers []Asker, used map[Asker]bool, hopeless func(outside netip.Addr), log *slog.Logger) (Asker, Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	type answer struct {
		asker Asker
		lease Lease
		err   error
	}
	answers := make(chan answer, len(askers))
	for _, a := range askers {
		used[a] = true // even if it loses: the router may have heard the question
		crash.Go(func() {
			lease, err := a.Map(ctx, port)
			if err == nil && NotPublic(lease.Outside) {
				err = fmt.Errorf("%w: %v", ErrNotPublic, lease.Outside)
			}
			answers <- answer{a, lease, err}
		})
	}
	worst, outside := ErrNoRouter, netip.Addr{}
	var won *answer
	for range askers {
		a := <-answers
		log.Debug("asked the router", "by", a.asker.Protocol(), "lease", a.lease, "error", a.err)
		switch {
		case a.err == nil && won == nil:
			won = &a
			cancel() // the others need not go on
		case errors.Is(a.err, ErrNotPublic):
			worst = ErrNotPublic
			if a.lease.Outside.IsValid() {
				outside = a.lease.Outside
			}
			if won == nil {
				hopeless(outside)
			}
		case errors.Is(a.err, ErrRefused) && worst == ErrNoRouter:
			worst = ErrRefused
		}
	}
	if won != nil {
		return won.asker, won.lease, nil
	}
	return nil, Lease{Outside: outside}, worst
}

// giveBack closes what was opened.
func giveBack(ctx context.Context, used map[Asker]bool, port uint16, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackIn)
	defer cancel()
	done := make(chan struct{}, len(used))
	for a := range used {
		crash.Go(func() {
			if err := a.Unmap(ctx, port); err != nil {
				log.Info("could not give the port back", "by", a.Protocol(), "error", err)
			}
			done <- struct{}{}
		})
	}
	for range used {
		<-done
	}
}
