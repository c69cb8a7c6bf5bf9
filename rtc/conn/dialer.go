package conn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// kinds is how many kinds of media there are.
const kinds = media.Kinds

func codecType(k media.Kind) webrtc.RTPCodecType {
	if k == media.Mic {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// Config says what a [Dialer] works with.
type Config struct {
	// Self is our own id; without one no pair of ours is carried by anybody.
	Self signal.PeerID
	// Net is the network to use. Nil is the machine's own, read afresh each
	// time candidates are gathered; tests give a simulated one.
	Net transport.Net
	// Local is what we send. It is required, and may serve one Dialer only.
	Local *Outbound
	// Sink takes what arrives. It is required.
	Sink Sink
	// Channels takes what arrives on the channels besides the first; nil: there are
	// none.
	Channels ChannelSink
	// Logger takes what pion and the sessions have to say; nil discards it.
	Logger *slog.Logger
	// DialRelay opens connections to relays over TCP and TLS; nil: such relays are
	// not used.
	DialRelay DialRelay
	// RelayOnly has everything relayed by a server, and tells nobody an address of
	// this machine.
	RelayOnly bool
}

// Dialer makes the sessions of one participant and finds them again by peer.
// It implements [rtc.Dialer]. Its methods may be called from any goroutine.
type Dialer struct {
	net      transport.Net
	local    *Outbound
	sink     Sink
	channels ChannelSink
	log      *slog.Logger
	self     signal.PeerID
	received ledger[received]
	carriage *carriage

	dialRelay  DialRelay
	relayOnly  bool
	started    time.Time
	udpBlocked atomic.Int64 // when a relay was last not reached over UDP, since started; 0: it was

	mu       sync.Mutex
	sessions map[signal.PeerID][]*session // guarded by mu; oldest first
	cert     *webrtc.Certificate          // guarded by mu; see certificate
}

var _ rtc.Dialer = (*Dialer)(nil)

// New returns a Dialer for cfg. It starts nothing.
func New(cfg Config) (*Dialer, error) {
	if cfg.Local == nil || cfg.Sink == nil {
		return nil, fmt.Errorf("make a dialer: Local and Sink are required")
	}
	d := &Dialer{
		net:      cfg.Net,
		self:     cfg.Self,
		carriage: newCarriage(),
		local:    cfg.Local,
		sink:     cfg.Sink,
		channels: cfg.Channels,
		log:      cfg.Logger,
		sessions: make(map[signal.PeerID][]*session),

		dialRelay: cfg.DialRelay, relayOnly: cfg.RelayOnly, started: time.Now(),
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.net == nil {
		n, err := newSystemNet()
		if err != nil {
			return nil, fmt.Errorf("make a dialer: %w", err)
		}
		d.net = n
	}
	cfg.Local.keyFrameWanted = cfg.Sink.KeyFrameWanted
	return d, nil
}

// Dial starts a session and returns at once.
func (d *Dialer) Dial(cfg rtc.SessionConfig) rtc.Session {
	s := newSession(d, cfg)
	d.mu.Lock()
	d.sessions[cfg.Peer] = append(d.sessions[cfg.Peer], s)
	d.mu.Unlock()
	crash.Go(s.run)
	return s
}

// RequestKeyFrame asks a peer for a picture that can be decoded on its own, by
// a PLI (RFC 4585 section 6.3.1) on its newest session. Requests follow each
// other no faster than every half second; more are dropped.
func (d *Dialer) RequestKeyFrame(peer signal.PeerID, kind media.Kind) {
	if !kind.IsVideo() {
		return
	}
	d.mu.Lock()
	var s *session
	if all := d.sessions[peer]; len(all) > 0 {
		s = all[len(all)-1]
	}
	d.mu.Unlock()
	if s != nil {
		s.requestKeyFrame(kind)
	}
}

// Received returns what arrived from a peer of one kind since it was first
// met, over all its sessions.
func (d *Dialer) Received(peer signal.PeerID, kind media.Kind) Received {
	if int(kind) >= kinds {
		return Received{}
	}
	return d.received.of(peer, kind).snapshot()
}

// Heard is when anything authentic of a peer last arrived on its newest
// session; zero without one.
func (d *Dialer) Heard(peer signal.PeerID) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if all := d.sessions[peer]; len(all) > 0 {
		return all[len(all)-1].Pulse().Heard
	}
	return time.Time{}
}

// Forget drops the counters of a peer who left for good.
func (d *Dialer) Forget(peer signal.PeerID) {
	d.received.forget(peer)
	d.local.forget(peer)
	d.carriage.forget(peer)
}

// ended removes a session that has stopped.
func (d *Dialer) ended(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.sessions[s.cfg.Peer]
	for i, other := range all {
		if other == s {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if len(all) == 0 {
		delete(d.sessions, s.cfg.Peer)
		return
	}
	d.sessions[s.cfg.Peer] = all
}

// certificateAge is how long a certificate is given to new sessions. pion
// signs it for a month.
const certificateAge = 7 * 24 * time.Hour

// certificate returns the DTLS certificate for a new session. It is shared by
// all sessions of about a week, which saves a key per session.
func (d *Dialer) certificate() (webrtc.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cert != nil && time.Until(d.cert.Expires()) > 30*24*time.Hour-certificateAge {
		return *d.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a DTLS key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a DTLS certificate: %w", err)
	}
	d.cert = cert
	return *cert, nil
}

// ledger keeps one record per peer and kind for as long as the peer is known.
type ledger[T any] struct {
	mu    sync.Mutex
	peers map[signal.PeerID]*[kinds]T
}

func (l *ledger[T]) of(peer signal.PeerID, kind media.Kind) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peers == nil {
		l.peers = make(map[signal.PeerID]*[kinds]T)
	}
	records := l.peers[peer]
	if records == nil {
		records = new([kinds]T)
		l.peers[peer] = records
	}
	return &records[kind]
}

func (l *ledger[T]) forget(peer signal.PeerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, peer)
}
