package source

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/scale"
)

func TestCardsMoveAtTheWantedRate(t *testing.T) {
	for name, src := range map[string]Source{"camera": Camera{Kind: TestCard}.Source(), "screen": Screen{Kind: TestCard}.Source()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				d := NewDemand(Want{640, 360, 15})
				start := time.Now()
				var frames []*video.Frame
				done := make(chan error)
				go func() { done <- src.Run(ctx, d, func(f *video.Frame) { frames = append(frames, f) }) }()

				time.Sleep(990 * time.Millisecond)
				synctest.Wait()
				if len(frames) != 15 {
					t.Errorf("%d frames in a second at 15 per second", len(frames))
				}
				d.Set(Want{640, 360, 5})
				time.Sleep(time.Second)
				synctest.Wait()
				if n := len(frames) - 15; n != 5 && n != 6 {
					t.Errorf("%d frames in the second after the change to 5 per second", n)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				for i, f := range frames {
					s, err := ReadStamp(f)
					if err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
					want := Stamp{name == "screen", uint32(f.Time.UnixMilli()) & stampTime}
					if s != want || f.Seq != uint64(i+1) || f.Time.Before(start) {
						t.Errorf("frame %d: number %d, stamp %+v, want %+v", i, f.Seq, s, want)
					}
					if i > 0 && string(f.Y[len(f.Y)/10:]) == string(frames[i-1].Y[len(f.Y)/10:]) {
						t.Errorf("frame %d shows nothing new below the stamp", i)
					}
				}
			})
		})
	}
}

func TestCardsDifferInSize(t *testing.T) {
	now := time.Unix(1e9, 0)
	c, s := paintCameraCard(now), paintScreenCard(now)
	if c.Width != CameraCardWidth || c.Height != CameraCardHeight || s.Width != ScreenCardWidth || s.Height != ScreenCardHeight {
		t.Errorf("camera %dx%d, screen %dx%d", c.Width, c.Height, s.Width, s.Height)
	}
}

func TestCardsStayWithinTheLimitedRange(t *testing.T) {
	for ms := int64(0); ms < 60_000; ms += 777 {
		for _, f := range []*video.Frame{paintCameraCard(time.UnixMilli(ms)), paintScreenCard(time.UnixMilli(ms))} {
			for i, v := range f.Y {
				if v < 16 || v > 235 {
					t.Fatalf("sample %d of %dx%d at %d ms is %d", i, f.Width, f.Height, ms, v)
				}
			}
		}
	}
}

func TestStampSurvivesScaling(t *testing.T) {
	var s scale.Scaler
	for _, ms := range []uint32{0, 1, 0x55555, 0xaaaaa, stampTime} {
		for _, screen := range []bool{false, true} {
			f := paintCameraCard(time.Unix(1, 0))
			want := Stamp{screen, ms}
			writeStamp(f, want)
			for _, size := range [][2]int{{640, 360}, {320, 180}, {200, 112}, {100, 56}} {
				if got, err := ReadStamp(s.Scale(f, size[0], size[1])); err != nil || got != want {
					t.Errorf("at %v: got %+v, %v, want %+v", size, got, err, want)
				}
			}
		}
	}
	if s, err := ReadStamp(video.NewFrame(640, 360)); err == nil {
		t.Errorf("a black picture has the stamp %+v", s)
	}
	if _, err := ReadStamp(video.NewFrame(16, 10)); err == nil {
		t.Error("a tiny picture has a stamp")
	}
}

func BenchmarkTestCard(b *testing.B) {
	now := time.Unix(1e9, 0)
	for name, paint := range map[string]func(time.Time) *video.Frame{"camera": paintCameraCard, "screen": paintScreenCard} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second / 15)
				paint(now)
			}
		})
	}
}
