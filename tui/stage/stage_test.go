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
