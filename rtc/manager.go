package rtc

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/signal"
)

// Signaler is what the mesh needs of the link to the server. No method
// blocks. It is implemented by [signal.Client].
type Signaler interface {
	Send(to signal.PeerID, inc signal.Inc, body signal.Body)
	SetState(signal.State)
	// Nudge says that the network changed: the link is to be checked or
	// dialled now.
	Nudge()
}

// Sealer seals what is said to one peer, so that whoever carries it, server
// or third peer, can neither read nor change it.
type Sealer interface {
	SealMessage(to signal.PeerID, inc signal.Inc, body signal.Body) ([]byte, error)
	OpenMessage(frame []byte) (signal.Message, error)
	Sign(purpose, text string) signal.Signature
	Verify(from signal.PeerID, inc signal.Inc, purpose, text string, by signal.Signature) error
	VerifyBinding(person, seat ed25519.PublicKey, signature []byte) error
}

// Config describes the room a Manager keeps.
type Config struct {
	Self  signal.PeerID
	Inc   signal.Inc
	Room  string // for people to read
	Open  bool   // the room has no secret
	State signal.State

	Dialer Dialer
	Signal Signaler
	Sealer Sealer
	// Clean makes a line of the network fit to be shown, at most so many runes
	// long. Nil takes no names from the data channel.
	Clean func(line string, runes int) string
	// Handle takes every event, on the Manager's goroutine; it must not block.
	Handle func(Event)
	// Data takes what a peer sent with [Manager.SendData], on the Manager's
	// goroutine; it must not block. Nil drops it.
	Data func(from signal.PeerID, kind string, data json.RawMessage)
	// DataOpen says that SendData now reaches a peer; same rules.
	DataOpen func(signal.PeerID)
	// Gone says that a peer left the room for good; same rules.
	Gone func(signal.PeerID)

	// Person is who we are to those we are connected with; nil tells nobody.
	Person *Person
	// Proved takes who somebody has proved to be on their connection; same rules. What
	// is known of them is for [Manager.SetIdentity].
	Proved func(Who, Identity)
	Rand   io.Reader // nil: crypto/rand.Reader

	// NoCarry keeps us from carrying the packets of two others who cannot
	// exchange them.
	NoCarry bool

	Timing Timing
	Logger *slog.Logger
}

// Manager owns the mesh of one room: every peer's state machine and session.
// One goroutine, that of Run, owns everything below the line; all other
// methods post to it or read the published view.
type Manager struct {
	cfg     Config
	log     *slog.Logger
	mail    *mailbox
	changed chan struct{}
	view    atomic.Pointer[RoomView]

	// Owned by Run.
	state    signal.State
	server   ServerView
	serverUp bool
	joinedAt time.Time
	epochs   epochs
	ice      []signal.ICEServer
	members  map[signal.PeerID]*member
	reportAt time.Time
	stuck    int            // see RoomView.Stuck
	said     []saying       // the newest of what was told to everybody
	closing  sync.WaitGroup // sessions on their way down
	dirty    bool
	roster   bool // the list of people changed: say so

	carried     map[pairKey]*carriedBetween // what we carry for others
	carryStale  bool                        // who carries for whom is to be worked out
	saidCarried []CarriedView
}

// NewManager returns a Manager that does nothing until Run.
func NewManager(cfg Config) *Manager {
	cfg.Timing = cfg.Timing.withDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Handle == nil {
		cfg.Handle = func(Event) {}
	}
	if cfg.Clean == nil {
		cfg.Clean = func(string, int) string { return "" }
	}
	m := &Manager{
		cfg: cfg, log: cfg.Logger, mail: newMailbox(), changed: make(chan struct{}, 1),
		state: cfg.State, members: map[signal.PeerID]*member{}, carried: map[pairKey]*carriedBetween{},
		server: ServerView{State: signal.Connecting},
	}
	m.state.N = max(1, m.state.N)
	m.store()
	return m
}

// Run keeps the mesh until ctx ends; then it says goodbye to connected peers,
// closes every session and returns when nothing it started runs any more.
func (m *Manager) Run(ctx context.Context) error {
	defer m.shutdown()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-m.mail.ready:
		case <-timer.C:
		}
		now := time.Now()
		for _, item := range m.mail.take() {
			item.deliver(m, now)
		}
		m.settle(now)
		timer.Reset(time.Until(m.wakeAt(now)))
	}
}

