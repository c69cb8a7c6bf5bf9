package device

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/pulsetest"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media/audio/pcm"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want []address
	}{
		{"usual", map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"},
			[]address{{"unix", "/run/user/7/pulse/native"}}},
		{"runtime path first", map[string]string{"XDG_RUNTIME_DIR": "/r", "PULSE_RUNTIME_PATH": "/p"},
			[]address{{"unix", "/p/native"}, {"unix", "/r/pulse/native"}}},
		{"path", map[string]string{"PULSE_SERVER": "/tmp/native"},
			[]address{{"unix", "/tmp/native"}}},
		{"several", map[string]string{"PULSE_SERVER": "{abc}unix:/a tcp:host:9 tcp6:[::1] junk: {x}"},
			[]address{{"unix", "/a"}, {"tcp", "host:9"}, {"tcp6", "[::1]:4713"}}},
		{"tcp without port", map[string]string{"PULSE_SERVER": "tcp4:host"},
			[]address{{"tcp4", "host:4713"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := addresses(func(name string) string { return c.env[name] })
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	t.Setenv("PULSE_SERVER", "unix:"+t.TempDir()+"/nobody")
	ctx := t.Context()
	for name, err := range map[string]error{
		"devices": second(Devices(ctx)),
		"capture": Capture(ctx, Options{}, func([]float32) {}),
		"play":    Play(ctx, Options{}, func([]float32) {}),
		"watch":   Watch(ctx, func() {}),
	} {
		if !errors.Is(err, ErrNoServer) {
			t.Errorf("%s: %v, want ErrNoServer", name, err)
		}
	}
}

func second(_ List, err error) error { return err }

func TestRealServer(t *testing.T) {
	s := pulsetest.Start(t)
	s.Setenv()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	if err := Capture(ctx, Options{}, func([]float32) {}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("capture without a microphone: %v, want ErrNoDevice", err)
	}
	if err := Play(ctx, Options{}, func([]float32) {}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("play without a speaker: %v, want ErrNoDevice", err)
	}

	changes := make(chan struct{}, 100)
	watched := make(chan error, 1)
	go func() { watched <- Watch(ctx, func() { wake.Poke(changes) }) }()
	s.AddSink("out")
	mouth := s.AddMic("mic")
	s.SetDefault("out", "mic")
	select {
	case <-changes:
	case <-ctx.Done():
		t.Fatal("no change seen when devices were added")
	}

	checkList(t, ctx, mouth)
	checkTone(t, ctx, mouth)

	// The server dies: everybody hears of it.
	recording := make(chan struct{}, 1)
	lost := make(chan error, 2)
	go func() { lost <- Capture(ctx, Options{}, func([]float32) { wake.Poke(recording) }) }()
	go func() { lost <- Play(ctx, Options{}, func([]float32) {}) }()
	<-recording
	s.Kill()
	died := time.Now()
	for range 2 {
		if err := <-lost; !errors.Is(err, ErrLost) && !errors.Is(err, ErrNoServer) {
			t.Errorf("after the server died: %v", err)
		}
	}
	if err := <-watched; !errors.Is(err, ErrLost) {
		t.Errorf("watch after the server died: %v", err)
	}
	if d := time.Since(died); d > time.Second {
		t.Errorf("it took %v to notice that the server died", d)
	}
}

func checkList(t *testing.T, ctx context.Context, mouth string) {
	t.Helper()
	list, err := Devices(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(list.Speakers, Info{ID: "out", Name: "out", Default: true}) {
		t.Errorf("speakers: %+v", list.Speakers)
	}
	if !slices.Contains(list.Microphones, Info{ID: "mic", Name: "mic", Default: true}) {
		t.Errorf("microphones: %+v", list.Microphones)
	}
	if !slices.ContainsFunc(list.Microphones, func(i Info) bool { return i.ID == mouth+".monitor" && i.Monitor }) {
		t.Errorf("no monitor among %+v", list.Microphones)
	}
}

// checkTone plays a tone into the microphone's mouth and records two seconds.
func checkTone(t *testing.T, ctx context.Context, mouth string) {
	t.Helper()
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var rendered atomic.Int64
	played := make(chan error, 1)
	go func() {
		phase := 0.0
		played <- Play(playing, Options{ID: mouth}, func(block []float32) {
			rendered.Add(1)
			for i := range block {
				block[i] = float32(0.5 * math.Sin(phase))
				phase += 2 * math.Pi * 440 / pcm.SampleRate
			}
		})
	}()
	var blocks, loud int
	err := Capture(playing, Options{}, func(block []float32) {
		if blocks++; pcm.Measure(block) > -12 {
			loud++
		}
		if blocks == 200 {
			stop()
		}
	})
	if err != nil {
		t.Errorf("capture: %v", err)
	}
	if err := <-played; err != nil {
		t.Errorf("play: %v", err)
	}
	if n := rendered.Load(); loud < 150 || n < 190 || n > 300 {
		t.Errorf("%d of 200 blocks hold the tone, %d were rendered", loud, n)
	}
}
