//go:build amd64 || arm64

package device

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/meet-term/meet/media/audio/pcm"
)

// The interfaces of audioclient.h, as far as they are used.
var (
	asClient  = windows.GUID{Data1: 0x1cb9ad4c, Data2: 0xdbfa, Data3: 0x4c32, Data4: [8]byte{0xb1, 0x78, 0xc2, 0xf5, 0x68, 0xa7, 0x03, 0xb2}}
	asRender  = windows.GUID{Data1: 0xf294acfc, Data2: 0x3146, Data3: 0x4483, Data4: [8]byte{0xa7, 0xbf, 0xad, 0xdc, 0xa7, 0xc2, 0x60, 0xe2}}
	asCapture = windows.GUID{Data1: 0xc8adbd64, Data2: 0xe71e, Data3: 0x48a0, Data4: [8]byte{0xa4, 0xde, 0x18, 0x5c, 0x39, 0x5c, 0xd3, 0x17}}
)

const (
	clientInitialize = 3 // IAudioClient
	clientBufferSize = 4
	clientPadding    = 6
	clientStart      = 10
	clientStop       = 11
	clientEvent      = 13
	clientService    = 14

	bufferGet     = 3 // IAudioRenderClient and IAudioCaptureClient
	bufferRelease = 4
)

// Flags of a stream, and of what it recorded.
const (
	flagLoopback = 0x00020000 // AUDCLNT_STREAMFLAGS_LOOPBACK
	flagEvent    = 0x00040000 // AUDCLNT_STREAMFLAGS_EVENTCALLBACK
	flagConvert  = 0x80000000 // AUDCLNT_STREAMFLAGS_AUTOCONVERTPCM
	flagQuality  = 0x08000000 // AUDCLNT_STREAMFLAGS_SRC_DEFAULT_QUALITY

	recordedGap    = 1 // AUDCLNT_BUFFERFLAGS_DATA_DISCONTINUITY
	recordedSilent = 2 // AUDCLNT_BUFFERFLAGS_SILENT
)

const (
	// lookEvery is how often a stream is looked at that does not ask to be: a device
	// that is gone may say nothing. monitorEvery is the same for what a speaker
	// plays, which asks only in newer versions of Windows.
	lookEvery    = 500 * time.Millisecond
	monitorEvery = 10 * time.Millisecond
)

// waveFormat is a WAVEFORMATEX.
type waveFormat struct {
	tag, channels                uint16
	samplesPerSec, bytesPerSec   uint32
	blockAlign, bitsPerSample, _ uint16
}

// floats is our own sample format. The system converts between it and what the
// device has.
func floats(channels int) *waveFormat {
	align := uint16(channels * sampleBytes)
	return &waveFormat{
		tag: 3, channels: uint16(channels), // WAVE_FORMAT_IEEE_FLOAT
		samplesPerSec: pcm.SampleRate, bytesPerSec: pcm.SampleRate * uint32(align), blockAlign: align, bitsPerSample: 8 * sampleBytes,
	}
}

// stream is what capture and play have in common: an endpoint in use, and another
// one when the default changes or is unplugged. Its thread owns it; standard may
// be signalled from any.
type stream struct {
	o         Options
	direction direction
	channels  int
	service   *windows.GUID
	blocks    int // room of the system's buffer

	system   system
	ended    windows.Handle // the context has
	ready    windows.Handle // the stream wants to be served
	standard windows.Handle // the default endpoint has changed

	// Of the endpoint in use.
	client, buffer *comObject
	frames         uint32 // room of the buffer
	device         Info
}

