package audio

import (
	"context"
	"sync"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/echo"
	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/supervise"
)

// shareQueue is how many blocks of the microphone wait for the machine's sound;
// the oldest give way.
const shareQueue = 4

// share sends the machine's sound, without what we play ourselves, together with
// the microphone. The speaker's monitor holds both; ours is known exactly, so the
// echo canceller takes it out. While it runs its blocks make the frames, and those
// of the microphone are added: a muted microphone does not mute it.
type share struct {
	reference reference

	mu     sync.Mutex
	on     bool                                  // guarded by mu
	speech [shareQueue][pcm.BlockSamples]float32 // guarded by mu
	held   int                                   // guarded by mu

	// Owned by the goroutine of the monitor.
	canceller *echo.Canceller
	far, out  [pcm.BlockSamples]float32
	idled     bool
	limiter   mix.Limiter
}

func newShare() *share {
	return &share{canceller: echo.New(echo.Config{NoiseOff: true})}
}

func (s *share) set(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.held = on, 0
}

// forget drops what the microphone has said and was not sent.
func (s *share) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = 0
}

// speak takes a block of the microphone, and reports false if the machine's sound
// does not run.
func (s *share) speak(block []float32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return false
	}
	if s.held == shareQueue {
		copy(s.speech[:], s.speech[1:])
		s.held--
	}
	copy(s.speech[s.held][:], block)
	s.held++
	return true
}

// mix adds what the microphone said to a block of the machine's sound, from which
// it takes what we played. The result is valid until the next call.
func (s *share) mix(block []float32) []float32 {
	far := s.far[:]
	s.reference.arrived(0)
	m := s.reference.read(far)
	if m.idle || m.wait {
		far = nil
	}
	switch {
	case far != nil && (m.gap || s.idled):
		s.canceller.Gap()
	case m.skip != 0:
		s.canceller.Skip(m.skip)
	}
	s.idled = m.idle
	if m.wait { // nothing was played to go with it
		far = s.far[:]
		clear(far)
	}
	s.canceller.Process(block, far, s.out[:])
	s.mu.Lock()
	if s.held > 0 {
		for i, v := range s.speech[0] {
			s.out[i] += v
		}
		copy(s.speech[:], s.speech[1:s.held])
		s.held--
	}
	s.mu.Unlock()
	s.limiter.Apply(s.out[:])
	return s.out[:]
}

// setSharing starts or stops sending the machine's sound.
func (c *capture) setSharing(on bool) {
	c.mu.Lock()
	changed := c.sharing != on
	c.sharing = on
	c.mu.Unlock()
	if changed {
		wake.Poke(c.shareWake)
	}
}

// wantedShare is the monitor to read now.
func (c *capture) wantedShare(speaker func() Speaker) (supervise.Job, bool) {
	c.mu.Lock()
	on := c.sharing
	c.mu.Unlock()
	if !on {
		return supervise.Job{}, false
	}
	to := speaker()
	return supervise.Job{Key: to, Run: func(ctx context.Context, alive func()) error {
		id := ""
		if to.Kind == Device {
			id = to.ID
		}
		c.begin(true)
		defer c.begin(false)
		options := device.Options{ID: id, Monitor: true, On: func(e device.Event) {
			if e.Kind != device.Changed {
				c.share.reference.broke()
			}
		}}
		return c.devices.Capture(ctx, options, func(block []float32) {
			alive()
			c.mu.Lock()
			epoch := c.epoch
			c.mu.Unlock()
			c.encode(c.share.mix(block), true, epoch)
		})
	}}, true
}

// begin says that the machine's sound makes the frames from now on, or does not:
// with another encoder.
func (c *capture) begin(sharing bool) {
	c.share.set(sharing)
	c.mu.Lock()
	c.epoch++
	c.mu.Unlock()
}
