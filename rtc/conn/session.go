package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

const (
	// commandQueue is how many commands may wait. Data and candidates beyond
	// that are dropped; anything else fails the session, which is then too far
	// behind to be of use.
	commandQueue = 256
	// maxMessage is the largest message of the data channel, in bytes.
	maxMessage = rules.MaxMessage
	// maxBuffered is how much unsent data the channel may hold before messages
	// are dropped, in bytes.
	maxBuffered = 1 << 20

	// dataGrace is how long after its data channel a session fails.
	dataGrace = time.Second

	dataLabel = "meet"
	dataID    = 0
)

// Errors a session fails with, besides those of pion.
var (
	errOverrun   = errors.New("the session is too far behind its commands")
	errDTLS      = errors.New("the DTLS handshake failed")
	errDataGone  = errors.New("the data channel was closed")
	errUnordered = errors.New("command out of order")
)

// session is one PeerConnection. It implements [rtc.Session].
type session struct {
	dialer     *Dialer
	cfg        rtc.SessionConfig
	log        *slog.Logger
	net        *liveNet
	pulse      *pulse
	source     source
	iceServers []webrtc.ICEServer
	streams    streams

	ctx      context.Context // ends with Close
	close    context.CancelFunc
	commands chan rtc.Command
	dataGone chan struct{} // holds one token once the data channel closed
	done     chan struct{} // closed when nothing of the session runs

	readersMu sync.Mutex
	readers   sync.WaitGroup // goroutines that read tracks and RTCP
	noReaders bool           // guarded by readersMu; no more may start

	failOnce sync.Once
	failed   atomic.Bool

	connected  atomic.Bool            // DTLS was up once
	pc         *webrtc.PeerConnection // owned by run; others get it through pub
	pub        atomic.Pointer[webrtc.PeerConnection]
	data       *webrtc.DataChannel           // owned by run
	slots      [kinds]*webrtc.RTPTransceiver // written by open, read-only afterwards
	receivers  [kinds]atomic.Pointer[inbound]
	control    *control
	pacer      *pacer
	redundancy redundancy // owned by the reader of the microphone's RTCP

	toldMu    sync.Mutex
	told      float64   // guarded by toldMu, as are the next two; what the path carries beside sound
	toldAt    time.Time // when that was told
	soundRate meter

	gen     generations
	carrier carrier
	seeker  seeker
	extras  [rtc.Channels]extraChannel
	strays  atomic.Int32 // channels that the peer opened in vain

	// Owned by run.
	negotiated bool     // a remote description was applied
	offered    bool     // an offer of ours waits for its answer
	remoteOpen bool     // the remote description of this generation is applied
	early      []string // candidates that came before it
	earlyEnd   bool     // and the word that there are no more
	taken      int      // candidates given to pion in this generation
	remoteFrag string   // ICE user fragment of the peer's generation

	relays  atomic.Int32                     // that we were given
	relayed atomic.Int32                     // addresses that they gave us
	offers  [rtc.PathDirect + 1]atomic.Int32 // addresses that the peer named

	dropped atomic.Uint64 // messages and candidates that found no room
	sent    [kinds]atomic.Uint64
	got     [kinds]atomic.Uint64 // packets; see Flow
}

var _ rtc.Session = (*session)(nil)

