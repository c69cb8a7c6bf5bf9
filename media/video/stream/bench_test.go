package stream

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
)

// BenchmarkSend measures what one picture costs the sender: scaling and
// encoding, whatever the number of viewers.
func BenchmarkSend(b *testing.B) {
	tests := []struct {
		kind media.Kind
		src  source.Source
		size Size
	}{
		{media.Camera, source.Camera{Kind: source.TestCard}.Source(), Size{200, 120}},
		{media.Camera, source.Camera{Kind: source.TestCard}.Source(), Size{320, 180}},
		{media.Camera, source.Camera{Kind: source.TestCard}.Source(), Size{640, 360}},
		{media.Screen, source.Screen{Kind: source.TestCard}.Source(), Size{640, 360}},
		{media.Screen, source.Screen{Kind: source.TestCard}.Source(), Size{1280, 720}},
	}
	for _, tt := range tests {
		b.Run(fmt.Sprintf("%v-%dx%d", tt.kind, tt.size.Width, tt.size.Height), func(b *testing.B) {
			var frames []*video.Frame
			ctx, cancel := context.WithCancel(b.Context())
			if err := tt.src.Run(ctx, source.NewDemand(source.Want{FPS: 60}), func(f *video.Frame) {
				if frames = append(frames, f); len(frames) == 15 {
					cancel()
				}
			}); err != nil {
				b.Fatal(err)
			}
			s := NewSender(SenderConfig{Kind: tt.kind, Source: tt.src, On: true})
			s.policy.SetViewer("bob", tt.size)
			o := order{}
			s.policy.SetSource(Size{frames[0].Width, frames[0].Height})
			o.target, _ = s.policy.Target(time.Now())
			now := time.Now()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f := *frames[i%len(frames)]
				now = now.Add(time.Second / time.Duration(o.target.FPS))
				f.Time, f.Seq = now, uint64(i)
				o.frame = &f
				s.turn(&s.enc, o, now)
			}
			st := s.Stats()
			b.ReportMetric(float64(st.Bytes)*8/1000*float64(o.target.FPS)/float64(st.Frames+st.Dropped), "kbit/s")
			b.ReportMetric(float64(st.Dropped)/float64(st.Frames+st.Dropped), "dropped")
		})
	}
}
