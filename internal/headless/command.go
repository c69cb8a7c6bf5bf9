package headless

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// controls is what commands do to a call; *call.Call has it.
type controls interface {
	SetMic(on bool)
	SetCamera(on bool)
	SetScreen(on bool)
	SetHand(on bool)
	Retry(peer signal.PeerID)
	Leave()
}

// talker is the rest of what commands need.
type talker interface {
	Say(text string) bool
	SetVolume(peer signal.PeerID, percent int) bool
	Select(kind media.Kind, id string) error
	Sound() call.Sound
	SetSound(s call.Sound) error
	TellSound()
	SetScreenWithSound(on bool)
	PlayTestSound()
	Verify(peer signal.PeerID) bool
	SetReceive(r call.Receive)
	HearMyself() bool
	NewCode() bool
	filer
}

// filer sends and takes files, and records.
type filer interface {
	Record(dir string) error
	StopRecording() error
	SendFile(path string, to signal.PeerID) error
	AcceptFile(id int, dir string) error
	StopFile(id int) error
}

// maxLine bounds a command, in bytes.
const maxLine = 64 << 10

// command is something a script can ask for.
type command struct {
	name string
	args reflect.Type // a struct: its fields beside "command"
	do   func(line []byte, c controls, t talker) error
}

// define makes a command whose fields are those of A. Pointers in A tell what is
// missing from what is zero.
func define[A any](name string, do func(a A, c controls, t talker) error) command {
	return command{name, reflect.TypeFor[A](), func(line []byte, c controls, t talker) error {
		var a A
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("no command: %w", err)
		}
		return do(a, c, t)
	}}
}

// The fields of the commands.
type (
	noArgs struct{}
	onArgs struct {
		On *bool `json:"on"`
	}
	screenArgs struct {
		On    *bool `json:"on"`
		Sound bool  `json:"sound"`
	}
	chatArgs struct {
		Text *string `json:"text"`
	}
	retryArgs struct {
		Peer signal.PeerID `json:"peer"`
	}
	volumeArgs struct {
		Peer    *signal.PeerID `json:"peer"`
		Percent *int           `json:"percent"`
	}
	deviceArgs struct {
		Kind *string `json:"kind"`
		ID   string  `json:"id"`
	}
	recordArgs struct {
		On  *bool  `json:"on"`
		Dir string `json:"dir"`
	}
	fileSendArgs struct {
		Path string        `json:"path"`
		Peer signal.PeerID `json:"peer"`
	}
	fileAcceptArgs struct {
		ID  *int   `json:"id"`
		Dir string `json:"dir"`
	}
	fileStopArgs struct {
		ID *int `json:"id"`
	}
	receiveArgs struct {
		What string `json:"what"`
	}
	echoArgs struct {
		Mode *string `json:"mode"`
	}
)

