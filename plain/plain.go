// Package plain is the screen for screen readers, pipes and dumb terminals:
// one line per event, commands that begin with a slash, no escape sequences.
package plain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Options say what is shown and where. Room is required; a nil interface makes
// the commands that need it say so.
type Options struct {
	Room     front.Room
	Controls front.Controls
	Chat     front.Chat
	Devices  front.Devices
	Sound    front.SoundChecks
	Links    front.Links
	Files    front.Files
	Term     front.Terminals
	Recorder front.Recorder
	Place    call.Place
	Volume   front.Volume
	Levels   front.Meter
	// Times: each line begins with the time of day.
	Times bool
	// NewCode asks for a spoken code and reports whether any can be made; nil: none can.
	NewCode func() bool

	In  io.Reader        // nil: standard input
	Out io.Writer        // nil: standard output
	Now func() time.Time // nil: time.Now
}

// Bounds on what is read and shown.
const (
	lineMax = 64 << 10 // bytes of one command
	nameMax = 64       // runes of a name
	textMax = 4000     // runes of a message

	attemptsEvery = 5 * time.Second // between two lines about reaching the server
	figuresEvery  = 2 * time.Second // between two looks at how much was sent: who leaves takes that along
	unsaidMax     = 64              // own messages that are remembered until they come back
)

// session is one run of the plain screen. It belongs to the goroutine of Run.
type session struct {
	opt    Options
	media  map[signal.PeerID]signal.Media // what was said about everyone last
	met    map[signal.PeerID]bool         // connected before
	marks  map[signal.PeerID]rtc.Mark     // how well somebody is known, as last said
	names  front.Names
	linked bool      // the server was reached before
	tried  time.Time // when the last attempt to reach it was said; zero: none of this outage
	report front.Report
	typed  []string // own messages that the call has not confirmed yet
	// quarters of each file that were said.
	quarters map[int]int
	read     map[terminalID][]string // lines of shared terminals that were said
	err      error                   // of the first line that could not be written
}

