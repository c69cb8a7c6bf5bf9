package call

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/outdial"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/signal"
)

// fromServer takes an event of signaling to the mesh, with the STUN and TURN
// servers that are to be used instead of those that were offered.
func (c *Call) fromServer(e signal.Event) {
	switch w := e.(type) {
	case signal.Welcome:
		w.ICE = c.iceServers(w.ICE)
		e = w
	case signal.ICEChanged:
		w.ICE = c.iceServers(w.ICE)
		e = w
	}
	c.mesh.Signal(e)
}

// iceServers chooses from what the server offers and adds the person's own.
func (c *Call) iceServers(offered []signal.ICEServer) []signal.ICEServer {
	c.offered.Store(&offered)
	servers, refused := iceserver.Believed(offered, c.serverHost(), c.cfg.ICEHosts)
	for _, u := range refused {
		c.log.Warn("the server offers a relay elsewhere, which is not used", "url", safetext.Line(u, 128))
	}
	now := time.Now()
	for _, s := range c.cfg.ICE {
		servers = append(servers, s.Offer("meet", now))
	}
	if c.cfg.RelayOnly && !hasRelay(servers) {
		c.Warn("no-relay", "Nobody can be met: everything is to be relayed, and the server offers no relay.")
	}
	return servers
}

// hasRelay reports whether one of the servers relays.
func hasRelay(servers []signal.ICEServer) bool {
	for _, s := range servers {
		for _, u := range s.URLs {
			if strings.HasPrefix(u, "turn") {
				return true
			}
		}
	}
	return false
}

// dialRelay opens connections to relays over TCP and TLS. The server's own is
// trusted as the server is.
func (c *Call) dialRelay(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
	var d outdial.Dialer
	if host, _, err := net.SplitHostPort(address); err == nil && strings.EqualFold(host, c.serverHost()) {
		if d.TLS, err = trustOf(*c.server.Load()); err != nil {
			return nil, err
		}
	}
	return d.DialContext(ctx, network, address, secure)
}

// renewICE makes credentials from the person's own secrets again before they end.
func (c *Call) renewICE(ctx context.Context) {
	ticker := time.NewTicker(iceserver.Lifetime / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if offered := c.offered.Load(); offered != nil {
				c.mesh.Signal(signal.ICEChanged{ICE: c.iceServers(*offered)})
			}
		}
	}
}
