package audio

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/red"
)

// speechLike is n frames of a gliding harmonic voice in syllables.
func speechLike(n int) []float32 {
	x := make([]float32, n*pcm.FrameSamples)
	phase := 0.0
	for i := range x {
		at := float64(i) / pcm.SampleRate
		phase += 2 * math.Pi * (200 + 50*math.Sin(2*math.Pi*0.9*at)) / pcm.SampleRate
		s := 0.0
		for h := 1.0; h <= 10; h++ {
			s += math.Sin(h*phase) / h
		}
		x[i] = float32(0.12 * s * (0.55 + 0.45*math.Sin(2*math.Pi*3*at)))
	}
	return x
}

func encode(t testing.TB, x []float32) [][]byte {
	t.Helper()
	enc, err := opus.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	var payloads [][]byte
	for chunk := range slices.Chunk(x, pcm.FrameSamples) {
		p, err := enc.Encode(chunk)
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, p)
	}
	return payloads
}

// feed pushes n frames in the real time of the bubble.
func feed(t *testing.T, r *Receiver, n int) {
	t.Helper()
	for i, p := range encode(t, speechLike(n)) {
		r.Push(media.Packet{Seq: uint16(i), Timestamp: uint32(i) * pcm.FrameSamples, SSRC: 7, Payload: p, At: time.Now()})
		time.Sleep(20 * time.Millisecond)
	}
}

// bestCorrelation returns the best normalised correlation of a window of x
// with y, over delays up to limit samples.
func bestCorrelation(x, y []float32, limit int) float64 {
	best := 0.0
	for delay := 0; delay < limit; delay += 4 {
		var xy, xx, yy float64
		for i := 0; i < len(x) && i+delay < len(y); i += 7 {
			a, b := float64(x[i]), float64(y[i+delay])
			xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
		}
		best = max(best, xy/math.Sqrt(xx*yy+1e-9))
	}
	return best
}

// decodeAll is what a decoder makes of payloads that all came.
func decodeAll(t *testing.T, payloads [][]byte) []float32 {
	t.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(payloads)*pcm.FrameSamples)
	for i, p := range payloads {
		if _, err := dec.Decode(p, out[i*pcm.FrameSamples:(i+1)*pcm.FrameSamples]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestSpeechSurvivesLoss(t *testing.T) {
	payloads := encode(t, speechLike(500))
	x := decodeAll(t, payloads)
	for _, c := range []struct {
		name  string
		loss  float64
		depth int
		share float64 // of windows that must be recognised
	}{
		{"no loss", 0, 0, 1},
		{"5 % with FEC", 0.05, 0, 0.85},
		{"10 % with one copy", 0.10, 1, 0.9},
		{"20 % with two copies", 0.20, 2, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReceiver()
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(5, 6))
			var history red.History
			var out []float32
			now := time.Unix(100, 0)
			for i, p := range payloads {
				ts := uint32(i) * pcm.FrameSamples
				pk := media.Packet{Seq: uint16(i), Timestamp: ts, SSRC: 1, Payload: p, At: now}
				if c.depth > 0 {
					if packed := history.Pack(nil, p, ts, 111, c.depth); packed != nil {
						pk.Payload, pk.Redundant = packed, true
					}
					history.Push(p, ts)
				}
				if rng.Float64() >= c.loss {
					r.Push(pk)
				}
				for range 2 {
					block := make([]float32, pcm.BlockSamples)
					r.Pull(block)
					out = append(out, block...)
				}
				now = now.Add(20 * time.Millisecond)
			}
			good, windows := 0, 0
			const window = pcm.SampleRate / 4
			for at := pcm.SampleRate; at+2*window < len(x); at += window {
				windows++
				if bestCorrelation(x[at:at+window], out[at:], pcm.SampleRate/10) > 0.8 {
					good++
				}
			}
			st := r.Stats()
			t.Logf("%d of %d windows recognised, %+v", good, windows, st)
			if float64(good) < c.share*float64(windows) {
				t.Errorf("%d of %d windows recognised", good, windows)
			}
			if c.loss > 0 && st.Recovered == 0 {
				t.Error("nothing was recovered")
			}
		})
	}
}

func TestReceiverCountsWhatItRefuses(t *testing.T) {
	r, err := NewReceiver()
	if err != nil {
		t.Fatal(err)
	}
	good := encode(t, speechLike(1))[0]
	for i, p := range []media.Packet{
		{Payload: good},
		{Payload: nil},
		{Payload: make([]byte, 5000)},
		{Payload: []byte{0x80}, Redundant: true},
		{Payload: good}, // a duplicate
	} {
		p.At = time.Unix(int64(i), 0)
		r.Push(p)
	}
	r.Pull(make([]float32, pcm.BlockSamples))
	if st := r.Stats(); st.Packets != 1 || st.Discarded != 4 {
		t.Errorf("%+v", st)
	}
	for i := range 1000 { // nobody pulls
		r.Push(media.Packet{Seq: uint16(i), Timestamp: uint32(i) * 960, Payload: good, At: time.Unix(10, 0)})
	}
	if len(r.inbox) != maxInbox {
		t.Errorf("%d packets wait", len(r.inbox))
	}
	r.Pull(make([]float32, pcm.BlockSamples))
	if st := r.Stats(); st.Discarded < 1000-maxInbox {
		t.Errorf("%+v after a flood", st)
	}
}

