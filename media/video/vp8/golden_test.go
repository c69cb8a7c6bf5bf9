package vp8

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var updateGolden = flag.Bool("update", false, "make the golden streams anew with ffmpeg")

// golden are short streams whose pictures libvpx and ffmpeg agree on, kept so
// that the decoder is tested on machines without either.
var golden = []stream{
	{"profile0", "testsrc2=s=48x34:r=30,rotate=t*2,noise=alls=10:allf=t", 48, 34, 12,
		"-deadline best -auto-alt-ref 1 -lag-in-frames 8 -b:v 60k", true},
	{"profile1", "testsrc2=s=48x34:r=30,rotate=t*2", 48, 34, 8, "-profile:v 1 -deadline good -b:v 60k", false},
	{"profile3", "mandelbrot=s=48x34:r=30", 48, 34, 8, "-profile:v 3 -deadline good -slices 2 -b:v 60k", false},
	{"resilient", "testsrc2=s=80x48:r=30", 80, 48, 12,
		"-deadline realtime -cpu-used 4 -error-resilient default -slices 4 -sharpness 4 -b:v 60k", false},
}

// goldenSum is the digest of raw pictures.
func goldenSum(pictures [][]byte) string {
	h := sha256.New()
	for _, p := range pictures {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestGoldenStreams(t *testing.T) {
	for _, s := range golden {
		t.Run(s.name, func(t *testing.T) {
			path := filepath.Join("testdata", "golden", s.name+".ivf")
			if *updateGolden {
				needTools(t, "ffmpeg", "vpxdec")
				ivf := s.make(t, t.TempDir())
				want := oracles[0].decode(t, ivf)
				if err := os.WriteFile(path, ivf, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+".sha256", []byte(goldenSum([][]byte{want})+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".sha256")
			if err != nil {
				t.Fatal(err)
			}
			got := decodeAll(t, NewDecoder(DecoderOptions{}), readIVF(t, path))
			if sum := goldenSum(got); sum != strings.TrimSpace(string(want)) {
				t.Errorf("pictures have digest %s, want %s", sum, want)
			}
		})
	}
}
