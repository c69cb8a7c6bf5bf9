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

func play(ctx context.Context, o Options, render func([]float32)) error {
	var room atomic.Int64 // bytes the server has asked for
	asked, starved, killed := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	s, err := dial(ctx, func(message any) {
		switch m := message.(type) {
		case *proto.Request:
			room.Add(int64(m.Length))
			poke(asked)
		case *proto.Underflow:
			poke(starved)
		case *proto.PlaybackStreamKilled:
			poke(killed)
		}
	})
	if err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	defer s.close()

	sink, err := s.speaker(o.ID)
	if err != nil {
		return fmt.Errorf("open a speaker: %w", err)
	}
	var stream proto.CreatePlaybackStreamReply
	if err := s.request("open a speaker", &proto.CreatePlaybackStream{
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
	room.Add(int64(stream.Missing))

	depth, raised := uint32(playBlocks), time.Now()
	var block [pcm.BlockSamples]float32
	var data [blockBytes]byte
	for {
		for room.Load() >= blockBytes {
			render(block[:])
			putBlock(data[:], block[:])
			if err := s.client.Send(stream.StreamIndex, data[:]); err != nil {
				return fmt.Errorf("play: %w: %w", ErrLost, err)
			}
			room.Add(-blockBytes)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.lost:
			return fmt.Errorf("play: %w", ErrLost)
		case <-killed:
			return fmt.Errorf("play: %w", ErrLost)
		case <-starved:
			if depth == maxPlayBlocks || time.Since(raised) < raiseEvery {
				continue
			}
			depth, raised = depth+1, time.Now()
			if err := s.request("deepen the playback buffer", &proto.SetPlaybackStreamBufferAttr{
				StreamIndex: stream.StreamIndex, BufferMaxLength: bufferBytes,
				BufferTargetLength: depth * blockBytes, BufferMinimumRequest: blockBytes,
				AdjustLatency: true,
			}, &proto.SetPlaybackStreamBufferAttrReply{}); err != nil {
				return err
			}
		case <-asked:
		}
	}
}
