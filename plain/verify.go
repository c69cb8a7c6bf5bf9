package plain

import (
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/rtc"
)

// verify tells the words to compare with somebody, and takes that they are the same:
// "/verify NAME", then "/verify NAME same".
func (s *session) verify(rest string) {
	who, same := strings.CutSuffix(rest, " same")
	who = strings.TrimSpace(who)
	var found []rtc.PeerView
	for _, p := range s.view().Peers {
		if strings.EqualFold(name(p.Name), who) || who == "" {
			found = append(found, p)
		}
	}
	v, can := s.opt.Controls.(front.Verifier)
	switch {
	case len(found) == 0:
		s.say("nobody here is called %s", name(who))
	case len(found) > 1:
		s.say("whom? /verify NAME")
	case found[0].Identity.Words == "" || !can:
		s.say("%s has not shown a key yet", name(found[0].Name))
	case same && v.Verify(found[0].ID):
		// the event says it
	default:
		p := found[0]
		s.say("%s has the key %s", name(p.Name), call.KeyPrint(p.Identity.Key))
		s.say("read these words to each other: %s", p.Identity.Words)
		s.say("the same on both sides: /verify %s same", name(p.Name))
	}
}
