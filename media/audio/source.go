package audio

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav"
)

const (
	// tick is how often a source or sink without a device wakes up: one
	// frame, two blocks.
	tick = 20 * time.Millisecond
	// maxBehind is how much of a delay (a loaded machine, a laptop asleep) is
	// made up for; what is beyond is left out.
	maxBehind = 200 * time.Millisecond
	// toneAmplitude is -12 dBFS: clearly audible, never startling.
	toneAmplitude = 0.25
)

// pace calls each once per tick of real time until ctx ends or each fails. It
// keeps to the clock on the whole: a late tick is followed by an early one.
// All that is paced ticks at the same moments, so that a process without
// devices wakes up once for its source and its sink. rest, unless nil, may wait
// between two ticks; when it did, those it left out are not made up for.
func pace(ctx context.Context, each func() error, rest func(context.Context) (rested bool)) error {
	due := time.Now()
	due = due.Add(-due.Sub(due.Truncate(tick)))
	timer := time.NewTimer(tick)
	defer timer.Stop()
	rested := false
	for {
		due = due.Add(tick)
		if behind := time.Since(due); rested && behind > 0 || behind > maxBehind {
			due = due.Add(behind.Truncate(tick) + tick)
		}
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := each(); err != nil {
			return err
		}
		rested = rest != nil && rest(ctx)
	}
}

// playTone is a source: a sine of hz.
func playTone(ctx context.Context, hz float64, emit func([]float32)) error {
	phase, step := 0.0, 2*math.Pi*hz/pcm.SampleRate
	var block [pcm.BlockSamples]float32
	return pace(ctx, func() error {
		for range pcm.FrameSamples / pcm.BlockSamples {
			for i := range block {
				block[i] = float32(toneAmplitude * math.Sin(phase))
				if phase += step; phase > 2*math.Pi {
					phase -= 2 * math.Pi
				}
			}
			emit(block[:])
		}
		return nil
	}, nil)
}

// playFile is a source: a wav file, over and over.
func playFile(ctx context.Context, path string, emit func([]float32)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var block [pcm.BlockSamples]float32
	return pace(ctx, func() error {
		for range pcm.FrameSamples / pcm.BlockSamples {
			if err := readLoop(r, block[:]); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			emit(block[:])
		}
		return nil
	}, nil)
}

// readLoop fills dst, starting over at the end of the file.
func readLoop(r *wav.Reader, dst []float32) error {
	for empty := false; len(dst) > 0; {
		n := r.Read(dst)
		dst = dst[n:]
		if n > 0 {
			empty = false
			continue
		}
		if empty {
			return wav.ErrFormat // it has shrunk to nothing meanwhile
		}
		empty = true
		if err := r.Rewind(); err != nil {
			return err
		}
	}
	return nil
}

// runNone is the sink nobody listens to: it takes the mix in real time, so
// that buffers, statistics and levels are as they would be with a speaker. rest
// is called between frames and waits while nothing is to be heard.
func runNone(ctx context.Context, render func([]float32), rest func(context.Context) bool) error {
	var block [pcm.BlockSamples]float32
	return pace(ctx, func() error {
		for range pcm.FrameSamples / pcm.BlockSamples {
			render(block[:])
		}
		return nil
	}, rest)
}

// runFile is a sink: a wav file written in real time, silence included.
func runFile(ctx context.Context, path string, render func([]float32)) error {
	w, err := wav.Create(path)
	if err != nil {
		return err
	}
	var frame [pcm.FrameSamples]float32
	err = pace(ctx, func() error {
		for at := 0; at < len(frame); at += pcm.BlockSamples {
			render(frame[at : at+pcm.BlockSamples])
		}
		return w.Write(frame[:])
	}, nil)
	if closed := w.Close(); err == nil {
		err = closed
	}
	return err
}

// devices is the part of package device an Engine uses; a test puts its own
// in its place.
type devices interface {
	Capture(ctx context.Context, o device.Options, emit func([]float32)) error
	Play(ctx context.Context, o device.Options, render func([]float32)) error
	Watch(ctx context.Context, changed func()) error
	List(ctx context.Context) (device.List, error)
}

type systemDevices struct{}

func (systemDevices) Watch(ctx context.Context, changed func()) error {
	return device.Watch(ctx, changed)
}

func (systemDevices) List(ctx context.Context) (device.List, error) { return device.Devices(ctx) }

func (systemDevices) Capture(ctx context.Context, o device.Options, emit func([]float32)) error {
	return device.Capture(ctx, o, emit)
}

func (systemDevices) Play(ctx context.Context, o device.Options, render func([]float32)) error {
	return device.Play(ctx, o, render)
}
