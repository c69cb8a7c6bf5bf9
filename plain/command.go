package plain

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// help lists the commands, one per line.
var help = []string{
	"/mute     microphone off, or on again; /unmute only on",
	"/camera   camera off, or on again",
	"/share    share the screen, or stop",
	"/share sound  share the screen with what is played here",
	"/hand     raise your hand, or take it down",
	"/receive  receive less: screens only, sound only, everything again",
	"/sound    what is done to the sound of your microphone",
	"/echo     auto, on or off: take the loudspeaker out of the microphone",
	"/noise    take noise out of the microphone, or leave it in",
	"/loudness even out how loud you are, or not",
	"/music    send the microphone as it is, in stereo, or for speech again",
	"/test     play a test sound",
	"/hear     hear yourself as others do",
	"/devices  microphones, speakers, cameras and screens; /devices N uses one",
	"/who      who is here, who speaks, and how they are connected",
	"/volume NAME N  play NAME at N percent, 0 to 200; 0 is silence",
	"/verify NAME  words to compare; /verify NAME same when they are: verified for good",
	"/say TEXT send a message; a line without a slash does the same",
	"/send PATH        offer a file to everybody; /send PATH to NAME to one",
	"/files    files that are offered or under way",
	"/take N   take file N; /take alone takes the newest",
	"/refuse N refuse file N, or stop it",
	"/terminals     what shared terminals show, whole",
	"/ask [NAME]    ask to type in the terminal of NAME",
	"/type TEXT     type a line there, or in your own",
	"/allow NAME    let NAME type in yours; /deny [NAME] takes it back",
	"/record   record the call, or stop; everybody is told",
	"/invite   how others get in, and who can",
	"/code     a code to say to one person; the one before ends",
	"/retry    reconnect now",
	"/leave    leave the meeting",
}

// command does what a line says and reports whether it was to leave.
func (s *session) command(ctx context.Context, line string) (leave bool) {
	word, rest, _ := strings.Cut(line, " ")
	if !strings.HasPrefix(word, "/") {
		s.send(line)
		return false
	}
	switch word {
	case "/help":
		for _, l := range help {
			s.say("%s", l)
		}
	case "/who":
		s.who()
	case "/verify":
		s.verify(strings.TrimSpace(rest))
	case "/say":
		s.send(strings.TrimSpace(rest))
	case "/volume":
		s.volume(strings.TrimSpace(rest))
	case "/unmute":
		if s.opt.Controls != nil && s.opt.Room.View().Media.Mic {
			s.say("the microphone is on already")
			return false
		}
		s.toggle("/mute")
	case "/mute", "/camera", "/share":
		if c, ok := s.opt.Controls.(front.SoundSharer); ok && word == "/share" && strings.TrimSpace(rest) == "sound" {
			c.SetScreenWithSound(true)
			return false
		}
		s.toggle(word)
	case "/sound", "/echo", "/noise", "/loudness", "/music", "/test", "/hear":
		s.sound(word, strings.TrimSpace(rest))
	case "/hand":
		if s.opt.Controls != nil {
			s.opt.Controls.SetHand(s.opt.Room.View().Hand == 0)
		}
	case "/receive":
		s.receive()
	case "/devices":
		s.devices(ctx, strings.TrimSpace(rest))
	case "/record":
		s.record(strings.TrimSpace(rest))
	case "/send", "/files", "/take", "/refuse":
		s.files(word, strings.TrimSpace(rest))
	case "/terminals", "/ask", "/type", "/allow", "/deny":
		s.terminal(word, strings.TrimSpace(rest))
	case "/invite":
		s.invite(s.opt.Place)
	case "/code":
		if s.opt.NewCode == nil || !s.opt.NewCode() {
			s.say("no code can be made here")
		}
	case "/retry":
		if s.opt.Controls != nil {
			s.opt.Controls.Retry("")
			s.say("trying again now")
		}
	case "/leave", "/quit":
		if s.opt.Controls != nil {
			s.opt.Controls.Leave()
		}
		s.say("you left")
		return true
	default:
		s.say("unknown command %s; /help lists them", text(word))
	}
	return false
}