func newSession(d *Dialer, cfg rtc.SessionConfig) *session {
	ctx, cancel := context.WithCancel(context.Background())
	pulse := newPulse()
	s := &session{
		dialer:   d,
		cfg:      cfg,
		log:      d.log.With("peer", string(cfg.Peer), "epoch", uint64(cfg.Epoch)),
		net:      newLiveNet(d.net, pulse),
		pulse:    pulse,
		ctx:      ctx,
		close:    cancel,
		commands: make(chan rtc.Command, commandQueue),
		dataGone: make(chan struct{}, 1),
		done:     make(chan struct{}),
		control:  &control{},
	}
	s.pacer = newPacer(s.control, s.keyFrameWanted)
	s.streams.session = s
	s.streams.restart()
	s.net.frames = s.takeFrame
	s.net.answers = s.seeker.answered
	s.seeker.net, s.seeker.tell = s.net, s.tellAddress
	if d.self != "" && !cfg.Browser {
		s.net.route, s.net.self = d.carriage.route(cfg.Peer), carriedAddr(d.self)
	}
	pulse.stays = cfg.Browser
	pulse.moves = func() {
		s.control.moved(time.Now())
		s.post(rtc.PathChanged{})
	}
	s.iceServers = s.servers(cfg.ICE)
	s.source.net = s.net
	pulse.doze.woke = s.awoken
	pulse.first = !cfg.Browser
	pulse.guess.on = !cfg.Browser && cfg.Offerer
	return s
}

// Do queues a command. It returns at once.
func (s *session) Do(c rtc.Command) {
	if s.ctx.Err() != nil || s.failed.Load() {
		return
	}
	switch c := c.(type) { // these must not wait for what takes long
	case rtc.CheckPath:
		s.source.look()
		s.pulse.doubt()
		return
	case rtc.CarriedBy:
		s.carriedBy(c.Legs)
		return
	case rtc.CarryFor:
		s.carryFor(c.Pairs)
		return
	}
	select {
	case s.commands <- c:
		return
	default:
	}
	switch c.(type) {
	case rtc.SendData, rtc.AddCandidates:
		s.drop("command")
	default:
		s.fail(fmt.Errorf("%T: %w", c, errOverrun))
	}
}

// Pulse returns the evidence of life.
func (s *session) Pulse() rtc.Pulse { return s.pulse.snapshot() }

// Stats describes the path in use.
func (s *session) Stats() rtc.TransportStats {
	stats := s.source.complete(s.pulse.transport())
	if stats.Path == rtc.PathVia {
		stats.Via, _ = s.net.route.through()
	}
	stats.MTU = s.net.size.size()
	return stats
}

// Tried tells which ways were tried.
func (s *session) Tried() rtc.Tried {
	t := rtc.Tried{Relays: int(s.relays.Load()), Relayed: int(s.relayed.Load())}
	for path := range t.Checks {
		t.Offered[path] = int(s.offers[path].Load())
		t.Checks[path] = int(s.pulse.checks[path].Load())
		t.Heard[path] = int(s.pulse.checked[path].Load())
	}
	return t
}

// Flow counts the RTP packets of the session.
func (s *session) Flow() rtc.Flow {
	var f rtc.Flow
	for k := range f.Sent {
		f.Sent[k], f.Received[k] = s.sent[k].Load(), s.got[k].Load()
	}
	return f
}

// Close starts the end of the session and returns at once.
func (s *session) Close() { s.close() }

// Wait blocks until everything the session started has ended. It must not be
// called from a callback of the session's own events.
func (s *session) Wait() { <-s.done }

// run owns the PeerConnection from its making to its end.
func (s *session) run() {
	defer close(s.done)
	defer s.dialer.ended(s)
	defer s.shut()
	if err := s.open(); err != nil {
		s.fail(err)
	}
	grace := time.NewTimer(0)
	grace.Stop()
	seek := time.NewTicker(seekEvery)
	defer seek.Stop()
	for s.ctx.Err() == nil {
		select {
		case <-s.ctx.Done():
		case <-s.dataGone:
			// A peer that leaves closes it too: the roster should have the word.
			grace.Reset(dataGrace)
		case now := <-seek.C:
			s.seek(now)
		case <-grace.C:
			s.fail(errDataGone)
		case c := <-s.commands:
			if s.failed.Load() {
				continue
			}
			if err := s.execute(c); err != nil {
				s.fail(err)
			}
		}
	}
}

// lastWords sends what was to be said before the end and still waits: a goodbye, by
// which the peer knows at once that this is no outage.
func (s *session) lastWords() {
	for s.data != nil && !s.failed.Load() {
		select {
		case c := <-s.commands:
			if d, ok := c.(rtc.SendData); ok {
				s.sendData(d.Data)
			}
		default:
			return
		}
	}
}

