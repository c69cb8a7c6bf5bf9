//go:build linux

package talk

import (
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
	"github.com/meet-term/meet/internal/pulsetest"
)

// ours cuts what meet has opened out of what pactl lists.
func ours(list string) string {
	for _, entry := range strings.Split(list, "\n\n") {
		if strings.Contains(entry, `application.name = "meet"`) {
			return entry
		}
	}
	return ""
}

// TestStreams: what a call opens on real sound servers is what docs/HEADLESS.md
// says it is: one stream each way, of 48 kHz mono floats, for telephony, asking
// the server for no processing of its own.
func TestStreams(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *pulsetest.Server{
		"PulseAudio": pulsetest.Start, "PipeWire": pulsetest.StartPipeWire,
	} {
		t.Run(name, func(t *testing.T) {
			rig.Need(t)
			pulse := start(t)
			pulse.AddSink("speaker")
			pulse.AddMic("mic")
			pulse.SetDefault("speaker", "mic")
			server := rig.Serve(t)
			flags := []string{"--camera", "none", "--screen", "none"}
			a := rig.Join{Server: server, Room: "talk", Name: "alice", Flags: flags, Env: pulse.Env()}.Start(t)
			b := rig.Join{Server: server, Room: "talk", Name: "bob", Flags: rig.Quiet()}.Start(t)
			b.Meets("alice")
			flowing(b, "alice", 50)
			for kind, want := range map[string]string{"sink-inputs": "voices", "source-outputs": "microphone"} {
				got := ours(pulse.List(kind))
				for _, property := range []string{`media.name = "` + want + `"`, `media.role = "phone"`, "float32le 1ch 48000Hz", "Mute: no"} {
					if !strings.Contains(got, property) {
						t.Errorf("%s: no %s in\n%s", kind, property, got)
					}
				}
				if strings.Contains(got, "filter.want") {
					t.Errorf("%s asks the server for a filter:\n%s", kind, got)
				}
			}
			for _, module := range []string{"module-echo-cancel", "module-filter"} {
				if strings.Contains(pulse.List("modules"), module) {
					t.Errorf("%s was loaded", module)
				}
			}
			at := time.Now()
			a.Tell("sound")
			e := a.Await(at, "what is done to the sound", func(e rig.Event) bool { return e.Name == "sound" })
			if e.Text("echo") != "auto" || e.Text("idle") != "" || !e.On("noise") || !e.On("gain") {
				t.Errorf("the sound is processed like this: %v", e.Fields)
			}
			// Muted, the microphone's stream is gone.
			a.Tell("mic", "on", false)
			b.Await(at, "alice muted", func(e rig.Event) bool { return rig.Is("media-state-changed", "alice")(e) && !e.On("mic") })
			for deadline := time.Now().Add(5 * time.Second); ours(pulse.List("source-outputs")) != ""; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the microphone is held open while muted")
				}
			}
			a.Tell("mic", "on", true)
			flowing(b, "alice", 10)

			// Music: the microphone in stereo.
			a.Tell("music", "on", true)
			for deadline := time.Now().Add(5 * time.Second); !strings.Contains(ours(pulse.List("source-outputs")), "float32le 2ch 48000Hz"); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("the microphone in music mode:\n%s", pulse.List("source-outputs"))
				}
			}

			// Another headset is told within a second.
			at = time.Now()
			pulse.AddSink("headset")
			plugged := a.Await(at, "what was plugged in", func(e rig.Event) bool { return e.Name == "warning" && e.Text("code") == "devices-changed" })
			if !strings.Contains(plugged.Text("text"), "headset") || plugged.At.Sub(at) > 1500*time.Millisecond {
				t.Errorf("after %v: %s", plugged.At.Sub(at), plugged.Text("text"))
			}
		})
	}
}

// TestUnplugged: the microphone in use is unplugged, and within about a second a
// person is told which one is used now.
func TestUnplugged(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *pulsetest.Server{
		"PulseAudio": pulsetest.Start, "PipeWire": pulsetest.StartPipeWire,
	} {
		t.Run(name, func(t *testing.T) {
			rig.Need(t)
			pulse := start(t)
			pulse.AddSink("speaker")
			pulse.AddMic("other")
			pulse.AddMic("headset")
			pulse.SetDefault("speaker", "headset")
			server := rig.Serve(t)
			a := rig.Join{Server: server, Room: "talk", Name: "alice", Env: pulse.Env(), Flags: []string{"--camera", "none", "--screen", "none"}}.Start(t)
			b := rig.Join{Server: server, Room: "talk", Name: "bob", Flags: rig.Quiet()}.Start(t)
			b.Meets("alice")
			flowing(b, "alice", 50)
			at := time.Now()
			pulse.Unload("headset")
			e := a.Await(at, "which microphone is used now", func(e rig.Event) bool {
				code := e.Text("code")
				return e.Name == "warning" && (code == "microphone-moved" || code == "microphone-back")
			})
			t.Logf("after %v: %s", e.At.Sub(at), e.Text("text"))
			if !strings.Contains(e.Text("text"), "other") {
				t.Errorf("told %q, want the name of the microphone in use", e.Text("text"))
			}
			if took := e.At.Sub(at); took > 1500*time.Millisecond {
				t.Errorf("told after %v", took)
			}
			flowing(b, "alice", 50)
		})
	}
}
