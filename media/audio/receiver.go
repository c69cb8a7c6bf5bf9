package audio

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/jitter"
	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/lipsync"
	"github.com/meet-term/meet/media/red"
)

const (
	// maxInbox bounds the packets that wait for the next Pull. The oldest
	// give way: 128 packets are 2.5 s, more than is ever played.
	maxInbox = 128
	// maxPacket is the largest payload taken, the size of a UDP packet.
	maxPacket = 1500
	// levelHolds is how long the level in a packet stands for the sound.
	levelHolds = 60 * pcm.SampleRate / 1000
	// MaxVolume is the largest volume in percent.
	MaxVolume = 200
)

// Receiver plays one remote person. Push may be called from any goroutine;
// Pull belongs to the goroutine that mixes. It is kept for as long as the
// person is known, whatever connections come and go.
type Receiver struct {
	volume atomic.Uint32 // gain as float32 bits
	muted  atomic.Bool   // locally, by the listener
	stir   func()        // called after a packet came in; it must not wait
	heard  func()        // called when a packet begins to be played; it must not wait

	mu      sync.Mutex
	inbox   []media.Packet // guarded by mu
	dropped uint64         // guarded by mu: packets the inbox had no room for
	stats   Stats          // guarded by mu: as of the last Pull
	transit lipsync.Path   // guarded by mu: by the sender's clock and ours

	// Owned by the mixing goroutine.
	buffer *jitter.Buffer
	spare  []media.Packet // the other half of the inbox
	bytes  uint64
	bad    uint64    // redundant audio that was none
	first  time.Time // when the first frame was decoded
	meter  pcm.Meter
	said   media.Level // the level the sender gave last
	holds  int         // for how many more samples it counts
	fader  mix.Fader
}

// NewReceiver returns a receiver at full volume.
func NewReceiver() (*Receiver, error) {
	dec, err := opus.NewDecoder()
	if err != nil {
		return nil, err
	}
	r := &Receiver{buffer: jitter.New(codec{dec}), stir: func() {}, heard: func() {}}
	r.SetVolume(100)
	r.stats.LevelDB = float64(media.Silence)
	return r, nil
}

// codec is an Opus decoder as the jitter buffer wants it.
type codec struct{ *opus.Decoder }

func (codec) Samples(payload []byte) int { return opus.Samples(payload) }

// Push takes in one packet. It never waits, and drops the oldest packet when
// nobody has pulled for long. The payload must not be changed afterwards.
func (r *Receiver) Push(p media.Packet) {
	if len(p.Payload) > maxPacket {
		p.Payload = nil // counted as discarded
	}
	defer r.stir()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !p.Captured.IsZero() {
		r.transit.Saw(p.At, p.At.Sub(p.Captured))
	}
	if len(r.inbox) == maxInbox {
		copy(r.inbox, r.inbox[1:])
		r.inbox = r.inbox[:maxInbox-1]
		r.dropped++
	}
	r.inbox = append(r.inbox, p)
}

// Pull fills block, of pcm.BlockSamples, with the next 10 ms of this person,
// before volume and local mute.
func (r *Receiver) Pull(block []float32) {
	r.mu.Lock()
	inbox := r.inbox
	r.inbox = r.spare[:0]
	dropped := r.dropped
	r.mu.Unlock()

	for _, p := range inbox {
		r.take(p)
	}
	clear(inbox) // let go of the payloads
	r.spare = inbox[:0]

	r.buffer.Pull(block)
	if r.holds > 0 {
		r.holds -= len(block)
		r.meter.AddLevel(r.said, len(block))
	} else {
		r.meter.Add(block)
	}

	stats := r.collect(dropped)
	r.mu.Lock()
	played := stats.Decoded != r.stats.Decoded
	r.stats = stats
	r.mu.Unlock()
	if played {
		r.heard()
	}
}

// quiet reports whether Pull, called again, would give silence and change
// nothing. It belongs to the mixing goroutine.
func (r *Receiver) quiet() bool {
	r.mu.Lock()
	empty := len(r.inbox) == 0
	r.mu.Unlock()
	return empty && r.buffer.Idle() && r.meter.DB() == float64(media.Silence)
}

func (r *Receiver) take(p media.Packet) {
	r.bytes += uint64(len(p.Payload))
	if p.HasLevel {
		r.said, r.holds = min(max(p.Level, media.Silence), 0), levelHolds
	}
	if p.Redundant {
		blocks, err := red.Unpack(p.Payload)
		if err != nil {
			r.bad++
			return
		}
		last := len(blocks) - 1
		p.Payload = blocks[last].Payload
		for _, b := range blocks[:last] {
			p.Older = append(p.Older, media.Copy{Offset: b.Offset, Payload: b.Payload})
		}
	}
	r.buffer.Push(p)
}

func (r *Receiver) collect(dropped uint64) Stats {
	j := r.buffer.Stats()
	if j.Decoded > 0 && r.first.IsZero() {
		r.first = time.Now()
	}
	return Stats{
		Packets:      j.Packets,
		Bytes:        r.bytes,
		Lost:         j.Lost,
		Decoded:      j.Decoded,
		FirstDecoded: r.first,
		Recovered:    j.Redundant + j.Recovered,
		Late:         j.Late,
		Discarded:    j.Discarded + j.Duplicates + dropped + r.bad,
		ConcealedMS:  milliseconds(j.Concealed),
		JitterMS:     float64(j.Jitter.Microseconds()) / 1000,
		BufferMS:     float64(j.Delay.Microseconds()) / 1000,
		TargetMS:     float64(j.Target.Microseconds()) / 1000,
		LevelDB:      r.meter.DB(),
	}
}

// Stats returns the figures as of the last Pull.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Transit is how long packets take to get here at best, by the sender's clock and
// ours: of use only to compare it with that of the same person's pictures. It is
// false until the sender has told the time.
func (r *Receiver) Transit() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.transit.Fastest()
}

// SetVolume sets how loud this person is mixed, in percent, held within 0 and
// MaxVolume. 100 is as sent.
func (r *Receiver) SetVolume(percent int) {
	r.volume.Store(math.Float32bits(float32(max(0, min(percent, MaxVolume))) / 100))
}

// Volume returns the volume in percent.
func (r *Receiver) Volume() int {
	return int(math.Round(float64(math.Float32frombits(r.volume.Load())) * 100))
}

// SetMuted silences this person for the listener only.
func (r *Receiver) SetMuted(muted bool) { r.muted.Store(muted) }

// Muted reports whether the listener has silenced this person.
func (r *Receiver) Muted() bool { return r.muted.Load() }

// gain is what to mix with now.
func (r *Receiver) gain() float32 {
	if r.muted.Load() {
		return 0
	}
	return math.Float32frombits(r.volume.Load())
}
