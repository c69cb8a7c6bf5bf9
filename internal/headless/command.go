package headless

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/signal"
)

// controls is what commands do to a call; *call.Call has it.
type controls interface {
	SetMic(on bool)
	SetCamera(on bool)
	SetScreen(on bool)
	Retry(peer signal.PeerID)
	Leave()
}

// talker is the rest of what commands need.
type talker interface {
	Say(text string) bool
	SetVolume(peer signal.PeerID, percent int) bool
	Select(kind call.DeviceKind, id string) error
	Sound() call.Sound
	SetSound(s call.Sound) error
	TellSound()
	SetScreenWithSound(on bool)
	PlayTestSound()
	HearMyself() bool
}

// command is one line of input. Pointers tell what is missing from what is
// zero.
type command struct {
	Command string         `json:"command"`
	On      *bool          `json:"on"`
	Text    *string        `json:"text"`
	Peer    *signal.PeerID `json:"peer"`
	Percent *int           `json:"percent"`
	Sound   *bool          `json:"sound"`
	Mode    *string        `json:"mode"`
	Kind    *string        `json:"kind"`
	ID      *string        `json:"id"`
}

// maxLine bounds a command, in bytes.
const maxLine = 64 << 10

// obey carries out one line of input; what is wrong with it is the error.
func obey(line []byte, c controls, t talker) error {
	var cmd command
	if err := json.Unmarshal(line, &cmd); err != nil {
		return fmt.Errorf("no command: %w", err)
	}
	switch cmd.Command {
	case "mic":
		return toggle(cmd, c.SetMic)
	case "camera":
		return toggle(cmd, c.SetCamera)
	case "screen":
		if cmd.Sound != nil && *cmd.Sound {
			return toggle(cmd, t.SetScreenWithSound)
		}
		return toggle(cmd, c.SetScreen)
	case "chat":
		if cmd.Text == nil || !t.Say(*cmd.Text) {
			return errors.New(`chat needs a "text" with something in it`)
		}
	case "retry":
		var peer signal.PeerID
		if cmd.Peer != nil {
			peer = *cmd.Peer
		}
		c.Retry(peer)
	case "volume":
		switch {
		case cmd.Peer == nil || cmd.Percent == nil:
			return errors.New(`volume needs "peer" and "percent"`)
		case *cmd.Percent < 0 || *cmd.Percent > 200:
			return fmt.Errorf(`"percent" is %d: it must be 0 to 200`, *cmd.Percent)
		case !t.SetVolume(*cmd.Peer, *cmd.Percent):
			return fmt.Errorf("no sound from a peer %.40q", *cmd.Peer)
		}
	case "device":
		return choose(cmd, t)
	case "sound", "echo", "noise", "gain", "music", "listen-muted":
		return sound(cmd, t)
	case "test-sound":
		t.PlayTestSound()
	case "hear-myself":
		if !t.HearMyself() {
			return errors.New("the microphone is off")
		}
	case "leave":
		c.Leave()
	case "":
		return errors.New(`no "command" in it`)
	default:
		return fmt.Errorf("unknown command %.40q", cmd.Command)
	}
	return nil
}

// choose changes to another microphone, speaker, camera or display.
func choose(cmd command, t talker) error {
	if cmd.Kind == nil {
		return errors.New(`device needs "kind", and "id" but for the default one`)
	}
	id := ""
	if cmd.ID != nil {
		id = *cmd.ID
	}
	for _, kind := range []call.DeviceKind{call.Microphone, call.Speaker, call.Camera, call.Display} {
		if kind.String() == *cmd.Kind {
			return t.Select(kind, id)
		}
	}
	return fmt.Errorf("no kind of device: %.40q", *cmd.Kind)
}

// sound changes what is done to our own sound, or only asks for it.
func sound(cmd command, t talker) error {
	s := t.Sound()
	var err error
	switch cmd.Command {
	case "sound":
		t.TellSound()
		return nil
	case "echo":
		if cmd.Mode == nil {
			return errors.New(`echo needs "mode": auto, on or off`)
		}
		s.Echo = *cmd.Mode
	case "noise":
		err = toggle(cmd, func(on bool) { s.Noise = on })
	case "gain":
		err = toggle(cmd, func(on bool) { s.Gain = on })
	case "music":
		err = toggle(cmd, func(on bool) { s.Music = on })
	case "listen-muted":
		err = toggle(cmd, func(on bool) { s.ListenMuted = on })
	}
	if err != nil {
		return err
	}
	return t.SetSound(s)
}

func toggle(cmd command, set func(bool)) error {
	if cmd.On == nil {
		return fmt.Errorf(`%s needs "on", true or false`, cmd.Command)
	}
	set(*cmd.On)
	return nil
}
