package audio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/echo"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/supervise"
)

// resync is how far the samples may lag behind the clock before the media
// clock jumps ahead to it: the device has stopped for a while.
const resync = 200 * time.Millisecond

// capture is the sending half: source, processing, level, mute, encoder.
type capture struct {
	onFrame func(media.Packet)
	warn    func(media.Warning)
	heard   func(device.Event) // what becomes of the microphone
	devices devices
	check   *soundCheck
	own     *voiceTrail
	wake    chan struct{}

	share     *share
	shareWake chan struct{}

	// mu guards the settings, and is held while a frame is handed on: that is
	// what makes a mute final when SetMuted returns. onFrame must therefore
	// neither wait nor call back.
	mu      sync.Mutex
	mic     Mic
	muted   bool
	listen  bool // the microphone stays open while muted
	sharing bool // the machine's sound is wanted
	unread  bool // nobody listens: frames need not be made
	set     Processing
	route   route
	epoch   int  // counts the times sending began anew
	loss    loss // what the encoder is to prepare for

	level   atomic.Int64               // smoothed level of what is sent, in 1/100 dB
	figures atomic.Pointer[echo.Stats] // as of the last second

	// Owned by the goroutine of the source in use; there is one at a time.
	processor processor
	said      int // the epoch of what the processor holds
	attention attention
	meter     pcm.Meter
	mixed     [pcm.BlockSamples]float32 // a stereo block for one ear

	// encoding guards what makes frames: of the microphone's goroutine, or of that
	// of the machine's sound while that is shared.
	encoding sync.Mutex
	enc      *opus.Encoder
	voice    voiceDetector
	frame    [2 * pcm.FrameSamples]float32 // mono, or interleaved in music mode
	filled   int
	began    int       // the epoch the encoder is in
	resumed  bool      // the next frame is the first one of it
	next     uint32    // timestamp of the next frame, were there no pause
	last     time.Time // when the last frame was sent
	told     loss      // what the encoder was told
}

// loss is what receivers report.
type loss struct {
	percent int
	fec     bool
}

func newCapture(cfg Config, dev devices, ref *reference) (*capture, error) {
	enc, err := opus.NewEncoder()
	if err != nil {
		return nil, err
	}
	c := &capture{
		onFrame: cfg.OnFrame, warn: cfg.OnWarning, heard: func(device.Event) {}, devices: dev, wake: wake.New(),
		share: newShare(), shareWake: wake.New(),
		mic: cfg.Mic, muted: cfg.Muted, listen: cfg.ListenMuted, set: cfg.Processing, enc: enc, epoch: 1,
		processor: newProcessor(ref), check: newSoundCheck(), own: newVoiceTrail(),
		loss: loss{opus.DefaultLoss, true}, told: loss{opus.DefaultLoss, true},
	}
	c.level.Store(int64(media.Silence) * 100)
	c.figures.Store(&echo.Stats{})
	return c, nil
}

// setMuted takes effect before it returns: no frame follows a mute. The
// device is let go of while muted.
func (c *capture) setMuted(muted bool) {
	c.mu.Lock()
	changed := muted != c.muted
	if changed && (!muted || c.sharing) {
		c.epoch++
	}
	c.muted = muted
	c.share.forget()
	c.mu.Unlock()
	if changed {
		wake.Poke(c.wake)
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
	wake.Poke(c.wake)
}

// setProcessing changes what is done to the sound.
func (c *capture) setProcessing(set Processing) {
	c.mu.Lock()
	if set.Music != c.set.Music {
		c.epoch++ // another encoder
	}
	c.set = set
	c.mu.Unlock()
	wake.Poke(c.wake)
}

// setListen keeps the microphone open while muted, to notice who talks.
func (c *capture) setListen(listen bool) {
	c.mu.Lock()
	c.listen = listen
	c.mu.Unlock()
	wake.Poke(c.wake)
}

// reroute changes what the sound takes.
func (c *capture) reroute(change func(*route)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.route)
}

// processing is what is done to the sound, and why echo is not cancelled.
func (c *capture) processing() (Processing, Idle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set, c.set.idle(c.route)
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
		return float64(media.Silence)
	}
	return float64(c.level.Load()) / 100
}

// source is what tells sources apart.
type source struct {
	Mic
	stereo bool
}

// wanted is the source to read now; none while muted, unless who talks then is
// to be told.
func (c *capture) wanted() (supervise.Job, bool) {
	c.mu.Lock()
	mic, closed, music := c.mic, c.muted && !c.listen, c.set.Music
	c.mu.Unlock()
	if closed || mic.Kind == None {
		return supervise.Job{}, false
	}
	real := mic.Kind == Default || mic.Kind == Device
	key := source{mic, music && real}
	return supervise.Job{Key: key, Run: func(ctx context.Context, alive func()) error {
		c.encoding.Lock()
		c.filled = 0
		c.encoding.Unlock()
		c.attention.reopened()
		if real {
			c.reroute(func(r *route) { r.mic = true })
			defer c.reroute(func(r *route) { *r = route{speaker: r.speaker, headphones: r.headphones} })
		}
		return c.read(ctx, key, func(block []float32) {
			alive()
			c.take(block, real)
		})
	}}, true
}

