package audio

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
)

// room is a laptop: what its speaker plays is heard by its microphone, from the
// walls too, beside what is said there. It runs in the time of a bubble.
type room struct {
	fakeDevices
	delay  int     // samples from the block's being asked for until it is heard
	gain   float64 // of the way from speaker to microphone
	walls  []wall
	near   func(i int) float32   // what is said there, by sample
	stalls map[int]time.Duration // at a tick of 20 ms the machine stands still for so long

	mu     sync.Mutex
	played []float32 // guarded by mu
}

type wall struct {
	after int
	gain  float32
}

func newRoom(delay time.Duration, db float64) *room {
	r := &room{fakeDevices: *newFakeDevices(), delay: int(pcm.Samples(delay)), gain: math.Pow(10, db/20)}
	chance := rand.New(rand.NewPCG(1, 2))
	r.walls = []wall{{0, 0.8}}
	for range 24 {
		after := chance.IntN(60 * pcm.SampleRate / 1000)
		fall := math.Exp(-float64(after) / (0.036 * pcm.SampleRate)) // 60 dB in 250 ms
		r.walls = append(r.walls, wall{after, float32(0.3 * fall * (2*chance.Float64() - 1))})
	}
	return r
}

// ticks calls each for every 20 ms since the start, late where the machine stands
// still and then as often as was missed.
func (r *room) ticks(ctx context.Context, each func()) error {
	n := 0
	return pace(ctx, func() error {
		if d := r.stalls[n]; d > 0 {
			time.Sleep(d)
		}
		n++
		each()
		return nil
	}, nil)
}

func (r *room) Play(ctx context.Context, o device.Options, render func([]float32)) error {
	o.On(device.Event{Kind: device.Opened, Device: device.Info{ID: "speaker", Name: "Speaker"}})
	var block [pcm.BlockSamples]float32
	return r.ticks(ctx, func() {
		for range 2 {
			render(block[:])
			r.mu.Lock()
			r.played = append(r.played, block[:]...)
			r.mu.Unlock()
		}
	})
}

func (r *room) Capture(ctx context.Context, o device.Options, emit func([]float32)) error {
	o.On(device.Event{Kind: device.Opened, Device: device.Info{ID: "mic", Name: "Microphone"}})
	var block [pcm.BlockSamples]float32
	at := 0
	return r.ticks(ctx, func() {
		for range 2 {
			r.mu.Lock()
			for i := range block {
				block[i] = 0
				if r.near != nil {
					block[i] = r.near(at)
				}
				for _, w := range r.walls {
					if j := at - r.delay - w.after; j >= 0 && j < len(r.played) {
						block[i] += float32(r.gain) * w.gain * r.played[j]
					}
				}
				at++
			}
			r.mu.Unlock()
			emit(block[:])
		}
	})
}

// voiceAt is a voice at so many dBFS, over and over, between two moments.
func voiceAt(name string, db, from, to float64) func(i int) float32 {
	voice, gain := voicetest.Voice(name), float32(math.Pow(10, db/20))
	first, last := int(from*pcm.SampleRate), int(to*pcm.SampleRate)
	return func(i int) float32 {
		if i < first || i >= last {
			return 0
		}
		return gain * voice[(i-first)%len(voice)]
	}
}

// talkIn has far said to somebody in a room for so many seconds and returns what
// comes back.
func talkIn(t *testing.T, r *room, set Processing, far func(i int) float32, seconds int) (back []float32) {
	t.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	enc, err := opus.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	e, stop := runEngine(t, Config{devices: r, Processing: set, OnFrame: func(f media.Packet) {
		out := make([]float32, pcm.FrameSamples)
		if _, err := dec.Decode(f.Payload, out); err != nil {
			t.Error(err)
		}
		back = append(back, out...)
	}})
	defer stop()
	receiver, err := e.Peer("far")
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]float32, pcm.FrameSamples)
	for n := range seconds * 50 {
		for i := range frame {
			frame[i] = far(n*pcm.FrameSamples + i)
		}
		payload, err := enc.Encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		receiver.Push(media.Packet{Seq: uint16(n), Timestamp: uint32(n) * pcm.FrameSamples, SSRC: 1, Payload: payload, At: time.Now()})
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
	return back
}

func nobody(int) float32 { return 0 }

