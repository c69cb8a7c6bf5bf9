package jitter

import (
	"math"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
)

// FuzzBuffer feeds packets made of arbitrary bytes: what comes out must be
// numbers, totals must never go back, and memory must stay bounded.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 8, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0, 1, 8, 2, 0, 0})
	f.Add([]byte{1, 255, 48, 255, 255, 255, 9, 9, 9, 9, 9, 9, 200, 100, 50, 25, 12, 6})
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 3000)] // what more adds is time
		b := New(&fakeCodec{})
		block := make([]float32, pcm.BlockSamples)
		now, seq, ts := start, uint16(0), uint32(0)
		last := Stats{}
		for ; len(data) >= 6; data = data[6:] {
			seq += uint16(int8(data[0]))
			ts += uint32(int32(int8(data[1]))) * (pcm.FrameSamples / 2) << (data[5] % 24)
			now = now.Add(time.Duration(int8(data[4])) * time.Millisecond)
			p := media.Packet{
				Seq: seq, Timestamp: ts, SSRC: uint32(data[3] & 1), At: now,
				Payload: payload(int64(ts), 120*int(data[2]%64)),
			}
			if data[3]&2 != 0 {
				p.Older = []media.Copy{{Offset: uint32(data[3]) * 120, Payload: payload(0, 960)}}
			}
			b.Push(p)
			for range data[3] >> 5 {
				b.Pull(block)
				for _, s := range block {
					if math.IsNaN(float64(s)) || math.Abs(float64(s)) > 2 {
						t.Fatalf("a sample of %v", s)
					}
				}
			}
			st := b.Stats()
			if st.Packets < last.Packets || st.Lost < last.Lost || st.Concealed < last.Concealed ||
				st.Discarded < last.Discarded || st.Decoded < last.Decoded || st.Late < last.Late {
				t.Fatalf("totals went back: %+v then %+v", last, st)
			}
			if st.Delay < 0 || st.Target < 20*time.Millisecond || st.Target > time.Second {
				t.Fatalf("delay %v, target %v", st.Delay, st.Target)
			}
			if len(b.frames) > maxFrames || len(b.play.out.buf) > 20*pcm.FrameSamples+9*history {
				t.Fatalf("%d frames, %d samples held", len(b.frames), len(b.play.out.buf))
			}
			last = st
		}
	})
}
