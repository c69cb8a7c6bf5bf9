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
	w := f.Width
	top, bottom := f.Y[y*f.YStride:][:w], f.Y[(y+1)*f.YStride:][:w]
	u, v := f.U[y/2*f.UVStride:][:w/2], f.V[y/2*f.UVStride:][:w/2]
	above, below = above[:4*w], below[:4*w]
	for x := 0; x+1 < len(top) && x+1 < len(bottom); x += 2 {
		// Two pixels at a time; little endian puts blue into the lowest byte.
		a, b := binary.LittleEndian.Uint64(above[4*x:]), binary.LittleEndian.Uint64(below[4*x:])
		top[x], top[x+1] = luma(uint32(a)), luma(uint32(a>>32))
		bottom[x], bottom[x+1] = luma(uint32(b)), luma(uint32(b>>32))

		// Sums over the four pixels: blue and red in one word, green in another.
		const blueRed = 0x00ff00ff00ff00ff
		br := a&blueRed + b&blueRed
		br = br&0xffffffff + br>>32
		g := a>>8&0x000000ff000000ff + b>>8&0x000000ff000000ff
		green := int32(g&0xffff + g>>32)
		blue, red := int32(br&0xffff), int32(br>>16)
		const half = 128<<10 + 512
		u[x/2] = byte((112*blue - 38*red - 74*green + half) >> 10)
		v[x/2] = byte((112*red - 94*green - 18*blue + half) >> 10)
	}
}

// luma is (66 R + 129 G + 25 B) / 256 + 16 of a pixel.
func luma(p uint32) byte {
	// One product for both: red times 66 and blue times 25 meet in bits 16 to 31.
	rb := uint64(p&0x00ff00ff) * (25<<16 | 66) >> 16 & 0xffff
	return byte((rb+uint64(p>>8&0xff)*129+128)>>8 + 16)
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
