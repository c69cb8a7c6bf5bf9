package stream

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media"
)

// What a viewer gets by what its path carries, beside one with a good path, for
// whom nothing changes.
func TestWeakViewerIsServedApart(t *testing.T) {
	for name, c := range map[string]struct {
		estimate int
		want     media.Serving
		layered  bool
		small    bool
	}{
		"as good":        {700_000, media.Everything, false, false},
		"a little less":  {400_000, media.Everything, false, false},
		"half":           {300_000, media.Serving{Layer: 0}, true, false},
		"a quarter":      {150_000, media.Serving{Small: true, Layer: media.TopLayer}, false, true},
		"hardly a thing": {20_000, media.Serving{Paused: true}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPolicy(media.Camera, 0)
			p.SetViewer("bob", Size{640, 360})
			p.SetViewer("eve", Size{640, 360})
			for i := range 5 {
				p.Report("bob", Report{Estimate: 900_000})
				p.Report("eve", Report{Estimate: c.estimate})
				p.Target(at(float64(i)))
			}
			got, _ := p.Target(at(6))
			want := 500
			if c.want == media.Everything {
				want = min(500, int(float64(c.estimate)/1000*estimateShare))
			}
			if got.Width != 640 || got.FPS != 15 || got.Kbps != want {
				t.Errorf("all get %+v", got)
			}
			s := p.Serving()
			if s["bob"] != media.Everything || s["eve"] != c.want {
				t.Errorf("bob gets %+v, eve %+v, want %+v", s["bob"], s["eve"], c.want)
			}
			if p.Layered() != c.layered || p.Small().Nothing() == c.small {
				t.Errorf("layers: %v, small: %+v", p.Layered(), p.Small())
			}
			if c.small && (p.Small().Kbps > 140 || p.Small().Width > 320) {
				t.Errorf("the small one is %+v", p.Small())
			}
		})
	}
}

// Pictures that stopped stay away for a while, go on when there is room for them,
// and stop for an only viewer too.
func TestPausedViewer(t *testing.T) {
	p := NewPolicy(media.Camera, 0)
	p.SetViewer("eve", Size{640, 360})
	p.Report("eve", Report{Estimate: 10_000})
	if got, _ := p.Target(at(-3.5)); got.Nothing() {
		t.Errorf("a path that is thin for a moment stops pictures: %+v", got)
	}
	if got, wake := p.Target(at(0)); !got.Nothing() || !wake.Equal(at(pausedFor.Seconds())) {
		t.Errorf("an only viewer with a path too thin gets %+v, again at %v", got, wake)
	}
	p.Report("eve", Report{Estimate: 300_000})
	if got, _ := p.Target(at(1)); !got.Nothing() {
		t.Errorf("a second later: %+v", got)
	}
	if got, _ := p.Target(at(pausedFor.Seconds()).Add(time.Millisecond)); got.Nothing() || p.Serving()["eve"].Paused {
		t.Errorf("with room: %+v, %+v", got, p.Serving()["eve"])
	}
}

// The screen comes before the camera.
func TestScreenBeforeCamera(t *testing.T) {
	for _, c := range []struct{ bps, camera, screen int }{
		{250_000, 0, 230}, {1_000_000, 276, 644},
	} {
		got := map[media.Kind]int{}
		for _, k := range []media.Kind{media.Camera, media.Screen} {
			p := NewPolicy(k, 0)
			p.SetBoth(true)
			p.SetViewer("eve", Size{1280, 720})
			p.Report("eve", Report{Estimate: c.bps})
			p.Target(at(0))
			target, _ := p.Target(at(4))
			got[k] = target.Kbps
		}
		if got[media.Camera] != c.camera || got[media.Screen] != c.screen {
			t.Errorf("%d bit/s: camera %d, screen %d", c.bps, got[media.Camera], got[media.Screen])
		}
	}
}
