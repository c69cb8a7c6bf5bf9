package call

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/meet-term/meet/internal/record"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// RecordingChanged says that somebody records the call, oneself included, or does not any
// more. Dir is the folder of our own recording.
type RecordingChanged struct {
	rtc.Who
	On  bool
	Dir string
}

// EventName implements [rtc.Event].
func (RecordingChanged) EventName() string { return "recording" }

// ErrRecording and ErrNotRecording say that there is nothing to change.
var (
	ErrRecording    = errors.New("the call is recorded here already")
	ErrNotRecording = errors.New("the call is not recorded here")
)

// RecordingFailed is the code of the warning that a recording ended by itself.
const RecordingFailed = "recording-failed"

// recording is what is kept of recordings, our own and those of others.
type recording struct {
	mu     sync.Mutex
	others map[signal.PeerID]bool // who records; guarded by mu
	busy   sync.Mutex             // one start or end at a time; before mu
}

// Record begins to record the call into a new folder within dir, or with "" within the
// usual one, and tells everybody.
// It makes the folder, which may take a moment.
func (c *Call) Record(dir string) error {
	c.recording.busy.Lock()
	defer c.recording.busy.Unlock()
	if c.media.recorder.Load() != nil {
		return ErrRecording
	}
	if dir == "" {
		dir = c.cfg.RecordInto
	}
	r, err := record.Start(record.Config{
		Dir: dir, Room: c.cfg.Invite.Name, By: c.cfg.Name, Failed: c.recordingFailed,
		Name: func(peer string) string {
			if peer == string(c.self) {
				return c.cfg.Name
			}
			return nameOf(c.mesh, signal.PeerID(peer))
		},
	})
	if err != nil {
		return err
	}
	c.media.setRecorder(r)
	c.events.post(RecordingChanged{rtc.Who{Peer: c.self, Name: c.cfg.Name}, true, r.Dir()})
	c.media.audio.PlayNote()
	return nil
}

// StopRecording ends our own recording; when it returns, all of it is written.
func (c *Call) StopRecording() error {
	c.recording.busy.Lock()
	defer c.recording.busy.Unlock()
	r := c.media.recorder.Load()
	if r == nil {
		return ErrNotRecording
	}
	c.media.setRecorder(nil)
	err := r.Close()
	c.events.post(RecordingChanged{rtc.Who{Peer: c.self, Name: c.cfg.Name}, false, r.Dir()})
	if err != nil {
		return fmt.Errorf("end the recording: %w", err)
	}
	return nil
}

// Recording is the folder that the call is recorded into here, or "".
func (c *Call) Recording() string {
	if r := c.media.recorder.Load(); r != nil {
		return r.Dir()
	}
	return ""
}

// RecordLine puts a line of JSON about what happened into the recording, if there is one.
func (c *Call) RecordLine(b []byte) {
	if r := c.media.recorder.Load(); r != nil {
		r.Line(b)
	}
}

// recordingFailed is told by the recorder that it ended.
func (c *Call) recordingFailed(err error) {
	c.Warn(RecordingFailed, "The recording ended: "+err.Error()+".")
	r := c.media.recorder.Load()
	if r == nil {
		return
	}
	c.media.setRecorder(nil)
	c.events.post(RecordingChanged{rtc.Who{Peer: c.self, Name: c.cfg.Name}, false, r.Dir()})
}

// toldOfRecording follows who of the others records.
func (c *Call) toldOfRecording(e rtc.MediaStateChanged) {
	if e.Peer == c.self {
		return // told when it began
	}
	c.recording.mu.Lock()
	changed := c.recording.others[e.Peer] != e.Media.Recording
	if c.recording.others == nil {
		c.recording.others = map[signal.PeerID]bool{}
	}
	if e.Media.Recording {
		c.recording.others[e.Peer] = true
	} else {
		delete(c.recording.others, e.Peer)
	}
	c.recording.mu.Unlock()
	if !changed {
		return
	}
	c.events.post(RecordingChanged{Who: e.Who, On: e.Media.Recording})
	if e.Media.Recording {
		c.media.audio.PlayNote()
	}
}

// forgetRecording drops what was known of a person who left.
func (c *Call) forgetRecording(peer signal.PeerID) {
	c.recording.mu.Lock()
	defer c.recording.mu.Unlock()
	delete(c.recording.others, peer)
}

// setRecorder has everything go to a recorder, or with nil to none, and tells the room.
func (m *studio) setRecorder(r *record.Recorder) {
	m.recorder.Store(r)
	m.mu.Lock()
	m.forWhom()
	m.mesh.SetMedia(m.both())
	m.mu.Unlock()
	m.pictures.setRecorded(r != nil)
}

// sayFrame sends a packet of our own sound, and records it.
func (m *studio) sayFrame(p media.Packet) {
	if r := m.recorder.Load(); r != nil {
		kept := p
		kept.Payload = bytes.Clone(p.Payload)
		r.Audio(string(m.self), kept)
	}
	m.out.WriteAudio(p)
}

// recordedViewer is the viewer who keeps our own pictures going while they are recorded.
const recordedViewer = "\x00recording"

// setRecorded asks everybody for the pictures that a recording needs, or no longer does.
func (p *pictures) setRecorded(on bool) {
	p.recorded.Store(on)
	if on {
		p.camera.SetViewer(recordedViewer, usualCamera.Width, usualCamera.Height)
		p.screen.SetViewer(recordedViewer, usualScreen.Width, usualScreen.Height)
		p.camera.KeyFrame(false)
		p.screen.KeyFrame(false)
	} else {
		p.camera.RemoveViewer(recordedViewer)
		p.screen.RemoveViewer(recordedViewer)
	}
	for peer := range p.people.everybody() {
		p.tell(peer, p.viewOf(peer))
		if on {
			p.keyFrame(peer, media.Camera)
			p.keyFrame(peer, media.Screen)
		}
	}
}
