package audio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/pcm"
)

// fakeDevices are devices whose state the test sets. Capture gives a tone,
// Play takes the mix, both in real time.
type fakeDevices struct {
	mu       sync.Mutex
	err      error          // what opening a device gives now
	gone     chan struct{}  // closed to take all open devices away
	captures int            // devices open now
	opened   int            // and so far
	options  device.Options // of the last microphone
	list     device.List
	changed  chan struct{}         // a token when the list is another
	monitor  func(block []float32) // what a speaker plays
	source   func(block []float32) // what a microphone records; nil: a tone
}

// untouched sends the microphone as it is.
var untouched = Processing{Echo: Off, NoiseOff: true, GainOff: true}

func newFakeDevices() *fakeDevices {
	return &fakeDevices{gone: make(chan struct{}), changed: make(chan struct{})}
}

func (d *fakeDevices) set(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	close(d.gone)
	d.gone = make(chan struct{})
}

func (d *fakeDevices) open(ctx context.Context, run func(context.Context) error) error {
	d.mu.Lock()
	err, gone := d.err, d.gone
	if err == nil {
		d.captures++
		d.opened++
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	defer func() {
		d.mu.Lock()
		d.captures--
		d.mu.Unlock()
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-gone:
			cancel(device.ErrLost)
		case <-ctx.Done():
		}
	}()
	err = run(ctx)
	cancel(nil)
	<-done
	if errors.Is(context.Cause(ctx), device.ErrLost) {
		return device.ErrLost
	}
	return err
}

func (d *fakeDevices) Capture(ctx context.Context, o device.Options, emit func([]float32)) error {
	d.mu.Lock()
	d.options = o
	source := d.source
	if o.Monitor {
		source = d.monitor
	}
	d.mu.Unlock()
	if source == nil && !o.Stereo {
		return d.open(ctx, func(ctx context.Context) error { return playTone(ctx, 440, emit) })
	}
	block := make([]float32, pcm.BlockSamples)
	if o.Stereo {
		block = make([]float32, 2*pcm.BlockSamples)
	}
	return d.open(ctx, func(ctx context.Context) error {
		return pace(ctx, func() error {
			for range pcm.FrameSamples / pcm.BlockSamples {
				if source != nil {
					source(block)
				}
				emit(block)
			}
			return nil
		}, nil)
	})
}

func (d *fakeDevices) Watch(ctx context.Context, changed func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
			changed()
		}
	}
}

func (d *fakeDevices) List(context.Context) (device.List, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list, nil
}

// plug changes what devices there are.
func (d *fakeDevices) plug(list device.List) {
	d.mu.Lock()
	d.list = list
	d.mu.Unlock()
	d.changed <- struct{}{}
}

// tell has the open microphone say something of itself.
func (d *fakeDevices) tell(e device.Event) {
	d.mu.Lock()
	on := d.options.On
	d.mu.Unlock()
	on(e)
}

func (d *fakeDevices) Play(ctx context.Context, _ device.Options, render func([]float32)) error {
	return d.open(ctx, func(ctx context.Context) error { return runNone(ctx, render, nil) })
}

func (d *fakeDevices) openNow() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.captures
}

// runEngine runs an engine in the current bubble until the test calls stop.
func runEngine(t *testing.T, cfg Config) (e *Engine, stop func()) {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e, letRun(t, e)
}

// letRun is runEngine for one that was made already.
func letRun(t *testing.T, e *Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestMuteLeavesAGapInMediaTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var frames []media.Packet
		began := time.Now()
		dev := newFakeDevices()
		e, stop := runEngine(t, Config{
			Speaker: Speaker{Kind: None}, devices: dev, Processing: untouched,
			OnFrame: func(f media.Packet) { frames = append(frames, f) },
		})
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		e.SetMuted(true)
		n := len(frames)
		if n != 50 {
			t.Errorf("%d frames in the first second, want 50", n)
		}
		if got := e.Levels().Self; got != float64(media.Silence) {
			t.Errorf("level %.0f while muted", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(frames) != n {
			t.Errorf("%d frames while muted", len(frames)-n)
		}
		if dev.openNow() != 0 {
			t.Error("the microphone is held open while muted")
		}
		e.SetMuted(false)
		time.Sleep(time.Second)
		stop()
		if len(frames) != n+50 && len(frames) != n+49 {
			t.Errorf("%d frames in the second after", len(frames)-n)
		}
		for i, f := range frames {
			if f.Marker != (i == 0 || i == n) {
				t.Errorf("frame %d: marker %v", i, f.Marker)
			}
			if f.Level > -14 || f.Level < -16 {
				t.Errorf("frame %d at %d dBov", i, f.Level)
			}
			if i > 0 && i != n && f.Timestamp-frames[i-1].Timestamp != pcm.FrameSamples {
				t.Errorf("frame %d is %d after the one before", i, f.Timestamp-frames[i-1].Timestamp)
			}
			// Media time is real time throughout.
			due := pcm.Duration(int64(f.Timestamp)) + 20*time.Millisecond
			if off := f.At.Sub(began) - due; off != 0 {
				t.Fatalf("frame %d is %v off real time", i, off)
			}
		}
	})
}

func TestNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frames := 0
		e, stop := runEngine(t, Config{
			Mic: Mic{Kind: Tone, Hz: 300}, Speaker: Speaker{Kind: None},
			OnFrame: func(media.Packet) { frames++ },
		})
		defer stop()
		e.SetListened(false)
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if frames != 0 {
			t.Errorf("%d frames encoded for nobody", frames)
		}
		if got := e.Levels().Self; got < -17 || got > -14 {
			t.Errorf("own level %.1f, want that of the tone", got)
		}
		e.SetListened(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if frames < 49 {
			t.Errorf("%d frames in a second once somebody listens", frames)
		}
	})
}

func TestMicChangesDuringTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last media.Packet
		e, stop := runEngine(t, Config{
			Mic: Mic{Kind: Tone, Hz: 300}, Speaker: Speaker{Kind: None},
			OnFrame: func(f media.Packet) { last = f },
		})
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		e.SetMic(Mic{Kind: None})
		synctest.Wait()
		before := last
		time.Sleep(time.Second)
		synctest.Wait()
		if last.Timestamp != before.Timestamp {
			t.Error("frames from no microphone")
		}
		e.SetMic(Mic{Kind: Tone, Hz: 500})
		time.Sleep(time.Second)
		stop()
		if last.Timestamp < before.Timestamp+3*pcm.SampleRate/2 {
			t.Errorf("media time stands at %d, was %d two seconds ago", last.Timestamp, before.Timestamp)
		}
	})
}

// floodDevices capture as fast as they can, to race a mute.
type floodDevices struct{ *fakeDevices }

func (floodDevices) Capture(ctx context.Context, _ device.Options, emit func([]float32)) error {
	block := make([]float32, pcm.BlockSamples)
	for ctx.Err() == nil {
		emit(block)
	}
	return nil
}

func TestNoFrameAfterAMuteHasReturned(t *testing.T) {
	var muted, armed atomic.Bool
	var frames atomic.Int64
	e, stop := runEngine(t, Config{
		Speaker: Speaker{Kind: None}, devices: floodDevices{newFakeDevices()},
		OnFrame: func(media.Packet) {
			frames.Add(1)
			if armed.Load() && muted.Load() {
				t.Error("a frame after SetMuted(true) returned")
			}
		},
	})
	defer stop()
	armed.Store(true)
	for range 200 {
		seen := frames.Load()
		e.SetMuted(false)
		for frames.Load() == seen {
			time.Sleep(50 * time.Microsecond) // let it flow again before the next mute
		}
		e.SetMuted(true)
		muted.Store(true)
		time.Sleep(100 * time.Microsecond) // room for a frame that must not come
		muted.Store(false)
	}
}

// heard records what an engine says of its devices.
type heard struct {
	mu        sync.Mutex
	told      []media.Code // guarded by mu, like what follows
	available []bool
}

func (h *heard) warned(w media.Warning) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, w.Code)
}

func (h *heard) works(ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.available = append(h.available, ok)
}

