package call

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/files"
	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/netwatch"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/rtc/conn"
	"github.com/meet-term/meet/signal"
)

// Config describes the call. Invite, Key, Inc and Name are required.
type Config struct {
	Invite signal.Invite
	Key    ed25519.PrivateKey // of this participant, in this room alone
	Inc    signal.Inc
	Name   string
	Agent  string // program and version, for diagnosis

	// Start says what is on at first. What there is no source for stays off.
	Start   signal.Media
	Mic     audio.Mic
	Speaker audio.Speaker
	Camera  source.Camera
	Screen  source.Screen
	// Processing is what is done to the sound of the microphone, and ListenMuted
	// keeps that open while muted, to notice who talks.
	Processing  audio.Processing
	ListenMuted bool
	// Lobby waits with joining until [Call.Enter]; the sources run meanwhile.
	Lobby bool
	// WatchAll receives and decodes every picture although nobody looks at
	// them, for scripts; else only what [Call.Show] names is asked for.
	WatchAll bool
	// Person is who the person is to those they are connected with; nil tells nobody.
	Person *rtc.Person
	// People is whom they know; nil: nobody, and nobody is remembered.
	People People

	// Receive says what to get of others; "" is everything. MaxBandwidth is the most
	// that the call may take of the line each way, in bit/s; 0: what it carries.
	Receive      Receive
	MaxBandwidth int
	// NoCarry keeps us from carrying what two others cannot exchange.
	NoCarry bool

	// FilesInto is where files go that were accepted without saying where, and
	// AcceptFiles has all be accepted unasked.
	FilesInto   string
	AcceptFiles bool
	// RecordInto is the folder of recordings for which none is said.
	RecordInto string

	// ICE are STUN and TURN servers of the person's own, used beside those that the
	// server offers. ICEHosts are hosts besides the server's own where it may offer
	// some.
	ICE      []iceserver.Server
	ICEHosts []string
	// RelayOnly has everything relayed by a server: the others learn no address of
	// this machine.
	RelayOnly bool

	// SaveProcessors keeps the whole process on one processor while nobody sends
	// pictures: for a process that does nothing else.
	SaveProcessors bool

	Token     string          // that the server wants to see of who opens rooms; "" for none
	Dial      signal.DialFunc // of the signaling link; nil: the system's network
	DialRelay conn.DialRelay  // of relays over TCP and TLS; nil: the system's network, unless Net is given
	Net       transport.Net   // of the media; nil: the system's network
	Timing    rtc.Timing
	Logger    *slog.Logger // nil: nothing is logged
}

// Call is one participant in one room. Its methods may be called from any
// goroutine and never block; what they change is seen in View and Events.
type Call struct {
	cfg    Config
	self   signal.PeerID
	log    *slog.Logger
	events *eventQueue
	chat   *chatLog
	paced  *chatPace
	client *signal.Client
	mesh   *rtc.Manager
	media  *studio

	channels  *channels
	terminals *terminals
	files     *files.Files
	proofs    chan proof // for acquaint

	newCode   atomic.Pointer[func()] // asks for a spoken code; nil: none is made here
	recording recording

	offered atomic.Pointer[[]signal.ICEServer] // by the server, last
	server  atomic.Pointer[signal.Invite]      // that we are on

	enterOnce, leaveOnce, abandonOnce sync.Once
	entered, left, abandoned          chan struct{}
	meshEnded, linkEnded              chan struct{}
}

