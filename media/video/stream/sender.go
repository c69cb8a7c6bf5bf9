package stream

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/scale"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/media/video/vp8"
)

const (
	// keyEvery is the least time between two key frames that were asked for.
	keyEvery = 500 * time.Millisecond
	// A picture that stands still is encoded again after firstRefresh, which
	// makes it sharper, and less and less often up to lastRefresh, which
	// tells the viewers that it still stands.
	firstRefresh = 200 * time.Millisecond
	lastRefresh  = 2 * time.Second
)

// Encoder is the part of [vp8.Encoder] a Sender uses.
type Encoder interface {
	Encode(*video.Frame) (vp8.Packet, error)
	SetBitrate(kbps int)
	SetFrameRate(fps int)
	ForceKeyFrame()
	SetLayers(on bool)
}

// SenderConfig says what a Sender is for. Kind and Source are needed.
type SenderConfig struct {
	Kind   media.Kind
	Source source.Source
	On     bool // to start with
	MaxFPS int  // as in NewPolicy

	// OnFrame gets every encoded frame, from one goroutine at a time. It must
	// neither wait nor call the Sender: SetOn waits for it.
	OnFrame func(media.Frame)
	// OnPicture is called when Latest has a new picture. It must not wait.
	OnPicture func()
	// OnWarning gets every warning. It must not wait.
	OnWarning func(media.Warning)
	// OnAvailable hears whether the source works: once as soon as that is
	// known, then of every change. It must not wait.
	OnAvailable func(bool)

	// OnServing hears what a viewer gets whenever that changes; everything, to begin
	// with. It must not wait.
	OnServing func(peer string, s media.Serving)

	// newEncoder is vp8.NewEncoder unless a test has its own.
	newEncoder func(vp8.Config) (Encoder, error)
}

// SenderStats are totals since the Sender was made, and the present state.
type SenderStats struct {
	Frames, KeyFrames uint64 // encoded and handed on
	Dropped           uint64 // left out by the encoder to keep to the bit rate
	Bytes             uint64
	Target            Target // what is made now; zero when nobody watches
	Width, Height     int    // of the last frame
}

// Sender makes one stream out of one source for all viewers. Its methods may be
// called from any goroutine, before, during and after Run.
type Sender struct {
	cfg        SenderConfig
	supervisor *supervisor
	wake       chan struct{} // holds a token when the encoder has something to look at
	latest     atomic.Pointer[video.Frame]

	mu      sync.Mutex
	source  source.Source // guarded by mu, as is all down to stats
	on      bool
	policy  *Policy
	target  Target
	preview Size
	keyWant [2]bool // of the encoding for all, and the small one
	serving map[string]media.Serving
	made    bool // frames, since the last rest
	load    float64
	stats   SenderStats

	// gate is held while a frame is handed on: that is what makes SetOn
	// final. It is taken before mu.
	gate sync.Mutex

	enc, small encoding // owned by Run, as is timeline
	timeline   timeline
}

// NewSender returns a sender that does nothing until Run.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.OnFrame == nil {
		cfg.OnFrame = func(media.Frame) {}
	}
	if cfg.OnPicture == nil {
		cfg.OnPicture = func() {}
	}
	if cfg.OnWarning == nil {
		cfg.OnWarning = func(media.Warning) {}
	}
	if cfg.OnAvailable == nil {
		cfg.OnAvailable = func(bool) {}
	}
	if cfg.OnServing == nil {
		cfg.OnServing = func(string, media.Serving) {}
	}
	if cfg.newEncoder == nil {
		cfg.newEncoder = func(c vp8.Config) (Encoder, error) { return vp8.NewEncoder(c) }
	}
	s := &Sender{
		cfg: cfg, wake: make(chan struct{}, 1),
		source: cfg.Source, on: cfg.On, policy: NewPolicy(cfg.Kind, cfg.MaxFPS),
	}
	s.timeline.base = rand.Uint32()
	s.small.small = true
	s.supervisor = &supervisor{
		kind: cfg.Kind, wake: make(chan struct{}, 1), wish: s.wish,
		emit: s.take, gone: func() { s.latest.Store(nil) }, warn: cfg.OnWarning, avail: cfg.OnAvailable,
	}
	return s
}

