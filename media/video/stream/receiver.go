package stream

import (
	"context"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/lipsync"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/vp8"
)

const (
	// maxQueued and maxLate bound what waits to be decoded. Beyond, everything
	// up to the next key frame is left out.
	maxQueued = 64
	maxLate   = 400 * time.Millisecond
	// maxDelay bounds how long a picture is held for its sound.
	maxDelay = time.Second
	// keyRepeat is how often a receiver that waits for a key frame asks.
	keyRepeat = time.Second
)

// Decoder is the part of [vp8.Decoder] a Receiver uses.
type Decoder interface {
	Decode([]byte) (*video.Frame, error)
}

// ReceiverConfig says what a Receiver does with what it learns.
type ReceiverConfig struct {
	// OnKeyFrameWanted is called when nothing can be shown without a key
	// frame. It must not wait.
	OnKeyFrameWanted func()
	// OnPicture is called when Latest has a new picture. It must not wait.
	OnPicture func()
	// Unwanted says that nobody looks, to start with.
	Unwanted bool

	// newDecoder is vp8.NewDecoder unless a test has its own.
	newDecoder func() Decoder
}

// ReceiverStats are totals since the Receiver was made, and the present state.
type ReceiverStats struct {
	FramesDecoded uint64
	FramesSkipped uint64 // came, but could not be decoded in time or at all
	Bytes         uint64 // of frames, without packet headers
	Width, Height int    // of the last picture; 0 before the first
	FPS           float64
}

// Receiver decodes the stream of one kind from one person, whatever connection
// it comes by. Its methods may be called from any goroutine, before, during
// and after Run.
type Receiver struct {
	cfg  ReceiverConfig
	wake chan struct{} // holds a token when the queue may have something due

	// Owned by Run.
	decoder  Decoder      // nil before the first frame, and after a rest
	pictures uint64       // that were shown, to number them
	original *video.Frame // of latest, as the decoder gave it

	mu      sync.Mutex
	queue   []held // guarded by mu, as is all below; oldest first
	delay   time.Duration
	began   time.Time // the first frame came
	media   lipsync.MediaTime
	path    lipsync.Path
	transit lipsync.Path // by the sender's clock and ours
	wanted  bool
	rest    bool         // the decoder is to be let go of
	latest  *video.Frame // nil for none
	taken   bool         // somebody may hold latest
	// decoding says that pictures were decoded since the last rest.
	decoding bool
	needKey  bool      // everything but a key frame is useless
	asked    time.Time // when a key frame was last asked for
	stats    ReceiverStats
	decoded  [64]time.Time // ring of when the last pictures came
}

// held is a frame and when it would have come without being held up on the way.
type held struct {
	media.Frame
	ideal time.Time
}

// NewReceiver returns a receiver that decodes nothing until Run.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	if cfg.OnKeyFrameWanted == nil {
		cfg.OnKeyFrameWanted = func() {}
	}
	if cfg.OnPicture == nil {
		cfg.OnPicture = func() {}
	}
	if cfg.newDecoder == nil {
		cfg.newDecoder = func() Decoder { return vp8.NewDecoder(vp8.DecoderOptions{}) }
	}
	return &Receiver{cfg: cfg, wake: make(chan struct{}, 1), wanted: !cfg.Unwanted, needKey: true}
}

// Push takes a frame as it arrives. It never waits: a receiver that cannot keep
// up goes on with the next key frame. Data must not be changed afterwards.
func (r *Receiver) Push(e media.Frame) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	r.mu.Lock()
	r.stats.Bytes += uint64(len(e.Data))
	if !e.Captured.IsZero() {
		r.transit.Saw(e.At, e.At.Sub(e.Captured))
	}
	ask := r.enqueue(e)
	r.mu.Unlock()
	wake.Poke(r.wake)
	if ask {
		r.cfg.OnKeyFrameWanted()
	}
}

// Transit is how long frames take to get here at best, by the sender's clock and
// ours: of use only to compare it with that of the same person's sound. It is
// false until the sender has told the time.
func (r *Receiver) Transit() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.transit.Fastest()
}

// enqueue adds a frame to the queue, and says whether to ask for a key frame.
// Called with mu held.
func (r *Receiver) enqueue(e media.Frame) (ask bool) {
	if !r.wanted {
		r.needKey = true
		return false
	}
	if r.rest {
		r.rest = !e.Key // what is still on its way is no reason to begin again
	}
	if e.Key && r.needKey {
		r.needKey = false
	}
	if !r.needKey && r.overloaded(e.At) {
		r.stats.FramesSkipped += uint64(len(r.queue))
		r.queue = nil
		r.needKey = !e.Key
	}
	if r.needKey {
		r.stats.FramesSkipped++
		return r.askKey(e.At)
	}
	r.queue = append(r.queue, held{e, r.ideal(e)})
	return false
}

// ideal is when a frame would have come had it been as fast as the fastest of
// late. Called with mu held.
func (r *Receiver) ideal(e media.Frame) time.Time {
	if r.began.IsZero() {
		r.began = e.At
	}
	took := e.At.Sub(r.began) - r.media.At(e.Timestamp, clockRate)
	r.path.Saw(e.At, took)
	fastest, _ := r.path.Fastest()
	return e.At.Add(fastest - took)
}

// overloaded says whether the decoder has fallen behind. Called with mu held.
func (r *Receiver) overloaded(now time.Time) bool {
	return len(r.queue) >= maxQueued || len(r.queue) > 0 && now.Sub(r.queue[0].At) > r.delay+maxLate
}

