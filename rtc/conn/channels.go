package conn

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// maxStrayChannels is how many channels a peer may open that are not on the list.
// They are closed; one who opens more loses the connection.
const maxStrayChannels = 16

var errChannels = errors.New("the peer opens channels without end")

// ChannelSink takes what happens on the channels of all sessions. The epoch tells
// the connections of a pair apart: what carries an older one than was seen before
// is late. Its methods are called from many goroutines and must return soon.
type ChannelSink interface {
	// ChannelOpened says that [Dialer.SendOn] reaches the peer from now on.
	ChannelOpened(signal.PeerID, signal.Epoch, rtc.Channel)
	// ChannelClosed says that nothing more comes on it.
	ChannelClosed(signal.PeerID, signal.Epoch, rtc.Channel)
	// ChannelDrained says that little waits to be sent: there is room again.
	ChannelDrained(signal.PeerID, signal.Epoch, rtc.Channel)
	// ChannelMessage is one message, whose bytes are the sink's to keep.
	ChannelMessage(signal.PeerID, signal.Epoch, rtc.Channel, []byte)
}

// extraChannel is one channel of a session besides the first.
type extraChannel struct {
	data atomic.Pointer[webrtc.DataChannel] // while it is open

	mu    sync.Mutex
	state channelState // guarded by mu, which is held while the sink is told
}

type channelState uint8

const (
	channelUnknown channelState = iota // none was made or accepted
	channelMade                        // not open yet
	channelOpen
	channelClosed // for good
)

// openChannels makes the channels, on the offering side, and accepts them on the
// other. They are not negotiated: pion then ignores how they are to be carried.
func (s *session) openChannels() error {
	s.pc.OnDataChannel(func(d *webrtc.DataChannel) {
		defer crash.Catch()
		s.acceptChannel(d)
	})
	if !s.cfg.Offerer || s.dialer.channels == nil {
		return nil
	}
	for c := range rtc.Channel(rtc.Channels) {
		p := c.Parameters()
		init := &webrtc.DataChannelInit{Ordered: &p.Ordered}
		if p.Retransmits >= 0 {
			n := uint16(p.Retransmits)
			init.MaxRetransmits = &n
		}
		d, err := s.pc.CreateDataChannel(p.Label, init)
		if err != nil {
			return fmt.Errorf("make the %s channel: %w", c, err)
		}
		s.extras[c].state = channelMade
		s.attach(c, d)
	}
	return nil
}

// acceptChannel takes a channel that the peer opened, if it is one of the list, is
// the first of its kind and is carried as it should be. Called by pion, one channel
// after the other.
func (s *session) acceptChannel(d *webrtc.DataChannel) {
	c, ok := channelOf(d)
	if ok && !s.cfg.Offerer && s.dialer.channels != nil {
		x := &s.extras[c]
		x.mu.Lock()
		free := x.state == channelUnknown
		if free {
			x.state = channelMade
		}
		x.mu.Unlock()
		if free {
			s.attach(c, d)
			return
		}
	}
	s.drop("channel")
	if err := d.Close(); err != nil {
		s.log.Debug("close a channel that nobody asked for", "err", err)
	}
	if s.strays.Add(1) > maxStrayChannels {
		s.fail(errChannels)
	}
}

// channelOf finds a channel in the list by its label and its parameters.
func channelOf(d *webrtc.DataChannel) (rtc.Channel, bool) {
	for c := range rtc.Channel(rtc.Channels) {
		p := c.Parameters()
		if d.Label() != p.Label || d.Ordered() != p.Ordered || d.MaxPacketLifeTime() != nil {
			continue
		}
		n := -1
		if r := d.MaxRetransmits(); r != nil {
			n = int(*r)
		}
		return c, n == p.Retransmits
	}
	return 0, false
}

// attach sets the callbacks of a channel. pion tells of the opening from a
// goroutine of its own, so that a message may come before it.
func (s *session) attach(c rtc.Channel, d *webrtc.DataChannel) {
	d.SetBufferedAmountLowThreshold(uint64(c.Parameters().Low))
	d.OnBufferedAmountLow(func() {
		defer crash.Catch()
		if s.extras[c].data.Load() != nil {
			s.dialer.channels.ChannelDrained(s.cfg.Peer, s.cfg.Epoch, c)
		}
	})
	d.OnOpen(func() {
		defer crash.Catch()
		s.channelOpened(c, d)
	})
	d.OnMessage(func(m webrtc.DataChannelMessage) {
		defer crash.Catch()
		s.pulse.touch()
		if !m.IsString && s.channelOpened(c, d) {
			s.dialer.channels.ChannelMessage(s.cfg.Peer, s.cfg.Epoch, c, m.Data)
		}
	})
	d.OnClose(func() {
		defer crash.Catch()
		s.channelClosed(c)
	})
}

// channelOpened tells of a channel once, and reports whether it is open.
func (s *session) channelOpened(c rtc.Channel, d *webrtc.DataChannel) bool {
	x := &s.extras[c]
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state == channelMade && s.ctx.Err() == nil {
		x.state = channelOpen
		x.data.Store(d)
		s.dialer.channels.ChannelOpened(s.cfg.Peer, s.cfg.Epoch, c)
	}
	return x.state == channelOpen
}

// channelClosed tells of the end of a channel once.
func (s *session) channelClosed(c rtc.Channel) {
	x := &s.extras[c]
	x.mu.Lock()
	defer x.mu.Unlock()
	x.data.Store(nil)
	if x.state == channelOpen {
		s.dialer.channels.ChannelClosed(s.cfg.Peer, s.cfg.Epoch, c)
	}
	x.state = channelClosed
}

// closeChannels is the end of all, with the session.
func (s *session) closeChannels() {
	for c := range rtc.Channel(rtc.Channels) {
		s.channelClosed(c)
	}
}

// SendOn sends one message to a peer on a channel of its newest session, at once
// or not at all: [rtc.ErrChannelClosed], [rtc.ErrChannelFull] and
// [rtc.ErrChannelSize] say why not. The bytes are not kept.
func (d *Dialer) SendOn(peer signal.PeerID, c rtc.Channel, b []byte) error {
	data := d.channel(peer, c)
	switch {
	case data == nil:
		return rtc.ErrChannelClosed
	case len(b) > maxMessage:
		return rtc.ErrChannelSize
	case data.BufferedAmount()+uint64(len(b)) > uint64(c.Parameters().Most):
		return rtc.ErrChannelFull
	}
	if err := data.Send(b); err != nil {
		return fmt.Errorf("%w: %w", rtc.ErrChannelClosed, err)
	}
	return nil
}

// Waiting is how many bytes of a channel to a peer wait to be sent or confirmed.
func (d *Dialer) Waiting(peer signal.PeerID, c rtc.Channel) int {
	if data := d.channel(peer, c); data != nil {
		return int(data.BufferedAmount())
	}
	return 0
}

func (d *Dialer) channel(peer signal.PeerID, c rtc.Channel) *webrtc.DataChannel {
	if int(c) >= rtc.Channels {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if all := d.sessions[peer]; len(all) > 0 {
		return all[len(all)-1].extras[c].data.Load()
	}
	return nil
}
