package vp8

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media/video"
)

// ContentHint says what kind of pictures an encoder gets.
type ContentHint int

const (
	// Camera is moving, noisy content.
	Camera ContentHint = iota
	// Screen is content with sharp edges that mostly stands still or scrolls.
	Screen
)

// Config holds the settings of an encoder. Width and Height are needed; for
// the rest zero means the default.
type Config struct {
	Width, Height int // in luma samples; input frames may differ later
	FPS           int // frames per second that Encode expects at first; default 15
	BitrateKbps   int // default 500
	ContentHint   ContentHint
	// Threads is 1 or 2, the number of goroutines that work on a frame;
	// default 1.
	Threads int
}

// Packet is one encoded frame.
type Packet struct {
	// Data is the frame as RFC 6386 has it. It is the caller's; the encoder
	// does not write to it again.
	Data []byte
	// Key says that decoding can start here.
	Key bool
	// Dropped says that the frame was left out to keep to the bit rate; Data
	// is then nil.
	Dropped bool
	// Layer is the temporal layer of the frame; see [Encoder.SetLayers].
	Layer uint8
}

// ErrConfig is what NewEncoder's errors match.
var ErrConfig = errors.New("vp8: invalid configuration")

// maxSide is the largest width or height the format can express.
const maxSide = 1<<14 - 1

// Encoder makes a VP8 stream in real time (RFC 6386). It belongs to one
// goroutine.
type Encoder struct {
	cfg      Config
	width    int
	height   int
	rate     rateControl
	forceKey bool
	lastTime time.Time

	src, prevSrc *picture
	rec, ref     *picture // being made, and what it is predicted from
	modes        *modeMap
	plans        []plan
	// Quantiser index at which each macroblock was last coded, in the frame
	// being made and in the one before.
	quality, prevQuality []uint8
	cursor               int // where refining goes on
	making, last, golden *reference
	layers               layering
	bModes               [][16]uint8
	changed              []bool // by macroblock row, for the scroll finder
	scroll               scrollFinder
	scrolled             int // the vector found for this frame, in rows

	state  persistent
	levels filterLevels
	frame  frameState
	coder  coder
	search [2]searcher
	first  boolWriter
	second boolWriter
}

// plan is what the analysis of a macroblock finds.
type plan struct {
	sad    int32 // difference to the prediction
	same   bool  // as the source was in the last picture
	static bool  // nothing to code
}

// frameState is what the parts of the encoder need to know of the frame that
// is being coded.
type frameState struct {
	key   bool
	index int // quantiser
	layerStep
}

// NewEncoder returns an encoder whose first frame will be a key frame. Errors
// match ErrConfig.
func NewEncoder(cfg Config) (*Encoder, error) {
	if cfg.FPS == 0 {
		cfg.FPS = 15
	}
	if cfg.BitrateKbps == 0 {
		cfg.BitrateKbps = 500
	}
	if cfg.Threads == 0 {
		cfg.Threads = 1
	}
	if cfg.FPS < 0 || cfg.BitrateKbps < 0 || cfg.Threads < 1 || cfg.Threads > 2 {
		return nil, fmt.Errorf("%w: %d frames/s, %d kbit/s, %d threads", ErrConfig, cfg.FPS, cfg.BitrateKbps, cfg.Threads)
	}
	e := &Encoder{cfg: cfg}
	e.rate = newRateControl(cfg.BitrateKbps, float64(cfg.FPS))
	if err := e.resize(cfg.Width, cfg.Height); err != nil {
		return nil, err
	}
	return e, nil
}

// SetBitrate changes the target from the next frame on, in kbit/s. Values
// below 1 are taken as 1.
func (e *Encoder) SetBitrate(kbps int) {
	e.cfg.BitrateKbps = max(kbps, 1)
	e.rate.set(e.cfg.BitrateKbps)
}

// SetFrameRate changes how many frames per second are expected from the next
// one on; the stream goes on without a key frame. Values below 1 are taken as 1.
func (e *Encoder) SetFrameRate(fps int) {
	e.cfg.FPS = max(fps, 1)
	e.rate.expect(float64(e.cfg.FPS))
}

// ForceKeyFrame makes the next frame that is not dropped a key frame, and keeps
// it from being dropped.
func (e *Encoder) ForceKeyFrame() { e.forceKey = true }

// resize makes room for pictures of another size.
func (e *Encoder) resize(width, height int) error {
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return fmt.Errorf("%w: pictures of %d x %d samples", ErrConfig, width, height)
	}
	cols, rows := (width+15)/16, (height+15)/16
	e.width, e.height = width, height
	e.making, e.last, e.golden = newReference(cols, rows), newReference(cols, rows), nil
	e.modes = newModeMap(cols, rows)
	e.plans = make([]plan, cols*rows)
	e.cursor = 0
	e.bModes = make([][16]uint8, cols*rows)
	e.changed = make([]bool, rows)
	e.coder = coder{e: e, above: make([]tokenContext, cols)}
	e.forceKey = true
	return nil
}

