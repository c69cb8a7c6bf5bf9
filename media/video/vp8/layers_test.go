package vp8

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meet-term/meet/media/video"
)

// drift makes pictures with a texture that moves and some noise.
func drift(width, height, frames int) []*video.Frame {
	random := rand.New(rand.NewPCG(1, 2))
	texture := make([]byte, (width+frames*2)*height)
	for i := range texture {
		texture[i] = byte(100 + random.IntN(40) + (i/7)%50)
	}
	var out []*video.Frame
	for n := range frames {
		f := &video.Frame{
			Width: width, Height: height, YStride: width, UVStride: width / 2,
			Y: make([]byte, width*height), U: make([]byte, width*height/4), V: make([]byte, width*height/4),
			Time: time.Unix(0, 0).Add(time.Duration(n) * time.Second / 15),
		}
		for y := range height {
			copy(f.Y[y*width:][:width], texture[y*(width+frames*2)+n*2:])
			f.Y[y*width+random.IntN(width)] ^= 16
		}
		for i := range f.U {
			f.U[i], f.V[i] = byte(120+n%9), byte(130-n%5)
		}
		out = append(out, f)
	}
	return out
}

// What is left of a stream without its upper layers can be decoded, to the very
// pictures that the encoder had, and layers begin and end without a key frame.
func TestLayers(t *testing.T) {
	e, err := NewEncoder(Config{Width: 160, Height: 96, FPS: 15, BitrateKbps: 150})
	if err != nil {
		t.Fatal(err)
	}
	decoders := [3]*Decoder{}
	for i := range decoders {
		decoders[i] = NewDecoder(DecoderOptions{})
	}
	var frames, size [3]int
	keys := 0
	for i, f := range drift(160, 96, 90) {
		switch i {
		case 7:
			e.SetLayers(true)
		case 50:
			e.ForceKeyFrame() // in the middle of a round
		case 80:
			e.SetLayers(false)
		}
		p, err := e.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		if p.Dropped {
			continue
		}
		if p.Key {
			keys++
		}
		if i >= 11 && i < 80 {
			frames[p.Layer]++
			size[p.Layer] += len(p.Data)
		} else if (i < 7 || i >= 80) && p.Layer != 0 {
			t.Errorf("frame %d without layers is of layer %d", i, p.Layer)
		}
		want := packed(e.reconstruction())
		for upTo, d := range decoders {
			if int(p.Layer) > upTo {
				continue
			}
			got, err := d.Decode(p.Data)
			if err != nil {
				t.Fatalf("frame %d, layers to %d: %v", i, upTo, err)
			}
			if !bytes.Equal(bytes.Join([][]byte{packed(got)}, nil), bytes.Join([][]byte{want}, nil)) {
				t.Fatalf("frame %d looks different with the layers to %d", i, upTo)
			}
		}
	}
	if keys != 2 {
		t.Errorf("%d key frames", keys)
	}
	all := frames[0] + frames[1] + frames[2]
	if frames[0] < all/4-1 || frames[0] > all/4+3 || frames[2] < all/2-2 || frames[2] > all/2+2 {
		t.Errorf("%v frames of each layer", frames)
	}
	bits := size[0] + size[1] + size[2]
	if share := float64(size[0]) / float64(bits); share > 0.6 {
		t.Errorf("the lowest layer takes %.2f of the bits", share)
	}
	t.Logf("%v frames and %v bytes of each layer", frames, size)
}