// New checks the configuration and prepares a call that does nothing until
// Run.
func New(cfg Config) (*Call, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	room, err := cfg.Invite.Room()
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", cfg.Invite.Name, err)
	}
	if len(cfg.Key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("join %s: without a key", cfg.Invite.Name)
	}
	self := room.PeerID(cfg.Key.Public().(ed25519.PublicKey))
	c := &Call{
		cfg: cfg, self: self, log: cfg.Logger, events: newEventQueue(),
		paced: newChatPace(), proofs: make(chan proof, maxProofs), entered: make(chan struct{}), left: make(chan struct{}),
		abandoned: make(chan struct{}), meshEnded: make(chan struct{}), linkEnded: make(chan struct{}),
	}
	if !cfg.Lobby {
		c.Enter()
	}
	c.channels = newChannels()
	c.files = c.newFiles()
	c.channels.users[rtc.ChannelFile] = fileChannel{c.files}
	c.terminals = newTerminals(self, cfg.Name)
	c.channels.users[rtc.ChannelTerminal] = terminalUser{c.terminals}
	c.server.Store(&cfg.Invite)
	trust, err := trustOf(cfg.Invite)
	if err != nil {
		return nil, err
	}
	if c.cfg.DialRelay == nil && cfg.Net == nil {
		c.cfg.DialRelay = c.dialRelay
	}
	if c.media, err = newStudio(c.cfg, self, c.events, c.channels); err != nil {
		return nil, err
	}
	state := signal.State{N: 1, Name: cfg.Name, Media: c.media.sending(), Agent: cfg.Agent}
	c.client, err = signal.NewClient(signal.Config{
		URL: cfg.Invite.SocketURL(), Room: room, Key: cfg.Key, Inc: cfg.Inc, State: state,
		Handle: func(e signal.Event) {
			crash.Point("signaling")
			c.fromServer(e)
		},
		Dial: cfg.Dial, TLS: trust, Token: cfg.Token, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", cfg.Invite.Name, err)
	}
	c.chat = newChatLog(c.client.Sealer(), cfg.Inc)
	c.mesh = rtc.NewManager(rtc.Config{
		Self: self, Inc: cfg.Inc, Person: cfg.Person, Proved: c.proved, Room: cfg.Invite.Name, Open: room.Open(), State: state,
		Dialer: c.media, Signal: c.client, Sealer: c.client.Sealer(), Clean: safetext.Line,
		Handle: c.handle, Data: c.data, DataOpen: c.dataOpen, Gone: c.gone,
		NoCarry: cfg.NoCarry, Timing: cfg.Timing, Logger: cfg.Logger,
	})
	c.media.mesh = c.mesh
	c.terminals.events, c.terminals.tell = c.events.post, c.mesh.SendData
	c.terminals.nameOf = func(id signal.PeerID) string { return nameOf(c.mesh, id) }
	c.terminals.send = func(to signal.PeerID, b []byte) error { return c.media.dialer.SendOn(to, rtc.ChannelTerminal, b) }
	c.terminals.waiting = func(to signal.PeerID) int { return c.media.dialer.Waiting(to, rtc.ChannelTerminal) }
	return c, nil
}

// Run takes part until Leave is called or ctx ends, then returns nil; or until
// the server refuses us (*signal.RefusedError). When it returns, nothing it
// started runs any more and the stream of events has ended.
func (c *Call) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	var wg, reader sync.WaitGroup
	crash.GoIn(&reader, func() { c.events.run(stop) })

	// The media and the mesh outlive the goodbye to the server.
	meshCtx, endMesh := context.WithCancel(context.WithoutCancel(ctx))
	crash.GoIn(&wg, func() {
		select {
		case <-c.abandoned:
			endMesh()
		case <-meshCtx.Done():
		}
	})
	crash.GoIn(&wg, func() {
		defer close(c.meshEnded)
		if err := c.mesh.Run(meshCtx); err != nil && !errors.Is(err, context.Canceled) {
			c.log.Error("mesh ended", "error", err)
		}
	})
	crash.GoIn(&wg, func() { c.media.run(meshCtx) })
	filesCtx, endFiles := context.WithCancel(meshCtx)
	defer endFiles()
	crash.GoIn(&wg, func() { c.files.Run(filesCtx) })
	if c.cfg.SaveProcessors {
		crash.GoIn(&wg, func() { c.saveProcessors(meshCtx) })
	}
	crash.GoIn(&wg, func() { c.terminals.run(meshCtx) })
	crash.GoIn(&wg, func() { c.acquaint(meshCtx) })
	if c.cfg.Net == nil {
		crash.GoIn(&wg, func() { c.watchNetwork(meshCtx) })
	}
	if slices.ContainsFunc(c.cfg.ICE, func(s iceserver.Server) bool { return s.Secret != "" }) {
		crash.GoIn(&wg, func() { c.renewICE(meshCtx) })
	}
	crash.Go(func() {
		select {
		case <-ctx.Done():
			c.Leave()
		case <-c.left:
		}
	})
	err := c.takePart(context.WithoutCancel(ctx))
	close(c.linkEnded)
	c.Leave()
	endFiles()
	endMesh()
	wg.Wait()

	var refused *signal.RefusedError
	reason := "left"
	if errors.As(err, &refused) {
		reason = string(refused.Code)
	} else {
		err = nil
	}
	c.events.post(Left{Reason: reason})
	c.events.close()
	c.drain(stop)
	reader.Wait()
	if r := c.media.recorder.Swap(nil); r != nil {
		err = errors.Join(err, r.Close())
	}
	return err
}

