package termvideo

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"strconv"
	"time"
)

// The kitty graphics protocol: sw.kovidgoyal.net/kitty/graphics-protocol.

// kittyChunk is the most payload one escape sequence may carry.
const kittyChunk = 4096

// kittyEncoder sends pictures through the terminal's input, compressed.
type kittyEncoder struct {
	packed bytes.Buffer
	zip    *zlib.Writer
	base64 []byte
}

// appendKittyKeys appends the keys all transmissions share: show the picture
// (a=T) in RGB (f=24) over so many cells, below any text that may be put there
// (z=-1), leave the cursor alone (C=1), send no answer (q=2).
func appendKittyKeys(b []byte, image uint32, area rect, w, h int) []byte {
	b = append(b, "\x1b_Ga=T,f=24,q=2,C=1,z=-1,i="...)
	b = strconv.AppendUint(b, uint64(image), 10)
	for _, kv := range [...]struct {
		key   string
		value int
	}{{",s=", w}, {",v=", h}, {",c=", area.w}, {",r=", area.h}} {
		b = append(b, kv.key...)
		b = strconv.AppendInt(b, int64(kv.value), 10)
	}
	return b
}

// appendDirect appends a picture in chunks of base64 over zlib. It fails only
// if the compressor does.
func (k *kittyEncoder) appendDirect(b []byte, image uint32, area rect, w, h int, rgb []byte) ([]byte, bool) {
	k.packed.Reset()
	if k.zip == nil {
		zip, err := zlib.NewWriterLevel(&k.packed, zlib.BestSpeed)
		if err != nil {
			return b, false
		}
		k.zip = zip
	} else {
		k.zip.Reset(&k.packed)
	}
	if _, err := k.zip.Write(rgb); err != nil {
		return b, false
	}
	if err := k.zip.Close(); err != nil {
		return b, false
	}
	k.base64 = base64.StdEncoding.AppendEncode(k.base64[:0], k.packed.Bytes())
	b = appendKittyKeys(b, image, area, w, h)
	b = append(b, ",t=d,o=z"...)
	rest := k.base64
	for first := true; ; first = false {
		n := min(len(rest), kittyChunk)
		if !first {
			b = append(b, "\x1b_Gq=2"...)
		}
		if n < len(rest) {
			b = append(b, ",m=1;"...)
		} else {
			b = append(b, ",m=0;"...)
		}
		b = append(b, rest[:n]...)
		b = append(b, "\x1b\\"...)
		if rest = rest[n:]; len(rest) == 0 {
			return b, true
		}
	}
}

// appendKittyFile hands the picture over in a file or shared memory object that
// the terminal reads and removes.
func (p *pixelSender) appendKittyFile(b []byte, image uint32, tile string, area rect, w, h int, now time.Time) ([]byte, bool) {
	name, medium, err := p.files.put(tile, p.rgb, now)
	if err != nil {
		// No room in the file system: send this picture the long way.
		return p.kitty.appendDirect(b, image, area, w, h, p.rgb)
	}
	b = appendKittyKeys(b, image, area, w, h)
	b = append(b, ",t="...)
	b = append(b, medium, ';')
	b = base64.StdEncoding.AppendEncode(b, []byte(name))
	return append(b, "\x1b\\"...), true
}

// appendKittyDelete removes a picture and frees its data (d=I).
func appendKittyDelete(b []byte, image uint32) []byte {
	b = append(b, "\x1b_Ga=d,q=2,d=I,i="...)
	b = strconv.AppendUint(b, uint64(image), 10)
	return append(b, "\x1b\\"...)
}
