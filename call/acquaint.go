package call

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/meet-term/meet/internal/known"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// People is whom the person knows. It is implemented by [known.Book].
type People interface {
	Meet(name string, key ed25519.PublicKey, now time.Time) (known.Known, error)
	Verify(name string, key ed25519.PublicKey, now time.Time) error
}

// KeyText is a person's key as OpenSSH writes it, KeyPrint its fingerprint.
func KeyText(key ed25519.PublicKey) string  { return known.Text(key) }
func KeyPrint(key ed25519.PublicKey) string { return known.Fingerprint(key) }

// proof is somebody who has proved to have a key; verify, that a person has compared it.
type proof struct {
	who    rtc.Who
	id     rtc.Identity
	verify bool
}

// maxProofs is how many proofs wait; each connection brings one.
const maxProofs = 256

// acquaint looks up whoever proves who they are. The book is a file, which must keep
// nothing else waiting.
func (c *Call) acquaint(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-c.proofs:
			c.mesh.SetIdentity(p.who.Peer, c.identify(p))
		}
	}
}

// identify says how well somebody is known.
func (c *Call) identify(p proof) rtc.Identity {
	id := p.id
	id.Mark, id.Known = rtc.MarkNew, ""
	if c.cfg.People == nil {
		return id
	}
	now := time.Now()
	if p.verify {
		if err := c.cfg.People.Verify(p.who.Name, id.Key, now); err != nil {
			c.Warn("people", "Whom you know cannot be kept: "+err.Error())
			return p.id
		}
	}
	met, err := c.cfg.People.Meet(p.who.Name, id.Key, now)
	if err != nil {
		c.log.Warn("look up a person", "error", err)
		c.Warn("people", "Whom you know cannot be looked up: "+err.Error())
	}
	id.Known = met.Name
	switch {
	case met.Other != nil:
		id.Mark, id.Known = rtc.MarkChanged, met.Other.Name
		id.Other = met.Other.Key
	case met.Verified:
		id.Mark = rtc.MarkVerified
	case met.Name != "":
		id.Mark = rtc.MarkKnown
	}
	return id
}

// proved takes, on the goroutine of the mesh, who somebody has proved to be.
func (c *Call) proved(who rtc.Who, id rtc.Identity) { c.prove(proof{who, id, false}) }

func (c *Call) prove(p proof) bool {
	select {
	case c.proofs <- p:
		return true
	default:
		return false
	}
}

// Verify notes for good that the words of a connected peer were compared and are the
// same on both sides. It reports whether there is such a peer.
func (c *Call) Verify(peer signal.PeerID) bool {
	p, ok := c.mesh.View().Peer(peer)
	if !ok || p.Identity.Key == nil || p.Identity.Words == "" {
		return false
	}
	return c.prove(proof{rtc.Who{Peer: p.ID, Name: p.Name}, p.Identity, true})
}
