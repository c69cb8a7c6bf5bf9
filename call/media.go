package call

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/record"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/rtc/conn"
	"github.com/meet-term/meet/signal"
)

// mesh is what the media need of the connection manager.
type mesh interface {
	View() *rtc.RoomView
	SendData(peer signal.PeerID, kind string, data json.RawMessage)
	SetMedia(signal.Media)
	SetHearing(peer signal.PeerID, heard, hears bool)
}

// studio is what one participant sends and receives. It knows which sources a
// person wants on and which there are; only what is both is sent and told.
type studio struct {
	self     signal.PeerID
	mesh     mesh // set once, before anything runs
	events   *eventQueue
	log      *slog.Logger
	people   *people
	audio    *audio.Engine
	pictures *pictures
	memory   *memory
	recorder atomic.Pointer[record.Recorder] // of our own recording; nil: there is none
	out      *conn.Outbound
	dialer   *conn.Dialer
	echoes   echoes

	mu      sync.Mutex
	chosen  chosen
	trouble [media.Kinds]string // why a camera or a screen does not work
	want    signal.Media        // as the person wishes
	have    signal.Media        // what there is a source for
}

func newStudio(cfg Config, self signal.PeerID, events *eventQueue, beside *channels) (*studio, error) {
	m := &studio{
		self: self, events: events, log: cfg.Logger, people: newPeople(),
		memory: newMemory(), out: conn.NewOutbound(), want: cfg.Start,
		chosen: chosen{cfg.Mic, cfg.Speaker, cfg.Camera, cfg.Screen},
	}
	m.have.Mic = cfg.Mic.Kind != audio.None
	var err error
	m.audio, err = audio.New(audio.Config{
		Mic: cfg.Mic, Speaker: cfg.Speaker, Muted: !m.want.Mic,
		Processing: cfg.Processing, ListenMuted: cfg.ListenMuted,
		OnEcho:  func(id string) { m.mesh.SendData(signal.PeerID(id), "echo", encode(struct{}{})) },
		OnFrame: m.sayFrame, OnWarning: m.audioWarning,
		OnAvailable: func(ok bool) { m.setHave(media.Mic, ok) },
		OnHeard:     func(id string) { m.perceived(m.people.find(signal.PeerID(id)), media.Mic, time.Now()) },
	})
	if err != nil {
		return nil, fmt.Errorf("prepare sound: %w", err)
	}
	m.dialer, err = conn.New(conn.Config{
		Self: self, Net: cfg.Net, Local: m.out, Sink: sink{m}, Logger: cfg.Logger,
		DialRelay: cfg.DialRelay, RelayOnly: cfg.RelayOnly, Channels: beside,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare connections: %w", err)
	}
	m.audio.SetListened(false)
	m.pictures = newPictures(pictureConfig{
		ownFrame: func(f media.Frame) {
			if r := m.recorder.Load(); r != nil {
				f.Data = bytes.Clone(f.Data)
				r.Video(string(m.self), f)
			}
		},
		camera: cfg.Camera.Source(), screen: cfg.Screen.Source(), start: cfg.Start,
		watchAll: cfg.WatchAll, receive: cfg.Receive, most: cfg.MaxBandwidth, out: m.out, people: m.people,
		log:       m.log.Warn,
		warn:      m.videoWarning,
		available: m.setHave,
		keyFrame:  m.dialer.RequestKeyFrame,
		shown:     func(p *person, k media.Kind) { m.perceived(p, k, time.Now()) },
		thin:      func(peer signal.PeerID, t thinMessage) { m.mesh.SendData(peer, "thin", encode(t)) },
		tell:      func(peer signal.PeerID, v viewMessage) { m.mesh.SendData(peer, "view", encode(v)) },
	})
	return m, nil
}

// alignEvery is how often pictures are lined up with sound.
const alignEvery = 500 * time.Millisecond

// run keeps the sources and sinks until ctx ends.
func (m *studio) run(ctx context.Context) {
	var wg sync.WaitGroup
	crash.GoIn(&wg, func() {
		if err := m.audio.Run(ctx); err != nil {
			m.log.Error("sound ended", "error", err)
		}
	})
	crash.GoIn(&wg, func() { m.pictures.run(ctx) })
	crash.GoIn(&wg, func() { m.align(ctx) })
	crash.GoIn(&wg, func() { m.strains(ctx) })
	crash.GoIn(&wg, func() { m.listen(ctx) })
	crash.GoIn(&wg, func() { m.memory.run(ctx) })
	wg.Wait()
}

// Dial implements [rtc.Dialer]: it lets a peer's media in before there is any.
func (m *studio) Dial(cfg rtc.SessionConfig) rtc.Session {
	m.people.admit(cfg.Peer)
	return m.dialer.Dial(cfg)
}

// receiver is where a person's sound goes. It is made under their lock, so that
// their end cannot come between.
func (m *studio) receiver(p *person) *audio.Receiver {
	if r := p.sound.Load(); r != nil {
		return r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil
	}
	r, err := m.audio.Peer(string(p.id))
	if err != nil {
		return nil // out of memory for decoders; the next packet tries again
	}
	p.sound.Store(r)
	return r
}

// align keeps the pictures of everybody together with their sound.
func (m *studio) align(ctx context.Context) {
	ticker := time.NewTicker(alignEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		view := m.mesh.View()
		for i := range view.Peers {
			p := m.people.find(view.Peers[i].ID)
			if p == nil {
				continue
			}
			var wait time.Duration
			if r := p.sound.Load(); r != nil && view.Peers[i].Media.Mic {
				wait = p.hold(time.Duration(r.Stats().BufferMS * float64(time.Millisecond)))
			}
			if r := p.pictures[media.Camera].Load(); r != nil {
				r.SetDelay(wait)
			}
		}
	}
}

// connected says that a peer can be sent to. It stays so until forget, cuts
// included: a path heals before anybody knows, and sound must be there at once.
// With nobody in the room nothing is encoded.
func (m *studio) connected(peer signal.PeerID) {
	p := m.people.find(peer)
	if p == nil {
		return
	}
	m.mu.Lock()
	p.mu.Lock()
	p.listens = !p.gone
	p.mu.Unlock()
	m.forWhom()
	m.mu.Unlock()
	m.pictures.connected(p)
}

// sending is what really goes out.
func (m *studio) sending() signal.Media {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.both()
}

func (m *studio) both() signal.Media {
	return signal.Media{
		Mic:    m.want.Mic && m.have.Mic,
		Camera: m.want.Camera && m.have.Camera,
		Screen: m.want.Screen && m.have.Screen,
		Sound:  m.want.Sound && m.want.Screen && m.have.Screen,

		Recording: m.recorder.Load() != nil,
	}
}

// set changes what a person wants, at once, and tells the room.
func (m *studio) set(k media.Kind, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*field(&m.want, k) = on
	if k == media.Screen && !on {
		m.want.Sound = false
	}
	if on && !*field(&m.have, k) && (k != media.Mic || m.chosen.mic.Kind == audio.None) {
		m.events.post(missingSource(k)) // the trouble with a microphone is told by the one who tries it
	}
	m.apply(k)
}

// setHave records that a source came or went and tells the room.
func (m *studio) setHave(k media.Kind, have bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found(k, have)
}

// found is setHave with mu held.
func (m *studio) found(k media.Kind, have bool) {
	*field(&m.have, k) = have
	if have {
		m.trouble[k] = ""
	}
	m.audio.SetShareSound(m.both().Sound)
	m.mesh.SetMedia(m.both())
}

// apply makes a source do what the person wants, so that one that is not there
// is waited for, and tells the room what is sent; nothing in it waits. Called
// with mu held: the order of two toggles must be the order of their effects, and
// of what others hear of them.
func (m *studio) apply(k media.Kind) {
	if k == media.Mic {
		m.audio.SetMuted(!m.want.Mic)
	} else {
		m.pictures.setOn(m.want)
	}
	m.audio.SetShareSound(m.both().Sound)
	m.mesh.SetMedia(m.both())
}

func field(s *signal.Media, k media.Kind) *bool {
	switch k {
	case media.Camera:
		return &s.Camera
	case media.Screen:
		return &s.Screen
	default:
		return &s.Mic
	}
}

func missingSource(k media.Kind) Warning {
	switch k {
	case media.Camera:
		return Warning{media.Warning{Code: media.NoCamera, Text: "No camera found. Others cannot see you."}}
	case media.Screen:
		return Warning{media.Warning{Code: media.NoScreen, Text: "No display found. There is nothing to share."}}
	default:
		return Warning{media.Warning{Code: media.NoMicrophone, Text: "No microphone. Others cannot hear you."}}
	}
}

// videoWarning notes what is wrong with a source, or that it is not any more.
func (m *studio) videoWarning(k media.Kind, w media.Warning) {
	m.mu.Lock()
	m.trouble[k] = w.Text
	if w.Code.Good() {
		m.trouble[k] = ""
	}
	// A screen that nobody asked to share is not missed.
	unasked := k == media.Screen && !m.want.Screen
	m.mu.Unlock()
	if unasked {
		return
	}
	m.events.post(Warning{w})
}

func (m *studio) audioWarning(w media.Warning) {
	m.events.post(Warning{w})
}

// end forgets a person who left.
func (m *studio) end(peer signal.PeerID) {
	m.people.end(peer)
	m.audio.RemovePeer(string(peer))
	m.pictures.end(peer)
	m.dialer.Forget(peer)
	m.memory.unused()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forWhom()
}

// sink takes what arrives from the peers.
type sink struct{ *studio }

// Audio implements [conn.Sink].
func (s sink) Audio(peer signal.PeerID, packet media.Packet) {
	p := s.people.find(peer)
	if p == nil {
		return
	}
	s.saw(p, media.Mic, packet.At)
	if r := s.recorder.Load(); r != nil {
		r.Audio(string(peer), packet)
	}
	if r := s.receiver(p); r != nil {
		r.Push(packet)
	}
}

// Video implements [conn.Sink].
func (s sink) Video(peer signal.PeerID, f media.Frame) {
	p := s.people.find(peer)
	if p == nil {
		return
	}
	s.saw(p, f.Kind, f.At)
	if r := s.recorder.Load(); r != nil {
		r.Video(string(peer), f)
	}
	if r := s.pictures.receiver(p, f.Kind); r != nil {
		r.Push(f)
	}
}

// KeyFrameWanted implements [conn.Sink].
func (s sink) KeyFrameWanted(k media.Kind, small bool) { s.pictures.sender(k).KeyFrame(small) }

// Feedback implements [conn.Sink].
func (s sink) Feedback(peer signal.PeerID, f conn.Feedback) {
	if f.Kind == media.Mic {
		s.soundLoss(peer, f.Loss)
	}
}

// Carries implements [conn.Sink].
func (s sink) Carries(peer signal.PeerID, c conn.Capacity) { s.pictures.carries(peer, c) }

// heavyLoss is the loss from which listeners get two redundant copies of every
// frame (RFC 2198), which make in-band error correction pointless.
const heavyLoss = 0.08

// soundLoss makes the one encoder prepare for the worst loss that any listener
// reports.
func (m *studio) soundLoss(peer signal.PeerID, loss float64) {
	p := m.people.find(peer)
	if p == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.mu.Lock()
	p.loss = loss
	p.mu.Unlock()
	m.forWhom()
}

// forWhom sets the encoder of the sound up for the people who are there. Called
// with mu held.
func (m *studio) forWhom() {
	worst, listened := 0.0, m.recorder.Load() != nil
	for _, p := range m.people.everybody() {
		p.mu.Lock()
		worst, listened = max(worst, p.loss), listened || p.listens
		p.mu.Unlock()
	}
	m.audio.SetListened(listened)
	m.audio.SetExpectedLoss(max(opus.DefaultLoss, int(worst*100)), worst <= heavyLoss)
}
