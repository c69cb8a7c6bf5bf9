package lan

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Conn carries multicast DNS: the sockets of this machine, or a network in
// memory. Its methods are safe for use by several goroutines.
type Conn interface {
	// Send sends a message to every network this machine is on.
	Send(packet []byte) error
	// Receive waits for the next message of a neighbour, ourselves included.
	Receive(buf []byte) (n int, from netip.Addr, err error)
	Close() error
}

// Config is what a Beacon needs. Keys, Conn and Heard are required.
type Config struct {
	Keys Keyer
	Conn Conn
	// Heard is told of every server of the room that somebody answers with,
	// our own answers included, and with gone of one that ends. It is called on
	// a goroutine of the Beacon and must not block.
	Heard  func(s Server, gone bool)
	Logger *slog.Logger // nil: nothing is logged
	Rand   io.Reader    // nil: crypto/rand.Reader
}

// The times of a Beacon.
const (
	// repeatAfter is when a question or an announcement is sent once more:
	// datagrams get lost, and of two who start at the same moment one asked
	// before the other could answer.
	repeatAfter = time.Second
	// askEvery is how often rooms that were apart look for each other.
	askEvery = 30 * time.Second
	// yield is how long an answer waits for that of who runs the server.
	yield = 60 * time.Millisecond
	// answerEvery bounds the answers to a flood of questions.
	answerEvery = 50 * time.Millisecond
)

// Beacon asks the network for the room's server, and answers with ours. What it
// was told to answer with and the messages it read belong to the goroutine of
// Run; the methods only post.
type Beacon struct {
	cfg   Config
	codec *codec
	posts chan post
	done  chan struct{} // closed when Run ends
}

// post is what a caller wants.
type post struct {
	announce bool
	server   *Server
	first    bool // we run it
}

// New returns a Beacon that does nothing until Run.
func New(cfg Config) (*Beacon, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	c, err := newCodec(cfg.Keys, cfg.Rand)
	if err != nil {
		return nil, err
	}
	return &Beacon{cfg: cfg, codec: c, posts: make(chan post, 16), done: make(chan struct{})}, nil
}

// Announce answers with s from now on, and tells the network unasked; nil ends
// that. First says that we run s: others of the room who know it leave the
// first word to us.
func (b *Beacon) Announce(s *Server, first bool) {
	b.post(post{announce: true, server: s, first: first})
}

// Ask asks the network now, and again a second later.
func (b *Beacon) Ask() { b.post(post{}) }

func (b *Beacon) post(p post) {
	select {
	case b.posts <- p:
	case <-b.done:
	}
}

// state is owned by the goroutine of Run.
type state struct {
	server   *Server // what we answer with; nil: nothing
	first    bool
	askAt    []time.Time // when to ask
	tellAt   time.Time   // when to answer; zero: nothing is asked
	repeatAt time.Time   // when to announce once more; zero: done
	told     time.Time   // when we last answered
}

// Run asks and answers until ctx ends; then it says goodbye. It closes the
// Conn, and nothing it started runs when it returns.
func (b *Beacon) Run(ctx context.Context) error {
	defer close(b.done)
	packets := make(chan []byte, 32)
	var reading sync.WaitGroup
	failed := make(chan error, 1)
	stop := make(chan struct{})
	crash.GoIn(&reading, func() { failed <- b.receive(packets, stop) })
	err := b.loop(ctx, packets, failed)
	close(stop)
	if cerr := b.cfg.Conn.Close(); err == nil && cerr != nil && ctx.Err() == nil {
		err = cerr
	}
	reading.Wait()
	return err
}

func (b *Beacon) loop(ctx context.Context, packets <-chan []byte, failed <-chan error) error {
	var s state
	timer := time.NewTimer(askEvery)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(s.next(time.Now())))
		select {
		case <-ctx.Done():
			for { // what was posted before the end counts
				select {
				case p := <-b.posts:
					b.obey(&s, p, time.Now())
					continue
				default:
				}
				break
			}
			if s.server != nil && s.first {
				b.tell(&s, true, time.Now())
			}
			return ctx.Err()
		case err := <-failed:
			return fmt.Errorf("listen to the local network: %w", err)
		case p := <-b.posts:
			b.obey(&s, p, time.Now())
		case packet := <-packets:
			b.take(&s, packet, time.Now())
		case <-timer.C:
			b.onTime(&s, time.Now())
		}
	}
}

// next is when onTime is due.
func (s *state) next(now time.Time) time.Time {
	next := now.Add(askEvery)
	for _, t := range append([]time.Time{s.tellAt, s.repeatAt}, s.askAt...) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

func (b *Beacon) obey(s *state, p post, now time.Time) {
	if !p.announce {
		b.ask(now)
		s.askAt = []time.Time{now.Add(repeatAfter), now.Add(askEvery)}
		return
	}
	if s.server != nil && s.first && (p.server == nil || p.server.ID != s.server.ID) {
		b.tell(s, true, now) // goodbye to the one before
	}
	s.server, s.first, s.tellAt, s.repeatAt = p.server, p.first, time.Time{}, time.Time{}
	if s.server != nil && s.first {
		b.tell(s, false, now)
		s.repeatAt = now.Add(repeatAfter)
	}
}

func (b *Beacon) onTime(s *state, now time.Time) {
	if !s.tellAt.IsZero() && !now.Before(s.tellAt) {
		b.tell(s, false, now)
	}
	if !s.repeatAt.IsZero() && !now.Before(s.repeatAt) {
		s.repeatAt = time.Time{}
		b.tell(s, false, now)
	}
	for i, at := range s.askAt {
		if !now.Before(at) {
			b.ask(now)
			if s.askAt = append(s.askAt[:i:i], s.askAt[i+1:]...); len(s.askAt) == 0 {
				s.askAt = []time.Time{now.Add(askEvery)}
			}
			return
		}
	}
}

// take acts on a message.
func (b *Beacon) take(s *state, packet []byte, now time.Time) {
	h := b.codec.read(packet, now)
	if h.server != nil {
		if s.server != nil && !s.first && h.server.ID == s.server.ID && !h.gone {
			s.tellAt = time.Time{} // somebody else said it
		}
		b.cfg.Heard(*h.server, h.gone)
	}
	if !h.asked || s.server == nil || !s.tellAt.IsZero() {
		return
	}
	at := now
	if soon := s.told.Add(answerEvery); at.Before(soon) {
		at = soon
	}
	if !s.first {
		at = at.Add(yield)
	}
	s.tellAt = at
	b.onTime(s, now)
}

func (b *Beacon) ask(now time.Time) {
	packet, err := b.codec.query(now)
	if err == nil {
		err = b.cfg.Conn.Send(packet)
	}
	if err != nil {
		b.cfg.Logger.Debug("could not ask the local network", "error", err)
	}
}

func (b *Beacon) tell(s *state, gone bool, now time.Time) {
	s.tellAt, s.told = time.Time{}, now
	packet, err := b.codec.answer(*s.server, gone, now)
	if err == nil {
		err = b.cfg.Conn.Send(packet)
	}
	if err != nil {
		b.cfg.Logger.Debug("could not answer the local network", "error", err)
	}
}

// receive hands messages on until the Conn is closed. Too many at once are
// dropped: who asks, asks again.
func (b *Beacon) receive(packets chan<- []byte, stop <-chan struct{}) error {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := b.cfg.Conn.Receive(buf)
		if err != nil {
			return err
		}
		select {
		case packets <- append([]byte(nil), buf[:n]...):
		case <-stop:
			return nil
		default:
		}
	}
}
