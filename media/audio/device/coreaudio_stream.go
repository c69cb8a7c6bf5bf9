//go:build darwin || linux

package device

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/meet-term/meet/media/audio/pcm"
)

// macStream is a microphone or a speaker in use, and another one when the default
// changes or is unplugged: an audio queue, which converts between our format and the
// device's. Its run loop owns it; the system only posts to its sink.
type macStream struct {
	c        coreAudio
	o        Options
	input    bool
	channels int

	sink    *sink   // of properties
	user    uintptr // that sink, to the system
	buffers int     // at most

	// Of the device in use.
	object uint32
	device Info
	queue  uintptr           // 0 for none
	done   chan *queueBuffer // what that queue is done with; another queue has another
	ends   []func()
}

func (c coreAudio) capture(ctx context.Context, o Options, emit func([]float32)) error {
	if o.Monitor {
		return fmt.Errorf("record what a speaker plays: %w", ErrUnsupported)
	}
	in := newBlocks(o.Stereo, emit)
	s := &macStream{c: c, o: o, input: true, channels: channels(o.Stereo)}
	if err := s.run(ctx, captureBlocks, func(b *queueBuffer) error {
		if b.size > 0 && b.size <= b.capacity {
			in.add(unsafe.Slice((*byte)(b.data), b.size))
		}
		return s.enqueue(b)
	}); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

func (c coreAudio) play(ctx context.Context, o Options, render func([]float32)) error {
	s := &macStream{c: c, o: o, channels: 1}
	var block [pcm.BlockSamples]float32
	depth, raised, queue := playBlocks, time.Time{}, uintptr(0)
	fill := func(b *queueBuffer) error {
		render(block[:])
		putBlock(unsafe.Slice((*byte)(b.data), blockBytes), block[:])
		b.size = blockBytes
		return s.enqueue(b)
	}
	if err := s.run(ctx, maxPlayBlocks, func(b *queueBuffer) error {
		now := time.Now()
		if queue != s.queue {
			queue, depth, raised = s.queue, playBlocks, now // the first ones come all at once
		}
		if err := fill(b); err != nil {
			return err
		}
		// All the others have come back meanwhile: the speaker had nothing to play.
		starved := len(s.done) >= depth-1
		if !starved || depth == maxPlayBlocks || now.Sub(raised) < raiseEvery {
			return nil
		}
		raised = now
		more, err := s.allocate()
		if err != nil {
			return err
		}
		depth++
		return fill(more)
	}); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return nil
}

// run serves the stream until ctx ends or no device is left. The function serve gets
// every buffer that the system is done with.
func (s *macStream) run(ctx context.Context, buffers int, serve func(*queueBuffer) error) error {
	var forget func()
	s.sink, s.user, forget = newSink(0)
	defer forget()
	s.buffers = buffers
	if s.o.ID == "" {
		selector := selectDefaultOutput
		if s.input {
			selector = selectDefaultInput
		}
		end, err := s.c.listen(systemObject, selector, s.user)
		if err != nil {
			return err
		}
		defer end()
	}
	defer s.close()
	if err := s.open(Opened); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.sink.changed:
			if err := s.look(); err != nil {
				return err
			}
		case b := <-s.done:
			if err := serve(b); err != nil {
				return err
			}
		}
	}
}

// look follows the default device, and notices that the one in use is gone.
func (s *macStream) look() error {
	alive, err := s.c.number(s.object, selectAlive, scopeGlobal)
	gone := err != nil || alive == 0
	if s.o.ID == "" {
		object, _, err := s.c.find("", s.input)
		if err == nil && object != s.object {
			s.close()
			return s.open(Moved)
		}
	}
	if gone {
		return ErrLost
	}
	return nil
}

func (s *macStream) open(as EventKind) error {
	var err error
	if s.object, s.device, err = s.c.find(s.o.ID, s.input); err != nil {
		return err
	}
	end, err := s.c.listen(s.object, selectAlive, s.user)
	if err != nil {
		return err
	}
	from, user, forget := newSink(s.buffers)
	s.done, s.ends = from.buffers, append(s.ends, end, forget)
	align := uint32(s.channels * sampleBytes)
	format := &streamFormat{
		sampleRate: pcm.SampleRate, id: linearPCM, flags: floatPacked, bytesPerPacket: align, framesPerPacket: 1,
		bytesPerFrame: align, channelsPerFrame: uint32(s.channels), bitsPerChannel: 8 * sampleBytes,
	}
	create, callback, first := s.c.NewOutput, s.c.output, playBlocks
	if s.input {
		create, callback, first = s.c.NewInput, s.c.input, captureBlocks
	}
	if err := statusError(create(format, callback, user, 0, 0, 0, &s.queue)); err != nil {
		return err
	}
	if err := s.choose(); err != nil {
		return err
	}
	for range first {
		b, err := s.allocate()
		if err != nil {
			return err
		}
		if !s.input { // silence, so that it begins without a gap
			b.size = blockBytes
			clear(unsafe.Slice((*byte)(b.data), blockBytes))
		}
		if err := s.enqueue(b); err != nil {
			return err
		}
	}
	if err := statusError(s.c.Start(s.queue, 0)); err != nil {
		return err
	}
	s.o.tell(Event{Kind: as, Device: s.device})
	return nil
}

// choose puts the queue on the device, which is the default one until then.
func (s *macStream) choose() error {
	uid := append([]byte(s.device.ID), 0)
	text := s.c.CreateString(0, &uid[0], utf8Encoding)
	if text == 0 {
		return ErrNoDevice
	}
	defer s.c.Release(text)
	return statusError(s.c.SetProperty(s.queue, queueDevice, unsafe.Pointer(&text), uint32(unsafe.Sizeof(text))))
}

func (s *macStream) allocate() (*queueBuffer, error) {
	var b *queueBuffer
	size := uint32(blockBytes * s.channels)
	if err := statusError(s.c.AllocateBuffer(s.queue, size, &b)); err != nil {
		return nil, err
	}
	if b == nil || b.capacity < size {
		return nil, errors.New("the system gave no buffer")
	}
	return b, nil
}

func (s *macStream) enqueue(b *queueBuffer) error {
	return statusError(s.c.EnqueueBuffer(s.queue, b, 0, 0))
}

// close lets go of the device in use, if there is one. Its buffers go with it.
func (s *macStream) close() {
	if s.queue != 0 {
		_ = s.c.Dispose(s.queue, true) // it waits for what is under way
		s.queue = 0
	}
	for _, end := range s.ends {
		end()
	}
	s.ends, s.done = nil, nil
}
