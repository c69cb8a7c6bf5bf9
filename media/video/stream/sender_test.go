package stream

import (
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

// camera is a source that a test breaks and mends at will.
type camera struct {
	mu      sync.Mutex
	err     error // what Check and Run say
	opened  int
	inUse   bool
	still   bool // emit one picture only
	demand  *source.Demand
	breakIt context.CancelCauseFunc
}

func (c *camera) Check(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *camera) Run(ctx context.Context, d *source.Demand, emit func(*video.Frame)) error {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return c.err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.opened++
	c.inUse, c.demand, c.breakIt = true, d, cancel
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.inUse = false
		c.mu.Unlock()
	}()
	for seq := uint64(1); ; seq++ {
		w, changed := d.Want()
		if seq == 1 || !c.still {
			f := video.NewFrame(640, 360)
			f.Time, f.Seq = time.Now(), seq
			emit(f)
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); cause != context.Canceled {
				return cause
			}
			return nil
		case <-changed:
		case <-time.After(time.Second / time.Duration(max(w.FPS, 1))):
		}
	}
}

func (c *camera) set(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	if c.inUse && err != nil {
		c.breakIt(err)
	}
}

func (c *camera) used() (bool, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inUse, c.opened
}

// fakeEncoder notes what it is told.
type fakeEncoder struct {
	r   *rig
	key bool
	w   int
}

func (e *fakeEncoder) Encode(f *video.Frame) (vp8.Packet, error) {
	if e.r.slow > 0 {
		time.Sleep(e.r.slow)
	}
	key := e.key || e.w != f.Width
	e.key, e.w = false, f.Width
	return vp8.Packet{Data: fmt.Appendf(nil, "%dx%d#%d", f.Width, f.Height, f.Seq), Key: key}, nil
}
func (e *fakeEncoder) SetBitrate(kbps int)  { e.r.kbps = append(e.r.kbps, kbps) }
func (e *fakeEncoder) SetFrameRate(fps int) { e.r.fps = append(e.r.fps, fps) }
func (e *fakeEncoder) ForceKeyFrame()       { e.key = true }
func (e *fakeEncoder) SetLayers(bool)       {}

// rig is a sender with everything around it.
type rig struct {
	*Sender
	cam   *camera
	start time.Time
	slow  time.Duration // the encoder's time per frame
	kbps  []int
	fps   []int
	made  int // encoders

	mu     sync.Mutex
	frames []media.Frame
	seen   int      // frames that pass has returned
	notes  []string // warnings and availability
}

// startRig runs a sender within a synctest bubble.
func startRig(t *testing.T, kind media.Kind, on bool, prepare ...func(*rig)) *rig {
	r := &rig{cam: &camera{}, start: time.Now()}
	for _, p := range prepare {
		p(r)
	}
	r.Sender = NewSender(SenderConfig{
		Kind: kind, Source: r.cam, On: on,
		OnFrame: func(e media.Frame) {
			r.mu.Lock()
			r.frames = append(r.frames, e)
			r.mu.Unlock()
		},
		OnWarning: func(w media.Warning) { r.note(string(w.Code)) },
		OnAvailable: func(yes bool) {
			r.note(map[bool]string{true: "present", false: "missing"}[yes])
		},
		newEncoder: func(vp8.Config) (Encoder, error) {
			r.made++
			return &fakeEncoder{r: r}, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if inUse, _ := r.cam.used(); inUse {
			t.Error("the source is still in use after Run")
		}
	})
	synctest.Wait()
	return r
}

func (r *rig) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf("%v %s", time.Since(r.start), s))
}

// pass lets time go by and returns the frames sent since it last returned: the
// first of them may leave before time goes by at all.
func (r *rig) pass(d time.Duration) []media.Frame {
	time.Sleep(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.frames[r.seen:]
	r.seen = len(r.frames)
	return sent
}

func keys(frames []media.Frame) int {
	n := 0
	for _, f := range frames {
		if f.Key {
			n++
		}
	}
	return n
}

func TestNobodyWatchesNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		if got := r.pass(time.Minute); len(got) != 0 {
			t.Errorf("%d frames for nobody", len(got))
		}
		r.SetViewer("bob", 0, 0)
		if got := r.pass(time.Minute); len(got) != 0 {
			t.Errorf("%d frames for a hidden picture", len(got))
		}
		if _, opened := r.cam.used(); opened != 0 {
			t.Error("the camera was opened for nobody")
		}
		if want := "[0s present]"; fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v, want %s", r.notes, want)
		}
	})
}

func TestFramesFlowWhileSomebodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		got := r.pass(time.Second)
		if len(got) < 14 || len(got) > 16 {
			t.Errorf("%d frames in the first second", len(got))
		}
		if !got[0].Key || keys(got) != 1 {
			t.Errorf("%d key frames, the first frame is one: %v", keys(got), got[0].Key)
		}
		if string(got[0].Data) != "640x360#1" {
			t.Errorf("first frame %q", got[0].Data)
		}
		for i := 1; i < len(got); i++ {
			if step := got[i].Timestamp - got[i-1].Timestamp; step < 5900 || step > 6100 {
				t.Errorf("frame %d comes %d ticks after the one before", i, step)
			}
		}
		r.SetViewer("bob", 0, 0)
		if more := r.pass(linger - time.Millisecond); len(more) != 0 {
			t.Errorf("%d frames after bob stopped watching", len(more))
		}
		if inUse, _ := r.cam.used(); !inUse {
			t.Error("the camera was let go of at once")
		}
		r.pass(10 * time.Millisecond)
		if inUse, _ := r.cam.used(); inUse || r.Latest() != nil {
			t.Error("the camera is still in use, or an old picture is kept")
		}
		r.SetViewer("bob", 640, 360)
		if again := r.pass(time.Second); len(again) == 0 || !again[0].Key {
			t.Error("the stream does not go on with a key frame")
		}
	})
}

func TestOffIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true, func(r *rig) { r.slow = 5 * time.Millisecond })
		r.SetViewer("bob", 640, 360)
		for i := range 50 {
			r.pass(time.Duration(100+i) * time.Millisecond)
			r.SetOn(false)
			if got := r.pass(30 * time.Millisecond); len(got) != 0 {
				t.Fatalf("round %d: %d frames after SetOn(false)", i, len(got))
			}
			if inUse, _ := r.cam.used(); inUse || r.Latest() != nil {
				t.Fatalf("round %d: the camera is in use while off", i)
			}
			r.SetOn(true)
			if got := r.pass(100 * time.Millisecond); len(got) == 0 || !got[0].Key {
				t.Fatalf("round %d: on again does not begin with a key frame", i)
			}
		}
	})
}

func TestKeyFramesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		r.pass(2 * time.Second)
		n := 0
		for range 100 { // ten seconds of a request every 100 ms
			r.KeyFrame(false)
			n += keys(r.pass(100 * time.Millisecond))
		}
		if n < 18 || n > 21 {
			t.Errorf("%d key frames in 10 s of requests", n)
		}
		r.pass(time.Second)
		r.KeyFrame(false)
		if got := r.pass(0); keys(got) != 1 {
			t.Errorf("a lone request is not answered at once: %d key frames", keys(got))
		}
		if got := r.pass(5 * time.Second); keys(got) != 0 {
			t.Errorf("%d key frames that nobody asked for", keys(got))
		}
	})
}

func TestStillPictureIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Screen, true, func(r *rig) { r.cam.still = true })
		r.SetViewer("bob", 640, 360)
		got := r.pass(10 * time.Second)
		var at []time.Duration
		for i, f := range got {
			at = append(at, f.At.Sub(r.start))
			if i > 0 && f.Timestamp == got[i-1].Timestamp {
				t.Errorf("frames %d and %d have the same timestamp", i-1, i)
			}
		}
		want := "[0s 200ms 600ms 1.4s 3s 5s 7s 9s]"
		if fmt.Sprint(at) != want {
			t.Errorf("sent at %v, want %s", at, want)
		}
		r.KeyFrame(false)
		if got := r.pass(0); keys(got) != 1 {
			t.Error("no key frame of a picture that stands still")
		}
	})
}

// TestFrameRateChangesInTheStream has a third person watch a small picture, which
// makes it one of 15 frames a second instead of 30: the same encoder goes on,
// without a key frame.
func TestFrameRateChangesInTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 320, 180)
		r.SetViewer("carol", 320, 180)
		if got := r.pass(4 * time.Second); len(got) < 118 || keys(got) != 1 {
			t.Errorf("%d frames, %d key frames in 4 s for two", len(got), keys(got))
		}
		r.SetViewer("dave", 320, 180)
		if got := r.pass(4 * time.Second); len(got) < 59 || len(got) > 62 || keys(got) != 0 {
			t.Errorf("%d frames, %d key frames in 4 s for three", len(got), keys(got))
		}
		if r.made != 1 || fmt.Sprint(r.fps) != "[15]" {
			t.Errorf("%d encoders, frame rates %v", r.made, r.fps)
		}
	})
}

func TestNewestPictureWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true, func(r *rig) { r.slow = 150 * time.Millisecond })
		r.SetViewer("bob", 640, 360)
		got := r.pass(3 * time.Second)
		if len(got) < 18 || len(got) > 21 {
			t.Errorf("%d frames of an encoder that makes 6.7 per second", len(got))
		}
		for i, f := range got {
			if age := r.start.Add(time.Duration(i+1) * 150 * time.Millisecond).Sub(f.At); age > 250*time.Millisecond {
				t.Errorf("frame %d is %v old", i, age)
			}
		}
	})
}

func TestLostCameraComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		r.pass(time.Second)
		r.cam.set(errors.New("device gone"))
		r.pass(10 * time.Second)
		if r.Latest() != nil {
			t.Error("the last picture of a lost camera is kept")
		}
		r.cam.set(nil)
		got := r.pass(2500 * time.Millisecond)
		if len(got) == 0 || !got[0].Key {
			t.Error("the stream does not go on with a key frame")
		}
		want := "[0s present 1s camera-lost 1s missing 12.5s camera-back 12.5s present]"
		if fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v,\nwant %s", r.notes, want)
		}
	})
}

func TestCameraPluggedInLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true, func(r *rig) { r.cam.err = fmt.Errorf("camera: %w", source.ErrNone) })
		r.SetViewer("bob", 640, 360)
		r.pass(9 * time.Second)
		r.cam.set(nil)
		if got := r.pass(2 * time.Second); len(got) == 0 {
			t.Error("no frames of the new camera")
		}
		want := "[0s no-camera 0s missing 9.5s camera-back 9.5s present]"
		if fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v,\nwant %s", r.notes, want)
		}
	})
}

func TestBrokenCameraIsNotTriedWhileOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		r.pass(time.Second)
		r.SetOn(false)
		_, opened := r.cam.used()
		r.cam.set(errors.New("device gone"))
		r.pass(time.Minute)
		r.cam.set(nil)
		r.pass(time.Minute)
		if _, again := r.cam.used(); again != opened {
			t.Error("the camera was opened while off")
		}
		r.SetOn(true)
		if got := r.pass(time.Second); len(got) == 0 {
			t.Error("no frames after SetOn(true)")
		}
	})
}

// What broke while it was on is as good as new once it was off: whether it works is
// found out when it is wanted again.
func TestBrokenCameraIsForgottenWhenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		r.pass(time.Second)
		r.cam.set(errors.New("another program has it"))
		r.pass(time.Minute)
		r.SetOn(false)
		r.pass(time.Second)
		r.SetOn(true)
		r.pass(time.Second)
		r.SetOn(false)
		r.pass(time.Second)
		r.cam.set(nil)
		r.SetOn(true)
		if got := r.pass(time.Second); len(got) == 0 || !got[0].Key {
			t.Error("no frames although it works again")
		}
		want := "[0s present 1s camera-lost 1s missing 1m1s present 1m2s camera-lost 1m2s missing 1m3s present]"
		if fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v,\nwant %s", r.notes, want)
		}
	})
}

func TestRefusedShareIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Screen, true)
		r.SetViewer("bob", 640, 360)
		r.pass(time.Second)
		r.cam.set(fmt.Errorf("stopped in the desktop: %w", source.ErrRefused))
		r.pass(time.Second)
		r.cam.set(nil)
		if got := r.pass(time.Hour); len(got) != 0 {
			t.Errorf("%d frames of a share that was ended", len(got))
		}
		r.SetOn(false)
		r.pass(time.Second)
		r.SetOn(true)
		if got := r.pass(time.Second); len(got) == 0 || !got[0].Key {
			t.Error("nothing is shared when asked for again")
		}
		want := "[0s present 1s screen-refused 1s missing 1h0m2s present]"
		if fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v,\nwant %s", r.notes, want)
		}
	})
}

func TestNoSourceIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Screen, true)
		r.SetSource(source.Screen{Kind: source.None}.Source())
		r.SetViewer("bob", 640, 360)
		r.pass(time.Minute)
		want := "[0s present 0s missing]"
		if fmt.Sprint(r.notes) != want {
			t.Errorf("notes %v, want %s", r.notes, want)
		}
	})
}

func TestSourceIsReplacedInTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 1280, 720)
		r.pass(time.Second)
		old := r.cam
		r.SetSource(source.Screen{Kind: source.TestCard}.Source())
		got := r.pass(3 * time.Second)
		if inUse, _ := old.used(); inUse {
			t.Error("the old source is still in use")
		}
		if last := string(got[len(got)-1].Data); last[:8] != "1280x720" {
			t.Errorf("last frame %q is not of the new source", last)
		}
	})
}

func TestPreviewCapturesWithoutSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetPreview(200, 120)
		if got := r.pass(time.Second); len(got) != 0 {
			t.Errorf("%d frames were encoded for a preview", len(got))
		}
		f := r.Latest()
		if f == nil || f.Seq < 14 {
			t.Errorf("preview shows %+v after a second", f)
		}
	})
}

func TestRateFollowsReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, media.Camera, true)
		r.SetViewer("bob", 640, 360)
		r.pass(time.Second)
		r.Report("bob", Report{Estimate: 400_000})
		r.pass(time.Second)
		if n := len(r.kbps); n == 0 || r.kbps[n-1] != 368 {
			t.Errorf("bit rates %v, want the last to be 368", r.kbps)
		}
	})
}