// shut ends the connection and waits for everything that reads from it.
func (s *session) shut() {
	s.lastWords()
	s.failed.Store(true)
	s.endCarrying()
	s.closeChannels()
	if s.pc != nil {
		s.quiet()
		if err := s.pc.GracefulClose(); err != nil {
			s.log.Debug("close the connection", "err", err)
		}
	}
	s.readersMu.Lock()
	s.noReaders = true
	s.readersMu.Unlock()
	s.readers.Wait()
	if n := s.dropped.Load(); n > 0 {
		s.log.Info("dropped for want of room or sense", "count", n)
	}
}

// quietTime is how long what has arrived gets to be worked through.
const quietTime = time.Millisecond

// quiet lets nothing more arrive and what has arrived be worked through, before
// the connection is closed. pion's SCTP transport keeps a lock while it aborts
// the association; if the peer closes it in that moment, the goroutine that
// ends with it waits for the same lock, up to 200 ms, and in virtual time, which
// does not pass for those who wait for locks, for ever.
func (s *session) quiet() {
	s.net.deaf.Store(true)
	timer := time.NewTimer(quietTime)
	defer timer.Stop()
	<-timer.C
}

// read runs f in a goroutine that Wait waits for. pion may tell of a track while
// the session ends, which comes too late.
func (s *session) read(f func()) {
	s.readersMu.Lock()
	defer s.readersMu.Unlock()
	if !s.noReaders {
		crash.GoIn(&s.readers, f)
	}
}

// open makes the PeerConnection with its three transceivers and the channel.
func (s *session) open() error {
	// The filter of remote addresses must know from the start whether we have
	// nothing but loopback.
	if _, err := s.net.Interfaces(); err != nil {
		return fmt.Errorf("read the network interfaces: %w", err)
	}
	cert, err := s.dialer.certificate()
	if err != nil {
		return err
	}
	api, err := s.newAPI(s.net)
	if err != nil {
		return err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers:         s.iceServers,
		ICETransportPolicy: s.dialer.policy(),
		Certificates:       []webrtc.Certificate{cert},
		BundlePolicy:       webrtc.BundlePolicyMaxBundle,
		RTCPMuxPolicy:      webrtc.RTCPMuxPolicyRequire,
	})
	if err != nil {
		return fmt.Errorf("make a connection: %w", err)
	}
	s.pc = pc
	s.pub.Store(pc)
	for kind := media.Mic; kind < kinds; kind++ {
		t, err := pc.AddTransceiverFromTrack(s.dialer.local.track(s, kind),
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
		if err != nil {
			return fmt.Errorf("add the %s: %w", kind, err)
		}
		s.slots[kind] = t
		s.read(func() { s.readFeedback(kind, t.Sender()) })
	}
	s.read(func() { s.pacer.run(s.ctx) })
	s.read(func() { s.net.size.run(s.ctx, pc.SCTP().Transport().ICETransport(), s.freshPictures) })
	if err := s.openData(); err != nil {
		return err
	}
	if err := s.openChannels(); err != nil {
		return err
	}
	s.listen()
	return nil
}

// openData makes the pre-negotiated data channel.
func (s *session) openData() error {
	negotiated, ordered, id := true, true, uint16(dataID)
	data, err := s.pc.CreateDataChannel(dataLabel, &webrtc.DataChannelInit{
		Negotiated: &negotiated, Ordered: &ordered, ID: &id,
	})
	if err != nil {
		return fmt.Errorf("make the data channel: %w", err)
	}
	s.data = data
	data.OnOpen(func() {
		s.carrier.data.Store(data)
		s.post(rtc.DataOpened{})
	})
	data.OnMessage(func(m webrtc.DataChannelMessage) {
		s.pulse.touch()
		if !m.IsString && isFrame(m.Data) {
			s.handleFrame(m.Data)
			return
		}
		s.post(rtc.DataReceived{Data: m.Data})
	})
	data.OnClose(func() { s.dataGone <- struct{}{} }) // called once, and has room
	return nil
}

