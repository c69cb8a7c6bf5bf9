package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"github.com/meet-term/meet/media/video"
)

// Pixel formats of V4L2, as four characters.
const (
	formatYUYV = webcam.PixelFormat('Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24)
	formatMJPG = webcam.PixelFormat('M' | 'J'<<8 | 'P'<<16 | 'G'<<24)
	formatJPEG = webcam.PixelFormat('J' | 'P'<<8 | 'E'<<16 | 'G'<<24)
)

const (
	cameraBuffers = 4
	// A camera that gives nothing for this many seconds is given up.
	cameraSilence = 5
	// maxBroken is how many pictures in a row may make no sense.
	maxBroken = 30
)

// command implements what camera.Run needs: V4L2 needs no other program.
func (c camera) command(context.Context) (*child, error) { return nil, nil }

// Cameras lists the cameras that can be used, the default one first.
func Cameras(context.Context) ([]Info, error) {
	paths, err := filepath.Glob("/dev/video*")
	if err != nil {
		return nil, fmt.Errorf("list cameras: %w", err)
	}
	slices.SortFunc(paths, func(a, b string) int { return deviceNumber(a) - deviceNumber(b) })
	var found []Info
	var refused error
	for _, path := range paths {
		dev, err := webcam.Open(path)
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			refused = fmt.Errorf("open %s: %w", path, err)
		}
		if err != nil {
			continue
		}
		// A camera has further devices, for its settings, without formats.
		if len(usable(dev)) > 0 {
			name, err := dev.GetName()
			if err != nil || name == "" {
				name = path
			}
			found = append(found, Info{ID: path, Name: printable(name), Default: len(found) == 0})
		}
		dev.Close()
	}
	if len(found) == 0 && refused != nil {
		return nil, refused
	}
	return found, nil
}

func deviceNumber(path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(path, "/dev/video"))
	if err != nil {
		return 1 << 30
	}
	return n
}

// usable returns the formats of a device that we understand.
func usable(dev *webcam.Webcam) []webcam.PixelFormat {
	var known []webcam.PixelFormat
	formats := dev.GetSupportedFormats()
	for _, f := range []webcam.PixelFormat{formatYUYV, formatMJPG, formatJPEG} {
		if _, ok := formats[f]; ok {
			known = append(known, f)
		}
	}
	return known
}

// device is the part of a V4L2 device that capture uses.
type device interface {
	WaitForFrame(seconds uint32) error
	GetFrame() ([]byte, uint32, error)
	ReleaseFrame(uint32) error
	Close() error
}

