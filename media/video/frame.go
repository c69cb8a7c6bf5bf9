// Package video holds what every moving picture of a call has in common: the
// frame that sources make, the codec carries and the screen draws.
package video

import "time"

// Frame is one picture in I420: a full-size luma plane and two chroma planes
// of half the width and height, rounded up. Samples are limited-range BT.601
// (luma 16 to 235, chroma 16 to 240), as WebRTC sends them.
//
// A frame that has been handed on is immutable: whoever receives one may keep
// it, and nobody writes to its planes again.
type Frame struct {
	Width, Height     int // in luma samples
	Y, U, V           []byte
	YStride, UVStride int // bytes from one row to the next

	// Time is when the picture was taken, on the clock of whoever made the
	// frame (the capture clock, or the receiver's for a decoded frame).
	Time time.Time
	// Seq counts the frames of one source or one decoder; it never repeats
	// within it, so that a drawer can tell a new picture from the last one.
	Seq uint64
}

// NewFrame returns a black frame of the given size with tightly packed planes.
func NewFrame(width, height int) *Frame {
	cw, ch := (width+1)/2, (height+1)/2
	buf := make([]byte, width*height+2*cw*ch)
	f := &Frame{
		Width: width, Height: height,
		Y:       buf[: width*height : width*height],
		U:       buf[width*height : width*height+cw*ch : width*height+cw*ch],
		V:       buf[width*height+cw*ch:],
		YStride: width, UVStride: cw,
	}
	for i := range f.Y {
		f.Y[i] = 16
	}
	for i := range f.U {
		f.U[i] = 128
		f.V[i] = 128
	}
	return f
}
