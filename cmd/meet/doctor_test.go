package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/meet-term/meet/call"
)

// TestDoctorSaysWhatIsMissingOnce: one missing sound server is one finding.
func TestDoctorSaysWhatIsMissingOnce(t *testing.T) {
	camera := call.Device{Kind: call.Camera, ID: "c", Name: "Integrated Camera"}
	mic := call.Device{Kind: call.Microphone, ID: "m", Name: "Built-in Audio"}
	const noServer = "No sound server (PulseAudio or PipeWire) answers: no microphone and no speaker."
	for name, c := range map[string]struct {
		devices []call.Device
		notes   []string
		want    []string
	}{
		"no sound server": {[]call.Device{camera}, []string{noServer, "No display found."}, []string{
			"camera: 1 found, by default Integrated Camera.", "display: No display found. meet joins without.", "sound: " + noServer}},
		"no microphone": {nil, []string{"No camera found.", "No display found."}, []string{
			"microphone: No microphone found. meet joins without.", "speaker: No speaker found. meet joins without.",
			"camera: No camera found. meet joins without.", "display: No display found. meet joins without."}},
		"a broken camera": {[]call.Device{mic}, []string{"A camera cannot be used: busy."}, []string{
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
