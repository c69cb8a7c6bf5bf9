package vp8

import (
	"slices"

	"github.com/meet-term/meet/media/video"
)

// maxLent bounds how many frames the decoder remembers having lent out. A
// caller that never recycles costs it no more than this many small records;
// the pictures themselves are then left to the garbage collector.
const maxLent = 8

// newPicture returns a picture to decode into: one that was given back and is
// no reference any more, or else a new one.
func (d *Decoder) newPicture() *picture {
	d.owned = slices.DeleteFunc(d.owned, func(l lent) bool {
		if !l.returned || slices.Contains(d.refs[:], l.picture) {
			return false
		}
		d.free = append(d.free, l.picture.buf)
		return true
	})
	var buf []byte
	if n := len(d.free); n > 0 {
		buf = d.free[n-1]
		d.free = d.free[:n-1]
	}
	return newPicture(d.modes.cols, d.modes.rows, 0, buf)
}

// show wraps a picture for the caller, or keeps it for itself when the frame
// is not to be shown.
func (d *Decoder) show(pic *picture) *video.Frame {
	l := lent{picture: pic, returned: true}
	if d.header.show {
		d.seq++
		l.frame = pic.frame(d.width, d.height)
		l.frame.Seq = d.seq
		l.returned = false
	}
	if len(d.owned) == maxLent {
		d.owned = slices.Delete(d.owned, 0, 1)
	}
	d.owned = append(d.owned, l)
	return l.frame
}

// Recycle gives a frame that Decode returned back, so that its memory can be
// used again. The caller vouches that nobody holds the frame or its planes any
// longer. Frames that are not recycled, which is always safe, go to the garbage
// collector; so do frames of another decoder.
func (d *Decoder) Recycle(f *video.Frame) {
	for i := range d.owned {
		if f != nil && d.owned[i].frame == f {
			d.owned[i].returned = true
		}
	}
}