// takePart waits in the lobby and then keeps the place in the room.
func (c *Call) takePart(ctx context.Context) error {
	select {
	case <-c.entered:
		c.mesh.Flush(ctx) // what was switched off in the lobby is off from the start
		return c.outlive(ctx, c.client.Run(ctx))
	case <-c.left:
		return nil
	}
}

// Enter leaves the lobby and joins the room.
func (c *Call) Enter() { c.enterOnce.Do(func() { close(c.entered) }) }

// drainTime is how long the reader of the events may take for the last ones.
const drainTime = 2 * time.Second

// drain gives the reader a moment to see the end, and ends without it.
func (c *Call) drain(stop chan struct{}) {
	timer := time.AfterFunc(drainTime, func() { close(stop) })
	defer timer.Stop()
	c.events.wait()
}

// watchNetwork tells the mesh and the server link of every change.
func (c *Call) watchNetwork(ctx context.Context) {
	err := netwatch.Watch(ctx, func(ch netwatch.Change) { c.mesh.NetworkChanged(ch.Gone, ch.Slept > 0) })
	if err != nil && ctx.Err() == nil {
		c.log.Warn("network changes are not seen", "error", err)
	}
}

// NetworkChanged is for those who gave their own network: it says that
// addresses changed and which are gone.
func (c *Call) NetworkChanged(gone []netip.Addr) { c.mesh.NetworkChanged(gone, false) }

// Leave ends the call; the others see "left" at once.
func (c *Call) Leave() {
	c.leaveOnce.Do(func() {
		close(c.left)
		c.client.Leave()
	})
}

