package jitter

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/pcm"
)

// voiceHz is the pitch of the fake sender's voice.
const voiceHz = 150

// fakeCodec decodes payloads made by payload: a steady voice whose phase
// follows media time, so that any break in the output can be measured.
type fakeCodec struct {
	decoded   []int64 // media positions, in order of decoding
	recovered int
	resets    int
	end       int64 // media position after the last sample made
}

// payload stands for n samples from media position pos on.
func payload(pos int64, n int) []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(n / 120)}, uint64(pos))
	return b
}

func voice(pos int64) float32 {
	x := 2 * math.Pi * voiceHz * float64(pos) / pcm.SampleRate
	return float32(0.3*math.Sin(x) + 0.1*math.Sin(2*x+1))
}

func (c *fakeCodec) Samples(p []byte) int {
	if len(p) != 9 {
		return 0
	}
	return int(p[0]) * 120
}

func (c *fakeCodec) Decode(p []byte, dst []float32) (int, error) {
	if p[1] == 0xff {
		return 0, errors.New("a bad payload")
	}
	pos := int64(binary.BigEndian.Uint64(p[1:]))
	c.decoded = append(c.decoded, pos)
	c.end = pos
	return len(dst), c.Conceal(dst)
}

func (c *fakeCodec) Recover(next []byte, dst []float32) error {
	c.recovered++
	pos := int64(binary.BigEndian.Uint64(next[1:])) - int64(len(dst))
	c.end = pos
	return c.Conceal(dst)
}

// Conceal continues the voice without a break, as a good decoder does.
func (c *fakeCodec) Conceal(dst []float32) error {
	for i := range dst {
		dst[i] = voice(c.end)
		c.end++
	}
	return nil
}

func (c *fakeCodec) Reset() { c.resets++ }

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// sent is one packet on its way.
type sent struct {
	at time.Duration // when it arrives
	p  media.Packet
}

// stream is a sender: one packet of 20 ms after the other.
type stream struct {
	seq   uint16
	ts    uint32
	ssrc  uint32
	pos   int64
	clock time.Duration // when the next packet is sent
	skew  float64       // of the sender's clock, parts per million
}

// next returns the next packet, sent now and arriving delay later.
func (s *stream) next(delay time.Duration) sent {
	p := sent{at: s.clock + delay, p: media.Packet{
		Seq: s.seq, Timestamp: s.ts, SSRC: s.ssrc, Payload: payload(s.pos, pcm.FrameSamples),
	}}
	p.p.At = start.Add(p.at)
	s.seq++
	s.skip(20 * time.Millisecond)
	return p
}

// skip lets media time go by without a packet.
func (s *stream) skip(d time.Duration) {
	s.ts += uint32(pcm.Samples(d))
	s.pos += pcm.Samples(d)
	s.clock += time.Duration(float64(d) * (1 - s.skew/1e6))
}

// run pushes packets as they arrive and pulls every 10 ms for d; it returns
// all samples.
func run(b *Buffer, packets []sent, d time.Duration, each func(now time.Duration)) []float32 {
	sort.SliceStable(packets, func(i, j int) bool { return packets[i].at < packets[j].at })
	var out []float32
	for now := time.Duration(0); now < d; now += 10 * time.Millisecond {
		for len(packets) > 0 && packets[0].at <= now {
			packets[0].p.At = start.Add(packets[0].at)
			b.Push(packets[0].p)
			packets = packets[1:]
		}
		block := make([]float32, pcm.BlockSamples)
		b.Pull(block)
		out = append(out, block...)
		if each != nil {
			each(now)
		}
	}
	return out
}

// worstStep returns the largest jump between neighbouring samples.
func worstStep(x []float32) float64 {
	worst := 0.0
	for i := 1; i < len(x); i++ {
		worst = max(worst, math.Abs(float64(x[i]-x[i-1])))
	}
	return worst
}

// clickFree is more than the voice ever changes from one sample to
// the next, and less than any audible click.
const clickFree = 0.025