// Run shows the call until the person leaves, the room's events end or ctx is
// done. The end of the input does not leave: a pipe may have nothing to say.
// An error means that the output is gone.
func Run(ctx context.Context, opt Options) (*front.Report, error) {
	if opt.In == nil {
		opt.In = os.Stdin
	}
	if opt.Out == nil {
		opt.Out = os.Stdout
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &session{opt: opt, media: map[signal.PeerID]signal.Media{}, met: map[signal.PeerID]bool{}, marks: map[signal.PeerID]rtc.Mark{}, quarters: map[int]int{}, read: map[terminalID][]string{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.welcome()
	s.loop(ctx, readLines(ctx, opt.In))
	s.report.View(s.view(), opt.Now())
	s.figures()
	if s.err != nil {
		return &s.report, fmt.Errorf("write a line: %w", s.err)
	}
	return &s.report, nil
}

// loop shows what happens until there is nothing more to show.
func (s *session) loop(ctx context.Context, lines <-chan string) {
	var changed <-chan struct{}
	if s.opt.Term != nil {
		changed = s.opt.Term.TerminalsChanged()
	}
	figures := time.NewTicker(figuresEvery)
	defer figures.Stop()
	settle := time.NewTimer(time.Hour)
	settle.Stop()
	defer settle.Stop()
	waits := false
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			if !waits {
				waits = true
				settle.Reset(readEvery)
			}
		case <-figures.C:
			s.figures()
		case <-settle.C:
			waits = false
			s.readTerminals()
		case ev, ok := <-s.opt.Room.Events():
			if !ok {
				return
			}
			ev = s.names.Event(ev)
			s.report.View(s.view(), s.opt.Now())
			s.report.Event(ev, s.opt.Now())
			s.event(ev)
		case line, ok := <-lines:
			if !ok {
				lines = nil
				continue
			}
			if s.command(ctx, line) {
				return
			}
		}
	}
}

// figures notes for the report how much was sent and received.
func (s *session) figures() {
	if s.opt.Links != nil {
		s.report.Stats(s.opt.Links.Stats())
	}
}

// view is the call with names that tell everyone apart.
func (s *session) view() *rtc.RoomView { return s.names.View(s.opt.Room.View()) }

// readLines reads commands in a goroutine of its own, which ends with ctx
// unless it waits for input that does not come.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	crash.Go(func() {
		defer close(lines)
		r := bufio.NewReaderSize(in, lineMax)
		for {
			line, err := r.ReadSlice('\n')
			s := string(line)
			for errors.Is(err, bufio.ErrBufferFull) { // drop the rest of a line that is too long
				_, err = r.ReadSlice('\n')
			}
			if s = strings.TrimSpace(s); s != "" {
				select {
				case lines <- s:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	return lines
}

// name and text make what came from the network fit for a line.
func name(s string) string {
	if s = safetext.Line(s, nameMax); s == "" {
		return "(no name)"
	}
	return s
}

func text(s string) string { return safetext.Line(s, textMax) }

// say writes one line, with the time before it if that was asked for.
func (s *session) say(format string, args ...any) {
	if s.err != nil {
		return
	}
	at := ""
	if s.opt.Times {
		at = s.opt.Now().Format("15:04:05 ")
	}
	_, s.err = fmt.Fprintf(s.opt.Out, "%s%s\n", at, fmt.Sprintf(format, args...))
}

// welcome says where we are, how others get in and what is missing.
func (s *session) welcome() {
	v := s.view()
	kind := "private"
	if v.Open {
		kind = "open: anyone who knows the name can listen, the server too"
	}
	s.say("room %s (%s), you are %s", name(v.Room), kind, name(v.Name))
	s.invite(s.opt.Place)
	if s.opt.Devices != nil {
		for _, src := range s.opt.Devices.Sources() {
			if src.Missing != "" {
				s.say("%s", text(src.Missing))
			}
		}
	}
	s.say("/help lists the commands")
}

// invite says how others get in, and who can.
func (s *session) invite(p call.Place) {
	if c := text(p.Invite.Command); c != "" {
		works := ""
		if p.Invite.Works != "" {
			works = " (" + text(p.Invite.Works) + ")"
		}
		s.say("others join with: %s%s", c, works)
	}
	if l := text(p.Invite.Link); l != "" {
		s.say("in a browser: %s", l)
	}
	if n := text(p.Note); n != "" {
		s.say("%s", n)
	}
}

// event says what an event means, if it means something to people.
func (s *session) event(ev rtc.Event) {
	switch e := ev.(type) {
	case rtc.Joined:
		v := s.view()
		s.say("joined, %d in the room", len(v.Peers)+1)
	case rtc.ServerStateChanged:
		s.serverChanged(e)
	case rtc.PeerConnected:
		if !s.met[e.Peer] {
			s.met[e.Peer] = true
			s.say("%s is connected", name(e.Name))
		}
	case rtc.PeerDisconnected:
		if _, here := s.opt.Room.View().Peer(e.Peer); here {
			s.say("Reconnecting to %s...", name(e.Name))
		}
	case rtc.Reconnecting:
		s.say("Reconnecting to %s... attempt %d of %d", name(e.Name), e.Attempt, e.Of)
	case rtc.MediaStateChanged:
		s.mediaChanged(e)
	case rtc.HearingChanged:
		s.say("%s", front.HearingText(name(e.Name), e.Heard, e.Hears))
	case rtc.HearingLost:
		// was said when it began
	case rtc.Identified:
		if s.marks[e.Peer] != e.Mark {
			s.marks[e.Peer] = e.Mark
			s.describe(e)
		}
	case call.PlaceChanged:
		if w := text(e.Where); w != "" {
			s.say("the room is %s", w)
		}
		s.opt.Place = e.Place
		s.invite(e.Place)
	case call.Chat:
		s.chat(e)
	case rtc.Reconnected, rtc.ReconnectFailed, rtc.ConnectFailed, rtc.PathChangedTo, rtc.CarryingChanged,
		rtc.PeerJoined, rtc.PeerLeft, rtc.Undelivered, rtc.PicturesPaused, rtc.HandRaised, call.Warning, call.CodeChanged, call.LanRoomFound,
		call.RecordingChanged, call.FileOffered, call.FileDone, call.FileFailed,
		call.TerminalStarted, call.TerminalStopped, call.TerminalAllowed:
		s.describe(ev)
	case call.TerminalAsked:
		s.describe(ev)
		s.say("/allow %s lets them, /deny %s does not", name(e.Name), name(e.Name))
	case call.TerminalResized:
		// its lines tell
	case call.FileProgress:
		s.fileMoves(e.File)
	case rtc.RosterChanged, rtc.ConnectionStateChanged, rtc.ICEConnectionStateChanged, rtc.PeerConnectionFailed:
		// others tell the same
	case call.SoundChanged, call.MediaStarted, call.MediaResumed, call.EventsLost, call.Left:
		// told where somebody asks, or by the end
	}
}

// chat says a message, but not one that was typed here: it stands there already.
func (s *session) chat(e call.Chat) {
	if e.History {
		s.say("earlier, at %s, %s: %s", e.Time.Local().Format("15:04"), name(e.Name), text(e.Text))
		return
	}
	if e.Peer == s.opt.Room.View().Self {
		if i := slices.Index(s.typed, text(e.Text)); i >= 0 {
			s.typed = slices.Delete(s.typed, i, i+1)
			return
		}
	}
	s.say("%s: %s", name(e.Name), text(e.Text))
}

// describe says an event in the words of the screen, if it has any.
func (s *session) describe(ev rtc.Event) {
	if line, _ := front.Describe(ev); line != "" {
		s.say("%s", line)
	}
}

// serverChanged says how the way to the server is being mended, or first made.
func (s *session) serverChanged(e rtc.ServerStateChanged) {
	if e.State == signal.Connected {
		s.linked, s.tried = true, time.Time{}
	}
	if line, _ := front.Describe(e); line != "" {
		s.describe(e)
		return
	}
	now := s.opt.Now()
	if e.Attempt == 0 || e.RetryIn <= 0 || now.Sub(s.tried) < attemptsEvery {
		return
	}
	s.tried = now
	line := "Connecting to server..."
	if s.linked {
		line = "Reconnecting to server..."
	}
	if signal.Trouble(e.Err) != "" {
		line = strings.TrimSuffix(line, "server...") + text(e.Server) + "... " + text(signal.Trouble(e.Err)) + ","
	}
	line += fmt.Sprintf(" attempt %d", e.Attempt)
	if e.RetryIn >= 50*time.Millisecond { // less is now
		line += fmt.Sprintf(" in %.1f s", e.RetryIn.Seconds())
	}
	s.say("%s", line)
}

// mediaChanged says what a person switched on or off.
func (s *session) mediaChanged(e rtc.MediaStateChanged) {
	old, known := s.media[e.Peer]
	s.media[e.Peer] = e.Media
	who := name(e.Name)
	if e.Peer == s.opt.Room.View().Self {
		who = "you"
	}
	if !known {
		s.say("%s: %s", who, mediaText(e.Media))
		return
	}
	change := func(was, is bool, what string) {
		if was != is {
			s.say("%s: %s %s", who, what, onOff(is))
		}
	}
	change(old.Mic, e.Media.Mic, "microphone")
	change(old.Camera, e.Media.Camera, "camera")
	change(old.Screen, e.Media.Screen, "screen share")
	// that somebody records is said as an event of its own
	change(old.Sound, e.Media.Sound, "sound of the screen share")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "OFF"
}

// mediaText is everything a person sends.
func mediaText(m signal.Media) string {
	sound := ""
	if m.Sound {
		sound = " with its sound"
	}
	return "microphone " + onOff(m.Mic) + ", camera " + onOff(m.Camera) + ", screen share " + onOff(m.Screen) + sound
}