// Encode encodes one frame, unless it has to be dropped to keep to the bit
// rate. A frame of another size than the one before starts with a key frame.
// The encoder keeps nothing of f. Errors match ErrConfig.
func (e *Encoder) Encode(f *video.Frame) (Packet, error) {
	if !complete(f) {
		return Packet{}, fmt.Errorf("%w: frame of %d x %d samples has planes that are too small", ErrConfig, f.Width, f.Height)
	}
	if f.Width != e.width || f.Height != e.height {
		if err := e.resize(f.Width, f.Height); err != nil {
			return Packet{}, err
		}
	}
	if e.rate.drain(e.elapsed(f.Time)) && !e.forceKey {
		return Packet{Dropped: true}, nil
	}
	e.frame.key = e.forceKey
	e.forceKey = false
	e.arrange()
	loadFrame(e.src, f)
	var data []byte
	if e.frame.key {
		data = e.encodeKey()
	} else {
		data = e.encodeInter()
	}
	e.settle()
	return Packet{Data: data, Key: e.frame.key, Layer: e.frame.layer}, nil
}

// encodeKey encodes the source as a key frame. Nothing is known of the picture
// beforehand, so that the first attempt may come out too large; then there is a
// second.
func (e *Encoder) encodeKey() []byte {
	complexity := e.analyseKey()
	target := e.rate.target(true)
	for attempt := 0; ; attempt++ {
		e.frame.index = e.rate.choose(complexity, true)
		e.coder.code()
		e.setFilter()
		data, tokens := e.write()
		if attempt == 0 && float64(8*len(data)) > 1.3*target && e.frame.index < e.rate.maxIndex {
			e.rate.learnKey(tokens, complexity, e.frame.index)
			continue
		}
		e.filter()
		e.rate.coded(8*len(data), tokens, complexity, e.frame.index, true)
		return data
	}
}

// encodeInter encodes the source as a change of the last picture.
func (e *Encoder) encodeInter() []byte {
	complexity := e.analyse()
	e.frame.index = e.rate.choose(complexity, false)
	complexity += e.refine(complexity)
	e.coder.code()
	data, tokens := e.finish()
	e.rate.coded(8*len(data), tokens, complexity, e.frame.index, false)
	return data
}

// complete says whether the planes of a frame hold what its size promises.
func complete(f *video.Frame) bool {
	holds := func(p []byte, stride, w, h int) bool {
		return w > 0 && h > 0 && stride >= w && len(p) >= (h-1)*stride+w
	}
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	return holds(f.Y, f.YStride, f.Width, f.Height) && holds(f.U, f.UVStride, cw, ch) && holds(f.V, f.UVStride, cw, ch)
}

// elapsed returns the seconds since the last frame, as its time stamp has it
// if that can be believed.
func (e *Encoder) elapsed(now time.Time) float64 {
	nominal := 1 / float64(e.cfg.FPS)
	last := e.lastTime
	e.lastTime = now
	if now.IsZero() || last.IsZero() {
		return nominal
	}
	return min(max(now.Sub(last).Seconds(), 0), 1)
}

// finish filters the new picture and writes the frame, the one beside the
// other if there are two threads. It returns the frame and the bits that its
// tokens take.
func (e *Encoder) finish() ([]byte, int) {
	e.setFilter()
	if e.cfg.Threads < 2 {
		e.filter()
		return e.write()
	}
	var wg sync.WaitGroup
	crash.GoIn(&wg, e.filter)
	data, tokens := e.write()
	wg.Wait()
	return data, tokens
}

// setFilter chooses the loop filter for the frame.
func (e *Encoder) setFilter() {
	f := &e.state.filter
	*f = filterHeader{level: filterLevel(e.frame.index), deltaEnabled: true}
	// At high quality the simple filter does as well, for a third of the work
	// on either side.
	f.simple = e.frame.index < simpleBelow
	f.refDelta = [4]int{refIntra: 2}
	f.modeDelta = [4]int{4, -63, 0, 4}
	e.levels.set(f, &e.state.segment, e.frame.key)
}

// simpleBelow is the quantiser index below which the simple filter serves.
const simpleBelow = 32

// filterLevel is the level that suits a quantiser index.
func filterLevel(index int) int { return min(index*3/8, 63) }

// filter runs the loop filter over the new picture and makes it fit to be a
// reference.
func (e *Encoder) filter() {
	crash.Point("codec")
	for row := range e.modes.rows {
		if e.state.filter.level > 0 {
			e.levels.row(e.rec, e.modes, row)
		}
	}
	for i := range e.rec.planes {
		p := &e.rec.planes[i]
		p.extend(0, p.height)
	}
}