func TestSteadyStream(t *testing.T) {
	codec := &fakeCodec{}
	b := New(codec)
	s := stream{ssrc: 1, seq: 65500, ts: math.MaxUint32 - 48000} // both wrap
	var packets []sent
	for range 500 {
		packets = append(packets, s.next(5*time.Millisecond))
	}
	out := run(b, packets, 10*time.Second, nil)
	st := b.Stats()
	if st.Packets != 500 || st.Lost != 0 || st.Late != 0 || st.Concealed != 0 || st.Discarded != 0 {
		t.Errorf("stats %+v", st)
	}
	if st.Target != 20*time.Millisecond {
		t.Errorf("target %v on a perfect link, want 20ms", st.Target)
	}
	if st.Delay < 15*time.Millisecond || st.Delay > 40*time.Millisecond {
		t.Errorf("delay %v", st.Delay)
	}
	if st.Shortened == 0 {
		t.Error("the start delay of 40 ms was never taken back")
	}
	if s := worstStep(out); s > clickFree {
		t.Errorf("a step of %.3f in the output", s)
	}
	if len(codec.decoded) < 495 {
		t.Errorf("%d frames decoded", len(codec.decoded))
	}
	for i := 1; i < len(codec.decoded); i++ {
		if codec.decoded[i] != codec.decoded[i-1]+pcm.FrameSamples {
			t.Fatalf("frame %d decoded after frame %d", codec.decoded[i], codec.decoded[i-1])
		}
	}
}

func TestStartsAfterTheStartDelay(t *testing.T) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1}
	var packets []sent
	for range 20 {
		packets = append(packets, s.next(0))
	}
	out := run(b, packets, 300*time.Millisecond, nil)
	first := 0
	for first < len(out) && out[first] == 0 {
		first++
	}
	if got := pcm.Duration(int64(first)); got < 30*time.Millisecond || got > 50*time.Millisecond {
		t.Errorf("first sound after %v, want about 40ms", got)
	}
}

func TestReorderedAndDoubledPackets(t *testing.T) {
	codec := &fakeCodec{}
	b := New(codec)
	s := stream{ssrc: 1}
	var packets []sent
	for i := range 250 {
		delay := 10 * time.Millisecond
		if i > 100 && i%5 == 0 {
			delay = 45 * time.Millisecond // overtaken by the next one
		}
		p := s.next(delay)
		packets = append(packets, p)
		if i%7 == 0 {
			p.at += 15 * time.Millisecond
			packets = append(packets, p)
		}
	}
	run(b, packets, 5*time.Second, nil)
	st := b.Stats()
	if st.Packets != 250 || st.Duplicates != 36 || st.Lost != 0 {
		t.Errorf("stats %+v", st)
	}
	// The first overtaken packets may come too late; then the target knows.
	if st.Late > 10 || st.Target < 40*time.Millisecond {
		t.Errorf("late %d, target %v", st.Late, st.Target)
	}
}

func TestJitterBurstsRaiseTheTargetAndItComesBack(t *testing.T) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1}
	rng := rand.New(rand.NewPCG(1, 2))
	var packets []sent
	last := time.Duration(0)
	for i := range 3000 {
		delay := time.Duration(rng.IntN(5)) * time.Millisecond
		if i >= 500 && i < 1500 {
			delay += time.Duration(rng.IntN(120)) * time.Millisecond
		}
		p := s.next(delay)
		p.at = max(p.at, last) // a queue does not reorder
		last = p.at
		packets = append(packets, p)
	}
	var during, concealedEarly, concealedLate time.Duration
	out := run(b, packets, 60*time.Second, func(now time.Duration) {
		st := b.Stats()
		switch now {
		case 15 * time.Second:
			concealedEarly = pcm.Duration(st.Concealed)
		case 29 * time.Second:
			during = st.Target
			concealedLate = pcm.Duration(st.Concealed)
		}
	})
	if during < 90*time.Millisecond || during > 160*time.Millisecond {
		t.Errorf("target %v under 120 ms of jitter", during)
	}
	if made := concealedLate - concealedEarly; made > 600*time.Millisecond {
		t.Errorf("%v made up in 14 s although the jitter was known", made)
	}
	st := b.Stats()
	if st.Target > 30*time.Millisecond || st.Delay > 60*time.Millisecond {
		t.Errorf("target %v, delay %v after 30 quiet seconds", st.Target, st.Delay)
	}
	if s := worstStep(out); s > 2*clickFree {
		t.Errorf("a step of %.3f in the output", s)
	}
}

