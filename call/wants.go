package call

import (
	"cmp"
	"slices"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/signal"
)

// Receive is what somebody wants to get of others.
type Receive string

// The choices.
const (
	ReceiveAll     Receive = "all"
	ReceiveScreens Receive = "screens" // sound and screens, no cameras
	ReceiveSound   Receive = "sound"   // sound only
)

// ReceiveChoices are all there are, from most to least.
var ReceiveChoices = []Receive{ReceiveAll, ReceiveScreens, ReceiveSound}

// SetReceive says what to get of others. They stop sending what is not wanted.
func (c *Call) SetReceive(r Receive) {
	c.media.pictures.update(func(p *pictures) { p.receive = r })
}

// Receive is what SetReceive chose last.
func (c *Call) Receive() Receive {
	p := c.media.pictures
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.receive, ReceiveAll)
}

// wants returns at which size each picture of others is wanted; what is not in it
// is not. Called with mu held.
func (p *pictures) wants() map[Viewed]stream.Size {
	all := map[Viewed]stream.Size{}
	for id := range p.people.everybody() {
		for _, k := range []media.Kind{media.Camera, media.Screen} {
			v := Viewed{id, k}
			size := p.showing[v]
			usual := usualCamera
			if k == media.Screen {
				usual = usualScreen
			}
			if p.watchAll {
				size = usual
			}
			if p.recorded.Load() {
				size = larger(size, usual)
			}
			if p.receive == ReceiveSound || p.receive == ReceiveScreens && k == media.Camera || size == (stream.Size{}) {
				continue
			}
			if p.strain >= strainSize && k == media.Camera {
				size = stream.Size{Width: size.Width / 2, Height: size.Height / 2}
			}
			all[v] = size
		}
	}
	p.fewer(all)
	return all
}

// fewer leaves out what the machine is too slow for: the smallest first, screens last.
func (p *pictures) fewer(all map[Viewed]stream.Size) {
	most := len(all)
	switch p.strain {
	case strainFew:
		most = 4
	case strainOne:
		most = 1
	case strainNobody:
		most = 0
	}
	if len(all) <= most {
		return
	}
	order := make([]Viewed, 0, len(all))
	for v := range all {
		order = append(order, v)
	}
	slices.SortFunc(order, func(a, b Viewed) int {
		return cmp.Or(
			-cmp.Compare(a.Kind, b.Kind),
			-cmp.Compare(all[a].Width*all[a].Height, all[b].Width*all[b].Height),
			cmp.Compare(a.Peer, b.Peer))
	})
	for _, v := range order[most:] {
		delete(all, v)
	}
}

// update changes what is wanted, tells the people whom it concerns, and has only
// what is wanted decoded.
func (p *pictures) update(change func(*pictures)) {
	p.mu.Lock()
	before := p.wants()
	change(p)
	after := p.wants()
	changed := map[signal.PeerID]bool{}
	receivers := map[*receiver]bool{}
	for id, of := range p.people.everybody() {
		for _, k := range []media.Kind{media.Camera, media.Screen} {
			v := Viewed{id, k}
			changed[id] = changed[id] || before[v] != after[v]
			if r := of.pictures[k].Load(); r != nil {
				receivers[r] = after[v] != stream.Size{}
			}
		}
	}
	p.mu.Unlock()
	for r, wanted := range receivers {
		r.SetWanted(wanted)
	}
	for peer, is := range changed {
		if is {
			p.tell(peer, p.viewOf(peer))
		}
	}
}

// giveWay gives up as much of the pictures as a level of strain says.
func (p *pictures) giveWay(level int) {
	p.update(func(p *pictures) { p.strain = level })
	p.camera.SetStrain(level)
	p.screen.SetStrain(level)
}

// load is how much of its time the making of pictures takes, with what it had to
// wait for.
func (p *pictures) load() float64 { return max(p.camera.Load(), p.screen.Load()) }

// unwanted reports whether nobody looks at a picture.
func (p *pictures) unwanted(v Viewed) bool {
	_, wanted := p.wants()[v]
	return !wanted
}

// maxKbps bounds what a peer may say that we may send, which is anything.
const maxKbps = 1_000_000

// each is what the call may take of the line for one person, each way, in bit/s; 0:
// anything. Called with mu held.
func (p *pictures) each() int {
	if p.most == 0 {
		return 0
	}
	return max(p.most/max(len(p.people.everybody()), 1), 1000)
}

// limit bounds what we send to a peer, by what they said and by our own line.
func (p *pictures) limit(peer signal.PeerID, theirs int) {
	p.mu.Lock()
	own := p.each()
	p.mu.Unlock()
	if own == 0 || theirs > 0 && theirs < own {
		own = theirs
	}
	p.out.SetCeiling(peer, own)
}

// shareOut divides the line among the people who are there now.
func (p *pictures) shareOut() {
	if p.most == 0 {
		return
	}
	for id, of := range p.people.everybody() {
		of.mu.Lock()
		theirs, listens := of.view.Most, of.listens
		of.mu.Unlock()
		if listens {
			p.limit(id, theirs*1000)
			p.tell(id, p.viewOf(id))
		}
	}
}
