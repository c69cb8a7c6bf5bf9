package front

import (
	"fmt"
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// Tone is how something is said, which decides its symbol and colour.
type Tone uint8

// The tones.
const (
	Info Tone = iota
	Good
	Warn
	Bad
	Quiet // for the log alone: the screen says it elsewhere
)

// Describe is what a person should read about an event, and in which tone it is
// said; an empty text means that the event says nothing to people.
func Describe(ev rtc.Event) (string, Tone) {
	switch e := ev.(type) {
	case rtc.Reconnected:
		return "Reconnected to " + Name(e.Name) + " (" + repairText(e.Attempts) + ", " + Brief(e.Outage) + ")", Good
	case rtc.ReconnectFailed:
		return "Failed to reconnect to " + Name(e.Name) + " after " + Plural(e.Attempts, "attempt"), Bad
	case rtc.ConnectFailed:
		return Text(e.Sentence()), Bad
	case rtc.PathChangedTo:
		switch {
		case e.Path == rtc.PathVia:
			return "Reaching " + Name(e.Name) + " via " + Name(e.Via), Info
		case e.Previous == rtc.PathVia && e.Path == rtc.PathDirect:
			return "Reaching " + Name(e.Name) + " directly", Good
		case e.Previous == rtc.PathVia:
			return "Reaching " + Name(e.Name) + " through the server's relay", Good
		}
	case rtc.CarryingChanged:
		if len(e.Pairs) == 0 {
			return "No longer carrying anybody", Info
		}
		return capital(CarryingText(e.Pairs)), Info
	case rtc.ServerStateChanged:
		switch {
		case e.State == signal.Connected && e.Previous == signal.Reconnecting:
			return "Reconnected to server", Good
		case e.State == signal.Reconnecting && e.Previous == signal.Connected:
			return "Lost the server; the call goes on", Warn
		}
	case rtc.Identified:
		return identified(e)
	case rtc.PeerJoined:
		return Name(e.Name) + " joined", Info
	case rtc.PeerLeft:
		if e.Crashed {
			return Name(e.Name) + " lost connection", Warn
		}
		return Name(e.Name) + " left", Info
	case rtc.HandRaised:
		return handText(e), Info
	case rtc.Undelivered:
		return Name(e.Name) + " cannot be reached now and gets your message later", Warn
	case rtc.PicturesPaused:
		return pausedText(e)
	case rtc.HearingLost:
		return HearingText(Name(e.Name), e.Heard, e.Hears), Warn
	case call.PlaceChanged:
		if e.Note != "" {
			return Text(e.Note), Warn
		}
		return PlaceText(e.Place), Info
	case call.CodeChanged:
		switch e.State {
		case call.CodeOpen, call.CodeUsed:
			return Text(e.Text), Good
		case call.CodeEnded:
			return Text(e.Text), Info
		}
		return Text(e.Text), Bad
	case call.LanRoomFound:
		host := e.Host
		if host == "" {
			host = e.Address
		}
		return Text("Found " + e.Room + " on this network: " + host + " hosts it"), Info
	case call.Warning:
		switch {
		case e.Code.Good():
			return Text(e.Text), Good
		case e.Code.News():
			return Text(e.Text), Info
		}
		return Text(e.Text), Bad
	case call.FileOffered:
		if e.Mine {
			return Text(fmt.Sprintf("%s (%s) is offered to %s", e.Name, DataSize(uint64(e.Size)), e.Who.Name)), Info
		}
		return Text(fmt.Sprintf("%s offers %s (%s), file %d", e.Who.Name, e.Name, DataSize(uint64(e.Size)), e.ID)), Info
	case call.FileDone:
		if e.Mine {
			return Text(fmt.Sprintf("%s has %s", e.Who.Name, e.Name)), Good
		}
		return Text(fmt.Sprintf("%s of %s is in %s", e.Name, e.Who.Name, e.Path)), Good
	case call.FileFailed:
		if e.Mine {
			return Text(fmt.Sprintf("%s was not sent to %s: %s", e.Name, e.Who.Name, e.Error)), Bad
		}
		return Text(fmt.Sprintf("%s of %s did not arrive: %s", e.Name, e.Who.Name, e.Error)), Bad
	case call.RecordingChanged:
		return recordingText(e), Warn
	case call.FileProgress:
		// the screen has a bar, and plain mode says it now and then
	case call.TerminalStarted:
		return Name(e.Name) + " shares a terminal: " + Text(e.Title), Info
	case call.TerminalStopped:
		return Name(e.Name) + " no longer shares " + Text(e.Title), Info
	case call.TerminalAsked:
		return Name(e.Name) + " wants to type in your terminal", Warn
	case call.TerminalAllowed:
		if e.On {
			return Name(e.Name) + " may type in the terminal of " + Name(e.Owner.Name), Warn
		}
		return Name(e.Name) + " may no longer type in the terminal of " + Name(e.Owner.Name), Info
	case call.TerminalResized:
		// is seen
	case call.Chat, call.SoundChanged:
		// are shown where they belong
	case call.Left, call.MediaStarted, call.MediaResumed, call.EventsLost:
		// the end of the events tells, or the view
	case rtc.Joined, rtc.RosterChanged, rtc.MediaStateChanged, rtc.HearingChanged:
		// the view shows them, and plain mode has words of its own
	case rtc.ConnectionStateChanged, rtc.ICEConnectionStateChanged,
		rtc.PeerConnected, rtc.PeerDisconnected, rtc.PeerConnectionFailed, rtc.Reconnecting:
		// the badge of the person shows them; how it ends is said above
	}
	return "", Info
}

// recordingText says who records, or no longer does.
func recordingText(e call.RecordingChanged) string {
	switch {
	case e.Dir != "" && e.On:
		return Text("You record the call, and everybody sees it: " + e.Dir)
	case e.Dir != "":
		return Text("The recording is in " + e.Dir)
	case e.On:
		return Name(e.Name) + " records this call"
	}
	return Name(e.Name) + " no longer records"
}

// handText says whose hand is up and whose turn it is, or that it is down.
func handText(e rtc.HandRaised) string {
	whose := Name(e.Name) + "'s"
	if e.Own {
		whose = "Your"
	}
	switch {
	case !e.On:
		return whose + " hand is down"
	case e.Place > 1:
		return fmt.Sprintf("%s hand is up, number %d in line", whose, e.Place)
	}
	return whose + " hand is up"
}

// PlaceText is where the room is, and with whom the invite works.
func PlaceText(p call.Place) string {
	text := Text(p.Where)
	if text == "" {
		return ""
	}
	text = "The room is " + text
	if p.Invite.Works != "" {
		text += "; the invite " + Text(p.Invite.Works)
	}
	return text
}

// HearingText says in one line who does not hear whom. The screen shows a badge
// first, and this when it lasts.
func HearingText(name string, heard, hears bool) string {
	switch {
	case !heard && !hears:
		return "You and " + name + " do not hear each other"
	case !hears:
		return "You do not hear " + name
	case !heard:
		return name + " does not hear you"
	}
	return "You and " + name + " hear each other again"
}

// CarryingText is e.g. "carrying ann - bob".
func CarryingText(pairs []rtc.CarriedView) string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = Name(p[0].Name) + " - " + Name(p[1].Name)
	}
	return "carrying " + strings.Join(names, ", ")
}

