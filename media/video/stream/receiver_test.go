package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/media/video/vp8"
)

// fakeDecoder shows frames whose data is "key" or "delta", fails on others and
// on deltas without a key.
type fakeDecoder struct {
	slow   time.Duration
	seq    uint64
	primed bool
}

var errDecode = errors.New("cannot be decoded")

func (d *fakeDecoder) Decode(data []byte) (*video.Frame, error) {
	if d.slow > 0 {
		time.Sleep(d.slow)
	}
	switch {
	case bytes.Equal(data, []byte("key")):
		d.primed = true
	case !bytes.Equal(data, []byte("delta")) || !d.primed:
		d.primed = false
		return nil, errDecode
	}
	d.seq++
	f := video.NewFrame(32, 16)
	f.Seq = d.seq
	return f, nil
}

// watch is a receiver with everything around it.
type watch struct {
	*Receiver
	start time.Time
	mu    sync.Mutex
	asked []time.Duration // for key frames
	shown []time.Duration
}

func startWatch(t *testing.T, cfg ReceiverConfig, slow time.Duration) *watch {
	w := &watch{start: time.Now()}
	note := func(list *[]time.Duration) func() {
		return func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			*list = append(*list, time.Since(w.start))
		}
	}
	cfg.OnKeyFrameWanted, cfg.OnPicture = note(&w.asked), note(&w.shown)
	if cfg.newDecoder == nil {
		cfg.newDecoder = func() Decoder { return &fakeDecoder{slow: slow} }
	}
	w.Receiver = NewReceiver(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// push hands a frame over and waits until all is done that can be done now.
func (w *watch) push(data string) { w.pushOf(data, time.Since(w.start)) }

// pushOf pushes a picture that was taken at some time after the start.
func (w *watch) pushOf(data string, taken time.Duration) {
	w.Push(media.Frame{Data: []byte(data), Key: data == "key", At: time.Now(), Timestamp: uint32(1<<32-1000) + uint32(taken.Milliseconds()*clockRate/1000)})
	synctest.Wait()
}

func TestPicturesArriveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, 0)
		if w.Latest() != nil || w.Stats() != (ReceiverStats{}) {
			t.Error("something is there before the first frame")
		}
		w.push("key")
		for range 44 {
			time.Sleep(time.Second / 15)
			w.push("delta")
		}
		if f := w.Latest(); f == nil || f.Seq != 45 || !f.Time.Equal(time.Now()) {
			t.Errorf("latest %+v", f)
		}
		s := w.Stats()
		if s.FramesDecoded != 45 || s.Bytes != 3+44*5 || s.Width != 32 || s.Height != 16 || s.FPS < 14 || s.FPS > 16 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(3 * time.Second)
		if s := w.Stats(); s.FPS != 0 || s.FramesDecoded != 45 {
			t.Errorf("three seconds later %+v", s)
		}
		if len(w.asked) != 0 {
			t.Errorf("key frames were asked for at %v", w.asked)
		}
	})
}

func TestKeyFrameIsAskedForAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, 0)
		w.push("delta") // joined in the middle
		time.Sleep(100 * time.Millisecond)
		w.push("delta")
		time.Sleep(100 * time.Millisecond)
		w.push("key")
		time.Sleep(2 * time.Second)
		w.push("garbage")
		for range 15 {
			time.Sleep(100 * time.Millisecond)
			w.push("delta")
		}
		w.push("key")
		w.push("delta")
		if want := "[0s 2.2s 3.2s]"; fmt.Sprint(w.asked) != want {
			t.Errorf("asked at %v, want %s", w.asked, want)
		}
		if want := "[200ms 3.7s 3.7s]"; fmt.Sprint(w.shown) != want {
			t.Errorf("shown at %v, want %s", w.shown, want)
		}
		if s := w.Stats(); s.FramesDecoded != 3 || s.FramesSkipped != 18 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestPicturesWaitForTheirSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, 0)
		w.SetDelay(80 * time.Millisecond)
		w.pushOf("key", 0)
		time.Sleep(50 * time.Millisecond)
		w.pushOf("delta", 50*time.Millisecond)
		time.Sleep(200 * time.Millisecond)
		w.pushOf("delta", 220*time.Millisecond) // 30 ms late, so 30 ms less
		time.Sleep(150 * time.Millisecond)
		w.pushOf("delta", 300*time.Millisecond) // 100 ms late: at once
		w.pushOf("delta", 400*time.Millisecond)
		w.SetDelay(0)
		synctest.Wait()
		if want := "[80ms 130ms 300ms 400ms 400ms]"; fmt.Sprint(w.shown) != want {
			t.Errorf("shown at %v, want %s", w.shown, want)
		}
	})
}

func TestSlowDecoderSkipsToAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, 200*time.Millisecond)
		for i := range 150 { // ten seconds; a key frame each second
			data := "delta"
			if i%15 == 0 {
				data = "key"
			}
			w.Push(media.Frame{Data: []byte(data), Key: data == "key", At: time.Now()})
			time.Sleep(time.Second / 15)
		}
		s := w.Stats()
		if s.FramesDecoded < 35 || s.FramesDecoded > 50 {
			t.Errorf("%d frames decoded in 10 s of 200 ms each", s.FramesDecoded)
		}
		if age := time.Since(w.Latest().Time); age > maxLate+500*time.Millisecond {
			t.Errorf("the latest picture is %v old", age)
		}
		if len(w.asked) == 0 || len(w.asked) > 11 {
			t.Errorf("key frames were asked for at %v", w.asked)
		}
	})
}

func TestNothingIsDecodedForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, 0)
		w.push("key")
		w.SetWanted(false)
		synctest.Wait()
		w.push("delta")
		w.push("key")
		if s := w.Stats(); s.FramesDecoded != 1 || s.Bytes != 11 || w.Latest() != nil {
			t.Errorf("stats %+v, picture %v", s, w.Latest())
		}
		time.Sleep(time.Second)
		w.SetWanted(true)
		w.push("delta") // depends on what was left out
		time.Sleep(time.Second)
		w.push("key")
		w.push("delta")
		if want := "[1s]"; fmt.Sprint(w.asked) != want {
			t.Errorf("asked at %v, want %s", w.asked, want)
		}
		if want := "[0s 2s 2s]"; fmt.Sprint(w.shown) != want {
			t.Errorf("shown at %v, want %s", w.shown, want)
		}
	})
}

func TestFloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, ReceiverConfig{}, time.Minute)
		for range 100_000 {
			w.Push(media.Frame{Data: []byte("key"), Key: true, At: time.Now()})
		}
		w.mu.Lock()
		w.Receiver.mu.Lock()
		n := len(w.queue)
		w.Receiver.mu.Unlock()
		w.mu.Unlock()
		if n > maxQueued {
			t.Errorf("%d frames wait", n)
		}
	})
}

// TestFromSourceToPicture runs the real parts in a row: test card, scaler,
// encoder, decoder.
func TestFromSourceToPicture(t *testing.T) {
	const length = 1500 * time.Millisecond
	tests := []struct {
		kind                            media.Kind
		source                          source.Source
		maxWidth, maxHeight, wide, high int
	}{
		{media.Camera, source.Camera{Kind: source.TestCard}.Source(), 640, 360, 640, 360},
		{media.Camera, source.Camera{Kind: source.TestCard}.Source(), 200, 120, 200, 112},
		{media.Screen, source.Screen{Kind: source.TestCard}.Source(), 5000, 5000, 1280, 720},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v-%dx%d", tt.kind, tt.wide, tt.high), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := startWatch(t, ReceiverConfig{newDecoder: func() Decoder { return vp8.NewDecoder(vp8.DecoderOptions{}) }}, 0)
				s := NewSender(SenderConfig{Kind: tt.kind, Source: tt.source, On: true, OnFrame: w.Push})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- s.Run(ctx) }()
				s.SetViewer("bob", tt.maxWidth, tt.maxHeight)
				time.Sleep(length)
				synctest.Wait()
				cancel()
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				sent, got := s.Stats(), w.Stats()
				if got.FramesDecoded != sent.Frames || got.Bytes != sent.Bytes || got.FramesDecoded < 15 || got.Width != tt.wide || got.Height != tt.high {
					t.Errorf("sent %+v, received %+v", sent, got)
				}
				if kbps := float64(sent.Bytes) * 8 / 1000 / length.Seconds(); kbps > 1.8*float64(sent.Target.Kbps) {
					t.Errorf("%.0f kbit/s for a target of %d", kbps, sent.Target.Kbps)
				}
				stamp, err := source.ReadStamp(w.Latest())
				if err != nil || stamp.Screen != (tt.kind == media.Screen) {
					t.Errorf("the picture says %+v, %v", stamp, err)
				}
			})
		})
	}
}

// recyclingDecoder notes which pictures come back.
type recyclingDecoder struct {
	fakeDecoder
	shown, back []*video.Frame
}

func (d *recyclingDecoder) Decode(data []byte) (*video.Frame, error) {
	f, err := d.fakeDecoder.Decode(data)
	d.shown = append(d.shown, f)
	return f, err
}

func (d *recyclingDecoder) Recycle(f *video.Frame) { d.back = append(d.back, f) }

// Pictures that nobody took go back to the decoder; after a rest there is
// neither picture nor decoder, and the numbers go on.
func TestPicturesGoBackAndRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var decoders []*recyclingDecoder
		w := startWatch(t, ReceiverConfig{newDecoder: func() Decoder {
			decoders = append(decoders, &recyclingDecoder{})
			return decoders[len(decoders)-1]
		}}, 0)
		push := func(data string) {
			w.Push(media.Frame{Data: []byte(data), Key: data == "key"})
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
		}
		push("key")
		push("delta")
		taken := w.Latest()
		push("delta")
		push("delta")
		d := decoders[0]
		if len(d.back) != 2 || d.back[0] != d.shown[0] || d.back[1] != d.shown[2] {
			t.Errorf("%d pictures went back", len(d.back))
		}
		if taken == nil || taken.Seq != 2 || w.Latest().Seq != 4 {
			t.Errorf("took %+v, then %+v", taken, w.Latest())
		}
		if !w.Rest() || w.Rest() {
			t.Error("it is not said once that there was something to let go of")
		}
		synctest.Wait()
		push("delta") // a straggler
		if w.Latest() != nil || len(decoders) != 1 {
			t.Errorf("after the rest %+v, %d decoders", w.Latest(), len(decoders))
		}
		push("key")
		if p := w.Latest(); p == nil || p.Seq != 5 || len(decoders) != 2 {
			t.Errorf("after a key frame %+v, %d decoders", p, len(decoders))
		}
	})
}