// Abandon is Leave for a program that dies: everybody is told at once, by the
// server and by the connections alike, whichever of the two still works. It
// returns when that is done, or when the context ends.
func (c *Call) Abandon(ctx context.Context) {
	c.Leave()
	c.abandonOnce.Do(func() { close(c.abandoned) })
	for _, ended := range []<-chan struct{}{c.meshEnded, c.linkEnded} {
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// View is the newest view of the room; never nil, never changed.
func (c *Call) View() *rtc.RoomView { return c.mesh.View() }

// Changed carries one token whenever View has something new.
func (c *Call) Changed() <-chan struct{} { return c.mesh.Changed() }

// Events is what happened, in order, for one reader. It ends with [Left].
func (c *Call) Events() <-chan rtc.Event { return c.events.out }

// Warn reports something to whoever follows the events.
func (c *Call) Warn(code, text string) {
	c.events.post(Warning{media.Warning{Code: media.Code(code), Text: text}})
}

// Mesh is the connection manager, for its queries.
func (c *Call) Mesh() *rtc.Manager { return c.mesh }

// SetMic turns the microphone on or off. When SetMic(false) returns, no
// further sample leaves the machine.
func (c *Call) SetMic(on bool) { c.media.set(media.Mic, on) }

// SetCamera turns the camera on or off.
func (c *Call) SetCamera(on bool) { c.media.set(media.Camera, on) }

// SetScreen starts or stops sharing the screen.
func (c *Call) SetScreen(on bool) { c.media.set(media.Screen, on) }

// SetHand raises one's own hand to speak, or takes it down.
func (c *Call) SetHand(on bool) { c.mesh.SetHand(on) }

// Retry reconnects one peer now, or with "" all that are not connected, the
// server included.
func (c *Call) Retry(peer signal.PeerID) { c.mesh.Retry(peer) }

// SetVolume sets how loud a peer is played here, in percent, 0 to 200. It
// reports whether there is such a peer.
func (c *Call) SetVolume(peer signal.PeerID, percent int) bool {
	return c.media.audio.SetVolume(string(peer), percent)
}

// Say sends a chat message to everyone and reports whether there was anything
// to say. It comes back as a [Chat] event.
func (c *Call) Say(text string) bool {
	line, ok := c.chat.write(time.Now(), c.cfg.Name, text)
	if !ok {
		return false
	}
	c.mesh.Tell("chat", encode([]chatLine{line}))
	c.events.post(line.event(c.cfg.Name, false))
	return true
}

// handle follows the mesh before an event goes to the reader.
func (c *Call) handle(e rtc.Event) {
	crash.Point("mesh")
	switch e := e.(type) {
	case rtc.PeerConnected:
		c.media.connected(e.Peer)
		c.terminals.found(e.Peer)
	case rtc.PeerDisconnected:
		c.terminals.lost(e.Peer)
	case rtc.MediaStateChanged:
		c.media.rest(e.Peer, e.Media)
		defer c.toldOfRecording(e)
	}
	c.events.post(e)
}

// Show says which pictures are looked at and at which size in samples; all
// others are hidden, and nobody sends them for our sake. The map is the call's
// to keep.
func (c *Call) Show(sizes map[Viewed]stream.Size) { c.media.pictures.show(c.self, sizes) }

// Picture is the newest picture of somebody, oneself included, or nil while
// there is none. Frame.Seq tells pictures apart.
func (c *Call) Picture(v Viewed) *video.Frame {
	if v.Peer == c.self {
		return c.media.pictures.sender(v.Kind).Latest()
	}
	return c.media.pictures.latest(v)
}

// data takes what a peer said over its data channel.
func (c *Call) data(from signal.PeerID, kind string, data json.RawMessage) {
	switch kind {
	case "echo":
		c.media.echoed()
	case "thin":
		var t thinMessage
		if err := json.Unmarshal(data, &t); err != nil {
			c.log.Debug("word on a thin line dropped", "peer", from, "error", err)
			return
		}
		c.mesh.SetThin(from, rtc.Thin(t))
	case "ask":
		c.media.asked(from)
	case "view", "sending", "hearing":
		p := c.media.people.find(from)
		if p == nil {
			return
		}
		take := map[string]func(*person, json.RawMessage) error{
			"view": c.media.pictures.heard, "sending": c.media.answered, "hearing": c.media.toldHearing,
		}[kind]
		if err := take(p, data); err != nil {
			c.log.Debug("data dropped", "kind", kind, "peer", from, "error", err)
		}
	case "terminals", "terminal-ask":
		if err := c.terminals.data(from, kind, data); err != nil {
			c.log.Debug("word on terminals dropped", "peer", from, "error", err)
		}
	case "chat", "chat-history":
		lines, err := decodeLines(data)
		if err != nil {
			c.log.Debug("chat dropped", "peer", from, "error", err)
			return
		}
		live := kind == "chat"
		if !live && !c.chat.admits(from, time.Now()) {
			c.log.Info("history dropped that nobody waited for", "peer", from)
			return
		}
		who := rtc.Who{Peer: from, Name: nameOf(c.mesh, from)}
		shown, tell := c.paced.pass(from, len(lines), time.Now())
		if lines = lines[:shown]; tell {
			c.Warn("chat-flood", who.Name+" writes faster than anybody reads. Lines are left out.")
		}
		for _, l := range c.chat.hear(who, live, lines) {
			c.events.post(l.event(who.Name, !live))
		}
	}
}

// dataOpen tells a peer what it may have missed.
func (c *Call) dataOpen(peer signal.PeerID) {
	c.mesh.SendData(peer, "view", encode(c.media.pictures.viewOf(peer)))
	if p := c.media.people.find(peer); p != nil {
		c.media.opened(p)
	}
	if t := c.media.pictures.thinTo(peer); t != (thinMessage{}) {
		c.mesh.SendData(peer, "thin", encode(t))
	}
	c.chat.opened(peer, time.Now())
	c.terminals.dataOpen(peer)
	if lines := c.chat.share(); len(lines) > 0 {
		c.mesh.SendData(peer, "chat-history", encode(lines))
	}
}

// gone forgets what was kept for a person.
func (c *Call) gone(peer signal.PeerID) {
	c.media.end(peer)
	c.paced.forget(peer)
	c.channels.forget(peer)
	c.chat.forget(peer)
	c.files.Gone(peer)
	c.terminals.gone(peer)
	c.forgetRecording(peer)
}

// nameOf is what people call a peer.
func nameOf(m mesh, peer signal.PeerID) string {
	if p, ok := m.View().Peer(peer); ok {
		return p.Name
	}
	return string(peer)
}
