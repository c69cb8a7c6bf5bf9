package stage

import (
	"bytes"
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/tui"
	"github.com/meet-term/meet/tui/termvideo"
)

// fakeCall has a picture of bob, and notes what is looked at.
type fakeCall struct {
	frame *video.Frame
	shown map[call.Viewed]stream.Size
	taken int
}

func (*fakeCall) View() *rtc.RoomView                      { return &rtc.RoomView{Self: "self"} }
func (c *fakeCall) Show(sizes map[call.Viewed]stream.Size) { c.shown = sizes }
func (c *fakeCall) Picture(call.Viewed) *video.Frame       { c.taken++; return c.frame }

// What is on screen is asked for at the size it is drawn at, the larger of two, and
// nothing is drawn once nothing is shown.
func TestStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, out := &fakeCall{frame: video.NewFrame(64, 36)}, new(bytes.Buffer)
		choice := termvideo.Choice{Mode: termvideo.ModeHalf}
		s := New(c, termvideo.New(out, choice.Config(termvideo.Caps{})), choice, termvideo.Caps{}, func() (int, int) { return 80, 24 })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()

		s.Show([]tui.Tile{
			{Peer: "bob", Kind: media.Camera, X: 1, Y: 1, Cols: 20, Rows: 6},
			{Peer: "bob", Kind: media.Camera, X: 30, Y: 1, Cols: 10, Rows: 3},
			{Peer: "bob", Kind: media.Screen, X: 1, Y: 10, Cols: 10, Rows: 3},
		})
		time.Sleep(time.Second)
		synctest.Wait()
		w, h := choice.PictureSize(termvideo.Caps{}, 20, 6)
		sw, sh := choice.PictureSize(termvideo.Caps{}, 10, 3)
		want := map[call.Viewed]stream.Size{
			{Peer: "bob", Kind: media.Camera}: {Width: w, Height: h}, {Peer: "bob", Kind: media.Screen}: {Width: sw, Height: sh},
		}
		if !maps.Equal(c.shown, want) || out.Len() == 0 {
			t.Errorf("asked for %v, want %v; %d bytes were drawn", c.shown, want, out.Len())
		}

		s.Show(nil)
		synctest.Wait()
		taken := c.taken
		time.Sleep(time.Second)
		synctest.Wait()
		if len(c.shown) != 0 || c.taken != taken {
			t.Errorf("still looked at: %v, and %d pictures were taken", c.shown, c.taken-taken)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A part of a picture is that part, at every corner, and asked for as large as it is
// looked at.
func TestPart(t *testing.T) {
	f := video.NewFrame(64, 36)
	for y := range f.Height {
		for x := range f.Width {
			f.Y[y*f.YStride+x] = byte(16 + x + y)
			f.U[y/2*f.UVStride+x/2] = byte(x/2 + y/2)
		}
	}
	for _, c := range []struct{ zoom, px, py, x, y, w, h int }{
		{0, 500, 500, 0, 0, 64, 36}, {2, 0, 0, 0, 0, 32, 18}, {2, 1000, 1000, 32, 18, 32, 18},
		{4, 1000, 0, 48, 0, 16, 8}, {4, 500, 500, 24, 14, 16, 8}, {8, 1000, 1000, 56, 32, 8, 4},
	} {
		p := part(f, tui.Tile{Zoom: c.zoom, PanX: c.px, PanY: c.py})
		if p.Width != c.w || p.Height != c.h || p.Y[0] != byte(16+c.x+c.y) || p.U[0] != byte(c.x/2+c.y/2) {
			t.Errorf("%+v: %dx%d from %d", c, p.Width, p.Height, p.Y[0])
			continue
		}
		if last := p.Y[(p.Height-1)*p.YStride+p.Width-1]; last != byte(16+c.x+c.w-1+c.y+c.h-1) {
			t.Errorf("%+v ends with %d", c, last)
		}
	}
	if part(nil, tui.Tile{Zoom: 2}) != nil {
		t.Error("a part of nothing")
	}
	small := video.NewFrame(2, 2)
	if part(small, tui.Tile{Zoom: 8}) != small {
		t.Error("a part of next to nothing")
	}
	choice := termvideo.Choice{Mode: termvideo.ModeHalf}
	c := &fakeCall{}
	s := New(c, nil, choice, termvideo.Caps{}, nil)
	s.ask([]tui.Tile{{Peer: "bob", Kind: media.Screen, Cols: 20, Rows: 6, Zoom: 4}})
	w, h := choice.PictureSize(termvideo.Caps{}, 20, 6)
	if got := c.shown[call.Viewed{Peer: "bob", Kind: media.Screen}]; got != (stream.Size{Width: 4 * w, Height: 4 * h}) {
		t.Errorf("asked for %v", got)
	}
}
