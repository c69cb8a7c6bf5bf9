package call

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc/conn"
	"github.com/meet-term/meet/signal"
)

// Viewed names one picture of one person.
type Viewed struct {
	Peer signal.PeerID
	Kind media.Kind // Camera or Screen
}

// pictures is the video of one participant: a sender for each own source, and what
// is looked at. The receivers belong to the people whose pictures they are.
type pictures struct {
	out        *conn.Outbound
	people     *people
	log        func(msg string, args ...any)
	keyFrame   func(signal.PeerID, media.Kind) // asks a peer
	tell       func(peer signal.PeerID, v viewMessage)
	thin       func(peer signal.PeerID, t thinMessage)
	shown      func(*person, media.Kind) // a picture can be shown
	watchAll   bool
	recorded   atomic.Bool // everybody's pictures are wanted
	camera     *stream.Sender
	screen     *stream.Sender
	background sync.WaitGroup // receivers

	mu      sync.Mutex
	ctx     context.Context        // of run; receivers start only while it lives
	showing map[Viewed]stream.Size // what we show, and how large
	receive Receive                // what we want at all; "": everything
	strain  int                    // of the machine
	most    int                    // bit/s that the call may take each way; 0: anything
}

// viewMessage tells a peer at which size its pictures are shown, in samples;
// 0, 0 when hidden. Kind "view" of the data channel.
type viewMessage struct {
	Camera [2]int `json:"camera"`
	Screen [2]int `json:"screen"`
	// Most is what all that is sent may take, in kbit/s; 0: what the path carries.
	Most int `json:"most,omitempty"`
}

// thinMessage tells a peer which of our pictures the path to it does not carry.
// Kind "thin" of the data channel.
type thinMessage struct {
	Camera bool `json:"camera"`
	Screen bool `json:"screen"`
}

// The sizes assumed of a viewer that has not told, and asked for by those who
// watch everything.
var (
	usualCamera = stream.Size{Width: 640, Height: 360}
	usualScreen = stream.Size{Width: 1280, Height: 720}
)

// maxView bounds what a peer may claim to show, in samples per side.
const maxView = rules.MaxView

// pictureConfig is what pictures need of their owner.
type pictureConfig struct {
	camera, screen source.Source
	start          signal.Media
	watchAll       bool
	receive        Receive
	most           int
	out            *conn.Outbound
	people         *people
	log            func(msg string, args ...any)
	warn           func(media.Kind, media.Warning)
	available      func(media.Kind, bool)
	keyFrame       func(signal.PeerID, media.Kind)
	tell           func(signal.PeerID, viewMessage)
	thin           func(signal.PeerID, thinMessage)
	shown          func(*person, media.Kind)
	ownFrame       func(media.Frame)
}

func newPictures(cfg pictureConfig) *pictures {
	p := &pictures{
		out: cfg.out, people: cfg.people, log: cfg.log, keyFrame: cfg.keyFrame, tell: cfg.tell, thin: cfg.thin, shown: cfg.shown,
		watchAll: cfg.watchAll, receive: cfg.receive, most: cfg.most, showing: map[Viewed]stream.Size{},
	}
	sender := func(k media.Kind, src source.Source, on bool) *stream.Sender {
		return stream.NewSender(stream.SenderConfig{
			Kind: k, Source: src, On: on,
			OnFrame: func(f media.Frame) {
				if !f.Small {
					cfg.ownFrame(f)
				}
				p.out.WriteVideo(f)
			},
			OnServing:   func(peer string, s media.Serving) { p.served(signal.PeerID(peer), k, s) },
			OnWarning:   func(w media.Warning) { cfg.warn(k, w) },
			OnAvailable: func(ok bool) { cfg.available(k, ok) },
		})
	}
	p.camera = sender(media.Camera, cfg.camera, cfg.start.Camera)
	p.screen = sender(media.Screen, cfg.screen, cfg.start.Screen)
	return p
}

// run keeps senders and receivers until ctx ends.
func (p *pictures) run(ctx context.Context) {
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range []*stream.Sender{p.camera, p.screen} {
		crash.GoIn(&wg, func() {
			if err := s.Run(ctx); err != nil {
				p.log("a video source ended", "error", err)
			}
		})
	}
	wg.Wait()
	p.mu.Lock()
	p.ctx = nil
	p.mu.Unlock()
	p.background.Wait()
}

func (p *pictures) sender(k media.Kind) *stream.Sender {
	if k == media.Screen {
		return p.screen
	}
	return p.camera
}

// setOn switches the own sources. No frame leaves once a source is off.
func (p *pictures) setOn(want signal.Media) {
	p.camera.SetOn(want.Camera)
	p.screen.SetOn(want.Screen)
	both := want.Camera && want.Screen
	p.camera.SetBoth(both)
	p.screen.SetBoth(both)
}

// receiver finds or starts the receiver of a picture; nil when the call ends and
// for somebody who left.
func (p *pictures) receiver(of *person, kind media.Kind) *receiver {
	if r := of.pictures[kind].Load(); r != nil {
		return r
	}
	p.mu.Lock() // before that of the person
	defer p.mu.Unlock()
	of.mu.Lock()
	defer of.mu.Unlock()
	if r := of.pictures[kind].Load(); r != nil || p.ctx == nil || of.gone {
		return r
	}
	ctx, cancel := context.WithCancel(p.ctx)
	r := &receiver{cancel: cancel, Receiver: stream.NewReceiver(stream.ReceiverConfig{
		OnKeyFrameWanted: func() { p.keyFrame(of.id, kind) },
		OnPicture:        func() { p.shown(of, kind) },
		Unwanted:         p.unwanted(Viewed{of.id, kind}),
	})}
	of.pictures[kind].Store(r)
	crash.GoIn(&p.background, func() {
		if err := r.Run(ctx); err != nil {
			p.log("a video receiver ended", "peer", of.id, "error", err)
		}
	})
	return r
}

