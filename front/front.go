// Package front is what all who show a call to people have in common, whether they
// draw a screen or write lines: what they need of a call, how people of one name
// are told apart ([Names]), what an event means in words ([Describe]), and the
// lines that are printed when the call is over ([Report]).
package front

import (
	"context"
	"slices"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/termsync"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// The interfaces below are all that those who show a call know of it; [call.Call]
// implements them. Where one is nil, what it is for is absent, and said to be.
// Methods that change something only post and return at once; methods that read
// something may take a lock or a moment.

// Room is the call as the screen follows it.
type Room interface {
	// View is the newest view; never nil.
	View() *rtc.RoomView
	// Changed carries one token whenever View has something new.
	Changed() <-chan struct{}
	// Events are what happened, in order. The end of the channel is the end of the
	// call.
	Events() <-chan rtc.Event
}

// Controls are what a person can do to the call as a whole.
type Controls interface {
	SetMic(on bool)
	SetCamera(on bool)
	SetScreen(on bool)
	SetHand(on bool)
	// Retry reconnects one peer now, or with "" all that are not connected
	// and the server.
	Retry(peer signal.PeerID)
	// Leave ends the call. The room's Events close afterwards.
	Leave()
}

// Chooser is implemented by [Controls] that can get less of others.
type Chooser interface {
	SetReceive(r call.Receive)
	Receive() call.Receive
}

// ReceiveNext is what comes after what is received: less, and then everything again.
func ReceiveNext(r call.Receive) call.Receive {
	i := slices.Index(call.ReceiveChoices, r)
	return call.ReceiveChoices[(i+1)%len(call.ReceiveChoices)]
}

// ReceiveText says what of others is received.
func ReceiveText(r call.Receive) string {
	switch r {
	case call.ReceiveScreens:
		return "Of others, sound and screens only"
	case call.ReceiveSound:
		return "Of others, sound only"
	case call.ReceiveAll:
	}
	return "Everything of others"
}

// Verifier is implemented by [Controls] that know people by their keys.
type Verifier interface {
	// Verify notes for good that the words of a peer were compared. It reports
	// whether the peer has shown who they are.
	Verify(peer signal.PeerID) bool
}

// SoundSharer is implemented by [Controls] that can share the machine's sound with
// the screen.
type SoundSharer interface {
	SetScreenWithSound(on bool)
}

// Chat carries text between the people of a room.
type Chat interface {
	// Say sends one message to everyone and reports whether there was anything to
	// say; it comes back as a [call.Chat].
	Say(text string) bool
}

// Meter tells how loud everyone is.
type Meter interface {
	// Levels has an entry for every peer that sends sound and one for
	// oneself under one's own id. The caller owns the map.
	Levels() map[signal.PeerID]media.Loudness
}

// Volume sets how loud a peer is played here.
type Volume interface {
	// SetVolume takes 0 (silent) to 200 percent; 100 is the start. It
	// reports whether there is such a peer.
	SetVolume(peer signal.PeerID, percent int) bool
}

// Devices are the microphones, speakers, cameras and displays of the machine.
type Devices interface {
	// Sources are the devices in use, at most one of each kind. A kind that
	// is not listed was switched off on the command line.
	Sources() []media.Source
	// List is everything that could be chosen. It may take some seconds.
	List(ctx context.Context) []media.Device
	// Select changes to another device during the call.
	Select(kind media.Kind, id string) error
}

// SoundChecks change what is done to one's own sound, and let a person hear it.
type SoundChecks interface {
	// Sound is what is done now.
	Sound() call.Sound
	// SetSound changes all of it but Idle and Check.
	SetSound(s call.Sound) error
	// PlayTestSound plays two notes on the speaker.
	PlayTestSound()
	// HearMyself records three seconds of what would be sent and plays them. It
	// reports false if the microphone is off.
	HearMyself() bool
}

// Recorder records the call.
type Recorder interface {
	// Record begins, in a new folder within dir or with "" within the usual one;
	// StopRecording ends it. Both write to disk.
	Record(dir string) error
	StopRecording() error
	// Recording is the folder that is recorded into, or "".
	Recording() string
}

// Files are what people send each other.
type Files interface {
	// Files are those that are offered or under way, and the last that ended, oldest
	// first.
	Files() []call.File
	// SendFile offers a file to one person, or with "" to everybody. It looks at
	// the file, which may take a moment.
	SendFile(path string, to signal.PeerID) error
	// AcceptFile takes a file into a folder, or with "" into the usual one;
	// StopFile refuses it, or ends it.
	AcceptFile(id int, dir string) error
	StopFile(id int) error
}

// Links tells how good the way to everyone is.
type Links interface {
	// Stats has an entry for every peer of the view.
	Stats() []call.PeerStats
}

// Terminals are the terminals that people share.
type Terminals interface {
	// Terminals is what is shared now, one's own first. The slice is never changed.
	Terminals() []call.TerminalView
	// TerminalsChanged carries one token whenever Terminals has something new. It is
	// for one reader.
	TerminalsChanged() <-chan struct{}
	// TypeTerminal types into somebody's terminal, who let us, or one's own.
	TypeTerminal(peer signal.PeerID, id int, keys ...termsync.Key) error
	// AskTerminal asks to be let type in a terminal, or lets go of it.
	AskTerminal(peer signal.PeerID, id int, on bool) error
	// AllowTerminals lets somebody type in our terminals who asked, or takes it
	// back, from everybody with "".
	AllowTerminals(peer signal.PeerID, on bool) error
}

// TerminalScroller is implemented by [Terminals] that show the past.
type TerminalScroller interface {
	// ScrollTerminal shows a terminal as it was so many lines ago.
	ScrollTerminal(peer signal.PeerID, id, back int)
	// StopTerminal ends sharing one of our own.
	StopTerminal(id int) error
}