func (c *capture) read(ctx context.Context, from source, emit func([]float32)) error {
	switch from.Kind {
	case Tone:
		return playTone(ctx, from.Hz, emit)
	case File:
		return playFile(ctx, from.Path, emit)
	case Default, Device:
		return c.devices.Capture(ctx, device.Options{ID: from.ID, Stereo: from.stereo, On: c.event}, emit)
	case None:
	}
	<-ctx.Done()
	return nil
}

// event takes what becomes of the microphone.
func (c *capture) event(e device.Event) {
	if e.Kind != device.Gap {
		c.reroute(func(r *route) { r.echoCancelled = e.Device.EchoCancelled })
	}
	if e.Kind != device.Changed {
		c.processor.gap()
	}
	c.heard(e)
}

// take processes one block, adds it to the frame being filled, and sends that
// when it is full. What comes of a real microphone is processed.
func (c *capture) take(block []float32, real bool) {
	c.mu.Lock()
	muted, set, epoch := c.muted, c.set, c.epoch
	cancel := set.idle(c.route) == ""
	c.mu.Unlock()
	if !real {
		c.processed(block, muted, epoch)
		return
	}
	if epoch != c.said {
		c.said = epoch
		c.processor.restart()
	}
	if w, tell := c.attention.raw(block); tell {
		c.warn(w)
	}
	if set.Music || len(block) > pcm.BlockSamples { // or the last of a stream that is about to end
		c.processed(block, muted, epoch)
		return
	}
	c.processor.apply(block, set, cancel, func(block []float32) { c.processed(block, muted, epoch) })
	if c.attention.second() {
		stats := c.processor.canceller.Stats()
		c.figures.Store(&stats)
		if w, tell := c.attention.leaking(cancel && !muted && stats.Leaking); tell {
			c.warn(w)
		}
	}
}

// processed takes a block of an epoch that is fit to be sent.
func (c *capture) processed(block []float32, muted bool, epoch int) {
	if muted {
		if w, tell := c.attention.muted(c.oneEar(block)); tell {
			c.warn(w)
		}
		return
	}
	c.attention.unmuted()
	c.meter.Add(block)
	c.level.Store(int64(c.meter.DB() * 100))
	if c.check.recording() {
		c.check.take(c.oneEar(block))
	}
	if !c.speak(block, epoch) {
		c.encode(block, false, epoch)
	}
}

// speak has a block of the microphone sent with the machine's sound, if that is
// shared. A mute that comes meanwhile is final.
func (c *capture) speak(block []float32, epoch int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.muted || c.epoch != epoch || c.share.speak(c.oneEar(block))
}

// encode adds a block of an epoch to the frame being filled, and sends that when it
// is full. One of an epoch that is over is dropped.
func (c *capture) encode(block []float32, sharing bool, of int) {
	c.encoding.Lock()
	defer c.encoding.Unlock()
	c.mu.Lock()
	unread, epoch, loss, music := c.unread, c.epoch, c.loss, c.set.Music || sharing
	c.mu.Unlock()
	if unread || epoch != of {
		return
	}
	if epoch != c.began {
		// Nothing of before the pause may come out of the encoder now.
		if c.enc.Reset(music) != nil {
			return // cannot be: it has been made this way before
		}
		c.began, c.resumed, c.filled = epoch, true, 0
	}
	if loss != c.told {
		c.enc.SetExpectedLoss(loss.percent, loss.fec)
		c.told = loss
	}
	c.fill(block, music, sharing)
}

// oneEar returns a block of one channel.
func (c *capture) oneEar(block []float32) []float32 {
	if len(block) <= pcm.BlockSamples {
		return block
	}
	for i := range c.mixed {
		c.mixed[i] = (block[2*i] + block[2*i+1]) / 2
	}
	return c.mixed[:]
}

// fill adds a block to the frame, in as many channels as the encoder wants.
func (c *capture) fill(block []float32, music, sharing bool) {
	full := pcm.FrameSamples
	switch {
	case !music:
		c.filled += copy(c.frame[c.filled:full], c.oneEar(block))
	case len(block) > pcm.BlockSamples:
		full *= 2
		c.filled += copy(c.frame[c.filled:full], block)
	default:
		full *= 2
		for _, s := range block {
			c.frame[c.filled], c.frame[c.filled+1] = s, s
			c.filled += 2
		}
	}
	if c.filled >= full {
		c.filled = 0
		c.send(time.Now(), c.frame[:full], sharing)
	}
}

// send encodes the full frame and hands it on, unless a mute came in between.
func (c *capture) send(now time.Time, frame []float32, sharing bool) {
	payload, err := c.enc.Encode(frame)
	if err != nil {
		return // cannot be: every frame has the one right length
	}
	level := pcm.Measure(frame)
	c.own.add(level)
	f := media.Packet{
		Payload: payload, At: now,
		Level: level, HasLevel: true, Voice: c.voice.add(level),
		Timestamp: c.next, Marker: c.resumed,
	}
	if elapsed := now.Sub(c.last); !c.last.IsZero() && (c.resumed || elapsed > tick+resync) {
		// Media time has gone on while nothing was sent.
		f.Timestamp += uint32(max(0, pcm.Samples(elapsed)-pcm.FrameSamples))
		f.Marker = true
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.muted && !sharing || c.unread || c.epoch != c.began {
		return
	}
	c.resumed, c.last, c.next = false, now, f.Timestamp+pcm.FrameSamples
	c.onFrame(f)
}
