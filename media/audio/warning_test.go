package audio

import (
	"fmt"
	"testing"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
)

func TestDeviceWarnings(t *testing.T) {
	for _, c := range []struct {
		err  error
		want media.Warning
	}{
		{device.ErrNoDevice, media.Warning{Code: media.NoMicrophone, Text: "No microphone found. Others cannot hear you."}},
		{device.ErrDenied, media.Warning{Code: media.NoMicrophone,
			Text: "The system keeps the microphone from programs: allow it in its privacy settings. Others cannot hear you."}},
		{device.ErrBusy, media.Warning{Code: media.NoMicrophone, Text: "Another program has the microphone for itself. Others cannot hear you."}},
		{device.ErrLost, media.Warning{Code: media.MicrophoneLost, Text: "The microphone went away. Others cannot hear you."}},
	} {
		if got := micWarning(Mic{}, fmt.Errorf("record: %w", c.err)); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}