// A payload was copied when it left the buffer of the network, and is not again.
func TestPushKeepsThePayload(t *testing.T) {
	r, err := NewReceiver()
	if err != nil {
		t.Fatal(err)
	}
	p := encode(t, speechLike(1))[0]
	r.Push(media.Packet{Payload: p, At: time.Unix(0, 0)})
	if &r.inbox[0].Payload[0] != &p[0] {
		t.Error("the payload was copied")
	}
}

func TestVolumeAndLocalMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		if e.SetVolume("a", 50) || e.SetLocalMute("a", true) {
			t.Error("somebody unknown was turned down")
		}
		r, err := e.Peer("a")
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := e.Peer("a"); again != r {
			t.Error("a second receiver for the same person")
		}
		payloads := encode(t, speechLike(300))
		next := 0
		loudness := func() media.Level {
			var all []float32
			for range 50 {
				r.Push(media.Packet{Seq: uint16(next), Timestamp: uint32(next) * 960, Payload: payloads[next], At: time.Now()})
				next++
				time.Sleep(20 * time.Millisecond)
				for range 2 {
					block := make([]float32, pcm.BlockSamples)
					e.mixer.render(block)
					all = append(all, block...)
				}
			}
			return pcm.Measure(all[len(all)/4:])
		}
		full := loudness()
		e.SetVolume("a", 50)
		if half := loudness(); half < full-8 || half > full-4 {
			t.Errorf("%d dBov at half volume, %d at full", half, full)
		}
		e.SetVolume("a", 100000)
		if got := r.Volume(); got != MaxVolume {
			t.Errorf("volume %d", got)
		}
		e.SetLocalMute("a", true)
		if got := loudness(); got != media.Silence {
			t.Errorf("%d dBov while muted", got)
		}
		if st := r.Stats(); st.LevelDB < -40 || st.Decoded < 145 {
			t.Errorf("a locally muted person does not count as silent: %+v", st)
		}
		e.RemovePeer("a")
		if len(e.Levels().People) != 0 || e.SetVolume("a", 1) {
			t.Error("somebody removed is still there")
		}
	})
}

func TestLevelFollowsTheSenderAtOnce(t *testing.T) {
	r, err := NewReceiver()
	if err != nil {
		t.Fatal(err)
	}
	block := make([]float32, pcm.BlockSamples)
	p := encode(t, speechLike(1))[0]
	for i := range 10 {
		r.Push(media.Packet{Seq: uint16(i), Timestamp: uint32(i) * 960, Payload: p, Level: -20, HasLevel: true, At: time.Unix(0, int64(i)*2e7)})
		r.Pull(block)
		r.Pull(block)
	}
	if got := r.Stats().LevelDB; got < -24 || got > -20 {
		t.Errorf("level %.1f after 200 ms at -20", got)
	}
	for range 300 {
		r.Pull(block)
	}
	if got := r.Stats().LevelDB; got > -50 {
		t.Errorf("level %.1f three seconds after the last packet", got)
	}
}

// BenchmarkReceive is one remote person for 20 ms: a packet pushed, two blocks
// pulled, decoded and mixed.
func BenchmarkReceive(b *testing.B) {
	payloads := encode(b, speechLike(100))
	for _, people := range []int{1, 4} {
		b.Run(map[int]string{1: "1", 4: "4"}[people], func(b *testing.B) {
			e, err := New(Config{})
			if err != nil {
				b.Fatal(err)
			}
			var rs []*Receiver
			for i := range people {
				r, err := e.Peer(string(rune('a' + i)))
				if err != nil {
					b.Fatal(err)
				}
				rs = append(rs, r)
			}
			block := make([]float32, pcm.BlockSamples)
			now, i := time.Unix(0, 0), 0
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range rs {
					r.Push(media.Packet{Seq: uint16(i), Timestamp: uint32(i) * 960, Payload: payloads[i%100], At: now})
				}
				e.mixer.render(block)
				e.mixer.render(block)
				now = now.Add(20 * time.Millisecond)
				i++
			}
		})
	}
}

// BenchmarkSend is the microphone for 20 ms: two blocks taken and encoded.
func BenchmarkSend(b *testing.B) {
	e, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	x := speechLike(100)
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		e.capture.take(x[at:at+pcm.BlockSamples], true)
		e.capture.take(x[at+pcm.BlockSamples:at+pcm.FrameSamples], true)
		at = (at + pcm.FrameSamples) % len(x)
	}
}