// tell hands an event on, and notes those that somebody who reads the log later
// wants to find.
func (m *Manager) tell(e Event) {
	switch e := e.(type) {
	case ConnectionStateChanged:
		m.log.Info("peer", "peer", e.Name, "state", e.State.String(), "before", e.Previous.String())
	case Reconnecting:
		m.log.Info("reconnecting", "peer", e.Name, "attempt", e.Attempt, "of", e.Of, "in", e.Delay)
	case Reconnected:
		m.log.Info("reconnected", "peer", e.Name, "attempts", e.Attempts, "outage", e.Outage)
	case PeerJoined:
		m.log.Info("joined", "peer", e.Name)
	case PeerLeft:
		m.log.Info("left", "peer", e.Name, "crashed", e.Crashed)
	case MediaStateChanged:
		m.log.Info("sends", "peer", e.Name, "mic", e.Media.Mic, "camera", e.Media.Camera, "screen", e.Media.Screen)
	case ServerStateChanged:
		if e.State != e.Previous {
			m.log.Info("server", "state", string(e.State), "before", string(e.Previous))
		}
	}
	m.cfg.Handle(e)
}

// settle brings everything up to the present: reachability, timers, reports
// and the published view.
func (m *Manager) settle(now time.Time) {
	m.refreshReach(now)
	for _, mb := range m.members {
		m.tick(now, mb)
		if reached := mb.dataOpen && mb.peer.connected(); reached != mb.reached {
			mb.reached, m.carryStale = reached, true
			m.reportSoon(now)
			if reached {
				m.pathChanged(mb)
			}
		}
	}
	if !m.reportAt.IsZero() && !now.Before(m.reportAt) {
		m.sendReports(now)
	}
	if m.carryStale {
		m.refreshCarry()
	}
	if m.roster {
		m.roster = false
		m.publish()
		m.tell(RosterChanged{m.View().Peers})
	}
	if m.dirty {
		m.publish()
	}
}

// wakeAt is the nearest deadline of all.
func (m *Manager) wakeAt(now time.Time) time.Time {
	at := now.Add(time.Hour)
	for _, mb := range m.members {
		for _, t := range []time.Time{mb.peer.wakeAt(now), mb.goneAt, mb.keptUntil, mb.owedDue()} {
			if !t.IsZero() && t.Before(at) {
				at = t
			}
		}
	}
	if !m.reportAt.IsZero() && m.reportAt.Before(at) {
		at = m.reportAt
	}
	return at
}

func (m *Manager) shutdown() {
	m.mail.close()
	for _, mb := range m.members {
		if mb.dataOpen {
			mb.session.Do(SendData{encodeData(farewell{})})
		}
		m.hangUp(mb)
	}
	m.closing.Wait()
}

// publish stores a new view and puts the wake token down.
func (m *Manager) publish() {
	m.dirty = false
	m.store()
	wake.Poke(m.changed)
}

// View is the newest view of the room; never nil, never changed.
func (m *Manager) View() *RoomView { return m.view.Load() }

// Changed carries one token whenever View has something new.
func (m *Manager) Changed() <-chan struct{} { return m.changed }

// Signal takes an event of the signaling client. It never blocks.
func (m *Manager) Signal(e signal.Event) { m.mail.post(fromSignal{e}) }

// Flush returns when everything posted before it has been dealt with, or when
// ctx ends.
func (m *Manager) Flush(ctx context.Context) {
	done := make(chan struct{})
	m.mail.post(flush(done))
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// SetMedia tells everyone what we send from now on.
func (m *Manager) SetMedia(media signal.Media) { m.mail.post(setMedia(media)) }

// Retry reconnects one peer now, or with "" every one that is not connected.
func (m *Manager) Retry(id signal.PeerID) { m.mail.post(retryPeer(id)) }

// NetworkChanged says that the machine's addresses changed, and which it no
// longer has; woke says that it slept meanwhile, and no path can be trusted.
func (m *Manager) NetworkChanged(gone []netip.Addr, woke bool) {
	m.mail.post(networkChanged{gone, woke})
}

// SendData sends application data to one peer, or with "" to every connected
// one. It is dropped for those whose data channel is not open.
func (m *Manager) SendData(to signal.PeerID, kind string, data json.RawMessage) {
	m.mail.post(sendData{to, appData{kind, data}})
}

// State is the connection state of a peer; an unknown one is [StateNew].
func (m *Manager) State(id signal.PeerID) State {
	p, _ := m.View().Peer(id)
	return p.State
}

// Previous is the state a peer had before the present one.
func (m *Manager) Previous(id signal.PeerID) State {
	p, _ := m.View().Peer(id)
	return p.Previous
}

// ICE is the ICE state of a peer; an unknown one is [ICENew].
func (m *Manager) ICE(id signal.PeerID) ICEState {
	p, _ := m.View().Peer(id)
	return p.ICE
}

// States is the state of every peer; the caller owns the map.
func (m *Manager) States() map[signal.PeerID]State {
	v := m.View()
	all := make(map[signal.PeerID]State, len(v.Peers))
	for _, p := range v.Peers {
		all[p.ID] = p.State
	}
	return all
}

// IsConnected reports whether media can flow with a peer.
func (m *Manager) IsConnected(id signal.PeerID) bool { return m.State(id) == StateConnected }

// ConnectedCount is how many peers are connected, oneself not counted.
func (m *Manager) ConnectedCount() int { return m.View().Connected() }
