package stream

import (
	"context"
	"errors"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/supervise"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
)

// linger is how long a source that nobody watches is kept: opening a camera takes a
// second, and people switch layouts to and fro.
const linger = 2 * time.Second

// probe is what a source is asked for when it is tried only to see whether it
// works.
var probe = source.Want{Width: 320, Height: 180, FPS: 5}

// wish is what the supervisor should do.
type wish struct {
	source source.Source
	on     bool
	want   source.Want // zero: nobody watches
}

// supervisor keeps a source running while it is wanted, lets go of it when it is
// not, and tries again after failures. Its run loop owns what is not marked
// otherwise.
type supervisor struct {
	kind  media.Kind
	wake  chan struct{} // holds a token when the wish may have changed
	wish  func() wish
	emit  func(*video.Frame)
	gone  func() // called when no more frames come from what was running
	warn  func(media.Warning)
	avail func(bool)

	state     sourceState
	current   *running
	source    source.Source // the one in use or being tried
	told      media.Warning // given, and still holding
	available availability  // as last told
	alive     chan struct{} // holds a token after a frame
	retry     *supervise.Retry
	idle      *time.Timer
	idling    bool // idle is armed
}

// availability is whether a source works, as far as known.
type availability uint8

const (
	unknown availability = iota
	present
	missing
)

// sourceState is what is known of a source.
type sourceState uint8

const (
	unchecked sourceState = iota // to be checked when the retry timer says so
	ready                        // should work or does
	broken                       // has failed; only a picture proves otherwise
	hopeless                     // none is wished
	refused                      // not to be tried before it is turned on again
)

// running is one started source.
type running struct {
	*supervise.Task
	demand *source.Demand
}

// ended returns the channel that tells the end of what runs; nil for nothing.
func (k *supervisor) ended() <-chan error {
	if k.current == nil {
		return nil
	}
	return k.current.Ended()
}

// run keeps the source until ctx ends. Nothing it started runs afterwards.
func (k *supervisor) run(ctx context.Context) {
	k.retry, k.idle = supervise.NewRetry(), time.NewTimer(0)
	k.idle.Stop()
	defer k.retry.Stop()
	defer k.idle.Stop()
	defer k.stopQuietly()
	k.alive = make(chan struct{}, 1)
	for {
		k.follow(ctx)
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-k.retry.C:
			k.retry.Fired()
		case <-k.idle.C:
			k.idling = false
			k.stop()
		case <-k.alive:
			k.works()
		case err := <-k.ended():
			k.current = nil
			k.gone()
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				err = errors.New("it ended")
			}
			k.failed(err, broken)
		}
	}
}

// follow makes what runs what is wished.
func (k *supervisor) follow(ctx context.Context) {
	w := k.wish()
	if w.source != k.source {
		k.stop()
		k.source, k.state, k.told = w.source, unchecked, media.Warning{}
		k.retry.Fresh()
		k.retry.Stop()
	}
	if k.state == unchecked && !k.retry.Waiting() {
		k.check(ctx)
	}
	if !w.on {
		k.stop()
		if k.state == refused || k.state == broken { // whether it works now is not known
			k.state, k.told = ready, media.Warning{}
			k.retry.Fresh()
			k.retry.Stop()
			k.tell(present)
		}
	}
	watched := w.want != source.Want{}
	switch {
	case k.current != nil && watched:
		k.current.demand.Set(w.want)
		k.idle.Stop()
		k.idling = false
	case k.current != nil && k.state == ready && !k.idling:
		k.idle.Reset(linger)
		k.idling = true
	case k.current == nil && w.on && (k.state == ready && watched || k.state == broken && !k.retry.Waiting()):
		if !watched {
			w.want = probe
		}
		k.start(ctx, w.want)
	}
}

// check asks a source that has not run yet.
func (k *supervisor) check(ctx context.Context) {
	switch err := k.source.Check(ctx); {
	case ctx.Err() != nil:
	case err == nil:
		k.works()
	case errors.Is(err, source.ErrOff):
		k.state = hopeless
		k.tell(missing)
	default:
		k.failed(err, unchecked)
	}
}

func (k *supervisor) start(ctx context.Context, w source.Want) {
	k.idle.Stop()
	k.idling = false
	demand, src, emit := source.NewDemand(w), k.source, k.emit
	k.current = &running{demand: demand, Task: supervise.Start(ctx, k.alive, func(ctx context.Context, alive func()) error {
		return src.Run(ctx, demand, func(f *video.Frame) {
			alive()
			if ctx.Err() == nil {
				emit(f)
			}
		})
	})}
}

// stop lets go of the source.
func (k *supervisor) stop() {
	if k.current != nil {
		k.stopQuietly()
		k.gone()
	}
}

// stopQuietly is stop at the end of it all.
func (k *supervisor) stopQuietly() {
	if k.current != nil {
		k.current.Stop()
		k.current = nil
	}
}

// failed notes that the source does not work and arranges a retry.
func (k *supervisor) failed(err error, next sourceState) {
	if errors.Is(err, source.ErrNone) {
		next = unchecked // looking for it costs less than trying it
	}
	k.state = next
	w := sourceWarning(k.kind, err)
	if w.Code != k.told.Code {
		k.told = w
		k.warn(w)
	}
	k.tell(missing)
	if errors.Is(err, source.ErrRefused) {
		k.state = refused
		return
	}
	k.retry.Arm()
}

// works is called after a check without fault, and after the first frame of a run.
func (k *supervisor) works() {
	k.state = ready
	k.retry.Fresh()
	k.recovered()
}

func (k *supervisor) recovered() {
	if k.told != (media.Warning{}) {
		k.told = media.Warning{}
		k.warn(backWarning(k.kind))
	}
	k.tell(present)
}

// tell tells of a change.
func (k *supervisor) tell(a availability) {
	if a != k.available {
		k.available = a
		k.avail(a == present)
	}
}
