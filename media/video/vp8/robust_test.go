package vp8

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/meet-term/meet/media/video"
)

// goldenFrames returns the frames of all golden streams.
func goldenFrames(t testing.TB) [][][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "*.ivf"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	var all [][][]byte
	for _, path := range paths {
		all = append(all, readIVF(t, path))
	}
	return all
}

// checkFrame fails if a frame is not of the size it says it has.
func checkFrame(t testing.TB, f *video.Frame) {
	t.Helper()
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	if f.Width < 1 || f.Height < 1 || f.YStride < f.Width || f.UVStride < cw ||
		len(f.Y) < (f.Height-1)*f.YStride+f.Width ||
		len(f.U) < (ch-1)*f.UVStride+cw || len(f.V) < (ch-1)*f.UVStride+cw {
		t.Fatalf("frame of %d x %d has planes of %d, %d, %d bytes, strides %d, %d",
			f.Width, f.Height, len(f.Y), len(f.U), len(f.V), f.YStride, f.UVStride)
	}
}

// TestMutatedStreams decodes streams with bytes changed, cut off or swapped. No
// outcome is wrong but a panic, an error of no known kind or a decoder that
// does not recover with the next key frame.
func TestMutatedStreams(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	decoded, failed := 0, 0
	for _, frames := range goldenFrames(t) {
		want := decodeAll(t, NewDecoder(DecoderOptions{}), frames)
		for range 60 {
			d := NewDecoder(DecoderOptions{MaxSamples: 1 << 18})
			for _, data := range frames {
				f, err := d.Decode(mutate(rng, data))
				switch {
				case err == nil:
					decoded++
					if f != nil {
						checkFrame(t, f)
					}
				case errors.Is(err, ErrNeedKeyFrame), errors.Is(err, ErrTruncated),
					errors.Is(err, ErrInvalid), errors.Is(err, ErrTooLarge):
					failed++
				default:
					t.Fatalf("unknown error: %v", err)
				}
			}
			for i, g := range decodeAll(t, d, frames) {
				if !bytes.Equal(g, want[i]) {
					t.Fatal("a whole stream after a broken one is not decoded as usual")
				}
			}
		}
	}
	if decoded == 0 || failed == 0 {
		t.Errorf("%d frames decoded and %d failed: the mutations are not of both kinds", decoded, failed)
	}
}

// mutate returns data with some damage, or unharmed now and then.
func mutate(rng *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	switch rng.IntN(6) {
	case 0:
		return out[:rng.IntN(len(out)+1)]
	case 1:
		return out
	case 2:
		for i := range min(len(out), 12) {
			if rng.IntN(3) == 0 {
				out[i] ^= 1 << rng.IntN(8)
			}
		}
	default:
		for range 1 + rng.IntN(8) {
			out[rng.IntN(len(out))] = byte(rng.Uint32())
		}
	}
	return out
}

func TestDecodeErrors(t *testing.T) {
	frames := goldenFrames(t)[0]
	key, inter := frames[0], frames[1]
	badCode := bytes.Clone(key)
	badCode[4] ^= 1
	noSize := bytes.Clone(key)
	noSize[6], noSize[7] = 0, 0
	huge := bytes.Clone(key)
	huge[6], huge[7], huge[8], huge[9] = 0xff, 0x3f, 0xff, 0x3f
	longPart := bytes.Clone(key)
	longPart[2] = 0xff
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"half a tag", key[:2], ErrTruncated},
		{"half a key frame tag", key[:7], ErrTruncated},
		{"first partition cut off", key[:14], ErrTruncated},
		{"first partition too long", longPart, ErrTruncated},
		{"wrong start code", badCode, ErrInvalid},
		{"no width", noSize, ErrInvalid},
		{"too large", huge, ErrTooLarge},
		{"no key frame yet", inter, ErrNeedKeyFrame},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder(DecoderOptions{})
			if f, err := d.Decode(tt.data); f != nil || !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v, want %v", f, err, tt.want)
			}
			if _, err := d.Decode(key); err != nil {
				t.Errorf("key frame afterwards: %v", err)
			}
		})
	}
}

// TestErrorLeavesDecoderAlone puts broken frames between whole ones and expects
// the pictures that come without them.
func TestErrorLeavesDecoderAlone(t *testing.T) {
	for _, frames := range goldenFrames(t) {
		want := decodeAll(t, NewDecoder(DecoderOptions{}), frames)
		d := NewDecoder(DecoderOptions{})
		var got [][]byte
		for _, data := range frames {
			for _, cut := range []int{0, 2, 5, 11} {
				if _, err := d.Decode(data[:min(cut, len(data)-1)]); err == nil {
					t.Fatalf("%d bytes of a frame are taken for a whole one", cut)
				}
			}
			got = append(got, decodeAll(t, d, [][]byte{data})...)
		}
		samePictures(t, got, bytes.Join(want, nil))
	}
}

