package call

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/video/source"
)

// chosen is which devices a call uses. Guarded by media.mu.
type chosen struct {
	mic     audio.Mic
	speaker audio.Speaker
	camera  source.Camera
	screen  source.Screen
}

// maxDeviceName bounds what a device may call itself, in runes.
const maxDeviceName = 80

// Sources is what is in use, at most one of each kind; those that were
// switched off with "none" are left out.
func (c *Call) Sources() []media.Source {
	m := c.media
	micTrouble, speakerTrouble := m.audio.Trouble()
	mic, speaker := m.audio.InUse()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []media.Source
	add := func(s media.Source, device string) {
		if s.Name = safetext.Line(device, maxDeviceName); s.Name == "" {
			s.Name = s.Spec
		}
		all = append(all, s)
	}
	if from := m.chosen.mic; from.Kind != audio.None {
		if from.Kind == audio.Tone || from.Kind == audio.File {
			mic = ""
		}
		add(media.Source{Kind: media.Mic, Spec: from.String(), Missing: micTrouble, DB: m.audio.Levels().Self, Wanted: m.want.Mic}, mic)
	}
	if to := m.chosen.speaker; to.Kind != audio.None {
		if to.Kind == audio.File {
			speaker = ""
		}
		add(media.Source{Kind: media.Speaker, Spec: to.String(), Missing: speakerTrouble, Wanted: true}, speaker)
	}
	if from := m.chosen.camera; from.Kind != source.None {
		add(media.Source{Kind: media.Camera, Spec: from.String(), Missing: m.trouble[media.Camera], Wanted: m.want.Camera}, "")
	}
	if from := m.chosen.screen; from.Kind != source.None {
		add(media.Source{Kind: media.Screen, Spec: from.String(), Missing: m.trouble[media.Screen], Wanted: m.want.Screen}, "")
	}
	return all
}

// Devices lists what the machine has. Notes say in plain words what could not
// be listed. It may take as long as ctx lets it.
func Devices(ctx context.Context) (found []media.Device, notes []string) {
	add := func(kind media.Kind, id, name string, usual bool) {
		found = append(found, media.Device{Kind: kind, ID: id, Name: safetext.Line(name, maxDeviceName), Default: usual})
	}
	list, err := device.Devices(ctx)
	switch {
	case errors.Is(err, device.ErrNoServer):
		notes = append(notes, "No sound server ("+device.Server()+") answers: no microphone and no speaker.")
	case errors.Is(err, device.ErrUnsupported):
		notes = append(notes, "This build cannot use audio devices.")
	case err != nil:
		notes = append(notes, fmt.Sprintf("Sound devices cannot be listed: %v.", err))
	}
	for _, d := range list.Microphones {
		if !d.Monitor {
			add(media.Mic, d.ID, d.Name, d.Default)
		}
	}
	for _, d := range list.Speakers {
		add(media.Speaker, d.ID, d.Name, d.Default)
	}
	pictures := func(kind media.Kind, infos []source.Info, err error) {
		for _, d := range infos {
			add(kind, d.ID, d.Name, d.Default)
		}
		switch {
		case err != nil && !errors.Is(err, source.ErrNone):
			notes = append(notes, fmt.Sprintf("A %s cannot be used: %v.", kind.Device(), err))
		case len(infos) == 0:
			notes = append(notes, fmt.Sprintf("No %s found.", kind.Device()))
		}
	}
	cameras, err := source.Cameras(ctx)
	pictures(media.Camera, cameras, err)
	displays, err := source.Displays(ctx)
	pictures(media.Screen, displays, err)
	return found, notes
}

// findTime bounds the search for devices: one that hangs must not hang the list.
const findTime = 3 * time.Second

// List is what the machine has, with what is in use marked. It may take some
// seconds.
func (c *Call) List(ctx context.Context) []media.Device {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	found, _ := Devices(ctx)
	c.media.mu.Lock()
	defer c.media.mu.Unlock()
	for i := range found {
		found[i].InUse = c.media.chosen.names(found[i])
	}
	return found
}

// names reports whether a device is the one that is chosen of its kind.
func (c chosen) names(d media.Device) bool {
	usual, id := false, ""
	switch d.Kind {
	case media.Mic:
		usual, id = c.mic.Kind == audio.Default, c.mic.ID
	case media.Speaker:
		usual, id = c.speaker.Kind == audio.Default, c.speaker.ID
	case media.Camera:
		usual, id = c.camera.Kind == source.Default, c.camera.ID
	case media.Screen:
		usual = c.screen.Kind == source.Default
		if c.screen.Kind == source.Display {
			id = strconv.Itoa(c.screen.Number)
		}
	}
	return usual && d.Default || id != "" && id == d.ID
}

// Select changes to another device during the call; "" is the default one.
func (c *Call) Select(kind media.Kind, id string) error {
	m := c.media
	m.mu.Lock()
	defer m.mu.Unlock()
	switch kind {
	case media.Mic:
		mic := audio.Mic{}
		if id != "" {
			mic = audio.Mic{Kind: audio.Device, ID: id}
		}
		m.useMic(mic)
	case media.Speaker:
		m.chosen.speaker = audio.Speaker{}
		if id != "" {
			m.chosen.speaker = audio.Speaker{Kind: audio.Device, ID: id}
		}
		m.audio.SetSpeaker(m.chosen.speaker)
	case media.Camera:
		m.chosen.camera = source.Camera{}
		if id != "" {
			m.chosen.camera = source.Camera{Kind: source.Device, ID: id}
		}
		m.pictures.camera.SetSource(m.chosen.camera.Source())
	case media.Screen:
		screen := source.Screen{}
		if id != "" {
			var err error
			if screen, err = source.ParseScreen("display:" + strings.TrimPrefix(id, "display:")); err != nil {
				return err
			}
		}
		m.chosen.screen = screen
		m.pictures.screen.SetSource(screen.Source())
	}
	return nil
}

// useMic takes the sound from another microphone. Called with mu held.
func (m *studio) useMic(mic audio.Mic) {
	m.chosen.mic = mic
	m.audio.SetMic(mic)
	m.found(media.Mic, mic.Kind != audio.None) // until it turns out otherwise
}