func TestTroubleWithDevicesIsToldOnceAndMendsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heard
		frames := 0
		dev := newFakeDevices()
		dev.set(device.ErrNoServer)
		e, stop := runEngine(t, Config{
			devices:   dev,
			OnFrame:   func(media.Packet) { frames++ },
			OnWarning: h.warned, OnAvailable: h.works,
		})
		defer stop()
		peer, err := e.Peer("b")
		if err != nil {
			t.Fatal(err)
		}
		expect := func(when string, want ...media.Code) {
			t.Helper()
			synctest.Wait()
			h.mu.Lock()
			defer h.mu.Unlock()
			slices.Sort(h.told)
			slices.Sort(want)
			if !slices.Equal(h.told, want) {
				t.Errorf("%s: told %v, want %v", when, h.told, want)
			}
			if works := slices.Contains(want, media.MicrophoneBack); len(h.available) > 0 && h.available[len(h.available)-1] != works {
				t.Errorf("%s: the microphone is told to work: %t", when, !works)
			}
			h.told = nil
		}
		time.Sleep(time.Minute)
		expect("no server for a minute", media.NoSoundServer)
		if peer.Stats().LevelDB != float64(media.Silence) || frames != 0 {
			t.Errorf("%+v, %d frames without devices", peer.Stats(), frames)
		}
		// The mix goes on meanwhile: packets are taken and decoded.
		feed(t, peer, 50)
		if got := peer.Stats().Decoded; got < 45 {
			t.Errorf("%d frames decoded without a speaker", got)
		}

		dev.set(nil)
		time.Sleep(3 * time.Second)
		expect("the server is there", media.MicrophoneBack, media.SpeakerBack)
		if frames < 40 {
			t.Errorf("%d frames once there is a microphone", frames)
		}

		dev.set(device.ErrNoServer) // it dies again, and stays away
		time.Sleep(10 * time.Second)
		expect("the server died", media.MicrophoneLost, media.SpeakerLost, media.NoSoundServer)
		dev.set(nil)
		time.Sleep(3 * time.Second)
		expect("and came back", media.MicrophoneBack, media.SpeakerBack)
		dev.set(device.ErrNoDevice)
		time.Sleep(10 * time.Second)
		expect("all unplugged", media.MicrophoneLost, media.SpeakerLost, media.NoMicrophone, media.NoSpeaker)

		// One that works is chosen instead: nothing is wrong with that one.
		h.available = nil
		e.SetMic(Mic{Kind: Tone, Hz: 440})
		time.Sleep(time.Second)
		synctest.Wait()
		if mic, _ := e.Trouble(); mic != "" || !slices.Equal(h.available, []bool{true}) {
			t.Errorf("the microphone chosen instead: %q, available %v", mic, h.available)
		}
		if len(h.told) > 0 {
			t.Errorf("the microphone chosen instead: told %v", h.told)
		}
	})
}

// flakyDevices open, give one block of sound and are lost.
type flakyDevices struct {
	*fakeDevices
	opened int
}

func (d *flakyDevices) Capture(_ context.Context, _ device.Options, emit func([]float32)) error {
	d.opened++
	time.Sleep(10 * time.Millisecond)
	emit(make([]float32, pcm.BlockSamples))
	time.Sleep(time.Millisecond)
	return device.ErrLost
}

// Retries keep their distance, whatever is said about the microphone meanwhile.
func TestRetriesKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := &flakyDevices{fakeDevices: newFakeDevices()}
		told := 0
		var e *Engine
		cfg := Config{Speaker: Speaker{Kind: None}, devices: dev, OnAvailable: func(bool) {
			told++
			e.SetMuted(false) // it is on already
		}}
		var err error
		if e, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
		if most := int(10*time.Second/500*time.Millisecond) + 1; dev.opened < 10 || dev.opened > most || told > 2*most {
			t.Errorf("opened %d times in 10 s, told %d times, want %d times at most", dev.opened, told, most)
		}
	})
}

// Muting ends the search for a microphone that does not work; who unmutes hears
// again what is wrong with it.
func TestTroubleEndsWithTheMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h heard
		dev := newFakeDevices()
		dev.set(device.ErrNoServer)
		e, stop := runEngine(t, Config{
			devices:   dev,
			OnWarning: h.warned, OnAvailable: h.works,
		})
		defer stop()
		step := func(when, trouble string, works bool, want ...media.Code) {
			t.Helper()
			time.Sleep(5 * time.Second)
			synctest.Wait()
			h.mu.Lock()
			defer h.mu.Unlock()
			if mic, _ := e.Trouble(); mic != trouble {
				t.Errorf("%s: trouble with the microphone: %q", when, mic)
			}
			if !slices.Equal(h.told, want) {
				t.Errorf("%s: told %v, want %v", when, h.told, want)
			}
			if len(h.available) == 0 || h.available[len(h.available)-1] != works {
				t.Errorf("%s: available %v, want %t at the end", when, h.available, works)
			}
			h.told, h.available = nil, nil
		}
		noServer := micWarning(Mic{}, device.ErrNoServer).Text
		step("at first", noServer, false, media.NoSoundServer)
		e.SetMuted(true)
		step("muted", "", true)
		e.SetMuted(false)
		step("unmuted", noServer, false, media.NoSoundServer)
		e.SetMic(Mic{Kind: Tone, Hz: 440})
		step("another one", "", true)
	})
}

func TestFileTrouble(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []media.Warning
		_, stop := runEngine(t, Config{
			Mic:     Mic{Kind: File, Path: filepath.Join(dir, "gone.wav")},
			Speaker: Speaker{Kind: File, Path: filepath.Join(dir, "no", "such.wav")},
			OnWarning: func(w media.Warning) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, w)
			},
		})
		time.Sleep(10 * time.Second)
		stop()
		if len(told) != 2 || told[0].Code != media.AudioFile || told[1].Code != media.AudioFile {
			t.Errorf("told %v", told)
		}
	})
	if _, err := os.Stat(filepath.Join(dir, "no")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}
