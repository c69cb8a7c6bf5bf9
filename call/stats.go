package call

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// PeerStats are the figures of one peer. Counters are totals since the peer
// was first met and never go back, whatever connection carries them.
type PeerStats struct {
	rtc.Who
	Transport rtc.TransportStats
	Via       string // the name of who carries the packets; "" unless somebody does
	Audio     audio.Stats
	Camera    media.PictureStats
	Screen    media.PictureStats
	// Received and Sent are bytes by kind, headers included.
	Received [media.Kinds]uint64
	Sent     [media.Kinds]uint64
	// Loss is the share of our packets that the peer last reported lost.
	Loss float64
}

// Stats is a snapshot of every peer's figures, in the order of the view.
func (c *Call) Stats() []PeerStats {
	view := c.View()
	all := make([]PeerStats, 0, len(view.Peers))
	for i := range view.Peers {
		all = append(all, c.media.stats(&view.Peers[i]))
	}
	return all
}

func (m *studio) stats(p *rtc.PeerView) PeerStats {
	s := PeerStats{Who: rtc.Who{Peer: p.ID, Name: p.Name}, Transport: p.Transport, Via: p.Via}
	if r := m.receiver(p.ID); r != nil {
		s.Audio = r.Stats()
	}
	s.Camera = m.pictures.stats(Viewed{p.ID, media.Camera})
	s.Screen = m.pictures.stats(Viewed{p.ID, media.Screen})
	for k := range media.Kind(media.Kinds) {
		s.Received[k] = m.dialer.Received(p.ID, k).Bytes
		sent := m.out.Sent(p.ID, k)
		s.Sent[k] = sent.Bytes
		s.Loss = max(s.Loss, sent.Loss)
	}
	return s
}

// Levels is how loud everybody is now, oneself included under one's own id.
func (c *Call) Levels() map[signal.PeerID]media.Loudness {
	l := c.media.audio.Levels()
	all := make(map[signal.PeerID]media.Loudness, len(l.People)+1)
	all[c.cfg.Self] = media.Loudness{DB: l.Self, Speaking: l.Self > mix.Speaking}
	for _, p := range l.People {
		all[signal.PeerID(p.ID)] = media.Loudness{DB: p.DB, Speaking: p.DB > mix.Speaking}
	}
	return all
}

// Media is what we send by now, be it that View tells it a moment later.
func (c *Call) Media() signal.Media { return c.media.sending() }

// Speaker is who leads the talk at present, or "".
func (c *Call) Speaker() signal.PeerID { return signal.PeerID(c.media.audio.Levels().Dominant) }

// Uptime is how long the call has been joined; 0 before.
func (c *Call) Uptime() time.Duration {
	if since := c.View().Since; !since.IsZero() {
		return time.Since(since)
	}
	return 0
}
