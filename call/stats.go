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
	Now      Rates
}

// Rates are the figures of one peer over the last second.
type Rates struct {
	Down, Up int              // bit/s from the peer and to it, all media
	Bits     [media.Kinds]int // bit/s from the peer, by kind
	Loss     float64          // share of the sound sent to us that was lost, 0 to 1
}

// minRateSpan is the least time that rates are taken over.
const minRateSpan = 900 * time.Millisecond

// rates turns the counters of one peer into figures per second, by what they were
// about a second ago.
type rates struct {
	at   time.Time
	then PeerStats // the counters at that time
	now  Rates
}

// take brings the rates up to date with the counters of a moment.
func (r *rates) take(now time.Time, s *PeerStats) Rates {
	span := now.Sub(r.at)
	if r.at.IsZero() {
		r.at, r.then = now, *s
	}
	if span < minRateSpan || r.at.Equal(now) {
		return r.now
	}
	next := Rates{
		Down: perSecond(media.Total(s.Received)-media.Total(r.then.Received), span),
		Up:   perSecond(media.Total(s.Sent)-media.Total(r.then.Sent), span),
	}
	for k := range next.Bits {
		next.Bits[k] = perSecond(s.Received[k]-r.then.Received[k], span)
	}
	lost, got := s.Audio.Lost-r.then.Audio.Lost, s.Audio.Packets-r.then.Audio.Packets
	if lost+got > 0 {
		next.Loss = float64(lost) / float64(lost+got)
	}
	r.at, r.then, r.now = now, *s, next
	return next
}

func perSecond(bytes uint64, span time.Duration) int {
	return int(float64(bytes) * 8 / span.Seconds())
}

// Stats is a snapshot of every peer's figures, in the order of the view.
func (c *Call) Stats() []PeerStats {
	view, now := c.View(), time.Now()
	all := make([]PeerStats, 0, len(view.Peers))
	for i := range view.Peers {
		all = append(all, c.media.stats(now, &view.Peers[i]))
	}
	return all
}

func (m *studio) stats(now time.Time, p *rtc.PeerView) PeerStats {
	s := PeerStats{Who: rtc.Who{Peer: p.ID, Name: p.Name}, Transport: p.Transport, Via: p.Via}
	s.Camera = m.pictures.stats(Viewed{p.ID, media.Camera})
	s.Screen = m.pictures.stats(Viewed{p.ID, media.Screen})
	for k := range media.Kind(media.Kinds) {
		s.Received[k] = m.dialer.Received(p.ID, k).Bytes
		s.Sent[k] = m.out.Sent(p.ID, k).Bytes
	}
	who := m.people.find(p.ID)
	if who == nil {
		return s
	}
	if r := who.sound.Load(); r != nil {
		s.Audio = r.Stats()
	}
	who.mu.Lock()
	defer who.mu.Unlock()
	s.Now = who.rates.take(now, &s)
	return s
}

// Levels is how loud everybody is now, oneself included under one's own id.
func (c *Call) Levels() map[signal.PeerID]media.Loudness {
	l := c.media.audio.Levels()
	all := make(map[signal.PeerID]media.Loudness, len(l.People)+1)
	all[c.self] = media.Loudness{DB: l.Self, Speaking: l.Self > mix.Speaking}
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
