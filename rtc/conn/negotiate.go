package conn

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// Limits of a description that somebody sent us.
const (
	maxSDP      = 48 << 10          // bytes
	maxSections = rules.MaxSections // m-lines
	maxSSRCs    = 64                // a=ssrc lines in one section
	// maxCandidates is how many of the peer's candidates are tried in one ICE
	// generation: each costs a pair that is checked five times a second.
	maxCandidates = rules.MaxGeneration
)

// makeOffer answers rtc.MakeOffer.
func (s *session) makeOffer(c rtc.MakeOffer) error {
	if s.offered {
		return fmt.Errorf("make offer %d: %w: another is unanswered", c.N, errUnordered)
	}
	restart := c.Restart && s.negotiated
	if restart {
		s.pulse.restart()
		s.streams.restart()
		s.gen.begin()
		s.seeker.forget()
	}
	offer, err := s.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return fmt.Errorf("make offer %d: %w", c.N, err)
	}
	if restart || !s.negotiated {
		s.remoteOpen = false
	}
	// Posted before it is applied, so that no candidate overtakes it.
	s.announce(rtc.LocalOffer{N: c.N, Gen: c.Gen, Restart: c.Restart, SDP: offer.SDP}, offer.SDP, c.Gen)
	if err := s.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("apply our offer %d: %w", c.N, err)
	}
	s.offered = true
	return nil
}

// announce posts our description and the candidates that waited for it.
func (s *session) announce(e rtc.SessionEvent, sdp string, gen uint32) {
	if s.dialer.relayOnly {
		e = withoutRelated(e)
	}
	waited := s.gen.announce(ufrag(sdp), gen)
	s.post(e)
	for _, c := range waited {
		s.post(c)
	}
}

// acceptOffer answers rtc.AcceptOffer.
func (s *session) acceptOffer(c rtc.AcceptOffer) error {
	if s.offered {
		return fmt.Errorf("accept offer %d: %w: ours is unanswered", c.N, errUnordered)
	}
	if err := s.applyRemote(webrtc.SDPTypeOffer, c.SDP); err != nil {
		return fmt.Errorf("accept offer %d: %w", c.N, err)
	}
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer offer %d: %w", c.N, err)
	}
	s.announce(rtc.LocalAnswer{N: c.N, Gen: c.Gen, SDP: answer.SDP}, answer.SDP, c.Gen)
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("apply our answer %d: %w", c.N, err)
	}
	s.openCandidates()
	return nil
}

// acceptAnswer applies the peer's answer.
func (s *session) acceptAnswer(c rtc.AcceptAnswer) error {
	if !s.offered {
		return fmt.Errorf("accept answer %d: %w: no offer is out", c.N, errUnordered)
	}
	if err := s.applyRemote(webrtc.SDPTypeAnswer, c.SDP); err != nil {
		return fmt.Errorf("accept answer %d: %w", c.N, err)
	}
	s.offered = false
	s.openCandidates()
	return nil
}

// applyRemote checks and applies a description of the peer and makes sure that
// our transceivers took their places in it.
func (s *session) applyRemote(kind webrtc.SDPType, text string) error {
	mids, err := checkDescription(text)
	if err != nil {
		return err
	}
	frag := ufrag(text)
	if frag != s.remoteFrag {
		s.remoteFrag, s.taken, s.seeker.peers = frag, 0, nil
		if s.negotiated && kind == webrtc.SDPTypeOffer {
			s.pulse.restart()
			s.streams.restart()
			s.gen.begin()
			s.seeker.forget()
		}
	}
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: text}); err != nil {
		return err
	}
	s.negotiated = true
	for k, t := range s.slots {
		if t.Mid() != mids[k] {
			return fmt.Errorf("the %s landed on m-line %q, not %q", media.Kind(k), t.Mid(), mids[k])
		}
	}
	return nil
}

// checkDescription refuses what no honest peer sends, before pion spends
// anything on it. It returns the mids of microphone, camera and screen.
func checkDescription(text string) (mids [kinds]string, err error) {
	if len(text) > maxSDP {
		return mids, fmt.Errorf("the description has %d bytes, more than %d", len(text), maxSDP)
	}
	// Counted before parsing: the parser's memory grows with the lines.
	if n := strings.Count(text, "\nm="); n > maxSections {
		return mids, fmt.Errorf("the description has %d m-lines, more than %d", n, maxSections)
	}
	if n := strings.Count(text, "a=candidate:"); n > maxCandidates {
		return mids, fmt.Errorf("the description has %d candidates, more than %d", n, maxCandidates)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return mids, fmt.Errorf("read the description: %w", err)
	}
	want := [...]string{"audio", "video", "video", "application"}
	if len(d.MediaDescriptions) < len(want) {
		return mids, fmt.Errorf("the description has %d m-lines, fewer than %d", len(d.MediaDescriptions), len(want))
	}
	seen := make(map[string]bool)
	for i, m := range d.MediaDescriptions {
		if i < len(want) && m.MediaName.Media != want[i] {
			return mids, fmt.Errorf("m-line %d is not %s", i, want[i])
		}
		mid, _ := m.Attribute(sdp.AttrKeyMID)
		if mid == "" || seen[mid] {
			return mids, fmt.Errorf("m-line %d has no mid of its own", i)
		}
		seen[mid] = true
		if i < kinds {
			mids[i] = mid
		}
		if err := checkSection(m); err != nil {
			return mids, fmt.Errorf("m-line %d: %w", i, err)
		}
	}
	return mids, nil
}

func checkSection(m *sdp.MediaDescription) error {
	ssrcs := 0
	for _, a := range m.Attributes {
		switch a.Key {
		case "simulcast", "rid":
			return errors.New("simulcast is not spoken here")
		case sdp.AttrKeySSRC:
			ssrcs++
		}
	}
	if ssrcs > maxSSRCs {
		return fmt.Errorf("%d ssrc lines, more than %d", ssrcs, maxSSRCs)
	}
	return nil
}

// ufrag returns the first ICE user fragment of a description (RFC 8839 section
// 5.4), or "".
func ufrag(text string) string {
	_, rest, ok := strings.Cut(text, "a=ice-ufrag:")
	if !ok {
		return ""
	}
	frag, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(frag)
}

// generations puts the number of its ICE generation on each candidate of ours,
// by its user fragment: pion reports candidates some time after it found them,
// and at a restart it finds them before there is a description to tell of.
type generations struct {
	mu      sync.Mutex // guards all
	byFrag  map[string]uint32
	current uint32
	making  bool                  // the description of a new generation is in the making
	waiting []rtc.LocalCandidates // candidates found meanwhile
}

// begin says that a new generation starts, whose number comes with announce.
func (g *generations) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.making = true
}

// announce gives the generation its number and returns the candidates that
// waited for it.
func (g *generations) announce(frag string, gen uint32) []rtc.LocalCandidates {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.byFrag == nil || len(g.byFrag) > 8 { // older ones cannot come any more
		g.byFrag = make(map[string]uint32)
	}
	g.byFrag[frag], g.current, g.making = gen, gen, false
	waited := g.waiting
	g.waiting = nil
	for i := range waited {
		waited[i].Gen = gen
	}
	return waited
}

// tag puts the number on candidates with the given user fragment, "" for the
// word that there are no more. It returns false if they have to wait.
func (g *generations) tag(frag string, c rtc.LocalCandidates) (rtc.LocalCandidates, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen, known := g.byFrag[frag]
	switch {
	case known:
		c.Gen = gen
	case g.making:
		g.waiting = append(g.waiting, c)
		return c, false
	default:
		c.Gen = g.current
	}
	return c, true
}
