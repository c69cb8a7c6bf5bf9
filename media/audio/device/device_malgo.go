//go:build cgo && darwin

package device

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/gen2brain/malgo"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	periods = playBlocks // of one block each, ahead of the speaker
	// watchEvery is how often the list of devices is looked at: the system's
	// own notice does not come through this interface.
	watchEvery = 2 * time.Second
)

// open starts the audio system; the returned function ends it.
func open() (*malgo.AllocatedContext, func(), error) {
	system, err := malgo.InitContext(nil, malgo.ContextConfig{}, func(string) {})
	if err != nil {
		return nil, nil, fmt.Errorf("start the audio system: %w: %w", ErrNoServer, err)
	}
	return system, func() {
		_ = system.Uninit()
		system.Free()
	}, nil
}

func devices(context.Context) (List, error) {
	system, end, err := open()
	if err != nil {
		return List{}, err
	}
	defer end()
	list := List{Microphones: []Info{}, Speakers: []Info{}}
	for kind, into := range map[malgo.DeviceType]*[]Info{
		malgo.Capture: &list.Microphones, malgo.Playback: &list.Speakers,
	} {
		found, err := system.Devices(kind)
		if err != nil {
			return List{}, fmt.Errorf("list audio devices: %w", err)
		}
		for _, d := range found {
			*into = append(*into, Info{ID: d.ID.String(), Name: printable(d.Name()), Default: d.IsDefault != 0})
		}
	}
	return list, nil
}

func watch(ctx context.Context, changed func()) error {
	timer := time.NewTicker(watchEvery)
	defer timer.Stop()
	last := ""
	for {
		list, err := devices(ctx)
		if err != nil {
			return fmt.Errorf("watch audio devices: %w", err)
		}
		if now := fmt.Sprint(list); now != last {
			if last != "" {
				changed()
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

func capture(ctx context.Context, o Options, emit func([]float32)) error {
	if o.Monitor {
		return ErrUnsupported
	}
	in := newBlocks(o.Stereo, emit)
	return stream(ctx, malgo.Capture, o, func(_, recorded []byte, _ uint32) { in.add(recorded) })
}

func play(ctx context.Context, o Options, render func([]float32)) error {
	var block [pcm.BlockSamples]float32
	var data [blockBytes]byte
	rest := data[:0] // what the last callback had no room for
	return stream(ctx, malgo.Playback, o, func(out, _ []byte, _ uint32) {
		for len(out) > 0 {
			if len(rest) == 0 {
				render(block[:])
				putBlock(data[:], block[:])
				rest = data[:]
			}
			n := copy(out, rest)
			out, rest = out[n:], rest[n:]
		}
	})
}

// stream runs one device until ctx ends or it stops by itself.
func stream(ctx context.Context, kind malgo.DeviceType, o Options, data malgo.DataProc) error {
	system, end, err := open()
	if err != nil {
		return err
	}
	defer end()
	config := malgo.DefaultDeviceConfig(kind)
	config.SampleRate = pcm.SampleRate
	config.PeriodSizeInFrames, config.Periods = pcm.BlockSamples, periods
	half := &config.Playback
	if kind == malgo.Capture {
		half = &config.Capture
	}
	half.Format, half.Channels = malgo.FormatF32, uint32(channels(o.Stereo && kind == malgo.Capture))
	if o.ID != "" {
		id, err := find(system, kind, o.ID)
		if err != nil {
			return err
		}
		// Pinned rather than copied by id.Pointer, which nothing can free.
		var pinned runtime.Pinner
		pinned.Pin(id)
		defer pinned.Unpin()
		half.DeviceID = unsafe.Pointer(id)
	}
	stopped := make(chan struct{}, 1)
	device, err := malgo.InitDevice(system.Context, config, malgo.DeviceCallbacks{
		Data: data, Stop: func() { wake.Poke(stopped) },
	})
	if err != nil {
		return fmt.Errorf("open an audio device: %w: %w", ErrNoDevice, err)
	}
	defer device.Uninit()
	if err := device.Start(); err != nil {
		return fmt.Errorf("start an audio device: %w: %w", ErrNoDevice, err)
	}
	o.tell(Event{Kind: Opened, Device: Info{ID: o.ID}})
	select {
	case <-ctx.Done():
		return nil
	case <-stopped:
		return fmt.Errorf("use an audio device: %w", ErrLost)
	}
}

func find(system *malgo.AllocatedContext, kind malgo.DeviceType, id string) (*malgo.DeviceID, error) {
	found, err := system.Devices(kind)
	if err != nil {
		return nil, fmt.Errorf("list audio devices: %w", err)
	}
	for _, d := range found {
		if d.ID.String() == id {
			return &d.ID, nil
		}
	}
	return nil, ErrNoDevice
}