// capture runs the source on a V4L2 device.
func (c camera) capture(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	path, err := c.find(ctx)
	if err != nil {
		return err
	}
	seq := uint64(0)
	for ctx.Err() == nil {
		w, _ := d.Want()
		dev, m, modes, err := openCamera(path, w)
		if err != nil {
			return err
		}
		r := reader{device: dev, mode: m, modes: modes, seq: &seq}
		err = r.run(ctx, d, emit)
		dev.Close()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	return nil
}

// openCamera opens a device in the mode that serves w best, and starts it.
func openCamera(path string, w Want) (device, mode, []mode, error) {
	dev, err := webcam.Open(path)
	if err != nil {
		return nil, mode{}, nil, fmt.Errorf("open %s: %w", path, err)
	}
	m, modes, err := startCamera(dev, w)
	if err != nil {
		dev.Close()
		if errors.Is(err, unix.EBUSY) || strings.Contains(err.Error(), unix.EBUSY.Error()) {
			err = fmt.Errorf("%w (%w)", ErrBusy, err)
		}
		return nil, mode{}, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return dev, m, modes, nil
}

func startCamera(dev *webcam.Webcam, w Want) (mode, []mode, error) {
	modes := modesOf(dev)
	m, ok := choose(modes, w)
	if !ok {
		return mode{}, nil, errors.New("it has no format and size that can be used")
	}
	format := formatYUYV
	if !m.packed {
		if format = formatMJPG; !slices.Contains(usable(dev), formatMJPG) {
			format = formatJPEG
		}
	}
	got, _, _, err := dev.SetImageFormat(format, uint32(m.width), uint32(m.height))
	if err != nil {
		return mode{}, nil, fmt.Errorf("set the format: %w", err)
	}
	if got != format {
		return mode{}, nil, errors.New("it refuses the format it offers")
	}
	// Many drivers have one rate only; what they send is taken as it comes.
	_ = dev.SetFramerate(float32(min(max(w.FPS, leastCameraFPS+1), 30)))
	if err := dev.SetBufferCount(cameraBuffers); err != nil {
		return mode{}, nil, fmt.Errorf("set the buffers: %w", err)
	}
	if err := dev.StartStreaming(); err != nil {
		return mode{}, nil, err
	}
	return m, modes, nil
}

// modesOf lists what a device offers.
func modesOf(dev *webcam.Webcam) []mode {
	var modes []mode
	for _, format := range usable(dev) {
		for _, s := range dev.GetSupportedFrameSizes(format) {
			for _, size := range sizesOf(s) {
				m := mode{packed: format == formatYUYV, width: size[0], height: size[1]}
				for _, r := range dev.GetSupportedFramerates(format, uint32(m.width), uint32(m.height)) {
					if r.MinNumerator > 0 {
						m.fps = max(m.fps, float64(r.MaxDenominator)/float64(r.MinNumerator))
					}
				}
				if m.width%2 == 0 && m.height%2 == 0 && m.width >= minFileSide && m.height >= minFileSide {
					modes = append(modes, m)
				}
			}
		}
	}
	return modes
}

// sizesOf returns the sizes worth asking for within what a driver offers.
func sizesOf(s webcam.FrameSize) [][2]int {
	if s.StepWidth == 0 || s.StepHeight == 0 {
		return [][2]int{{int(s.MaxWidth), int(s.MaxHeight)}}
	}
	fit := func(want, least, most, step uint32) int {
		want = min(max(want, least), most)
		return int(least + (want-least)/step*step)
	}
	var sizes [][2]int
	for _, want := range [][2]uint32{{640, 360}, {640, 480}, {1280, 720}} {
		sizes = append(sizes, [2]int{
			fit(want[0], s.MinWidth, s.MaxWidth, s.StepWidth), fit(want[1], s.MinHeight, s.MaxHeight, s.StepHeight),
		})
	}
	return sizes
}

// reader reads an open device. It belongs to one goroutine.
type reader struct {
	device
	mode
	modes  []mode
	seq    *uint64
	gate   gate
	silent int // seconds without a picture
	broken int // pictures in a row that made no sense
}

// run emits pictures until ctx ends or another mode would serve better, which
// is no error.
func (r *reader) run(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	for ctx.Err() == nil {
		w, _ := d.Want()
		if m, ok := choose(r.modes, w); ok && m.width*m.height > r.width*r.height {
			return nil
		}
		f, err := r.read(w)
		if err != nil {
			return err
		}
		if f != nil {
			*r.seq++
			f.Seq = *r.seq
			emit(f)
		}
	}
	return nil
}

// read waits for a picture. It returns nil if there is none, or none is wanted.
func (r *reader) read(w Want) (*video.Frame, error) {
	err := r.WaitForFrame(1)
	if timeout := new(webcam.Timeout); errors.As(err, &timeout) {
		if r.silent++; r.silent >= cameraSilence {
			return nil, fmt.Errorf("no picture for %d s", r.silent)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for a picture: %w", err)
	}
	data, index, err := r.GetFrame()
	if errors.Is(err, unix.EAGAIN) {
		return nil, r.count(err)
	}
	if err != nil {
		return nil, fmt.Errorf("take a picture: %w", err)
	}
	r.silent = 0
	now := time.Now()
	var f *video.Frame
	var failed error
	if r.gate.open(now, w.interval()) {
		if f, failed = r.convert(data); failed == nil {
			f.Time = now
		}
	}
	// The driver writes into the buffer from here on.
	if err := r.ReleaseFrame(index); err != nil {
		return nil, fmt.Errorf("give a buffer back: %w", err)
	}
	if failed != nil {
		return nil, r.count(failed)
	}
	if f != nil {
		r.broken = 0
	}
	return f, nil
}

// count lets single errors pass: cameras send damaged pictures now and then.
func (r *reader) count(err error) error {
	if r.broken++; r.broken < maxBroken {
		return nil
	}
	return fmt.Errorf("%d damaged pictures in a row: %w", r.broken, err)
}

func (r *reader) convert(data []byte) (*video.Frame, error) {
	if r.packed {
		return fromYUYV(data, 2*r.width, r.width, r.height)
	}
	img, err := decodeJPEG(data)
	if err != nil {
		return nil, fmt.Errorf("decode picture: %w", err)
	}
	return fromImage(img)
}
