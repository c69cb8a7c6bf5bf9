package stream

import (
	"math"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video/scale"
)

const (
	// shapeEvery is how long a size and frame rate stay: each change costs a
	// key frame.
	shapeEvery = 2 * time.Second
	// A size changes only if the area grows or shrinks by more than this.
	growArea, shrinkArea = 1.05, 0.8

	// Rates in kbit/s.
	minCameraKbps, minScreenKbps = 40, 100

	// How the limit of a viewer moves, per report.
	lossTolerated = 0.10
	lossNone      = 0.02
	limitGrowth   = 1.08
	estimateShare = 0.92 // of what a path carries is for pictures themselves, without headers

	// A path that carries less gets the screen alone when both are sent; else the
	// camera gets a share of it.
	roomForBoth = 300
	cameraShare = 0.3

	usualFPS, fastFPS = 15, 30
	usualPixels       = 640 * 360 // at usualFPS, what a camera may cost to encode
	fewPeople         = 3
)

// steps are what a camera's sides shrink by when a path carries too little.
var steps = [...]float64{1, 0.75, 0.5, 0.375}

// Size is the picture size that somebody can show, in samples; 0 by 0 when the
// picture is hidden.
type Size struct{ Width, Height int }

func (s Size) hidden() bool { return s.Width <= 0 || s.Height <= 0 }

// Report is what is known of the path to a viewer.
type Report struct {
	// Loss is the share of packets lost lately, 0 to 1.
	Loss float64
	// Estimate is how much the path carries of pictures, in bit/s with headers; 0
	// if unknown. It is taken to account for the loss. Steady is what it carries
	// when no queue has to be worked off; 0: the same.
	Estimate, Steady int
}

// Target is what an encoder should make; the zero value means nothing.
type Target struct {
	Width, Height int // bounds of the picture, in luma samples
	FPS           int
	Kbps          int
}

// Nothing says that nobody watches.
func (t Target) Nothing() bool { return t.Width == 0 }

// Policy decides what a stream looks like from what its viewers can show and
// what their paths carry. It has neither clock nor goroutine and belongs to
// one of its callers.
type Policy struct {
	kind    media.Kind
	maxFPS  int
	source  Size
	viewers map[string]*viewer
	both    bool // the other kind is sent too

	now    Target
	shaped time.Time // when size and frame rate last changed
	step   int       // index into steps

	strain int // how much the machine makes pictures give way

	small   Target // for the weak
	layered bool
}

type viewer struct {
	size  Size
	limit float64 // kbit/s; 0 while unknown
	shape float64 // the same, for the choice of size and frame rate

	reported float64 // the same as it was told; 0: it was not

	weak    bool // served apart from the others
	serving media.Serving
	thin    time.Time     // since when its path has carried hardly anything; zero: it does
	paused  time.Time     // since when it gets nothing
	wait    time.Duration // for how long that stays so at least
	resumed time.Time
}

// NewPolicy returns a policy for a stream without viewers. maxFPS bounds the
// frame rate; 0 means 30 for a camera and 15 for a screen.
func NewPolicy(kind media.Kind, maxFPS int) *Policy {
	p := &Policy{kind: kind, maxFPS: maxFPS, viewers: map[string]*viewer{}, source: Size{640, 360}}
	if kind == media.Screen {
		p.source = Size{1280, 720}
	}
	if p.maxFPS <= 0 {
		p.maxFPS = fastFPS
		if kind == media.Screen {
			p.maxFPS = usualFPS
		}
	}
	return p
}

// SetSource says how large the pictures are that the source makes now.
func (p *Policy) SetSource(s Size) {
	if !s.hidden() {
		p.source = s
	}
}

// SetViewer says what a peer can show; hidden peers count as people only.
func (p *Policy) SetViewer(peer string, s Size) {
	v := p.viewers[peer]
	if v == nil {
		v = &viewer{serving: media.Everything}
		p.viewers[peer] = v
	}
	v.size = s
}

// RemoveViewer forgets a peer.
func (p *Policy) RemoveViewer(peer string) { delete(p.viewers, peer) }

// SetBoth says whether the other kind of video is sent as well, and so shares
// the paths.
func (p *Policy) SetBoth(both bool) { p.both = both }

// Report takes what is known of the path to a peer, about once a second.
// Reports of peers that are no viewers are ignored.
func (p *Policy) Report(peer string, r Report) {
	v := p.viewers[peer]
	if v == nil || v.size.hidden() {
		return
	}
	if r.Estimate > 0 || r.Steady > 0 {
		use := func(bps int) float64 { return max(p.part(bps), p.floor()) }
		v.limit, v.shape = use(r.Estimate), use(max(r.Estimate, r.Steady))
		v.reported = max(p.part(max(r.Estimate, r.Steady)), 1)
		return
	}
	switch {
	case r.Loss > lossTolerated:
		from := float64(p.now.Kbps)
		if v.limit > 0 {
			from = min(from, v.limit)
		}
		v.limit = max(from*(1-min(r.Loss, 1)/2), p.floor())
	case r.Loss < lossNone && v.limit > 0:
		v.limit = v.limit*limitGrowth + 2
	}
	v.shape = v.limit
}

// part is what this kind gets of what a path carries of pictures, in kbit/s: the
// screen comes first, and a camera beside it only where there is room.
func (p *Policy) part(bps int) float64 {
	kbps := float64(bps) / 1000 * estimateShare
	if !p.both {
		return kbps
	}
	camera := 0.0
	if kbps >= roomForBoth {
		camera = kbps * cameraShare
	}
	if p.kind == media.Camera {
		return camera
	}
	return kbps - camera
}

