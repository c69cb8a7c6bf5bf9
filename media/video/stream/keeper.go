package stream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
)

const (
	// Retries after a failure wait this long, doubling, up to the last value.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 2 * time.Second
	// linger is how long a source that nobody watches is kept: opening a
	// camera takes a second, and people switch layouts to and fro.
	linger = 2 * time.Second
)

// probe is what a source is asked for when it is tried only to see whether it
// works.
var probe = source.Want{Width: 320, Height: 180, FPS: 5}

// wish is what the keeper should do.
type wish struct {
	source source.Source
	on     bool
	want   source.Want // zero: nobody watches
}

// keeper keeps a source running while it is wanted, lets go of it when it is
// not, and tries again after failures. Its run loop owns what is not marked
// otherwise.
type keeper struct {
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
	delay     time.Duration
	retry     *time.Timer
	idle      *time.Timer
	retrying  bool // retry is armed
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
	demand *source.Demand
	cancel context.CancelFunc
	done   chan error
}

// stop ends r and waits for it. A nil r is stopped already.
func (r *running) stop() {
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// ended returns the channel that tells r's end; nil for a nil r.
func (r *running) ended() <-chan error {
	if r == nil {
		return nil
	}
	return r.done
}

// run keeps the source until ctx ends. Nothing it started runs afterwards.
func (k *keeper) run(ctx context.Context) {
	k.retry, k.idle = time.NewTimer(0), time.NewTimer(0)
	k.retry.Stop()
	k.idle.Stop()
	defer k.retry.Stop()
	defer k.idle.Stop()
	defer func() { k.current.stop() }()
	k.alive = make(chan struct{}, 1)
	for {
		k.follow(ctx)
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-k.retry.C:
			k.retrying = false
		case <-k.idle.C:
			k.idling = false
			k.stop()
		case <-k.alive:
			k.works()
		case err := <-k.current.ended():
			k.current.cancel()
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
func (k *keeper) follow(ctx context.Context) {
	w := k.wish()
	if w.source != k.source {
		k.stop()
		k.source, k.state, k.retrying = w.source, unchecked, false
		k.told, k.delay = media.Warning{}, firstRetry
		k.retry.Stop()
	}
	if k.state == unchecked && !k.retrying {
		k.check(ctx)
	}
	if !w.on {
		k.stop()
		if k.state == refused || k.state == broken { // whether it works now is not known
			k.state, k.told, k.delay = ready, media.Warning{}, firstRetry
			k.retry.Stop()
			k.retrying = false
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
	case k.current == nil && w.on && (k.state == ready && watched || k.state == broken && !k.retrying):
		if !watched {
			w.want = probe
		}
		k.start(ctx, w.want)
	}
}

// check asks a source that has not run yet.
func (k *keeper) check(ctx context.Context) {
	switch err := k.source.Check(ctx); {
	case ctx.Err() != nil:
	case err == nil:
		k.state, k.delay = ready, firstRetry
		k.recovered()
	case errors.Is(err, source.ErrOff):
		k.state = hopeless
		k.tell(missing)
	default:
		k.failed(err, unchecked)
	}
}

func (k *keeper) start(ctx context.Context, w source.Want) {
	select {
	case <-k.alive: // a leftover of the run before
	default:
	}
	k.idle.Stop()
	k.idling = false
	ctx, cancel := context.WithCancel(ctx)
	r := &running{demand: source.NewDemand(w), cancel: cancel, done: make(chan error, 1)}
	src, alive, emit := k.source, k.alive, k.emit
	var first sync.Once
	crash.Go(func() {
		r.done <- src.Run(ctx, r.demand, func(f *video.Frame) {
			first.Do(func() { wake.Poke(alive) })
			if ctx.Err() == nil {
				emit(f)
			}
		})
	})
	k.current = r
}

// stop lets go of the source.
func (k *keeper) stop() {
	if k.current != nil {
		k.current.stop()
		k.current = nil
		k.gone()
	}
}

// failed notes that the source does not work and arranges a retry.
func (k *keeper) failed(err error, next sourceState) {
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
	k.retry.Reset(k.delay)
	k.retrying = true
	k.delay = min(2*k.delay, lastRetry)
}

// works is called after the first frame of a run.
func (k *keeper) works() {
	k.state, k.delay = ready, firstRetry
	k.recovered()
}

func (k *keeper) recovered() {
	if k.told != (media.Warning{}) {
		k.told = media.Warning{}
		k.warn(backWarning(k.kind))
	}
	k.tell(present)
}

// tell tells of a change.
func (k *keeper) tell(a availability) {
	if a != k.available {
		k.available = a
		k.avail(a == present)
	}
}