func TestClockDrift(t *testing.T) {
	for name, skew := range map[string]float64{"sender fast": 300, "sender slow": -300} {
		t.Run(name, func(t *testing.T) {
			b := New(&fakeCodec{})
			s := stream{ssrc: 1, skew: skew}
			var packets []sent
			for range 6000 {
				packets = append(packets, s.next(8*time.Millisecond))
			}
			worst := time.Duration(0)
			out := run(b, packets, 119*time.Second, func(now time.Duration) {
				if now > 5*time.Second {
					worst = max(worst, b.Stats().Delay)
				}
			})
			st := b.Stats()
			if st.Concealed != 0 || st.Late != 0 || st.Lost != 0 {
				t.Errorf("stats %+v", st)
			}
			if worst > 50*time.Millisecond {
				t.Errorf("delay grew to %v", worst)
			}
			// 300 ppm of two minutes are 36 ms.
			if moved := pcm.Duration(st.Stretched + st.Shortened); moved < 25*time.Millisecond {
				t.Errorf("only %v stretched", moved)
			}
			if s := worstStep(out); s > clickFree {
				t.Errorf("a step of %.3f in the output", s)
			}
		})
	}
}

func TestLossIsFilled(t *testing.T) {
	for _, c := range []struct {
		name         string
		lost         func(i int) bool
		copies       int
		wantLost     uint64 // give or take those not yet given up at the end
		minRecovered int    // from the next packet's FEC
		minCopies    uint64
		maxConcealed time.Duration
	}{
		{name: "single, FEC", lost: func(i int) bool { return i%10 == 5 }, wantLost: 50,
			minRecovered: 45, maxConcealed: 100 * time.Millisecond},
		{name: "single, one copy", lost: func(i int) bool { return i%10 == 5 }, copies: 1, wantLost: 50,
			minCopies: 48, maxConcealed: 20 * time.Millisecond},
		{name: "double, two copies", lost: func(i int) bool { return i%10 == 5 || i%10 == 6 }, copies: 2, wantLost: 100,
			minCopies: 96, maxConcealed: 40 * time.Millisecond},
		{name: "double, FEC", lost: func(i int) bool { return i%20 == 5 || i%20 == 6 }, wantLost: 50,
			minRecovered: 20, maxConcealed: 700 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			codec := &fakeCodec{}
			b := New(codec)
			s := stream{ssrc: 1}
			var packets []sent
			for i := range 500 {
				at := s
				p := s.next(5 * time.Millisecond)
				for n := c.copies; n > 0; n-- {
					back := int64(n) * pcm.FrameSamples
					if at.pos >= back {
						p.p.Older = append(p.p.Older, media.Copy{Offset: uint32(back), Payload: payload(at.pos-back, pcm.FrameSamples)})
					}
				}
				if !c.lost(i) {
					packets = append(packets, p)
				}
			}
			run(b, packets, 10*time.Second, nil)
			st := b.Stats()
			if st.Lost > c.wantLost || st.Lost < c.wantLost-8 {
				t.Errorf("lost %d, want about %d", st.Lost, c.wantLost)
			}
			if codec.recovered < c.minRecovered || st.Redundant < c.minCopies {
				t.Errorf("recovered %d by FEC, %d from copies", codec.recovered, st.Redundant)
			}
			if got := pcm.Duration(st.Concealed); got > c.maxConcealed {
				t.Errorf("%v concealed, want %v at most", got, c.maxConcealed)
			}
		})
	}
}