// commands are all there are. TestCommandsAreDocumented compares them with
// docs/HEADLESS.md.
var commands = []command{
	define("mic", func(a onArgs, c controls, _ talker) error { return toggle("mic", a.On, c.SetMic) }),
	define("camera", func(a onArgs, c controls, _ talker) error { return toggle("camera", a.On, c.SetCamera) }),
	define("screen", func(a screenArgs, c controls, t talker) error {
		if a.Sound {
			return toggle("screen", a.On, t.SetScreenWithSound)
		}
		return toggle("screen", a.On, c.SetScreen)
	}),
	define("hand", func(a onArgs, c controls, _ talker) error { return toggle("hand", a.On, c.SetHand) }),
	define("chat", func(a chatArgs, _ controls, t talker) error {
		if a.Text == nil || !t.Say(*a.Text) {
			return errors.New(`chat needs a "text" with something in it`)
		}
		return nil
	}),
	define("retry", func(a retryArgs, c controls, _ talker) error { c.Retry(a.Peer); return nil }),
	define("volume", volume),
	define("verify", func(a retryArgs, _ controls, t talker) error {
		if !t.Verify(a.Peer) {
			return errors.New(`verify needs a "peer" who is connected and has shown who they are`)
		}
		return nil
	}),
	define("receive", func(a receiveArgs, _ controls, t talker) error {
		r, err := call.ParseReceive(a.What)
		if err != nil {
			return fmt.Errorf(`receive needs "what": %w`, err)
		}
		t.SetReceive(r)
		return nil
	}),
	define("device", choose),
	define("echo", func(a echoArgs, _ controls, t talker) error {
		if a.Mode == nil {
			return errors.New(`echo needs "mode": auto, on or off`)
		}
		s := t.Sound()
		s.Echo = *a.Mode
		return t.SetSound(s)
	}),
	define("noise", processing("noise", func(s *call.Sound) *bool { return &s.Noise })),
	define("gain", processing("gain", func(s *call.Sound) *bool { return &s.Gain })),
	define("music", processing("music", func(s *call.Sound) *bool { return &s.Music })),
	define("listen-muted", processing("listen-muted", func(s *call.Sound) *bool { return &s.ListenMuted })),
	define("sound", func(_ noArgs, _ controls, t talker) error { t.TellSound(); return nil }),
	define("test-sound", func(_ noArgs, _ controls, t talker) error { t.PlayTestSound(); return nil }),
	define("hear-myself", func(_ noArgs, _ controls, t talker) error {
		if !t.HearMyself() {
			return errors.New("the microphone is off")
		}
		return nil
	}),
	define("record", func(a recordArgs, _ controls, t talker) error {
		switch {
		case a.On == nil:
			return errors.New(`record needs "on", true or false`)
		case *a.On:
			return t.Record(a.Dir)
		}
		return t.StopRecording()
	}),
	define("file-send", func(a fileSendArgs, _ controls, t talker) error {
		if a.Path == "" {
			return errors.New(`file-send needs a "path"`)
		}
		return t.SendFile(a.Path, a.Peer)
	}),
	define("file-accept", func(a fileAcceptArgs, _ controls, t talker) error {
		if a.ID == nil {
			return errors.New(`file-accept needs the "id" of a file`)
		}
		return t.AcceptFile(*a.ID, a.Dir)
	}),
	define("file-stop", func(a fileStopArgs, _ controls, t talker) error {
		if a.ID == nil {
			return errors.New(`file-stop needs the "id" of a file`)
		}
		return t.StopFile(*a.ID)
	}),
	define("code", func(_ noArgs, _ controls, t talker) error {
		if !t.NewCode() {
			return errors.New("no code can be made here")
		}
		return nil
	}),
	define("leave", func(_ noArgs, c controls, _ talker) error { c.Leave(); return nil }),
}

// obey carries out one line of input; what is wrong with it is the error.
func obey(line []byte, c controls, t talker) error {
	asked, err := nameOf(line)
	if err != nil {
		return err
	}
	for _, list := range [][]command{commands, terminalCommands} {
		for _, cmd := range list {
			if cmd.name == asked {
				return cmd.do(line, c, t)
			}
		}
	}
	return fmt.Errorf("unknown command %.40q", asked)
}

// nameOf is which command a line is.
func nameOf(line []byte) (string, error) {
	var asked struct {
		Command string `json:"command"`
	}
	if err := json.Unmarshal(line, &asked); err != nil {
		return "", fmt.Errorf("no command: %w", err)
	}
	if asked.Command == "" {
		return "", errors.New(`no "command" in it`)
	}
	return asked.Command, nil
}

// volume changes how loud one person is here.
func volume(a volumeArgs, _ controls, t talker) error {
	switch {
	case a.Peer == nil || a.Percent == nil:
		return errors.New(`volume needs "peer" and "percent"`)
	case *a.Percent < 0 || *a.Percent > 200:
		return fmt.Errorf(`"percent" is %d: it must be 0 to 200`, *a.Percent)
	case !t.SetVolume(*a.Peer, *a.Percent):
		return fmt.Errorf("no sound from a peer %.40q", *a.Peer)
	}
	return nil
}

// choose changes to another microphone, speaker, camera or display.
func choose(a deviceArgs, _ controls, t talker) error {
	if a.Kind == nil {
		return errors.New(`device needs "kind", and "id" but for the default one`)
	}
	for _, kind := range media.DeviceKinds {
		if kind.Device() == *a.Kind {
			return t.Select(kind, a.ID)
		}
	}
	return fmt.Errorf("no kind of device: %.40q", *a.Kind)
}

// processing makes a command that switches one thing that is done to our own
// sound.
func processing(name string, of func(*call.Sound) *bool) func(onArgs, controls, talker) error {
	return func(a onArgs, _ controls, t talker) error {
		s := t.Sound()
		if err := toggle(name, a.On, func(on bool) { *of(&s) = on }); err != nil {
			return err
		}
		return t.SetSound(s)
	}
}

func toggle(name string, on *bool, set func(bool)) error {
	if on == nil {
		return fmt.Errorf(`%s needs "on", true or false`, name)
	}
	set(*on)
	return nil
}