// Run captures and encodes until ctx ends; then nothing it started runs any
// more and the source is free. Trouble with the source is no error but a
// Warning and a retry. It is called once.
func (s *Sender) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	crash.GoIn(&wg, func() { s.supervisor.run(ctx) })
	s.encode(ctx)
	wg.Wait()
	return nil
}

// SetOn says whether the person wants the stream sent. No frame leaves once
// SetOn(false) has returned, and the source is let go of. A source that does
// not work is tried again only while on.
func (s *Sender) SetOn(on bool) {
	s.gate.Lock()
	s.mu.Lock()
	if s.on = on; !on {
		s.latest.Store(nil)
		s.keyWant = [2]bool{}
	}
	s.mu.Unlock()
	s.gate.Unlock()
	s.changed()
}

// Rest reports, once after it was turned off, that a stream was made: what that
// took is not used any more.
func (s *Sender) Rest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := s.made && !s.on
	s.made = s.made && s.on
	return made
}

// SetSource replaces the source.
func (s *Sender) SetSource(src source.Source) {
	s.mu.Lock()
	s.source = src
	s.mu.Unlock()
	s.changed()
}

// SetViewer says what a connected peer can show of this stream, in samples; 0
// by 0 if it is hidden there.
func (s *Sender) SetViewer(peer string, width, height int) {
	s.adjust(func(p *Policy) { p.SetViewer(peer, Size{width, height}) })
	wake.Poke(s.supervisor.wake)
}

// RemoveViewer forgets a peer that is no longer connected.
func (s *Sender) RemoveViewer(peer string) {
	s.adjust(func(p *Policy) { p.RemoveViewer(peer) })
	wake.Poke(s.supervisor.wake)
}

// Report says what is known of the path to a peer, about once a second.
func (s *Sender) Report(peer string, r Report) {
	s.adjust(func(p *Policy) { p.Report(peer, r) })
}

// SetBoth says whether the other kind of video is sent too, on the same paths.
func (s *Sender) SetBoth(both bool) {
	s.adjust(func(p *Policy) { p.SetBoth(both) })
}

// SetStrain says how much the pictures must give way because the machine is too slow:
// 0 is not at all.
func (s *Sender) SetStrain(level int) {
	s.adjust(func(p *Policy) { p.SetStrain(level) })
	wake.Poke(s.supervisor.wake)
}

// Load is the share of their time that pictures took of late from when they were
// taken until they were encoded: at 1 there is no time left.
func (s *Sender) Load() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target.Nothing() || !s.on {
		return 0
	}
	return s.load
}

// took notes how long a picture took, of the time that there is for each.
func (s *Sender) took(d, every time.Duration) {
	const weight = 0.15
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load += (min(float64(d)/float64(every), 4) - s.load) * weight
}

// SetPreview asks for pictures of the given size in Latest even while nobody
// else watches; 0 by 0 for none.
func (s *Sender) SetPreview(width, height int) {
	s.mu.Lock()
	s.preview = Size{width, height}
	s.mu.Unlock()
	s.changed()
}

// KeyFrame asks for a key frame of the encoding for all or of the small one,
// because a viewer is new or has lost something. All who ask share one per 500 ms.
func (s *Sender) KeyFrame(small bool) {
	s.mu.Lock()
	s.keyWant[which(small)] = true
	s.mu.Unlock()
	wake.Poke(s.wake)
}

// which is the index of an encoding.
func which(small bool) int {
	if small {
		return 1
	}
	return 0
}

// Latest returns the newest picture of the source, nil while it is off or has
// none. Frame.Seq tells pictures apart.
func (s *Sender) Latest() *video.Frame { return s.latest.Load() }

// Stats returns the totals so far.
func (s *Sender) Stats() SenderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	if s.on {
		st.Target = s.target
	}
	return st
}