func TestOutageOfTenSeconds(t *testing.T) {
	codec := &fakeCodec{}
	b := New(codec)
	s := stream{ssrc: 1}
	var packets []sent
	for i := range 1000 {
		p := s.next(5 * time.Millisecond)
		if i < 250 || i >= 750 {
			packets = append(packets, p)
		}
	}
	out := run(b, packets, 20*time.Second, nil)
	st := b.Stats()
	if st.Lost != 500 {
		t.Errorf("lost %d, want 500", st.Lost)
	}
	if got := pcm.Duration(st.Concealed); got > 200*time.Millisecond {
		t.Errorf("%v made up for a hole of 10 s", got)
	}
	// Silence within 150 ms of the cut, sound within 100 ms of the heal.
	hole := out[pcm.Samples(5250*time.Millisecond):pcm.Samples(15*time.Second)]
	if l := pcm.Measure(hole); l != media.Silence {
		t.Errorf("%d dBov in the hole", l)
	}
	healed := out[pcm.Samples(15110*time.Millisecond):]
	if l := pcm.Measure(healed[:4800]); l < -20 {
		t.Errorf("%d dBov 100 ms after the heal", l)
	}
	if st.Delay > 60*time.Millisecond {
		t.Errorf("delay %v after the heal", st.Delay)
	}
	if s := worstStep(out); s > clickFree {
		t.Errorf("a step of %.3f in the output", s)
	}
}

func TestMuteIsSilenceAndNotLoss(t *testing.T) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1}
	var packets []sent
	for range 10 {
		for range 50 {
			packets = append(packets, s.next(5*time.Millisecond))
		}
		s.skip(1700 * time.Millisecond)
	}
	s.skip(30 * time.Second) // and a long one
	for range 50 {
		packets = append(packets, s.next(5*time.Millisecond))
	}
	out := run(b, packets, 58500*time.Millisecond, nil)
	st := b.Stats()
	if st.Lost != 0 || st.Late != 0 || st.Concealed != 0 || st.Packets != 550 {
		t.Errorf("stats %+v", st)
	}
	if l := pcm.Measure(out[pcm.Samples(28*time.Second):pcm.Samples(57*time.Second)]); l != media.Silence {
		t.Errorf("%d dBov during the mute", l)
	}
	if s := worstStep(out); s > clickFree {
		t.Errorf("a step of %.3f in the output", s)
	}
}

func TestTimestampJumpsAheadWithALoss(t *testing.T) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1}
	var packets []sent
	for i := range 250 {
		if i == 100 {
			s.ts += 80000 // within what is taken for the same time base
			s.next(0)     // and one lost
		}
		packets = append(packets, s.next(5*time.Millisecond))
	}
	out := run(b, packets, 5*time.Second, nil)
	st := b.Stats()
	if st.Delay > 80*time.Millisecond {
		t.Errorf("delay %v after the jump", st.Delay)
	}
	if l := pcm.Measure(out[pcm.Samples(2200*time.Millisecond):pcm.Samples(2300*time.Millisecond)]); l < -20 {
		t.Errorf("%d dBov 200 ms after the jump", l)
	}
}

func TestNewStreamWithoutABurst(t *testing.T) {
	codec := &fakeCodec{}
	b := New(codec)
	first := stream{ssrc: 1, seq: 100, ts: 5000}
	var packets []sent
	for range 250 {
		packets = append(packets, first.next(5*time.Millisecond))
	}
	second := stream{ssrc: 2, seq: 60000, ts: 3e9, clock: 6 * time.Second}
	for range 250 {
		packets = append(packets, second.next(5*time.Millisecond))
	}
	straggler := packets[240]
	straggler.at = 6100 * time.Millisecond
	packets = append(packets, straggler)
	before := Stats{}
	out := run(b, packets, 11*time.Second, func(time.Duration) {
		st := b.Stats()
		if st.Packets < before.Packets || st.Lost < before.Lost || st.Concealed < before.Concealed {
			t.Fatalf("totals went back: %+v then %+v", before, st)
		}
		before = st
	})
	st := b.Stats()
	if st.Packets != 500 || st.Lost != 0 || codec.resets != 2 {
		t.Errorf("stats %+v, %d resets", st, codec.resets)
	}
	if st.Delay > 60*time.Millisecond {
		t.Errorf("delay %v in the second stream", st.Delay)
	}
	if s := worstStep(out); s > clickFree {
		t.Errorf("a step of %.3f in the output", s)
	}
}

