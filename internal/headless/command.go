package headless

import (
	"encoding/json"
	"errors"
	"fmt"

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
}

// command is one line of input. Pointers tell what is missing from what is
// zero.
type command struct {
	Command string         `json:"command"`
	On      *bool          `json:"on"`
	Text    *string        `json:"text"`
	Peer    *signal.PeerID `json:"peer"`
	Percent *int           `json:"percent"`
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
	case "leave":
		c.Leave()
	case "":
		return errors.New(`no "command" in it`)
	default:
		return fmt.Errorf("unknown command %.40q", cmd.Command)
	}
	return nil
}

func toggle(cmd command, set func(bool)) error {
	if cmd.On == nil {
		return fmt.Errorf(`%s needs "on", true or false`, cmd.Command)
	}
	set(*cmd.On)
	return nil
}
