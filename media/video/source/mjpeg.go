package source

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"sync"
)

// JPEG markers (ITU-T T.81 table B.1).
const (
	markerSOI = 0xd8
	markerDHT = 0xc4
	markerSOS = 0xda
)

// withTables returns a picture of a Motion JPEG stream as a JPEG file: cameras
// leave the Huffman tables out, which are then those of T.81 annex K.3.
func withTables(data []byte) []byte {
	if len(data) < 4 || data[0] != 0xff || data[1] != markerSOI {
		return data
	}
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		switch data[at+1] {
		case markerDHT:
			return data
		case markerSOS:
			whole := make([]byte, 0, len(data)+512)
			whole = append(whole, data[:at]...)
			whole = append(whole, standardTables()...)
			return append(whole, data[at:]...)
		}
		at += 2 + int(binary.BigEndian.Uint16(data[at+2:]))
	}
	return data
}

// standardTables is the segment that defines the tables of annex K.3. The
// encoder of image/jpeg uses them, so they are taken from what it writes.
var standardTables = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio420), nil); err != nil {
		return nil
	}
	data := b.Bytes()
	for at := 2; at+4 <= len(data); {
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if data[at+1] == markerDHT && end <= len(data) {
			return data[at:end]
		}
		at = end
	}
	return nil
})

// decodeJPEG decodes one picture of a Motion JPEG stream. Sizes are checked
// before memory is taken for them.
func decodeJPEG(data []byte) (image.Image, error) {
	data = withTables(data)
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if cfg.Width > maxFileSide || cfg.Height > maxFileSide {
		return nil, jpeg.UnsupportedError("size")
	}
	return jpeg.Decode(bytes.NewReader(data))
}
