package device

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jfreymuth/pulse/proto"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// playBlocks is how much sound the server keeps ahead of the speaker:
	// 30 ms. Two blocks crackle as soon as the machine is busy. Where three do
	// too there is one more after every gap, up to maxPlayBlocks, but for those
	// within raiseEvery, which have the same cause.
	playBlocks    = 3
	maxPlayBlocks = 12
	raiseEvery    = 300 * time.Millisecond
	// captureBlocks is how much recorded sound the server keeps for us when
	// we are late. Depth costs no delay.
	captureBlocks = 20
)

// bufferBytes is the room for sound the server gives a playback stream.
const bufferBytes = 2 * maxPlayBlocks * blockBytes

// spec is the one sample format streams have.
var spec = proto.SampleSpec{Format: proto.FormatFloat32LE, Channels: 1, Rate: pcm.SampleRate}

func streamProps(o Options, name string) proto.PropList {
	props := proto.PropList{
		"media.name": proto.PropListString(name),
		"media.role": proto.PropListString("phone"),
	}
	if o.EchoCancel {
		props["filter.want"] = proto.PropListString("echo-cancel")
	}
	return props
}

func capture(ctx context.Context, o Options, emit func([]float32)) error {
	in := blocks{emit: emit}
	killed, moved := make(chan struct{}, 1), make(chan string, 8)
	s, err := dial(ctx, func(message any) {
		switch m := message.(type) {
		case *proto.DataPacket:
			in.add(m.Data)
		case *proto.RecordStreamKilled:
			poke(killed)
		case *proto.RecordStreamMoved:
			select {
			case moved <- m.DestName:
			default: // one of those queued will do
			}
		}
	})
	if err != nil {
		return fmt.Errorf("open a microphone: %w", err)
	}
	defer s.close()

	source, err := s.microphone(o.ID)
	if err != nil {
		return fmt.Errorf("open a microphone: %w", err)
	}
	var stream proto.CreateRecordStreamReply
	if err := s.request("open a microphone", &proto.CreateRecordStream{
		SampleSpec: spec, ChannelMap: proto.ChannelMap{proto.ChannelMono},
		SourceIndex: proto.Undefined, SourceName: source,
		BufferMaxLength: captureBlocks * blockBytes, BufferFragSize: blockBytes,
		AdjustLatency: true, DirectOnInputIndex: proto.Undefined,
		Properties:     streamProps(o, "microphone"),
		ChannelVolumes: proto.ChannelVolumes{uint32(proto.VolumeNorm)},
	}, &stream); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.lost:
			return fmt.Errorf("record: %w", ErrLost)
		case <-killed:
			return fmt.Errorf("record: %w", ErrLost)
		case source := <-moved:
			// The server moves streams of an unplugged microphone to what is
			// left, and that may be a speaker's own sound.
			if monitor, err := s.isMonitor(source); err != nil || monitor {
				return fmt.Errorf("record: %w", ErrLost)
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

	server *server
	stream uint32
	depth  uint32 // blocks the server keeps ahead
	raised time.Time
}

func play(ctx context.Context, o Options, render func([]float32)) error {
	p := playback{
		asked: make(chan struct{}, 1), starved: make(chan struct{}, 1), killed: make(chan struct{}, 1),
	}
	s, err := dial(ctx, p.on)
	if err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	defer s.close()
	p.server = s
	if err := p.open(o); err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	return p.run(ctx, render)
}

// on takes the messages of the server.
func (p *playback) on(message any) {
	switch m := message.(type) {
	case *proto.Request:
		p.room.Add(int64(m.Length))
		poke(p.asked)
	case *proto.Underflow:
		poke(p.starved)
	case *proto.PlaybackStreamKilled:
		poke(p.killed)
	}
}

func (p *playback) open(o Options) error {
	sink, err := p.server.speaker(o.ID)
	if err != nil {
		return err
	}
	var stream proto.CreatePlaybackStreamReply
	if err := p.server.request("create the stream", &proto.CreatePlaybackStream{
		SampleSpec: spec, ChannelMap: proto.ChannelMap{proto.ChannelMono},
		SinkIndex: proto.Undefined, SinkName: sink,
		BufferMaxLength: bufferBytes, BufferTargetLength: playBlocks * blockBytes,
		BufferMinimumRequest: blockBytes,
		// No waiting for a full buffer: after an underrun sound goes on at
		// once. We deliver whatever is asked for anyway.
		BufferPrebufferLength: 0,
		AdjustLatency:         true,
		Properties:            streamProps(o, "voices"),
		ChannelVolumes:        proto.ChannelVolumes{uint32(proto.VolumeNorm)},
	}, &stream); err != nil {
		return err
	}
	p.stream, p.depth, p.raised = stream.StreamIndex, playBlocks, time.Now()
	p.room.Add(int64(stream.Missing))
	return nil
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
		case <-p.asked:
		}
	}
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