func TestTimeBaseChanges(t *testing.T) {
	codec := &fakeCodec{}
	b := New(codec)
	s := stream{ssrc: 1}
	var packets []sent
	for i := range 300 {
		if i == 100 {
			s.ts += 1 << 30
		}
		if i == 200 {
			s.seq -= 20000
		}
		p := s.next(5 * time.Millisecond)
		packets = append(packets, p)
		if i%50 == 25 { // forged: fits nothing
			p.p.Timestamp += 777777777
			p.p.Seq += 3000
			packets = append(packets, p)
		}
	}
	run(b, packets, 6*time.Second, nil)
	st := b.Stats()
	// Each change costs the packets that raise the suspicion, no more.
	if len(codec.decoded) < 280 {
		t.Errorf("%d of 300 frames decoded: %+v", len(codec.decoded), st)
	}
}

func TestStallOfTheNetworkIsCaughtUp(t *testing.T) {
	b := New(&fakeCodec{})
	s := stream{ssrc: 1}
	var packets []sent
	for i := range 1500 {
		p := s.next(5 * time.Millisecond)
		if i >= 250 && i < 400 {
			p.at = 8 * time.Second // three seconds come at once
		}
		packets = append(packets, p)
	}
	run(b, packets, 30*time.Second, nil)
	st := b.Stats()
	if st.Delay > st.Target+100*time.Millisecond {
		t.Errorf("delay %v, target %v 22 s after the stall", st.Delay, st.Target)
	}
}

func TestFloodIsBounded(t *testing.T) {
	b := New(&fakeCodec{})
	rng := rand.New(rand.NewPCG(3, 4))
	block := make([]float32, pcm.BlockSamples)
	at := start
	for i := range 30000 {
		at = at.Add(time.Duration(rng.IntN(1000)) * time.Microsecond)
		p := media.Packet{
			Seq: uint16(rng.Uint32()), Timestamp: rng.Uint32(), SSRC: rng.Uint32N(3),
			Payload: payload(int64(i), 120*(1+rng.IntN(48))), At: at,
		}
		switch rng.IntN(10) {
		case 0:
			p.Payload = make([]byte, rng.IntN(3000))
		case 1:
			p.Payload = payload(-1, 960)
		case 2:
			p.At = time.Time{}
		case 3, 4, 5, 6:
			p.SSRC, p.Seq, p.Timestamp = 1, uint16(i), uint32(i)*960
		}
		for range rng.IntN(20) {
			p.Older = append(p.Older, media.Copy{Offset: rng.Uint32N(20000), Payload: payload(0, 960)})
		}
		b.Push(p)
		if i%10 == 0 {
			b.Pull(block)
		}
		if len(b.frames) > maxFrames || len(b.play.out.buf) > 20*pcm.FrameSamples+9*history {
			t.Fatalf("%d frames, %d samples held", len(b.frames), len(b.play.out.buf))
		}
	}
}

// On a path of 50 ± 10 ms speech is left as it is: hardly a period is taken out
// or put in, nothing is made up, and it waits no longer than it must.
func TestTenMillisecondsOfJitter(t *testing.T) {
	for seed := range uint64(8) {
		b := New(&fakeCodec{})
		s := stream{ssrc: 1}
		rng := rand.New(rand.NewPCG(seed, 1))
		var packets []sent
		for range 1500 {
			packets = append(packets, s.next(40*time.Millisecond+time.Duration(rng.IntN(20000))*time.Microsecond))
		}
		var first Stats
		run(b, packets, 29*time.Second, func(now time.Duration) {
			if now == time.Second {
				first = b.Stats()
			}
		})
		st := b.Stats()
		changed := pcm.Duration(st.Shortened + st.Stretched - first.Shortened - first.Stretched)
		if st.Concealed > 0 || st.Late > 0 || changed > 40*time.Millisecond {
			t.Errorf("seed %d: %d samples made up, %d packets late, %v put in or taken out", seed, st.Concealed, st.Late, changed)
		}
		if st.Delay > 50*time.Millisecond {
			t.Errorf("seed %d: a delay of %v", seed, st.Delay)
		}
	}
}