// listen sets the callbacks of the PeerConnection.
func (s *session) listen() {
	s.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		defer crash.Catch()
		s.localCandidate(c)
	})
	s.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		defer crash.Catch()
		s.incoming(remote, receiver)
	})
	s.pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if mapped, ok := iceStates[state]; ok {
			s.post(rtc.ICEStateChanged{State: mapped})
		}
	})
	s.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		defer crash.Catch()
		crash.Point("connection")
		if state == webrtc.PeerConnectionStateConnected && s.connected.CompareAndSwap(false, true) {
			s.post(rtc.SessionConnected{})
			s.net.size.connected()
			s.dialer.local.greet(s)
		}
	})
	dtls := s.pc.SCTP().Transport()
	dtls.OnStateChange(func(state webrtc.DTLSTransportState) {
		if state == webrtc.DTLSTransportStateFailed {
			s.fail(errDTLS)
		}
	})
	dtls.ICETransport().OnSelectedCandidatePairChange(s.pulse.changed)
}

// freshPictures has pictures start anew: parts of those before were lost.
func (s *session) freshPictures() {
	s.control.blameless(time.Now()) // they were too large
	for kind := media.Camera; kind < kinds; kind++ {
		s.keyFrameWanted(kind)
	}
}

var iceStates = map[webrtc.ICEConnectionState]rtc.ICEState{
	webrtc.ICEConnectionStateNew:          rtc.ICENew,
	webrtc.ICEConnectionStateChecking:     rtc.ICEChecking,
	webrtc.ICEConnectionStateConnected:    rtc.ICEConnected,
	webrtc.ICEConnectionStateCompleted:    rtc.ICECompleted,
	webrtc.ICEConnectionStateDisconnected: rtc.ICEDisconnected,
	webrtc.ICEConnectionStateFailed:       rtc.ICEFailed,
	webrtc.ICEConnectionStateClosed:       rtc.ICEClosed,
}

// execute carries out one command. An error means the session is lost.
func (s *session) execute(c rtc.Command) (err error) {
	// Descriptions come from the network and go through pion; whatever they
	// manage to upset there must not end the meeting.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T: panic: %v", c, p)
		}
	}()
	switch c := c.(type) {
	case rtc.MakeOffer:
		return s.makeOffer(c)
	case rtc.AcceptOffer:
		return s.acceptOffer(c)
	case rtc.AcceptAnswer:
		return s.acceptAnswer(c)
	case rtc.AddCandidates:
		s.addCandidates(c)
	case rtc.SendData:
		s.sendData(c.Data)
	case rtc.Doze:
		s.doze(c.On)
	case rtc.UseICE:
		s.useICE(c.Servers)
	}
	return nil
}

// sendData sends one message, or drops and counts it when the channel is not
// open, the message is too large or too much is unsent.
func (s *session) sendData(b []byte) {
	if s.data.ReadyState() != webrtc.DataChannelStateOpen ||
		len(b) > maxMessage || s.data.BufferedAmount()+uint64(len(b)) > maxBuffered {
		s.drop("message")
		return
	}
	if err := s.data.SendText(string(b)); err != nil {
		s.log.Debug("send a message", "err", err)
		s.drop("message")
	}
}

func (s *session) drop(what string) {
	s.dropped.Add(1)
	s.log.Debug("dropped", "what", what)
}

// post hands an event to the owner, unless the session is closed.
func (s *session) post(e rtc.SessionEvent) {
	if s.ctx.Err() == nil {
		s.cfg.Post(e)
	}
}

// fail reports that the session is of no further use; only the first reason
// counts. Commands are ignored from then on, until Close.
func (s *session) fail(err error) {
	s.failOnce.Do(func() {
		s.failed.Store(true)
		if s.ctx.Err() == nil {
			s.log.Info("session failed", "err", err)
			s.post(rtc.SessionFailed{Err: err})
		}
	})
}
