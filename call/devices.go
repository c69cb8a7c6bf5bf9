package call

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/rtc"
)

// DeviceKind tells microphones, speakers, cameras and displays apart.
type DeviceKind uint8

// The kinds of devices.
const (
	Microphone DeviceKind = iota
	Speaker
	Camera
	Display
	deviceKinds = 4
)

var deviceNames = [deviceKinds]string{"microphone", "speaker", "camera", "display"}

// String returns what people call it, such as "microphone".
func (k DeviceKind) String() string {
	if int(k) < len(deviceNames) {
		return deviceNames[k]
	}
	return "device"
}

// Source is what one kind of media comes from or goes to at present.
type Source struct {
	Kind    DeviceKind
	Name    string  // as on the command line, such as "default" or "device:ID"
	Device  string  // what people call the microphone or speaker in use; "" if unknown
	Missing string  // why it does not work, in plain words; "" if it does
	DB      float64 // level of the microphone in dBov
	Wanted  bool    // it is switched on, and will be on once it works
}

// Device is one that can be chosen.
type Device struct {
	Kind    DeviceKind
	ID      string // what Select takes
	Name    string
	Default bool
}

// chosen is which devices a call uses. Guarded by media.mu.
type chosen struct {
	mic     audio.Mic
	speaker audio.Speaker
	camera  source.Camera
	screen  source.Screen
}

// Sources is what is in use, at most one of each kind; those that were
// switched off with "none" are left out.
func (c *Call) Sources() []Source {
	m := c.media
	micTrouble, speakerTrouble := m.audio.Trouble()
	mic, speaker := m.audio.InUse()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Source
	if from := m.chosen.mic; from.Kind != audio.None {
		if from.Kind == audio.Tone || from.Kind == audio.File {
			mic = ""
		}
		all = append(all, Source{Microphone, from.String(), mic, micTrouble, m.audio.Levels().Self, m.want.Mic})
	}
	if to := m.chosen.speaker; to.Kind != audio.None {
		if to.Kind == audio.File {
			speaker = ""
		}
		all = append(all, Source{Speaker, to.String(), speaker, speakerTrouble, 0, true})
	}
	if m.chosen.camera.Kind != source.None {
		all = append(all, Source{Camera, m.chosen.camera.String(), "", m.trouble[rtc.Camera], 0, m.want.Camera})
	}
	if m.chosen.screen.Kind != source.None {
		all = append(all, Source{Display, m.chosen.screen.String(), "", m.trouble[rtc.Screen], 0, m.want.Screen})
	}
	return all
}

// Devices lists what the machine has. Notes say in plain words what could not
// be listed. It may take as long as ctx lets it.
func Devices(ctx context.Context) (found []Device, notes []string) {
	list, err := device.Devices(ctx)
	switch {
	case errors.Is(err, device.ErrNoServer):
		notes = append(notes, "No sound server (PulseAudio or PipeWire) answers: no microphone and no speaker.")
	case errors.Is(err, device.ErrUnsupported):
		notes = append(notes, "This build cannot use audio devices.")
	case err != nil:
		notes = append(notes, fmt.Sprintf("Sound devices cannot be listed: %v.", err))
	}
	for _, d := range list.Microphones {
		if !d.Monitor {
			found = append(found, Device{Microphone, d.ID, d.Name, d.Default})
		}
	}
	for _, d := range list.Speakers {
		found = append(found, Device{Speaker, d.ID, d.Name, d.Default})
	}
	add := func(kind DeviceKind, infos []source.Info, err error) {
		for _, d := range infos {
			found = append(found, Device{kind, d.ID, d.Name, d.Default})
		}
		switch {
		case err != nil && !errors.Is(err, source.ErrNone):
			notes = append(notes, fmt.Sprintf("A %s cannot be used: %v.", kind, err))
		case len(infos) == 0:
			notes = append(notes, fmt.Sprintf("No %s found.", kind))
		}
	}
	cameras, err := source.Cameras(ctx)
	add(Camera, cameras, err)
	displays, err := source.Displays(ctx)
	add(Display, displays, err)
	return found, notes
}

// Select changes to another device during the call; "" is the default one.
func (c *Call) Select(kind DeviceKind, id string) error {
	spec := "default"
	if id != "" {
		spec = "device:" + id
		if kind == Display {
			spec = "display:" + strings.TrimPrefix(id, "display:")
		}
	}
	return c.media.choose(kind, spec)
}

// choose changes what a kind of media comes from or goes to.
func (m *media) choose(kind DeviceKind, spec string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch kind {
	case Microphone:
		mic, err := audio.ParseMic(spec)
		if err != nil {
			return err
		}
		m.chosen.mic = mic
		m.audio.SetMic(mic)
		m.found(rtc.Mic, mic.Kind != audio.None) // until it turns out otherwise
	case Speaker:
		speaker, err := audio.ParseSpeaker(spec)
		if err != nil {
			return err
		}
		m.chosen.speaker = speaker
		m.audio.SetSpeaker(speaker)
	case Camera:
		camera, err := source.ParseCamera(spec)
		if err != nil {
			return err
		}
		m.chosen.camera = camera
		m.pictures.camera.SetSource(camera.Source())
	case Display:
		screen, err := source.ParseScreen(spec)
		if err != nil {
			return err
		}
		m.chosen.screen = screen
		m.pictures.screen.SetSource(screen.Source())
	}
	return nil
}
