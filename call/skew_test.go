package call

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media"
)

func TestPicturesWaitForSlowSound(t *testing.T) {
	const ms = time.Millisecond
	here := time.Unix(2000, 0)
	there := time.Unix(500, 0) // the sender's clock is its own
	for _, c := range []struct {
		name          string
		sound, camera time.Duration // on the way
		want          time.Duration // with 60 ms of buffer
	}{
		{"as fast", 30 * ms, 30 * ms, 60 * ms},
		{"slow sound", 130 * ms, 30 * ms, 160 * ms},
		{"slow camera", 30 * ms, 70 * ms, 20 * ms},
		{"camera slower than sound and buffer", 30 * ms, 200 * ms, 0},
		{"nonsense", time.Hour, 30 * ms, 560 * ms},
		{"nonsense the other way", -time.Hour, 30 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s skew
			s.saw(media.Mic, here.Add(c.sound), there)
			if got := s.hold(60 * ms); got != 60*ms {
				t.Errorf("before any picture %v", got)
			}
			s.saw(media.Camera, here.Add(c.camera), there)
			s.saw(media.Camera, here.Add(time.Second), time.Time{})
			s.saw(media.Screen, here, there)
			if got := s.hold(60 * ms); got != c.want {
				t.Errorf("held for %v, want %v", got, c.want)
			}
		})
	}
}