// send sends a message.
func (s *session) send(line string) {
	switch {
	case s.opt.Chat == nil:
		s.say("there is no chat in this call")
	case line == "":
		s.say("/say needs a text")
	default:
		if s.opt.Chat.Say(line) && len(s.typed) < unsaidMax {
			s.typed = append(s.typed, text(line))
		}
	}
}

// named finds the one person with a name, or says why there is none. "" names whoever
// is there, if that is one.
func (s *session) named(who, command string) (rtc.PeerView, bool) {
	var found []rtc.PeerView
	for _, p := range s.view().Peers {
		if strings.EqualFold(name(p.Name), who) || who == "" {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		s.say("nobody here is called %s", name(who))
	default:
		s.say("whom? %s NAME", command)
	}
	return rtc.PeerView{}, false
}

// volume sets how loud somebody is played: "/volume NAME 80".
func (s *session) volume(rest string) {
	at := strings.LastIndexByte(rest, ' ')
	percent, err := strconv.Atoi(strings.TrimSuffix(rest[at+1:], "%"))
	if err != nil || percent < 0 || percent > 200 {
		s.say("/volume needs a name and 0 to 200, as in /volume Ann 80")
		return
	}
	p, ok := s.named(strings.TrimSpace(rest[:max(at, 0)]), "/volume")
	switch {
	case !ok:
	case s.opt.Volume == nil || !s.opt.Volume.SetVolume(p.ID, percent):
		s.say("nothing is heard of %s", name(p.Name))
	default:
		s.say("%s is played at %d percent", name(p.Name), percent)
	}
}

// toggle switches microphone, camera or screen, unless there is none. What it
// did is said when the call confirms it.
func (s *session) toggle(word string) {
	if s.opt.Controls == nil {
		return
	}
	m := s.opt.Room.View().Media
	switch word {
	case "/mute":
		s.turn(media.Mic, m.Mic, s.opt.Controls.SetMic)
	case "/camera":
		s.turn(media.Camera, m.Camera, s.opt.Controls.SetCamera)
	case "/share":
		s.turn(media.Screen, m.Screen, s.opt.Controls.SetScreen)
	}
}

// turn switches a source on or off, and says what that comes to if not that.
func (s *session) turn(kind media.Kind, on bool, set func(bool)) {
	var all []media.Source
	if s.opt.Devices != nil {
		all = s.opt.Devices.Sources()
	}
	to, ok, say := media.SourceOf(all, kind).Toggle(on)
	if ok {
		set(to)
	}
	if say != "" {
		s.say("%s", text(say))
	}
}

// who lists everyone with state and media.
func (s *session) who() {
	v := s.view()
	s.say("%d connected of %d", v.Connected()+1, len(v.Peers)+1)
	s.say("%s (you): %s%s", name(v.Name), mediaText(v.Media), handText(v, v.Self))
	stats := map[signal.PeerID]call.PeerStats{}
	if s.opt.Links != nil {
		for _, l := range s.opt.Links.Stats() {
			stats[l.Peer] = l
		}
	}
	speaks := map[signal.PeerID]media.Loudness{}
	if s.opt.Levels != nil {
		speaks = s.opt.Levels.Levels()
	}
	for _, p := range v.Peers {
		line := name(p.Name) + ": " + front.StateText(p) + ", "
		if speaks[p.ID].Speaking {
			line += "speaking, "
		}
		line += mediaText(p.Media)
		if l, ok := stats[p.ID]; ok && p.State == rtc.StateConnected {
			line += ", " + front.LinkText(l)
		}
		if mark := front.Known(p.Identity); mark != "" {
			line += ", " + mark
		}
		s.say("%s%s", line, handText(v, p.ID))
	}
}

// handText says that somebody has a hand up, behind whatever else is said of them.
func handText(v *rtc.RoomView, id signal.PeerID) string {
	if place := v.HandPlace(id); place > 0 {
		return fmt.Sprintf(", hand up (number %d)", place)
	}
	return ""
}

// receive has less received of others, or everything again.
func (s *session) receive() {
	if c, ok := s.opt.Controls.(front.Chooser); ok {
		c.SetReceive(front.ReceiveNext(c.Receive()))
		s.say("%s", front.ReceiveText(c.Receive()))
	}
}