func TestMaxSamples(t *testing.T) {
	key := goldenFrames(t)[0][0]
	w, h, ok := keyFrameHeader(key)
	if !ok {
		t.Fatal("not a key frame")
	}
	samples := (w + 15) / 16 * ((h + 15) / 16) * 256
	if _, err := NewDecoder(DecoderOptions{MaxSamples: samples}).Decode(key); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := NewDecoder(DecoderOptions{MaxSamples: samples - 1}).Decode(key); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the limit: %v", err)
	}
}

func TestKeyFrameHeader(t *testing.T) {
	frames := goldenFrames(t)[0]
	if w, h, ok := keyFrameHeader(frames[0]); !ok || w != 48 || h != 34 {
		t.Errorf("key frame: %d x %d, %v", w, h, ok)
	}
	if _, _, ok := keyFrameHeader(frames[1]); ok {
		t.Error("an inter frame is taken for a key frame")
	}
	if _, _, ok := keyFrameHeader(frames[0][:9]); ok {
		t.Error("nine bytes are taken for a key frame")
	}
}

// TestFramesStayTheSame holds on to every frame while decoding goes on, with
// some recycled, and looks whether those not recycled have changed.
func TestFramesStayTheSame(t *testing.T) {
	frames := goldenFrames(t)[0]
	d := NewDecoder(DecoderOptions{})
	type kept struct {
		f    *video.Frame
		copy []byte
	}
	var all []kept
	for round := range 4 {
		for i, data := range frames {
			f, err := d.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if f == nil {
				continue
			}
			if (i+round)%3 == 0 {
				d.Recycle(f)
				continue
			}
			all = append(all, kept{f, packed(f)})
		}
	}
	for i, k := range all {
		if !bytes.Equal(packed(k.f), k.copy) {
			t.Fatalf("frame %d has changed", i)
		}
		if i > 0 && k.f.Seq <= all[i-1].f.Seq {
			t.Fatalf("sequence number %d after %d", k.f.Seq, all[i-1].f.Seq)
		}
	}
}

// TestRecycleSavesMemory expects a decoder whose frames all come back to do
// without new pictures.
func TestRecycleSavesMemory(t *testing.T) {
	frames := goldenFrames(t)[0]
	d := NewDecoder(DecoderOptions{})
	decodeAll(t, d, frames)
	seen := map[*byte]bool{}
	for range 5 {
		for _, data := range frames {
			f, err := d.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if f != nil {
				seen[&f.Y[0]] = true
				d.Recycle(f)
			}
		}
	}
	// Three references, the one being made, and one that waits.
	if len(seen) > 5 {
		t.Errorf("%d pictures were made for %d frames", len(seen), 5*len(frames))
	}
}

// FuzzDecode feeds a decoder two frames, the first of which may well be a key
// frame.
func FuzzDecode(f *testing.F) {
	for _, frames := range goldenFrames(f) {
		f.Add(frames[0], frames[1])
		f.Add(frames[0], frames[len(frames)-1])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := NewDecoder(DecoderOptions{MaxSamples: 1 << 16})
		for _, data := range [][]byte{first, second} {
			got, err := d.Decode(data)
			if got != nil && err != nil {
				t.Fatal("both a frame and an error")
			}
			if got != nil {
				checkFrame(t, got)
			}
		}
		if w, h, ok := keyFrameHeader(first); ok && (w < 1 || h < 1) {
			t.Fatalf("key frame of %d x %d", w, h)
		}
	})
}

// TestSeedCorpus keeps the seeds from growing beyond what belongs into a
// repository.
func TestSeedCorpus(t *testing.T) {
	var size int64
	err := filepath.WalkDir("testdata", func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil || size > 256<<10 {
		t.Errorf("testdata has %d bytes: %v", size, err)
	}
}

// keyFrameHeader says whether data starts a VP8 key frame, and the size of its
// picture in samples.
func keyFrameHeader(data []byte) (width, height int, ok bool) {
	if len(data) < 10 || data[0]&1 != 0 || data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a {
		return 0, 0, false
	}
	width = (int(data[6]) | int(data[7])<<8) & 0x3fff
	height = (int(data[8]) | int(data[9])<<8) & 0x3fff
	return width, height, width > 0 && height > 0
}
