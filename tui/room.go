package tui

import (
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui/termout"
)

// The interfaces below are all that the screen knows of a call. Those that
// are nil in [Options] are absent: the screen says so instead of offering
// what they do. Methods that change something only post and return at once,
// because they are called from Update; methods that read something may take a
// lock or a moment, because they are called from a tea.Cmd only.

// Room is the call as the screen follows it.
type Room interface {
	// View is the newest view; never nil.
	View() *rtc.RoomView
	// Changed carries one token whenever View has something new.
	Changed() <-chan struct{}
	// Events are what happened, in order. Besides the events of package rtc
	// the channel may carry a [Notice]. A closed channel ends the screen.
	Events() <-chan rtc.Event
}

// Controls are what a person can do to the call as a whole.
type Controls interface {
	SetMic(on bool)
	SetCamera(on bool)
	SetScreen(on bool)
	// Retry reconnects one peer now, or with "" all that are not connected
	// and the server.
	Retry(peer signal.PeerID)
	// Leave ends the call. The room's Events close afterwards.
	Leave()
}

// SoundSharer is implemented by [Controls] that can share the machine's sound with
// the screen.
type SoundSharer interface {
	SetScreenWithSound(on bool)
}

// Chat carries text between the people of a room.
type Chat interface {
	// Say sends one message to everyone; it comes back through Messages.
	Say(text string)
	// Messages are all messages, one's own included, in the order in which
	// they should be read; history that was said before we came comes first.
	Messages() <-chan Message
}

// Message is one line of chat.
type Message struct {
	From    signal.PeerID // one's own id for one's own
	Name    string
	Text    string
	Time    time.Time
	History bool // said before we were there: it is not counted as unread
}

// Meter tells how loud everyone is.
type Meter interface {
	// Levels has an entry for every peer that sends sound and one for
	// oneself under one's own id. The caller owns the map.
	Levels() map[signal.PeerID]media.Loudness
}

// Volume sets how loud a peer is played here.
type Volume interface {
	// SetVolume takes 0 (silent) to 200 percent; 100 is the start.
	SetVolume(peer signal.PeerID, percent int)
}

// Devices are the microphones, speakers, cameras and displays of the machine.
type Devices interface {
	// Sources are the devices in use, at most one of each kind. A kind that
	// is not listed was switched off on the command line.
	Sources() []media.Source
	// List is everything that could be chosen. It may take a second.
	List() []media.Device
	// Select changes to another device during the call.
	Select(kind media.Kind, id string)
}

// Sound is what is done to the sound of one's own microphone.
type Sound struct {
	Echo  string // auto, on or off: take the loudspeaker out of it
	Idle  string // why that is not done at present; "" if it is
	Noise bool   // take noise out of it
	Gain  bool   // even out how loud it is
	Music bool   // none of that, but stereo
	// Check is what a sound check does: "", "recording" or "playing".
	Check string
}

// SoundChecks change what is done to one's own sound, and let a person hear it.
type SoundChecks interface {
	// Sound is what is done now.
	Sound() Sound
	// SetSound changes Echo, Noise, Gain and Music.
	SetSound(s Sound)
	// PlayTestSound plays two notes on the speaker.
	PlayTestSound()
	// HearMyself records three seconds of what would be sent and plays them. It
	// reports false if the microphone is off.
	HearMyself() bool
}

// Links tells how good the way to everyone is.
type Links interface {
	// Stats has an entry for every peer of the view. The caller owns the map.
	Stats() map[signal.PeerID]LinkStats
}

// LinkStats is the connection to one peer over the last second.
type LinkStats struct {
	RTT    time.Duration // 0 while unknown
	MTU    int           // the largest packet that gets through, in bytes; 0 while unknown
	Loss   float64       // share of the packets sent to us that were lost, 0 to 1
	Jitter time.Duration
	Buffer time.Duration // how long sound waits in the jitter buffer
	Down   int           // bit/s received from the peer, all media
	Up     int           // bit/s sent to the peer, all media

	Path          rtc.Path
	Via           string // the name of who carries; "" unless somebody does
	LocalType     string // host, srflx, prflx or relay; "" while unknown
	RemoteType    string
	LocalAddress  string
	RemoteAddress string
	Verified      bool // the room secret vouches for the peer's key

	Camera, Screen PictureStats

	// Received and Sent are bytes since the peer was first met; they never
	// go back.
	Received, Sent uint64
}

// PictureStats is one video stream as it is received.
type PictureStats struct {
	Width, Height int
	FPS           float64
	Bits          int // per second
}

// Stage shows the pictures. The screen leaves holes for them and says where.
type Stage interface {
	// Show replaces the list of visible pictures and only posts. It is called
	// whenever the list changed and whenever the screen was cleared, so that
	// everything must be drawn anew; the slice is the stage's to keep. A
	// picture that has not come yet is shown as background.
	Show(tiles []Tile)
}

// Tile is one hole in the screen, in cells from the top left corner at 0, 0.
// The screen has filled it with [Placeholder].
type Tile struct {
	Peer signal.PeerID // one's own id for the view of one's own camera
	Kind media.Kind    // Camera or Screen
	X, Y int
	Cols int
	Rows int
	// Dim says that the picture is stale: the peer is not connected.
	Dim bool
	// Badge is what the screen has written over the hole, such as
	// "Reconnecting..."; empty for nothing.
	Badge string
}

// Placeholder is the rune the view leaves where video belongs: one cell wide
// in every locale, and never part of a text from the network.
const Placeholder = termout.Placeholder

// Invite is how others get into the room.
type Invite struct {
	Command string // "meet join ..." to be typed in another terminal
	Link    string // for a browser; empty when there is no page
	Works   string // who can use it, such as "works on this network"; empty when nothing is known
	Alone   bool   // only this machine can: a QR code of it is of no use
}

// Place is where the room is and how others get there. As an event it says that
// this changed.
type Place struct {
	Invite Invite
	Where  string // such as "hosted here, for this network"
	Note   string // what is to be said besides; may be empty
	Reach  string // who can get to a room that is hosted here; empty where a server was named
}

// EventName implements [rtc.Event].
func (Place) EventName() string { return "invite-changed" }

// Notice is a remark of the program itself for the person at the screen, such
// as a sound server that died. It travels in the stream of a [Room]'s events.
type Notice struct {
	Code    string // for scripts, such as "no-microphone"
	Text    string
	Warning bool
	Good    bool // something is as it should be again
}

// EventName implements [rtc.Event].
func (n Notice) EventName() string {
	if n.Warning {
		return "warning"
	}
	return "notice"
}