// run serves the stream until ctx ends or no endpoint is left. The function serve
// is called whenever the stream asks for it.
func (s *stream) run(ctx context.Context, serve func() error) error {
	return inApartment(func() error {
		var err error
		if s.system, err = openSystem(); err != nil {
			return err
		}
		defer s.system.release()
		for _, h := range []*windows.Handle{&s.ended, &s.ready, &s.standard} {
			if *h, err = windows.CreateEvent(nil, 0, 0, nil); err != nil {
				return fmt.Errorf("make an event: %w", err)
			}
			defer windows.CloseHandle(*h)
		}
		signalled := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(signalled)
			_ = windows.SetEvent(s.ended)
		})
		defer func() {
			if !stop() {
				<-signalled // the event must not be another one's by then
			}
		}()
		end, err := s.system.listen(func() {}, func(d direction) {
			if d == s.direction {
				_ = windows.SetEvent(s.standard)
			}
		})
		if err != nil {
			return err
		}
		defer end()
		defer s.close()
		if err := s.open(Opened); err != nil {
			return err
		}
		return s.loop(serve)
	})
}

func (s *stream) loop(serve func() error) error {
	every := lookEvery
	if s.o.Monitor {
		every = monitorEvery
	}
	for {
		which, err := windows.WaitForMultipleObjects([]windows.Handle{s.ended, s.standard, s.ready}, false, uint32(every.Milliseconds()))
		switch {
		case err != nil:
			return fmt.Errorf("wait for the audio device: %w", err)
		case which == windows.WAIT_OBJECT_0:
			return nil
		case which == windows.WAIT_OBJECT_0+1:
			if err := s.follow(); err != nil {
				return err
			}
			continue
		}
		err = serve()
		if errors.Is(err, ErrLost) && s.o.ID == "" && s.elsewhere() {
			err = s.reopen() // the system has made another the default one already
		}
		if err != nil {
			return err
		}
	}
}

// follow moves the stream to what is the default endpoint now.
func (s *stream) follow() error {
	if s.o.ID != "" || !s.elsewhere() {
		return nil
	}
	return s.reopen()
}

// elsewhere reports whether the default endpoint is not the one in use.
func (s *stream) elsewhere() bool {
	e, err := s.system.standard(s.direction)
	if err != nil {
		return false // there is none: the one in use will say so
	}
	defer e.release()
	id, err := e.id()
	return err == nil && id != s.device.ID
}

func (s *stream) reopen() error {
	s.close()
	return s.open(Moved)
}

func (s *stream) open(as EventKind) error {
	e, err := s.system.find(s.direction, s.o.ID)
	if err != nil {
		return err
	}
	defer e.release()
	if s.device, err = e.info(); err != nil {
		return err
	}
	if err := e.call(deviceActivate, uintptr(unsafe.Pointer(&asClient)), contextAll, 0, uintptr(unsafe.Pointer(&s.client))); err != nil {
		return err
	}
	flags := uintptr(flagEvent | flagConvert | flagQuality)
	if s.o.Monitor {
		flags |= flagLoopback
	}
	room := time.Duration(s.blocks) * pcm.BlockSamples * time.Second / pcm.SampleRate
	if err := s.client.call(clientInitialize, 0, flags, uintptr(room/100), 0, // in units of 100 ns
		uintptr(unsafe.Pointer(floats(s.channels))), 0); err != nil {
		return err
	}
	if err := s.client.call(clientBufferSize, uintptr(unsafe.Pointer(&s.frames))); err != nil {
		return err
	}
	if err := s.client.call(clientEvent, uintptr(s.ready)); err != nil {
		return err
	}
	if err := s.client.call(clientService, uintptr(unsafe.Pointer(s.service)), uintptr(unsafe.Pointer(&s.buffer))); err != nil {
		return err
	}
	if err := s.client.call(clientStart); err != nil {
		return err
	}
	s.o.tell(Event{Kind: as, Device: s.device})
	return nil
}

// close lets go of the endpoint in use, if there is one.
func (s *stream) close() {
	if s.client != nil {
		_ = s.client.call(clientStop) // it may be gone
	}
	s.buffer.release()
	s.client.release()
	s.buffer, s.client = nil, nil
}