// capital makes a sentence begin as sentences do.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// repairText is how an outage was mended.
func repairText(attempts int) string {
	if attempts == 0 {
		return "by itself"
	}
	return Plural(attempts, "attempt")
}

// identified says who somebody is whom one has just met, or whose key has changed.
// That somebody is who they were is no news.
func identified(e rtc.Identified) (string, Tone) {
	switch e.Mark {
	case rtc.MarkChanged:
		return "Careful: this " + Name(e.Name) + " is not the " + Name(e.Known) + " you know. Their key is " + call.KeyPrint(e.Key) +
			", and you know " + Name(e.Known) + " by " + call.KeyPrint(e.Other) + ". Compare the words (V) before you trust them", Bad
	case rtc.MarkNew:
		return "You meet " + Name(e.Name) + " for the first time", Info
	case rtc.MarkKnown, rtc.MarkVerified:
		text := Name(e.Name) + " is who they were"
		if e.Mark == rtc.MarkVerified {
			text = Name(e.Name) + " is verified"
		}
		if e.Known != "" && e.Known != e.Name {
			text += ": you know them as " + Name(e.Known)
		}
		return text, Quiet
	case rtc.MarkNone:
	}
	return "", Quiet
}

// Known is how well a person is known, in a word; "" before they have shown it.
func Known(id rtc.Identity) string { return string(id.Mark) }

// pausedText says whose pictures do not come.
func pausedText(e rtc.PicturesPaused) (string, Tone) {
	what := "picture"
	if e.Kind == media.Screen {
		what = "screen"
	}
	if e.Paused {
		return "The line is too thin for the " + what + " of " + Name(e.Name) + "; the sound goes on", Warn
	}
	return "The " + what + " of " + Name(e.Name) + " is back", Good
}