// known returns the receiver of a picture if anything of it ever came.
func (p *pictures) known(v Viewed) *receiver {
	of := p.people.find(v.Peer)
	if of == nil || !v.Kind.IsVideo() {
		return nil
	}
	return of.pictures[v.Kind].Load()
}

// show replaces the list of pictures that we look at, and tells the peers whose
// changed. Own pictures are previews.
func (p *pictures) show(self signal.PeerID, sizes map[Viewed]stream.Size) {
	preview := sizes[Viewed{self, media.Camera}]
	p.camera.SetPreview(preview.Width, preview.Height)
	preview = sizes[Viewed{self, media.Screen}]
	p.screen.SetPreview(preview.Width, preview.Height)

	p.update(func(p *pictures) { p.showing = sizes })
}

// viewOf is what we show of a peer.
func (p *pictures) viewOf(peer signal.PeerID) viewMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.wants()
	camera, screen := all[Viewed{peer, media.Camera}], all[Viewed{peer, media.Screen}]
	return viewMessage{[2]int{camera.Width, camera.Height}, [2]int{screen.Width, screen.Height}, p.each() / 1000}
}

// larger is the larger of two sizes.
func larger(a, b stream.Size) stream.Size {
	if a.Width*a.Height > b.Width*b.Height {
		return a
	}
	return b
}

// heard takes what somebody shows of us.
func (p *pictures) heard(from *person, data json.RawMessage) error {
	var v viewMessage
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	for _, side := range []*int{&v.Camera[0], &v.Camera[1], &v.Screen[0], &v.Screen[1]} {
		*side = min(max(*side, 0), maxView)
	}
	v.Most = min(max(v.Most, 0), maxKbps)
	from.mu.Lock()
	changed := from.listens && !(from.told && from.view == v)
	from.view, from.told = v, true
	from.mu.Unlock()
	if changed {
		p.serve(from.id, v)
	}
	return nil
}

// serve makes the senders serve a viewer.
func (p *pictures) serve(peer signal.PeerID, v viewMessage) {
	p.camera.SetViewer(string(peer), v.Camera[0], v.Camera[1])
	p.screen.SetViewer(string(peer), v.Screen[0], v.Screen[1])
	p.limit(peer, v.Most*1000)
	p.out.SetVideoWanted(peer, media.Camera, v.Camera != [2]int{})
	p.out.SetVideoWanted(peer, media.Screen, v.Screen != [2]int{})
}

// connected says that somebody can be sent to, until they end.
func (p *pictures) connected(to *person) {
	to.mu.Lock()
	v, told := to.view, to.told
	to.mu.Unlock()
	if !told {
		v = viewMessage{
			Camera: [2]int{usualCamera.Width, usualCamera.Height}, Screen: [2]int{usualScreen.Width, usualScreen.Height},
		}
	}
	p.serve(to.id, v)
	p.shareOut()
	// Pictures were lost during an outage: do not wait to be asked.
	for _, small := range []bool{false, true} {
		p.camera.KeyFrame(small)
		p.screen.KeyFrame(small)
	}
}

// carries hands on what the path to a peer carries of pictures.
func (p *pictures) carries(peer signal.PeerID, c conn.Capacity) {
	r := stream.Report{Estimate: c.Now, Steady: c.Steady}
	p.camera.Report(string(peer), r)
	p.screen.Report(string(peer), r)
}

// served has a peer served differently from now on.
func (p *pictures) served(peer signal.PeerID, k media.Kind, s media.Serving) {
	p.out.SetServing(peer, k, s)
	to := p.people.find(peer)
	if to == nil {
		return
	}
	to.mu.Lock()
	was := to.thin
	if k == media.Camera {
		to.thin.Camera = s.Paused
	} else {
		to.thin.Screen = s.Paused
	}
	t := to.thin
	to.mu.Unlock()
	if t != was {
		p.thin(peer, t)
	}
}

// thinTo is which pictures the path to a peer does not carry.
func (p *pictures) thinTo(peer signal.PeerID) thinMessage {
	to := p.people.find(peer)
	if to == nil {
		return thinMessage{}
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	return to.thin
}

// end forgets a viewer who left.
func (p *pictures) end(peer signal.PeerID) {
	p.camera.RemoveViewer(string(peer))
	p.screen.RemoveViewer(string(peer))
	p.shareOut()
}

// stats are the figures of one received picture.
func (p *pictures) stats(v Viewed) media.PictureStats {
	r := p.known(v)
	if r == nil {
		return media.PictureStats{}
	}
	s := r.Stats()
	return media.PictureStats{FramesDecoded: s.FramesDecoded, Bytes: s.Bytes, Width: s.Width, Height: s.Height, FPS: s.FPS}
}

// latest is the newest picture of somebody, or nil.
func (p *pictures) latest(v Viewed) *video.Frame {
	if r := p.known(v); r != nil {
		return r.Latest()
	}
	return nil
}
