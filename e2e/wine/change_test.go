//go:build linux

package wine

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meet-term/meet/e2e/rig"
	"github.com/meet-term/meet/internal/pulsetest"
)

// setDefault changes the default devices that Windows has for calls. Wine looks every second.
func setDefault(t *testing.T, pulse *pulsetest.Server, name, id string) {
	t.Helper()
	_, err := run(t, pulse, "reg", "add", `HKCU\Software\Wine\Drivers\winepulse.drv`, "/v", name, "/d", id, "/f")
	if err != nil {
		t.Fatalf("change %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = windows.command(t.Context(), pulse, "wine", "reg", "delete", `HKCU\Software\Wine\Drivers\winepulse.drv`, "/v", name, "/f").Run()
	})
}

func TestDefaultChanges(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("first")
	pulse.AddSink("second")
	pulse.AddMic("mic")
	speakers, _ := found(t, pulse, "speaker")
	mics, _ := found(t, pulse, "microphone")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	said := filepath.Join(t.TempDir(), "said.wav")
	pulsetest.Speak(t, said, strings.Repeat(sentence, 10)) // longer than it takes
	setDefault(t, pulse, "DefaultVoiceOutput", speakers["first"])
	playing := start(t, pulse, "play", "", said)
	playing.await("opened first")
	recording := start(t, pulse, "record", "", heard)
	recording.await("opened " + wineDefault)
	watching := start(t, pulse, "watch")
	watching.await("watching")

	setDefault(t, pulse, "DefaultVoiceOutput", speakers["second"])
	playing.await("moved second")
	watching.await("changed")
	setDefault(t, pulse, "DefaultVoiceInput", mics["mic"])
	recording.await("moved mic")
	playing.end()
	recording.end()
	watching.end()
}

func TestUnplugged(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("out")
	pulse.AddSink("headset")
	pulse.AddMic("mic")
	speakers, _ := found(t, pulse, "speaker")
	mics, _ := found(t, pulse, "microphone")
	heard := filepath.Join(t.TempDir(), "heard.wav")
	recording := start(t, pulse, "record", mics["mic"], heard)
	recording.await("recording")
	pulse.Kill() // and with it every device
	if line := recording.await("error:"); !strings.Contains(line, "went away") {
		t.Errorf("a microphone that was unplugged: %q", line)
	}
	pulse.Restart()
	again := start(t, pulse, "record", mics["mic"], heard)
	again.await("recording")
	again.end()

	pulse.Unload("headset")
	said := filepath.Join(t.TempDir(), "said.wav")
	pulsetest.Speak(t, said, sentence)
	playing := start(t, pulse, "play", speakers["headset"], said)
	if line := playing.await("error:"); !strings.Contains(line, "no such audio device") {
		t.Errorf("a speaker that is not there: %q", line)
	}
	if now, _ := found(t, pulse, "speaker"); now["headset"] != "" || now["out"] == "" {
		t.Errorf("speakers after one was unplugged: %v", now)
	}
}

func TestNoDevice(t *testing.T) {
	need(t)
	for _, kind := range []string{"microphone", "speaker"} {
		if ids, _ := found(t, nil, kind); len(ids) != 0 {
			t.Errorf("%ss of a machine without any: %v", kind, ids)
		}
	}
	p := start(t, nil, "record", "", filepath.Join(t.TempDir(), "none.wav"))
	if line := p.await("error:"); !strings.Contains(line, "no such audio device") {
		t.Errorf("a microphone of a machine without any: %q", line)
	}
}

// TestDoctor has meet.exe listen to a microphone that hears its speaker, and say
// where it keeps its files.
func TestDoctor(t *testing.T) {
	pulse := need(t)
	pulse.AddSink("out")
	mouth := pulse.AddMic("mic")
	pulse.SetDefault(mouth, "mic")
	out, err := run(t, pulse, windows.meet, "doctor", "--json")
	if err != nil {
		t.Fatalf("meet doctor: %v\n%s", err, out)
	}
	var report struct {
		Findings []struct {
			What, Text string
			OK         bool
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("meet doctor wrote %q: %v", out, err)
	}
	said := map[string]string{}
	for _, f := range report.Findings {
		said[f.What] = f.Text
	}
	if !strings.Contains(said["test sound"], "the microphone hears them") {
		t.Errorf("the test sound: %q", said["test sound"])
	}
	if !strings.Contains(said["build"], "windows/amd64; sound by WASAPI") {
		t.Errorf("the build: %q", said["build"])
	}
	for _, dir := range []string{`\AppData\Roaming\meet\config.toml`, `\AppData\Local\meet`} {
		if !strings.Contains(said["files"], dir) {
			t.Errorf("no file below %s: %q", dir, said["files"])
		}
	}
}

// TestLibrary runs the tests of the sound devices as Windows programs.
func TestLibrary(t *testing.T) {
	rig.Need(t, "wine")
	pulse := need(t)
	program := filepath.Join(t.TempDir(), "device.test.exe")
	build := exec.Command("go", "test", "-c", "-o", program, "github.com/meet-term/meet/media/audio/device")
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOOS=windows", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the tests: %v\n%s", err, out)
	}
	out, err := run(t, pulse, program, "-test.v")
	if err != nil || !strings.Contains(out, "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}
