package call

import (
	"sync"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// channelUser takes what happens on one channel with everybody. Its methods are
// called from many goroutines, must return soon and keep what they are given in
// bounds: a peer sends as fast as it can. What belongs to a connection that was
// replaced does not reach it, but for what is under way in that very moment; the
// epoch tells.
type channelUser interface {
	// opened says that sending reaches the peer: for the first time, or again over
	// a new connection, on which nothing of what was under way arrives any more.
	opened(signal.PeerID, signal.Epoch)
	// closed says that it does not now.
	closed(signal.PeerID, signal.Epoch)
	// drained says that there is room for more.
	drained(signal.PeerID, signal.Epoch)
	// message is what a peer sent; the bytes are the user's to keep.
	message(signal.PeerID, signal.Epoch, []byte)
}

// channels brings what comes on the channels besides the first to those who use
// them. It implements [conn.ChannelSink].
type channels struct {
	users [rtc.Channels]channelUser // set before the first session; nil drops

	mu     sync.Mutex
	newest map[channelOf]signal.Epoch // guarded by mu
}

type channelOf struct {
	peer    signal.PeerID
	channel rtc.Channel
}

func newChannels() *channels { return &channels{newest: map[channelOf]signal.Epoch{}} }

// user returns who is to be told of something, unless it is late.
func (c *channels) user(peer signal.PeerID, epoch signal.Epoch, ch rtc.Channel) channelUser {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := channelOf{peer, ch}
	if epoch < c.newest[of] {
		return nil
	}
	c.newest[of] = epoch
	return c.users[ch]
}

// ChannelOpened implements [conn.ChannelSink].
func (c *channels) ChannelOpened(peer signal.PeerID, epoch signal.Epoch, ch rtc.Channel) {
	if u := c.user(peer, epoch, ch); u != nil {
		u.opened(peer, epoch)
	}
}

// ChannelClosed implements [conn.ChannelSink].
func (c *channels) ChannelClosed(peer signal.PeerID, epoch signal.Epoch, ch rtc.Channel) {
	if u := c.user(peer, epoch, ch); u != nil {
		u.closed(peer, epoch)
	}
}

// ChannelDrained implements [conn.ChannelSink].
func (c *channels) ChannelDrained(peer signal.PeerID, epoch signal.Epoch, ch rtc.Channel) {
	if u := c.user(peer, epoch, ch); u != nil {
		u.drained(peer, epoch)
	}
}

// ChannelMessage implements [conn.ChannelSink].
func (c *channels) ChannelMessage(peer signal.PeerID, epoch signal.Epoch, ch rtc.Channel, b []byte) {
	if u := c.user(peer, epoch, ch); u != nil {
		u.message(peer, epoch, b)
	}
}

// forget drops what was kept for a person who left. Epochs of a pair only grow
// while both know each other, and who comes back begins anew.
func (c *channels) forget(peer signal.PeerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch := range rtc.Channel(rtc.Channels) {
		delete(c.newest, channelOf{peer, ch})
	}
}
