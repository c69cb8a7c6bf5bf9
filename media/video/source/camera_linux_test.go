package source

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"github.com/meet-term/meet/media/video"
)

// fakeDevice plays a list of events: pictures, errors, and nil for a second
// without a picture.
type fakeDevice struct {
	events []any
	held   int // buffers given out
	next   any
}

func (d *fakeDevice) WaitForFrame(uint32) error {
	if len(d.events) == 0 {
		return errors.New("unplugged")
	}
	d.next, d.events = d.events[0], d.events[1:]
	if d.next == nil {
		time.Sleep(time.Second)
		return new(webcam.Timeout)
	}
	time.Sleep(time.Second / 30)
	return nil
}

func (d *fakeDevice) GetFrame() ([]byte, uint32, error) {
	if err, ok := d.next.(error); ok {
		return nil, 0, err
	}
	d.held++
	return d.next.([]byte), 0, nil
}

func (d *fakeDevice) ReleaseFrame(uint32) error {
	d.held--
	return nil
}

func (d *fakeDevice) Close() error { return nil }

func repeat(event any, n int) []any { return slices.Repeat([]any{event}, n) }

func TestCameraIsRead(t *testing.T) {
	good := make([]byte, 2*64*48)
	tests := []struct {
		name   string
		events []any
		frames int
		err    string
	}{
		{"pictures", repeat(good, 60), 30, "unplugged"},
		{"a pause", append(append(repeat(good, 2), repeat(nil, 4)...), good), 2, "unplugged"},
		{"silence", repeat(nil, 10), 0, "no picture for 5 s"},
		{"some damaged", append(append(repeat(good, 2), repeat([]byte{1}, 29)...), repeat(good, 2)...), 2, "unplugged"},
		{"all damaged", repeat([]byte{1}, 1000), 0, "damaged"},
		{"nothing to take", repeat(unix.EAGAIN, 1000), 0, "damaged"},
		{"unplugged", []any{good, unix.ENODEV, good}, 1, "no such device"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dev := &fakeDevice{events: tt.events}
				m := mode{packed: true, width: 64, height: 48}
				seq := uint64(0)
				r := reader{device: dev, mode: m, modes: []mode{m}, seq: &seq}
				n := 0
				err := r.run(t.Context(), NewDemand(Want{640, 360, 15}), func(f *video.Frame) {
					if n++; f.Seq != uint64(n) || f.Time.IsZero() || f.Width != 64 {
						t.Errorf("frame %d: %+v", n, f.Seq)
					}
				})
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				if n != tt.frames || dev.held != 0 {
					t.Errorf("%d frames, want %d; %d buffers kept", n, tt.frames, dev.held)
				}
			})
		})
	}
}

func TestCameraGrowsWithDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		small, large := mode{true, 640, 480, 30}, mode{true, 1280, 720, 30}
		seq := uint64(0)
		d := NewDemand(Want{200, 120, 15})
		r := reader{device: &fakeDevice{events: repeat(make([]byte, 2*640*480), 100)}, mode: small, modes: []mode{small, large}, seq: &seq}
		err := r.run(t.Context(), d, func(f *video.Frame) {
			if f.Seq == 3 {
				d.Set(Want{1280, 720, 15})
			}
		})
		if err != nil || seq != 3 {
			t.Errorf("after %d frames: %v", seq, err)
		}
	})
}

func TestCameraStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := mode{packed: false, width: 64, height: 48}
		seq := uint64(0)
		var b bytes.Buffer
		if err := jpeg.Encode(&b, picture(image.YCbCrSubsampleRatio422, 64, 48), nil); err != nil {
			t.Fatal(err)
		}
		r := reader{device: &fakeDevice{events: repeat(b.Bytes(), 100)}, mode: m, modes: []mode{m}, seq: &seq}
		if err := r.run(ctx, NewDemand(Want{64, 48, 30}), func(*video.Frame) { cancel() }); err != nil || seq != 1 {
			t.Errorf("after %d frames: %v", seq, err)
		}
	})
}

func TestSizesOfDrivers(t *testing.T) {
	one := sizesOf(webcam.FrameSize{MinWidth: 800, MaxWidth: 800, MinHeight: 600, MaxHeight: 600})
	if !slices.Equal(one, [][2]int{{800, 600}}) {
		t.Errorf("one size: %v", one)
	}
	many := sizesOf(webcam.FrameSize{MinWidth: 32, MaxWidth: 1000, StepWidth: 16, MinHeight: 32, MaxHeight: 700, StepHeight: 16})
	if !slices.Equal(many, [][2]int{{640, 352}, {640, 480}, {992, 688}}) {
		t.Errorf("many sizes: %v", many)
	}
}