// adjust changes the policy and sees what follows from it.
func (s *Sender) adjust(change func(*Policy)) {
	s.mu.Lock()
	change(s.policy)
	s.mu.Unlock()
	wake.Poke(s.wake)
}

// changed wakes both loops.
func (s *Sender) changed() {
	wake.Poke(s.supervisor.wake)
	wake.Poke(s.wake)
}

// wish tells the supervisor what to do.
func (s *Sender) wish() wish {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := wish{source: s.source, on: s.on}
	wanted := s.policy.Wanted()
	if wanted.hidden() && s.preview.hidden() {
		return w
	}
	w.want = source.Want{
		Width: max(wanted.Width, s.preview.Width), Height: max(wanted.Height, s.preview.Height),
		FPS: s.target.FPS,
	}
	if w.want.FPS == 0 {
		w.want.FPS = usualFPS
	}
	return w
}

// take gets the pictures of the source, on its goroutine.
func (s *Sender) take(f *video.Frame) {
	s.mu.Lock()
	on := s.on
	if on {
		s.latest.Store(f)
		s.policy.SetSource(Size{f.Width, f.Height})
	}
	s.mu.Unlock()
	if on {
		wake.Poke(s.wake)
		s.cfg.OnPicture()
	}
}

// order is what the encoder loop is to do in one turn.
type order struct {
	frame   *video.Frame // the newest; nil for none
	target  Target       // zero: nothing
	layered bool
	serving map[string]media.Serving // what viewers get from now on, who got something else
	wake    time.Time                // when the target may change by itself
	key     bool                     // a key frame is wanted
	keeping bool                     // the supervisor has to hear of a new frame rate
}

// next looks at what has changed, and returns what to do for all and for the weak.
func (s *Sender) next(now time.Time) (o, small order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return o, small
	}
	o.target, o.wake = s.policy.Target(now)
	o.keeping = s.target.FPS != o.target.FPS
	s.target = o.target
	o.frame = s.latest.Load()
	o.layered = s.policy.Layered()
	o.key = s.keyWant[0]
	small = order{frame: o.frame, target: s.policy.Small(), key: s.keyWant[1]}
	o.serving = s.serve()
	return o, small
}

// serve returns what viewers get from now on, of those for whom that has changed.
// Called with mu held.
func (s *Sender) serve() (news map[string]media.Serving) {
	now := s.policy.Serving()
	for peer, serving := range now {
		was, known := s.serving[peer]
		if !known {
			was = media.Everything
		}
		if was != serving {
			if news == nil {
				news = map[string]media.Serving{}
			}
			news[peer] = serving
		}
	}
	s.serving = now
	return news
}

// encode is the loop that makes frames out of pictures. It owns s.enc.
func (s *Sender) encode(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		now := time.Now()
		o, small := s.next(now)
		if o.keeping {
			wake.Poke(s.supervisor.wake)
		}
		for peer, serving := range o.serving {
			s.cfg.OnServing(peer, serving)
		}
		wake := sooner(sooner(s.turn(&s.enc, o, now), o.wake), s.turn(&s.small, small, now))
		if wake.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(time.Until(wake))
	}
}

// sooner is the earlier of two times, of which zero ones do not count.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hand gives a frame away, unless the stream was turned off meanwhile.
func (s *Sender) hand(e media.Frame, width, height int) {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.mu.Lock()
	on := s.on
	if on {
		s.stats.Frames++
		s.made = true
		s.stats.Bytes += uint64(len(e.Data))
		if !e.Small {
			s.stats.Width, s.stats.Height = width, height
		}
		if e.Key {
			s.stats.KeyFrames++
			s.keyWant[which(e.Small)] = false
		}
	}
	s.mu.Unlock()
	if !on {
		s.enc.fresh, s.small.fresh = true, true // the viewers miss this one
		return
	}
	s.cfg.OnFrame(e)
}

// fitted returns the size at which a picture is encoded.
func fitted(f *video.Frame, t Target) (width, height int) {
	return scale.Fit(f.Width, f.Height, t.Width, t.Height)
}
