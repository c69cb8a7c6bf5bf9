package device

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jfreymuth/pulse/proto"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media/audio/pcm"
)

// bufferBytes is the room for sound the server gives a playback stream.
const bufferBytes = 2 * maxPlayBlocks * blockBytes

// mono is the sample format of everything but music.
var mono = proto.SampleSpec{Format: proto.FormatFloat32LE, Channels: 1, Rate: pcm.SampleRate}

func streamProps(name string) proto.PropList {
	return proto.PropList{
		"media.name": proto.PropListString(name),
		"media.role": proto.PropListString("phone"),
	}
}

// recording is one stream from a microphone, or from what a speaker plays. Its
// channels are filled by the reader of the connection; the rest belongs to run.
type recording struct {
	o      Options
	in     *blocks
	last   time.Time // when sound came last; the reader's
	killed chan struct{}
	moved  chan string

	server *server
	source string // the one in use
}

func capture(ctx context.Context, o Options, emit func([]float32)) error {
	r := recording{
		o: o, in: newBlocks(o.Stereo, emit),
		killed: make(chan struct{}, 1), moved: make(chan string, 8),
	}
	opened := make(chan struct{})
	s, err := dial(ctx, func(message any) { r.on(message, opened) })
	if err != nil {
		return fmt.Errorf("open a microphone: %w", err)
	}
	defer s.close()
	r.server = s
	if err := r.open(); err != nil {
		close(opened)
		return fmt.Errorf("open a microphone: %w", err)
	}
	close(opened) // what is recorded comes after Opened
	return r.run(ctx)
}

// on takes the messages of the server.
func (r *recording) on(message any, opened <-chan struct{}) {
	switch m := message.(type) {
	case *proto.DataPacket:
		select {
		case <-opened:
		default:
			return // the first milliseconds, while the stream is being looked at
		}
		now := time.Now()
		if !r.last.IsZero() && now.Sub(r.last) > captureBlocks*pcm.BlockSamples*time.Second/pcm.SampleRate {
			r.o.tell(Event{Kind: Gap}) // longer than the server keeps
		}
		r.last = now
		r.in.add(m.Data)
	case *proto.RecordStreamKilled:
		wake.Poke(r.killed)
	case *proto.RecordStreamSuspended:
		if !m.Suspended {
			r.o.tell(Event{Kind: Gap})
		}
	case *proto.RecordStreamMoved:
		select {
		case r.moved <- m.DestName:
		default: // one of those queued will do
		}
	}
}

func (r *recording) open() error {
	find, what := r.server.microphone, "microphone"
	if r.o.Monitor {
		find, what = r.server.monitor, "shared sound"
	}
	source, err := find(r.o.ID)
	if err != nil {
		return err
	}
	spec, layout := mono, proto.ChannelMap{proto.ChannelMono}
	if r.o.Stereo {
		spec.Channels, layout = 2, proto.ChannelMap{proto.ChannelLeft, proto.ChannelRight}
	}
	var stream proto.CreateRecordStreamReply
	if err := r.server.request("create the stream", &proto.CreateRecordStream{
		SampleSpec: spec, ChannelMap: layout,
		SourceIndex: proto.Undefined, SourceName: source,
		BufferMaxLength: captureBlocks * blockBytes * uint32(spec.Channels),
		BufferFragSize:  blockBytes * uint32(spec.Channels),
		AdjustLatency:   true, DirectOnInputIndex: proto.Undefined,
		Properties:     streamProps(what),
		ChannelVolumes: slices.Repeat(proto.ChannelVolumes{uint32(proto.VolumeNorm)}, int(spec.Channels)),
	}, &stream); err != nil {
		return err
	}
	info, err := r.server.source(stream.SourceName)
	if err != nil {
		return err
	}
	r.source = info.ID
	r.o.tell(Event{Kind: Opened, Device: info})
	return nil
}

func (r *recording) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.server.lost:
			return fmt.Errorf("record: %w", ErrLost)
		case <-r.killed:
			return fmt.Errorf("record: %w", ErrLost)
		case source := <-r.moved:
			// The server moves streams of an unplugged microphone to what is
			// left, and that may be a speaker's own sound.
			info, err := r.server.source(source)
			if err != nil || info.Monitor != r.o.Monitor {
				return fmt.Errorf("record: %w", ErrLost)
			}
			if r.source != info.ID {
				r.source = info.ID
				r.o.tell(Event{Kind: Moved, Device: info})
			}
		}
	}
}

