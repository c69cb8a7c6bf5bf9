package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/meet-term/meet/media"
)

// TestDoctorSaysWhatIsMissingOnce: one missing sound server is one finding.
func TestDoctorSaysWhatIsMissingOnce(t *testing.T) {
	camera := media.Device{Kind: media.Camera, ID: "c", Name: "Integrated Camera"}
	mic := media.Device{Kind: media.Mic, ID: "m", Name: "Built-in Audio"}
	const noServer = "No sound server (PulseAudio or PipeWire) answers: no microphone and no speaker."
	for name, c := range map[string]struct {
		devices []media.Device
		notes   []string
		want    []string
	}{
		"no sound server": {[]media.Device{camera}, []string{noServer, "No display found."}, []string{
			"camera: 1 found, by default Integrated Camera.", "display: No display found. meet joins without.", "sound: " + noServer}},
		"no microphone": {nil, []string{"No camera found.", "No display found."}, []string{
			"microphone: No microphone found. meet joins without.", "speaker: No speaker found. meet joins without.",
			"camera: No camera found. meet joins without.", "display: No display found. meet joins without."}},
		"a broken camera": {[]media.Device{mic}, []string{"A camera cannot be used: busy."}, []string{
			"microphone: 1 found, by default Built-in Audio.", "speaker: No speaker found. meet joins without.",
			"camera: No camera found. meet joins without.", "display: No display found. meet joins without.",
			"devices: A camera cannot be used: busy."}},
	} {
		var got []string
		for _, f := range deviceFindings(c.devices, c.notes) {
			got = append(got, f.What+": "+f.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestSoundFindings: what is heard of the test sound, and when that is trouble.
func TestSoundFindings(t *testing.T) {
	for name, c := range map[string]struct {
		found finding
		ok    bool
		text  string
	}{
		"a loudspeaker": {soundFinding("", "Speakers", -60, -30), true, "Two notes on Speakers: the microphone hears them at -30 dB."},
		"headphones":    {soundFinding("", "Headset", -60, -58), true, "Two notes on Headset: the microphone does not hear them."},
		"a dead microphone, a loud hum of nothing": {soundFinding("", "Speakers", -127, -90), true, "Two notes on Speakers: the microphone does not hear them."},
		"no speaker after all":                     {soundFinding("The speaker went away.", "", -60, -60), false, "The speaker went away."},
		"a level":                                  {levelFinding("", -30), true, "Heard up to -30 dB in a second."},
		"silence":                                  {levelFinding("", -127), false, "Silent for a second (-127 dB)."},
		"no microphone":                            {levelFinding("The microphone went away.", -127), false, "The microphone went away."},
	} {
		if c.found.OK != c.ok || c.found.Text != c.text {
			t.Errorf("%s: %v %q, want %v %q", name, c.found.OK, c.found.Text, c.ok, c.text)
		}
	}
}
