package audio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
)

// resync is how far the samples may lag behind the clock before the media
// clock jumps ahead to it: the device has stopped for a while.
const resync = 200 * time.Millisecond

// capture is the sending half: source, level, mute, encoder.
type capture struct {
	onFrame    func(Frame)
	devices    devices
	echoCancel bool
	wake       chan struct{}

	// mu guards the settings, and is held while a frame is handed on: that is
	// what makes a mute final when SetMuted returns. onFrame must therefore
	// neither wait nor call back.
	mu     sync.Mutex
	mic    Mic
	muted  bool
	unread bool // nobody listens: frames need not be made
	epoch  int  // counts the times sending began anew
	loss   loss // what the encoder is to prepare for

	level atomic.Int64 // smoothed level of the source, in 1/100 dB

	// Owned by the goroutine of the source in use; there is one at a time.
	enc     *opus.Encoder
	auto    *autoGain // nil unless asked for
	meter   pcm.Meter
	voice   voiceDetector
	frame   [pcm.FrameSamples]float32
	filled  int
	began   int       // the epoch the encoder is in
	resumed bool      // the next frame is the first one of it
	next    uint32    // timestamp of the next frame, were there no pause
	last    time.Time // when the last frame was sent
	set     loss      // what the encoder was told
}

// loss is what receivers report.
type loss struct {
	percent int
	fec     bool
}

func newCapture(cfg Config, dev devices) (*capture, error) {
	enc, err := opus.NewEncoder()
	if err != nil {
		return nil, err
	}
	c := &capture{
		onFrame: cfg.OnFrame, devices: dev, echoCancel: cfg.EchoCancel, wake: newWake(),
		mic: cfg.Mic, muted: cfg.Muted, enc: enc, epoch: 1,
		loss: loss{opus.DefaultLoss, true}, set: loss{opus.DefaultLoss, true},
	}
	if cfg.AutoGain {
		c.auto = &autoGain{}
	}
	c.level.Store(int64(pcm.Silence) * 100)
	return c, nil
}

// setMuted takes effect before it returns: no frame follows a mute. The
// device is let go of while muted.
func (c *capture) setMuted(muted bool) {
	c.mu.Lock()
	changed := muted != c.muted
	if changed && !muted {
		c.epoch++
	}
	c.muted = muted
	c.mu.Unlock()
	if changed {
		poke(c.wake)
	}
}

// setListened says whether frames are of use to anybody. The source is still
// read, for the level, but nothing is encoded.
func (c *capture) setListened(listened bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if listened && c.unread {
		c.epoch++
	}
	c.unread = !listened
}

func (c *capture) setMic(m Mic) {
	c.mu.Lock()
	c.mic = m
	c.mu.Unlock()
	poke(c.wake)
}

// setLoss prepares the encoder for the share of packets that gets lost.
func (c *capture) setLoss(percent int, fec bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loss = loss{percent, fec}
}

// levelDB returns the smoothed level of the source, silence while muted.
func (c *capture) levelDB() float64 {
	c.mu.Lock()
	silent := c.muted || c.mic.Kind == None
	c.mu.Unlock()
	if silent {
		return float64(pcm.Silence)
	}
	return float64(c.level.Load()) / 100
}

// wanted is the source to read now; none while muted.
func (c *capture) wanted() (job, bool) {
	c.mu.Lock()
	mic, muted := c.mic, c.muted
	c.mu.Unlock()
	if muted || mic.Kind == None {
		return job{}, false
	}
	return job{key: mic, run: func(ctx context.Context, alive func()) error {
		c.filled = 0
		return c.read(ctx, mic, func(block []float32) {
			alive()
			c.take(block)
		})
	}}, true
}

func (c *capture) read(ctx context.Context, mic Mic, emit func([]float32)) error {
	switch mic.Kind {
	case Tone:
		return playTone(ctx, mic.Hz, emit)
	case File:
		return playFile(ctx, mic.Path, emit)
	case Default, Device:
		return c.devices.Capture(ctx, device.Options{ID: mic.ID, EchoCancel: c.echoCancel}, emit)
	case None:
	}
	<-ctx.Done()
	return nil
}

// take adds one block to the frame being filled and sends it when it is full.
func (c *capture) take(block []float32) {
	c.mu.Lock()
	muted, unread, epoch, loss := c.muted, c.unread, c.epoch, c.loss
	c.mu.Unlock()
	if muted {
		return
	}
	if c.auto != nil {
		block = c.auto.apply(block)
	}
	c.meter.Add(block)
	c.level.Store(int64(c.meter.DB() * 100))
	if unread {
		return
	}
	if epoch != c.began {
		// Nothing of before the pause may come out of the encoder now.
		if c.enc.Reset() != nil {
			return // cannot be: it has been made this way before
		}
		c.began, c.resumed, c.filled = epoch, true, 0
	}
	if loss != c.set {
		c.enc.SetExpectedLoss(loss.percent, loss.fec)
		c.set = loss
	}
	c.filled += copy(c.frame[c.filled:], block)
	if c.filled == len(c.frame) {
		c.filled = 0
		c.send(time.Now())
	}
}

// send encodes the full frame and hands it on, unless a mute came in between.
func (c *capture) send(now time.Time) {
	payload, err := c.enc.Encode(c.frame[:])
	if err != nil {
		return // cannot be: every frame has the one right length
	}
	level := pcm.Measure(c.frame[:])
	f := Frame{
		Payload: payload, Samples: pcm.FrameSamples, At: now,
		Level: level, Voice: c.voice.add(level),
		Timestamp: c.next, Marker: c.resumed,
	}
	if elapsed := now.Sub(c.last); !c.last.IsZero() && (c.resumed || elapsed > tick+resync) {
		// Media time has gone on while nothing was sent.
		f.Timestamp += uint32(max(0, pcm.Samples(elapsed)-pcm.FrameSamples))
		f.Marker = true
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.muted || c.unread || c.epoch != c.began {
		return
	}
	c.resumed, c.last, c.next = false, now, f.Timestamp+pcm.FrameSamples
	c.onFrame(f)
}
