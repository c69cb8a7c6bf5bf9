package rtc

import "errors"

// Channel is one of the data channels that a connection has besides the one for
// what the mesh says: the closed list of what two people exchange beside sound and
// pictures. Each connection has one of each, opened with it by the offering side
// and open again after each rebuild. Messages are binary and at most 64 KiB long.
type Channel uint8

// The channels of a connection.
const (
	// ChannelTerminal carries the states of shared terminals and the keys of those
	// who type along: unordered, and sent again once at most, because the next
	// state makes up for a lost one.
	ChannelTerminal Channel = iota
	// ChannelFile carries files: reliable and in order.
	ChannelFile
	Channels = 2 // how many there are
)

// ChannelParameters is how a channel is opened (RFC 8832 section 5.1).
type ChannelParameters struct {
	Label   string
	Ordered bool
	// Retransmits is how often what was lost is sent again at most; negative:
	// until it arrives.
	Retransmits int
	// Most is how many bytes may wait to be sent or confirmed. Beyond it
	// nothing more is taken.
	Most int
	// Low is the number of waiting bytes at which more is asked for.
	Low int
}

var channelParameters = [Channels]ChannelParameters{
	ChannelTerminal: {Label: "terminal", Retransmits: 1, Most: 64 << 10, Low: 4 << 10},
	ChannelFile:     {Label: "file", Ordered: true, Retransmits: -1, Most: 256 << 10, Low: 64 << 10},
}

// Parameters tells how the channel is opened.
func (c Channel) Parameters() ChannelParameters { return channelParameters[c] }

// String returns the label of the channel.
func (c Channel) String() string { return channelParameters[c].Label }

// Why a message was not taken by a channel.
var (
	// ErrChannelClosed says that the channel to the peer is not open now.
	ErrChannelClosed = errors.New("the channel is not open")
	// ErrChannelFull says that too much waits to be sent already.
	ErrChannelFull = errors.New("too much waits in the channel")
	// ErrChannelSize says that the message is too long for any channel.
	ErrChannelSize = errors.New("the message is too long for the channel")
)