func capture(ctx context.Context, o Options, emit func([]float32)) error {
	r := recording{in: newBlocks(o.Stereo, emit), stream: stream{
		o: o, direction: microphones, channels: channels(o.Stereo), service: &asCapture, blocks: captureBlocks,
	}}
	if o.Monitor {
		r.stream.direction = speakers
	}
	if err := r.stream.run(ctx, r.serve); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// recording is a stream from a microphone, or from what a speaker plays.
type recording struct {
	stream stream
	in     *blocks
	device string // the one the sound last came from
	quiet  []byte
	last   time.Time // of what a speaker plays: until when it was handed on
}

// silentAfter is how long a speaker must have played nothing to be silent: Windows
// records nothing then, and whoever shares a machine's sound goes on talking.
const silentAfter = 50 * time.Millisecond

// silence makes up for a speaker that plays nothing.
func (r *recording) silence(now time.Time) {
	if r.last.IsZero() {
		r.last = now
	}
	if now.Sub(r.last) < silentAfter {
		return
	}
	frames := int(now.Sub(r.last) * pcm.SampleRate / time.Second)
	r.last = r.last.Add(time.Duration(frames) * time.Second / pcm.SampleRate)
	r.in.add(r.zeros(frames))
}

// zeros are so many silent frames.
func (r *recording) zeros(frames int) []byte {
	n := frames * r.stream.channels * sampleBytes
	if len(r.quiet) < n {
		r.quiet = make([]byte, n)
	}
	return r.quiet[:n]
}

// serve takes what was recorded.
func (r *recording) serve() error {
	for {
		var data *byte
		var frames, flags uint32
		if err := r.stream.buffer.call(bufferGet, uintptr(unsafe.Pointer(&data)), uintptr(unsafe.Pointer(&frames)),
			uintptr(unsafe.Pointer(&flags)), 0, 0); err != nil {
			return err
		}
		if frames == 0 {
			if r.stream.o.Monitor {
				r.silence(time.Now())
			}
			return nil
		}
		r.last = time.Now()
		first := r.device != r.stream.device.ID // its beginning counts as a gap to Windows
		r.device = r.stream.device.ID
		if flags&recordedGap != 0 && !first {
			r.stream.o.tell(Event{Kind: Gap})
		}
		if flags&recordedSilent != 0 {
			r.in.add(r.zeros(int(frames)))
		} else {
			r.in.add(unsafe.Slice(data, int(frames)*r.stream.channels*sampleBytes))
		}
		if err := r.stream.buffer.call(bufferRelease, uintptr(frames)); err != nil {
			return err
		}
	}
}

func play(ctx context.Context, o Options, render func([]float32)) error {
	p := playback{render: render, depth: playBlocks, stream: stream{
		o: o, direction: speakers, channels: 1, service: &asRender, blocks: maxPlayBlocks,
	}}
	if err := p.stream.run(ctx, p.serve); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return nil
}

// playback is a stream to a speaker.
type playback struct {
	stream stream
	render func([]float32)
	block  [pcm.BlockSamples]float32
	depth  uint32 // blocks kept ahead
	raised time.Time
	device string // the one that was last fed
}

// serve keeps the speaker supplied.
func (p *playback) serve() error {
	var ahead uint32
	if err := p.stream.client.call(clientPadding, uintptr(unsafe.Pointer(&ahead))); err != nil {
		return err
	}
	now := time.Now()
	if p.device != p.stream.device.ID {
		p.device, p.raised = p.stream.device.ID, now // it begins empty
	} else if ahead == 0 {
		p.deepen(now)
	}
	for ; ahead+pcm.BlockSamples <= min(p.depth*pcm.BlockSamples, p.stream.frames); ahead += pcm.BlockSamples {
		p.render(p.block[:])
		var data *byte
		if err := p.stream.buffer.call(bufferGet, pcm.BlockSamples, uintptr(unsafe.Pointer(&data))); err != nil {
			return err
		}
		putBlock(unsafe.Slice(data, blockBytes), p.block[:])
		if err := p.stream.buffer.call(bufferRelease, pcm.BlockSamples, 0); err != nil {
			return err
		}
	}
	return nil
}

// deepen keeps one block more, unless that was done just now.
func (p *playback) deepen(now time.Time) {
	if p.depth < maxPlayBlocks && now.Sub(p.raised) >= raiseEvery {
		p.depth, p.raised = p.depth+1, now
	}
}