// TestEchoOfARoom: what is said to a laptop does not come back, whatever the delay
// and the loudness, in the median second; nor on a machine that stands still now and
// then.
func TestEchoOfARoom(t *testing.T) {
	const voice = -24.0
	for _, c := range []struct {
		delay  time.Duration
		db     float64
		stalls bool
		want   float64 // dB below the voice
	}{
		{40 * time.Millisecond, 0, false, 55},
		{90 * time.Millisecond, -12, false, 60},
		{250 * time.Millisecond, 0, false, 52},
		{90 * time.Millisecond, -6, true, 50},
	} {
		t.Run(fmt.Sprintf("%v %v dB stalls %v", c.delay, c.db, c.stalls), func(t *testing.T) {
			if testing.Short() && c.delay != 40*time.Millisecond {
				t.Skip("one room is enough for -short")
			}
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(c.delay, c.db)
				if c.stalls {
					r.stalls = map[int]time.Duration{600: 90 * time.Millisecond, 700: 150 * time.Millisecond, 710: 60 * time.Millisecond, 800: 150 * time.Millisecond}
				}
				back := talkIn(t, r, Processing{}, voiceAt("m1", voice, 0, 20), 20)
				var seconds []float64
				for at := 10.0; at < 19; at++ {
					seconds = append(seconds, voice-voicetest.Level(back, at, at+1))
				}
				slices.Sort(seconds)
				// The median: at a stall nothing was played for a moment, and a
				// second is lost to that.
				if got := seconds[len(seconds)/2]; got < c.want {
					t.Errorf("it comes back %.1f dB below the voice, want %.0f", got, c.want)
				} else {
					t.Logf("it comes back %.1f dB below the voice", got)
				}
			})
		})
	}
	t.Run("with no canceller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			back := talkIn(t, newRoom(90*time.Millisecond, -6), Processing{Echo: Off, NoiseOff: true}, voiceAt("m1", voice, 0, 12), 12)
			if got := voice - voicetest.Level(back, 8, 11.5); got > 10 {
				t.Errorf("%.1f dB below the voice: this test proves nothing", got)
			}
		})
	})
}

// TestBothTalk: who talks in front of the laptop is understood while others do.
func TestBothTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(90*time.Millisecond, -6)
		r.near = voiceAt("f2", -26, 10, 20)
		back := talkIn(t, r, Processing{GainOff: true}, voiceAt("m1", -24, 0, 21), 21)
		clean := make([]float32, 10*pcm.SampleRate)
		for i := range clean {
			clean[i] = r.near(10*pcm.SampleRate + i)
		}
		heard, _ := score.Align(clean, back[min(len(back), 10*pcm.SampleRate-pcm.SampleRate/5):], pcm.SampleRate/2)
		quality, stoi := score.Quality(clean, heard), score.STOI(clean, heard)
		t.Logf("score %.2f, STOI %.3f", quality, stoi)
		if quality < 4 || stoi < 0.9 {
			t.Errorf("score %.2f, STOI %.3f; want 4 and 0.9", quality, stoi)
		}
	})
}

// TestLevels: any voice arrives as loud as others, after three seconds.
func TestLevels(t *testing.T) {
	for _, db := range []float64{-50, -40, -30, -20, -10} {
		t.Run(fmt.Sprint(db), func(t *testing.T) {
			if testing.Short() && db != -50 {
				t.Skip("one level is enough for -short")
			}
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(90*time.Millisecond, -6)
				chance := rand.New(rand.NewPCG(3, 4))
				voice := voiceAt("f1", db, 0, 12)
				r.near = func(i int) float32 { // in a quiet room
					return voice(i) + float32(math.Pow(10, (db-45)/20)*chance.NormFloat64())
				}
				back := talkIn(t, r, Processing{}, nobody, 12)
				got := 20 * math.Log10(voicetest.ActiveRMS(voicetest.Cut(back, 3.5, 12)))
				t.Logf("%.0f dBFS arrive at %.1f", db, got)
				if got < -26 || got > -20 {
					t.Errorf("%.0f dBFS arrive at %.1f, want -23 +- 3", db, got)
				}
			})
		})
	}
}

// TestProcessingIsFiveMillisecondsLate: no more is added to the way from mouth to
// ear.
func TestProcessingIsFiveMillisecondsLate(t *testing.T) {
	block, voice := make([]float32, pcm.BlockSamples), voiceAt("f1", -20, 0, 10)
	for name, set := range map[string]Processing{"all": {}, "nothing": untouched} {
		ref := &reference{}
		ref.start()
		silence := make([]float32, pcm.BlockSamples)
		p := newProcessor(ref)
		var said, sent []float32
		for b := range 600 {
			for i := range block {
				block[i] = voice(b*len(block) + i)
			}
			said = append(said, block...)
			ref.write(silence)
			p.apply(block, set, true, func(out []float32) { sent = append(sent, out...) })
		}
		from, n := 3*pcm.SampleRate, pcm.SampleRate
		best, late := 0.0, 0
		for d := range pcm.SampleRate / 50 {
			sum := 0.0
			for i := from; i < from+n; i++ {
				sum += float64(said[i]) * float64(sent[i+d])
			}
			if sum > best {
				best, late = sum, d
			}
		}
		if late > 5*pcm.SampleRate/1000+2 {
			t.Errorf("%s: %.2f ms late", name, float64(late)*1000/pcm.SampleRate)
		}
	}
}
