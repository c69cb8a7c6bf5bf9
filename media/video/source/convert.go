package source

import (
	"encoding/binary"
	"fmt"
	"image"

	"github.com/meet-term/meet/media/video"
)

// bgraRows converts two rows of 32-bit pixels, blue first, to limited-range
// BT.601. y and the width of f are even; above and below are the two rows.
func bgraRows(f *video.Frame, y int, above, below []byte) {
	w := f.Width &^ 1
	top, bottom := f.Y[y*f.YStride:][:w], f.Y[(y+1)*f.YStride:][:w]
	u, v := f.U[y/2*f.UVStride:][:w/2], f.V[y/2*f.UVStride:][:w/2]
	above, below = above[:4*w], below[:4*w]
	for i := range u {
		// Two by two pixels at a time.
		a, b := binary.LittleEndian.Uint64(above), binary.LittleEndian.Uint64(below)
		above, below = above[8:], below[8:]
		binary.LittleEndian.PutUint16(top, lumaPair(a))
		binary.LittleEndian.PutUint16(bottom, lumaPair(b))
		top, bottom = top[2:], bottom[2:]

		// Sums over the four pixels: red and blue in one word, green in another.
		rb := a&redBlue + b&redBlue
		rb += rb >> 32
		g := a>>8&greens + b>>8&greens
		green := int32(g + g>>32)
		blue, red := int32(rb&0xffff), int32(rb>>16&0xffff)
		const half = 128<<10 + 512
		u[i] = byte((112*blue - 38*red - 74*green + half) >> 10)
		v[i] = byte((112*red - 94*green - 18*blue + half) >> 10)
	}
}

// Where the colours are in a word of two pixels; the greens once shifted down.
const (
	redBlue = 0x00ff00ff00ff00ff
	greens  = 0x000000ff000000ff
)

// lumaPair is (66 R + 129 G + 25 B) / 256 + 16 of two pixels, in two bytes.
func lumaPair(p uint64) uint16 {
	const low = 0x0000ffff0000ffff
	rb := p & redBlue
	// Every product fits into the 16 bits above its colour.
	sum := rb*25&low + rb*66>>16&low + (p>>8&greens)*129 + (128+16<<8)*0x0000000100000001
	return uint16(sum>>8&0xff | sum>>32&0xff00)
}

// fromYUYV converts packed 4:2:2 pixels (luma, U, luma, V), of even width and
// height, with the given number of bytes per row.
func fromYUYV(src []byte, stride, width, height int) (*video.Frame, error) {
	if width%2 != 0 || height%2 != 0 || stride < 2*width || len(src) < stride*(height-1)+2*width {
		return nil, fmt.Errorf("convert YUYV: %d bytes for %d x %d", len(src), width, height)
	}
	f := unfilled(width, height)
	for y := 0; y < height; y += 2 {
		above, below := src[y*stride:][:2*width], src[(y+1)*stride:][:2*width]
		top, bottom := f.Y[y*width:][:width], f.Y[(y+1)*width:][:width]
		u, v := f.U[y/2*f.UVStride:][:width/2], f.V[y/2*f.UVStride:][:width/2]
		for x := range u {
			a, b := binary.LittleEndian.Uint32(above[4*x:]), binary.LittleEndian.Uint32(below[4*x:])
			top[2*x], top[2*x+1] = byte(a), byte(a>>16)
			bottom[2*x], bottom[2*x+1] = byte(b), byte(b>>16)
			u[x] = byte((a>>8&0xff + b>>8&0xff + 1) >> 1)
			v[x] = byte((a>>24 + b>>24 + 1) >> 1)
		}
	}
	return f, nil
}

// unfilled is a frame whose samples are still to be set.
func unfilled(width, height int) *video.Frame {
	cw, ch := (width+1)/2, (height+1)/2
	l, c := width*height, cw*ch
	buf := make([]byte, l+2*c)
	return &video.Frame{
		Width: width, Height: height, YStride: width, UVStride: cw,
		Y: buf[:l:l], U: buf[l : l+c : l+c], V: buf[l+c:],
	}
}

// fromImage converts a decoded JPEG picture, whose samples are full-range
// BT.601.
func fromImage(img image.Image) (*video.Frame, error) {
	size := img.Bounds().Size()
	if size.X < minFileSide || size.Y < minFileSide || size.X > maxFileSide || size.Y > maxFileSide {
		return nil, fmt.Errorf("convert picture: %v samples", size)
	}
	width, height := size.X&^1, size.Y&^1
	f := unfilled(width, height)
	switch m := img.(type) {
	case *image.Gray:
		for y := range height {
			copy(f.Y[y*width:][:width], m.Pix[y*m.Stride:])
		}
		for i := range f.U {
			f.U[i], f.V[i] = 128, 128
		}
	case *image.YCbCr:
		for y := range height {
			copy(f.Y[y*width:][:width], m.Y[y*m.YStride:])
		}
		for y := range height / 2 {
			for x := range width / 2 {
				// The mean of what covers the four luma samples, whatever
				// the subsampling of the picture is.
				p, q := image.Pt(2*x, 2*y).Add(m.Rect.Min), image.Pt(2*x+1, 2*y+1).Add(m.Rect.Min)
				a, b, c, d := m.COffset(p.X, p.Y), m.COffset(q.X, p.Y), m.COffset(p.X, q.Y), m.COffset(q.X, q.Y)
				at := y*f.UVStride + x
				f.U[at] = byte((int(m.Cb[a]) + int(m.Cb[b]) + int(m.Cb[c]) + int(m.Cb[d]) + 2) >> 2)
				f.V[at] = byte((int(m.Cr[a]) + int(m.Cr[b]) + int(m.Cr[c]) + int(m.Cr[d]) + 2) >> 2)
			}
		}
	default:
		return nil, fmt.Errorf("convert picture: %T is not supported", img)
	}
	toLimited(f)
	return f, nil
}

// blend lays an image of 32-bit pixels with premultiplied alpha over a part of
// the screen; at is where the image lies on the screen.
func blend(pixels []byte, part rectangle, img []uint32, at rectangle) {
	for row := range at.height {
		y := at.y + row - part.y
		if y < 0 || y >= part.height {
			continue
		}
		for col := range at.width {
			x := at.x + col - part.x
			if x < 0 || x >= part.width {
				continue
			}
			p := img[row*at.width+col]
			under := pixels[4*(y*part.width+x):][:4]
			rest := 255 - p>>24
			for i := range 3 {
				under[i] = byte(min(p>>(8*i)&0xff+(uint32(under[i])*rest+127)/255, 255))
			}
		}
	}
}
