package call

import (
	"testing"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func TestAnyPictures(t *testing.T) {
	sound, camera, screen := signal.Media{Mic: true}, signal.Media{Camera: true}, signal.Media{Screen: true}
	for _, c := range []struct {
		name  string
		self  signal.Media
		peers []signal.Media
		want  bool
	}{
		{"alone", sound, nil, false},
		{"sound only", sound, []signal.Media{sound, {}}, false},
		{"own camera", camera, nil, true},
		{"own screen", screen, []signal.Media{sound}, true},
		{"the camera of the last", sound, []signal.Media{sound, camera}, true},
		{"the screen of one", sound, []signal.Media{screen, sound}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &rtc.RoomView{Media: c.self}
			for _, m := range c.peers {
				v.Peers = append(v.Peers, rtc.PeerView{Media: m})
			}
			if got := anyPictures(v); got != c.want {
				t.Errorf("pictures: %v, want %v", got, c.want)
			}
		})
	}
}
