package termvideo

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"strconv"
)

// itermEncoder sends pictures as inline JPEG files, as iTerm2 introduced them
// (iterm2.com/documentation-images.html).
type itermEncoder struct {
	picture *image.RGBA
	file    bytes.Buffer
}

const jpegQuality = 70

func (e *itermEncoder) append(b []byte, area rect, w, h int, rgb []byte) ([]byte, bool) {
	if e.picture == nil || e.picture.Rect.Dx() != w || e.picture.Rect.Dy() != h {
		e.picture = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	pix := e.picture.Pix
	for i, j := 0, 0; i+2 < len(rgb); i, j = i+3, j+4 {
		pix[j], pix[j+1], pix[j+2], pix[j+3] = rgb[i], rgb[i+1], rgb[i+2], 0xff
	}
	e.file.Reset()
	if err := jpeg.Encode(&e.file, e.picture, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return b, false // only a picture beyond 65535 pixels
	}
	b = append(b, "\x1b]1337;File=inline=1;doNotMoveCursor=1;preserveAspectRatio=0;width="...)
	b = strconv.AppendInt(b, int64(area.w), 10)
	b = append(b, ";height="...)
	b = strconv.AppendInt(b, int64(area.h), 10)
	b = append(b, ";size="...)
	b = strconv.AppendInt(b, int64(e.file.Len()), 10)
	b = append(b, ':')
	b = base64.StdEncoding.AppendEncode(b, e.file.Bytes())
	return append(b, '\a'), true
}
