package vp8

import "github.com/meet-term/meet/media/video"

// loadSlack is how far behind the end of a plane the predictors may read:
// they load eight samples at a time, whatever the width of the block.
const loadSlack = 32

// plane is one colour plane, its size rounded up to whole macroblocks, with
// pad samples around it that repeat the edge.
type plane struct {
	pix           []byte
	stride        int
	origin        int // of the sample at 0, 0 in pix
	width, height int
	pad           int
}

func newPlane(buf []byte, width, height, pad int) plane {
	stride := width + 2*pad
	return plane{pix: buf, stride: stride, origin: pad*stride + pad, width: width, height: height, pad: pad}
}

// at returns the samples from x, y on.
func (p *plane) at(x, y int) []byte { return p.pix[p.origin+y*p.stride+x:] }

// extend repeats the edges of rows [from, to) into the padding to the sides,
// and those of the first and last row into the padding above and below.
func (p *plane) extend(from, to int) {
	if p.pad == 0 {
		return
	}
	for y := from; y < to; y++ {
		row := p.pix[p.origin+y*p.stride-p.pad:][:p.stride]
		fill(row[:p.pad], row[p.pad])
		fill(row[p.pad+p.width:], row[p.pad+p.width-1])
	}
	if from == 0 {
		first := p.pix[p.pad*p.stride:][:p.stride]
		for y := range p.pad {
			copy(p.pix[y*p.stride:], first)
		}
	}
	if to == p.height {
		last := p.pix[(p.pad+p.height-1)*p.stride:][:p.stride]
		for y := range p.pad {
			copy(p.pix[(p.pad+p.height+y)*p.stride:], last)
		}
	}
}

func fill(s []byte, v byte) {
	for i := range s {
		s[i] = v
	}
}

// picture is a reconstructed picture: a reference for prediction and, cropped,
// what the decoder shows.
type picture struct {
	planes [3]plane
	buf    []byte
}

// newPicture returns a picture of cols by rows macroblocks. Its contents are
// zero, or anything at all when buf, from an earlier picture, is large enough
// to be used again.
func newPicture(cols, rows, pad int, buf []byte) *picture {
	w, h := 16*cols, 16*rows
	ySize := (w + 2*pad) * (h + 2*pad)
	uvSize := (w/2 + pad) * (h/2 + pad)
	if size := ySize + 2*uvSize + loadSlack; cap(buf) < size {
		buf = make([]byte, size)
	} else {
		buf = buf[:size]
	}
	p := &picture{buf: buf}
	p.planes[0] = newPlane(buf[:ySize+loadSlack], w, h, pad)
	p.planes[1] = newPlane(buf[ySize:ySize+uvSize+loadSlack], w/2, h/2, pad/2)
	p.planes[2] = newPlane(buf[ySize+uvSize:], w/2, h/2, pad/2)
	return p
}

// frame returns the visible part of the picture, which shares its samples.
func (p *picture) frame(width, height int) *video.Frame {
	y, u, v := &p.planes[0], &p.planes[1], &p.planes[2]
	crop := func(p *plane, w, h int) []byte {
		start, end := p.origin, p.origin+(h-1)*p.stride+w
		return p.pix[start:end:end]
	}
	return &video.Frame{
		Width: width, Height: height,
		Y: crop(y, width, height), YStride: y.stride,
		U: crop(u, (width+1)/2, (height+1)/2), UVStride: u.stride,
		V: crop(v, (width+1)/2, (height+1)/2),
	}
}
