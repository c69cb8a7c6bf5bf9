package audio

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/audio/pcm"
)

// speakerEvery is how many blocks pass between two looks at who speaks.
const speakerEvery = 10

// mixer adds up all receivers. Its set of people changes from anywhere;
// render belongs to the goroutine of the sink in use.
type mixer struct {
	mu     sync.Mutex
	people map[string]*Receiver // guarded by mu
	stirs  chan struct{}        // holds a token when the mix may no longer be silence
	heard  func(id string)      // called when a packet of somebody begins to be played

	// list is people in order of id, immutable, for render.
	list     atomic.Pointer[[]member]
	dominant atomic.Pointer[string]

	check   *soundCheck
	own     *voiceTrail     // what we send
	returns func(id string) // hears whose microphone sends us our own voice

	// Owned by the rendering goroutine.
	block   [pcm.BlockSamples]float32
	limiter mix.Limiter
	speaker mix.Dominant
	blocks  int
}

type member struct {
	id       string
	receiver *Receiver
	returned *returned
}

func newMixer(heard func(id string), check *soundCheck, own *voiceTrail, returns func(id string)) *mixer {
	m := &mixer{people: map[string]*Receiver{}, stirs: wake.New(), heard: heard, check: check, own: own, returns: returns}
	check.stir = func() { wake.Poke(m.stirs) }
	m.list.Store(&[]member{})
	m.dominant.Store(new(string))
	return m
}

// peer returns the receiver of id, made on first use.
func (m *mixer) peer(id string) (*Receiver, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.people[id]; r != nil {
		return r, nil
	}
	r, err := NewReceiver()
	if err != nil {
		return nil, err
	}
	r.stir = func() { wake.Poke(m.stirs) }
	r.heard = func() { m.heard(id) }
	m.people[id] = r
	m.publishLocked()
	return r, nil
}

func (m *mixer) find(id string) *Receiver {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.people[id]
}

func (m *mixer) remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, id)
	m.publishLocked()
}

func (m *mixer) publishLocked() {
	known := map[string]*returned{}
	for _, p := range *m.list.Load() {
		known[p.id] = p.returned
	}
	list := make([]member, 0, len(m.people))
	for id, r := range m.people {
		back := known[id]
		if back == nil {
			back = &returned{own: m.own}
		}
		list = append(list, member{id, r, back})
	}
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.id, b.id) })
	m.list.Store(&list)
	wake.Poke(m.stirs)
}

// rest waits while the mix is silence and nothing would change it, until
// something stirs or ctx ends, and reports whether it did. It belongs to the
// rendering goroutine.
func (m *mixer) rest(ctx context.Context) (rested bool) {
	if !m.quiet() {
		return false
	}
	select {
	case <-m.stirs:
	case <-ctx.Done():
	}
	return true
}

// quiet reports whether render, called again, would change nothing.
func (m *mixer) quiet() bool {
	if m.blocks%speakerEvery >= pcm.FrameSamples/pcm.BlockSamples {
		return false // those who left since the last look may still be taken for the speaker
	}
	if m.check.now() == CheckPlaying {
		return false
	}
	for _, p := range *m.list.Load() {
		if !p.receiver.quiet() {
			return false
		}
	}
	return true
}

// render fills one block with the mix.
func (m *mixer) render(dst []float32) {
	crash.Point("sound")
	clear(dst)
	list := *m.list.Load()
	for _, p := range list {
		p.receiver.Pull(m.block[:])
		if p.returned.hear(m.block[:]) {
			m.returns(p.id)
		}
		p.receiver.fader.Add(dst, m.block[:], p.receiver.gain())
	}
	m.check.add(dst)
	m.limiter.Apply(dst)
	if m.blocks++; m.blocks%speakerEvery == 0 {
		id := m.speaker.Update(time.Now(), loudness(list))
		if id != *m.dominant.Load() {
			m.dominant.Store(&id)
		}
	}
}

func loudness(list []member) []mix.Loudness {
	out := make([]mix.Loudness, len(list))
	for i, p := range list {
		out[i] = mix.Loudness{ID: p.id, DB: p.receiver.Stats().LevelDB}
	}
	return out
}
