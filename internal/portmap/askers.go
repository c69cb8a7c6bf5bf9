package portmap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/meet-term/meet/internal/crash"
)

// Askers are all ways to ask the router of this machine.
func Askers() []Asker {
	askers := []Asker{NewUPnP()}
	if gateway, ok := Gateway(); ok {
		askers = append(askers, NewPCP(gateway), NewNATPMP(gateway))
	}
	return askers
}

// Tried is what came of asking by one protocol.
type Tried struct {
	Protocol Protocol
	Outside  netip.Addr
	Err      error // nil: it opens ports
}

// Try asks by all protocols for a port, and gives it back at once.
func Try(ctx context.Context, port uint16, askers []Asker) []Tried {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	tried := make([]Tried, len(askers))
	var running sync.WaitGroup
	for i, a := range askers {
		crash.GoIn(&running, func() {
			lease, err := a.Map(ctx, port)
			if err == nil {
				_ = a.Unmap(ctx, port) // else it ends with its lease
				if NotPublic(lease.Outside) {
					err = ErrNotPublic
				}
			}
			tried[i] = Tried{a.Protocol(), lease.Outside, err}
		})
	}
	running.Wait()
	return tried
}

// Verdict says in words what came of it, and whether a port can be had.
func Verdict(tried []Tried) (text string, ok bool) {
	var open []string
	worst, outside := ErrNoRouter, netip.Addr{}
	for _, t := range tried {
		if t.Outside.IsValid() && !t.Outside.IsUnspecified() {
			outside = t.Outside
		}
		switch {
		case t.Err == nil:
			open = append(open, string(t.Protocol))
		case errors.Is(t.Err, ErrNotPublic):
			worst = ErrNotPublic
		case errors.Is(t.Err, ErrRefused) && worst == ErrNoRouter:
			worst = ErrRefused
		}
	}
	if len(open) == 0 {
		return trouble(worst, outside), false
	}
	slices.Sort(open)
	return fmt.Sprintf("The router opens ports by %s; its address outside is %v: meet join --internet works.", strings.Join(open, ", "), outside), true
}
