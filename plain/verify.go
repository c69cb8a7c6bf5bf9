package plain

import (
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
)

// verify tells the words to compare with somebody, and takes that they are the same:
// "/verify NAME", then "/verify NAME same".
func (s *session) verify(rest string) {
	who, same := strings.CutSuffix(rest, " same")
	who = strings.TrimSpace(who)
	p, ok := s.named(who, "/verify")
	v, can := s.opt.Controls.(front.Verifier)
	switch {
	case !ok:
	case p.Identity.Words == "" || !can:
		s.say("%s has not shown a key yet", name(p.Name))
	case same && v.Verify(p.ID):
		// the event says it
	default:
		s.say("%s has the key %s", name(p.Name), call.KeyPrint(p.Identity.Key))
		s.say("read these words to each other: %s", p.Identity.Words)
		s.say("the same on both sides: /verify %s same", name(p.Name))
	}
}