// playback is one stream to a speaker. Its channels and its counter are filled
// by the reader of the connection; the rest belongs to run.
type playback struct {
	room    atomic.Int64  // bytes the server has asked for
	asked   chan struct{} // room has grown
	starved chan struct{} // there was a gap in the sound
	killed  chan struct{} // the server has ended the stream
	moved   chan string   // the server has put the stream on that speaker
	changed chan struct{} // some speaker has changed

	o      Options
	server *server
	stream uint32
	depth  uint32 // blocks the server keeps ahead
	raised time.Time
	device Info // the speaker in use
}

func play(ctx context.Context, o Options, render func([]float32)) error {
	p := playback{
		asked: make(chan struct{}, 1), starved: make(chan struct{}, 1), killed: make(chan struct{}, 1),
		moved: make(chan string, 8), changed: make(chan struct{}, 1), o: o,
	}
	s, err := dial(ctx, p.on)
	if err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	defer s.close()
	p.server = s
	if err := p.open(); err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	return p.run(ctx, render)
}

// on takes the messages of the server.
func (p *playback) on(message any) {
	switch m := message.(type) {
	case *proto.Request:
		p.room.Add(int64(m.Length))
		wake.Poke(p.asked)
	case *proto.Underflow:
		wake.Poke(p.starved)
	case *proto.PlaybackStreamKilled:
		wake.Poke(p.killed)
	case *proto.PlaybackStreamMoved:
		select {
		case p.moved <- m.DestName:
		default: // one of those queued will do
		}
	case *proto.SubscribeEvent:
		wake.Poke(p.changed)
	}
}

func (p *playback) open() error {
	sink, err := p.server.speaker(p.o.ID)
	if err != nil {
		return err
	}
	var stream proto.CreatePlaybackStreamReply
	if err := p.server.request("create the stream", &proto.CreatePlaybackStream{
		SampleSpec: mono, ChannelMap: proto.ChannelMap{proto.ChannelMono},
		SinkIndex: proto.Undefined, SinkName: sink,
		BufferMaxLength: bufferBytes, BufferTargetLength: playBlocks * blockBytes,
		BufferMinimumRequest: blockBytes,
		// No waiting for a full buffer: after an underrun sound goes on at
		// once. We deliver whatever is asked for anyway.
		BufferPrebufferLength: 0,
		AdjustLatency:         true,
		Properties:            streamProps("voices"),
		ChannelVolumes:        proto.ChannelVolumes{uint32(proto.VolumeNorm)},
	}, &stream); err != nil {
		return err
	}
	p.stream, p.depth, p.raised = stream.StreamIndex, playBlocks, time.Now()
	p.room.Add(int64(stream.Missing))
	if p.device, err = p.server.sink(stream.SinkName); err != nil {
		return err
	}
	p.o.tell(Event{Kind: Opened, Device: p.device})
	// Headphones are plugged into the same speaker's other connector.
	return p.server.request("watch the speaker", &proto.Subscribe{Mask: proto.SubscriptionMaskSink}, nil)
}

func (p *playback) run(ctx context.Context, render func([]float32)) error {
	var block [pcm.BlockSamples]float32
	var data [blockBytes]byte
	for {
		for p.room.Load() >= blockBytes {
			render(block[:])
			putBlock(data[:], block[:])
			if err := p.server.client.Send(p.stream, data[:]); err != nil {
				return fmt.Errorf("play: %w: %w", ErrLost, err)
			}
			p.room.Add(-blockBytes)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.server.lost:
			return fmt.Errorf("play: %w", ErrLost)
		case <-p.killed:
			return fmt.Errorf("play: %w", ErrLost)
		case <-p.starved:
			if err := p.deepen(time.Now()); err != nil {
				return fmt.Errorf("play: %w", err)
			}
		case sink := <-p.moved:
			p.look(sink)
		case <-p.changed:
			p.look(p.device.ID)
		case <-p.asked:
		}
	}
}

// look tells of a speaker that is another one now, or has other connectors. One
// that cannot be looked at is about to go away, which is told in its own way.
func (p *playback) look(sink string) {
	info, err := p.server.sink(sink)
	switch {
	case err != nil || info == p.device:
		return
	case info.ID != p.device.ID:
		p.o.tell(Event{Kind: Moved, Device: info})
	default:
		p.o.tell(Event{Kind: Changed, Device: info})
	}
	p.device = info
}

// deepen makes the server keep one block more, unless it has just been told to.
func (p *playback) deepen(now time.Time) error {
	if p.depth == maxPlayBlocks || now.Sub(p.raised) < raiseEvery {
		return nil
	}
	p.depth, p.raised = p.depth+1, now
	return p.server.request("deepen the buffer", &proto.SetPlaybackStreamBufferAttr{
		StreamIndex: p.stream, BufferMaxLength: bufferBytes,
		BufferTargetLength: p.depth * blockBytes, BufferMinimumRequest: blockBytes,
		AdjustLatency: true,
	}, &proto.SetPlaybackStreamBufferAttrReply{})
}
