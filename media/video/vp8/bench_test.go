package vp8

import (
	"testing"
)

// benchStream is what decoding benchmarks feed on.
func benchStream(b *testing.B, source, options string) [][]byte {
	b.Helper()
	needTools(b, "ffmpeg")
	s := stream{source: source, frames: 60, options: options}
	frames, err := splitIVF(s.make(b, b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	return frames
}

func BenchmarkDecodeCamera(b *testing.B) {
	frames := benchStream(b, "mandelbrot=s=640x360:r=30,noise=alls=6:allf=t", "-deadline realtime -cpu-used 8 -b:v 500k")
	d := NewDecoder(DecoderOptions{})
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		f, err := d.Decode(frames[i%len(frames)])
		if err != nil {
			b.Fatal(err)
		}
		d.Recycle(f)
	}
}