// askKey notes that a key frame is needed, and says whether to ask now. Called
// with mu held.
func (r *Receiver) askKey(now time.Time) bool {
	if !r.asked.IsZero() && now.Sub(r.asked) < keyRepeat && !now.Before(r.asked) {
		return false
	}
	r.asked = now
	return true
}

// SetWanted says whether anybody looks. Without, nothing is decoded and Latest
// has no picture.
func (r *Receiver) SetWanted(wanted bool) {
	r.mu.Lock()
	ask := false
	if was := r.wanted; was != wanted {
		r.wanted, r.needKey, r.queue = wanted, true, nil
		r.asked = time.Time{}
		ask = wanted && r.askKey(time.Now())
	}
	r.mu.Unlock()
	if !wanted {
		wake.Poke(r.wake) // the decoder clears the picture, being the last to set it
	}
	if ask {
		r.cfg.OnKeyFrameWanted()
	}
}

// Rest says that the stream has ended for now: its pictures and its decoder are
// let go of. It goes on with the next key frame. It reports whether there was
// anything to let go of.
func (r *Receiver) Rest() bool {
	r.mu.Lock()
	had := r.decoding
	r.rest, r.needKey, r.queue, r.decoding = true, true, nil, false
	r.mu.Unlock()
	wake.Poke(r.wake)
	return had
}

// SetDelay holds every picture until d after the moment at which it would have
// come had nothing held it up: as long as the sound that belongs to it waits in
// its own buffer, which evens the path out in the same way. At most a second.
func (r *Receiver) SetDelay(d time.Duration) {
	r.mu.Lock()
	r.delay = min(max(d, 0), maxDelay)
	r.mu.Unlock()
	wake.Poke(r.wake)
}

// Latest returns the newest picture, nil before the first and while nobody
// looks. Frame.Seq tells pictures apart, Frame.Time is when the picture
// arrived.
func (r *Receiver) Latest() *video.Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = r.latest != nil
	return r.latest
}

// fpsWindow is what Stats averages the frame rate over.
const fpsWindow = 2 * time.Second

// Stats returns the totals so far and the frame rate of the last two seconds.
func (r *Receiver) Stats() ReceiverStats {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	first, n := now, 0
	for _, t := range r.decoded {
		if !t.IsZero() && now.Sub(t) < fpsWindow {
			n++
			if t.Before(first) {
				first = t
			}
		}
	}
	switch {
	case s.FramesDecoded > uint64(n) || n < 2: // it has been running for longer
		s.FPS = float64(n) / fpsWindow.Seconds()
	default:
		s.FPS = float64(n) / max(now.Sub(first), time.Second/2).Seconds()
	}
	return s
}

// Run decodes until ctx ends. It is called once.
func (r *Receiver) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		for ctx.Err() == nil {
			e, wait, ok := r.next(time.Now())
			if !ok {
				if wait > 0 {
					timer.Reset(wait)
				}
				break
			}
			r.show(e)
		}
	}
}

// next takes the next frame that is due off the queue, or says how long until
// then; 0 if there is none.
func (r *Receiver) next(now time.Time) (e media.Frame, wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wanted || r.rest {
		r.latest, r.original = nil, nil
	}
	if r.rest {
		r.decoder = nil
	}
	if len(r.queue) == 0 {
		return media.Frame{}, 0, false
	}
	first := r.queue[0]
	if wait := first.ideal.Add(r.delay).Sub(now); wait > 0 {
		return media.Frame{}, wait, false
	}
	r.queue[0] = held{}
	r.queue = r.queue[1:]
	return first.Frame, 0, true
}

// recycler is a decoder that takes its pictures back.
type recycler interface{ Recycle(*video.Frame) }

// show decodes one frame.
func (r *Receiver) show(e media.Frame) {
	if r.decoder == nil {
		r.decoder = r.cfg.newDecoder()
	}
	f, err := r.decoder.Decode(e.Data)
	now := time.Now()
	r.mu.Lock()
	ask, shown := false, false
	switch {
	case err != nil:
		r.stats.FramesSkipped++
		r.needKey = true
		for len(r.queue) > 0 { // up to a key frame that has come already
			if r.queue[0].Key {
				r.needKey = false
				break
			}
			r.stats.FramesSkipped++
			r.queue = r.queue[1:]
		}
		ask = r.needKey && r.wanted && r.askKey(now)
	default:
		r.decoded[r.stats.FramesDecoded%uint64(len(r.decoded))] = now
		r.stats.FramesDecoded++
		r.decoding = true
		if shown = f != nil && r.wanted && !r.rest; shown {
			r.replace(f, e.At)
		}
	}
	r.mu.Unlock()
	if ask {
		r.cfg.OnKeyFrameWanted()
	}
	if shown {
		r.cfg.OnPicture()
	}
}

// replace makes a picture the latest, and gives the one before back to the
// decoder if nobody has seen it. Called with mu held.
func (r *Receiver) replace(f *video.Frame, at time.Time) {
	if d, ok := r.decoder.(recycler); ok && r.original != nil && !r.taken {
		d.Recycle(r.original)
	}
	picture := *f
	r.pictures++
	picture.Seq, picture.Time = r.pictures, at
	r.stats.Width, r.stats.Height = f.Width, f.Height
	r.latest, r.original, r.taken = &picture, f, false
}