func (p *Policy) floor() float64 {
	if p.kind == media.Screen {
		return minScreenKbps
	}
	return minCameraKbps
}

// What each level of strain leaves of the frame rate and of a camera's size.
var (
	strainFPS   = [...]int{fastFPS, 10, 10, 7, 5, 5}
	strainSteps = [...]int{0, 0, 1, 2, 3, 3} // indices into steps
)

// SetStrain says how much the pictures must give way because the machine is too slow,
// 0 being not at all and 5 the most.
func (p *Policy) SetStrain(level int) { p.strain = min(max(level, 0), len(strainFPS)-1) }

// Wanted returns the bounds of all that viewers can show, whatever the source
// has now: what a source that can choose its size is to be asked for.
func (p *Policy) Wanted() Size {
	var s Size
	for _, v := range p.viewers {
		if !v.size.hidden() {
			s.Width, s.Height = max(s.Width, v.size.Width), max(s.Height, v.size.Height)
		}
	}
	return s
}

// Target returns what the encoder should make from now on, and when to ask
// again even if nothing is learned until then; the zero time if that is not
// needed.
func (p *Policy) Target(now time.Time) (Target, time.Time) {
	size, watching := p.survey()
	if watching == 0 {
		p.now, p.step, p.small, p.layered = Target{}, 0, Target{}, false
		return p.now, time.Time{}
	}
	limit, steady := p.serve(now, p.rate(size, usualFPS))
	if math.IsInf(limit, 1) && p.allPaused() {
		p.now, p.small, p.layered = Target{}, Target{}, false
		return p.now, now.Add(pausedFor)
	}
	var wake time.Time
	first := p.now.Nothing()
	if p.kind == media.Camera {
		step := max(p.nextStep(size, steady), strainSteps[p.strain])
		size = shrink(p.source, size, steps[step])
		if first || now.Sub(p.shaped) >= shapeEvery {
			p.step = step
		}
	}
	fps := p.frameRate(size, steady)
	if p.differs(size, fps) {
		if ready := p.shaped.Add(shapeEvery); first || !now.Before(ready) {
			p.now.Width, p.now.Height, p.now.FPS, p.shaped = size.Width, size.Height, fps, now
		} else {
			wake = ready
		}
	}
	deserved := p.deserved(Size{p.now.Width, p.now.Height}, p.now.FPS, watching)
	p.now.Kbps = int(max(min(limit, deserved), p.floor()))
	p.small = p.sizeSmall(p.divide(max(min(steady, deserved), p.floor())))
	return p.now, wake
}

// survey returns the largest picture that anybody can show, within the source, and
// how many people watch.
func (p *Policy) survey() (largest Size, watching int) {
	for _, v := range p.viewers {
		if v.size.hidden() {
			continue
		}
		watching++
		w, h := scale.Fit(p.source.Width, p.source.Height, v.size.Width, v.size.Height)
		if w*h > largest.Width*largest.Height {
			largest = Size{w, h}
		}
	}
	return largest, watching
}

func shrink(source, s Size, by float64) Size {
	if by == 1 {
		return s
	}
	w, h := scale.Fit(source.Width, source.Height, int(float64(s.Width)*by), int(float64(s.Height)*by))
	return Size{w, h}
}

// nextStep goes down while the path carries less than half of what the size
// deserves, and up while the size above gets nearly all of it.
func (p *Policy) nextStep(s Size, limit float64) int {
	at := func(step int) float64 { return p.rate(shrink(p.source, s, steps[step]), usualFPS) }
	step := p.step
	for step+1 < len(steps) && limit < 0.5*at(step) {
		step++
	}
	for step > 0 && limit >= 0.9*at(step-1) {
		step--
	}
	return step
}

// frameRate is 15, more for small pictures among few people, and less for a
// screen whose path is narrow: there, legible comes before smooth.
func (p *Policy) frameRate(s Size, limit float64) int {
	fps := usualFPS
	switch full := p.rate(s, usualFPS); {
	case p.kind == media.Screen && limit < 0.35*full:
		fps = 5
	case p.kind == media.Screen && (limit < 0.6*full || len(p.viewers) > 7):
		fps = 10
	case p.kind == media.Camera && len(p.viewers) < fewPeople && s.Width*s.Height*fastFPS <= usualPixels*usualFPS && limit >= 1.4*full:
		fps = fastFPS
	}
	return min(fps, p.maxFPS, strainFPS[p.strain])
}

func (p *Policy) differs(s Size, fps int) bool {
	was, is := float64(p.now.Width*p.now.Height), float64(s.Width*s.Height)
	return fps != p.now.FPS || is > was*growArea || is < was*shrinkArea ||
		s.Width > p.source.Width || s.Height > p.source.Height
}

// rate is what pictures of a size deserve, in kbit/s: 500 for a camera of 640
// by 360, 1500 for a screen of 1280 by 720, and less than in proportion for
// more.
func (p *Policy) rate(s Size, fps int) float64 {
	pixels := float64(s.Width * s.Height)
	smooth := math.Pow(float64(fps)/usualFPS, 0.5)
	if p.kind == media.Screen {
		return 1500 * math.Pow(pixels/(1280*720), 0.75) * smooth
	}
	return 500 * math.Pow(pixels/usualPixels, 0.868) * smooth
}

// deserved is rate, less when many copies of it are sent.
func (p *Policy) deserved(s Size, fps, watching int) float64 {
	rate := p.rate(s, fps)
	switch {
	case watching > 6:
		return rate * 0.6
	case watching > 3:
		return rate * 0.8
	}
	return rate
}
