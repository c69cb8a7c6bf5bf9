package audio

import (
	"syscall"
	"testing"
	"time"

	"github.com/meet-term/meet/media/audio/pcm"
)

// cpuTime is what the process has used of processors so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkProcessing is echo, noise and gain for 10 ms, in processor time and as
// a share of a core: while both talk, while only the microphone is heard, and
// while the speaker is idle.
func BenchmarkProcessing(b *testing.B) {
	near, far := voiceAt("f1", -26, 0, 60), voiceAt("m1", -24, 0, 60)
	for name, c := range map[string]struct{ idle, quiet bool }{
		"both talk": {}, "speaker silent": {quiet: true}, "speaker idle": {idle: true},
	} {
		b.Run(name, func(b *testing.B) {
			ref := &reference{}
			if !c.idle {
				ref.start()
			}
			p := newProcessor(ref)
			n := 0
			var mic, out [pcm.BlockSamples]float32
			step := func() {
				for i := range mic {
					at := n*len(mic) + i
					out[i] = 0
					if !c.quiet {
						out[i] = far(at)
					}
					mic[i] = near(at)
					if at > 4000 && !c.quiet {
						mic[i] += 0.5 * far(at-4000)
					}
				}
				ref.write(out[:])
				n++
				p.apply(mic[:], Processing{}, true, func([]float32) {})
			}
			for range 500 {
				step()
			}
			b.ReportAllocs()
			used := cpuTime()
			count := 0
			for b.Loop() {
				step()
				count++
			}
			perBlock := float64((cpuTime() - used).Nanoseconds()) / float64(count)
			b.ReportMetric(perBlock/1000, "cpu-us/block")
			b.ReportMetric(perBlock/1e7*100, "%core")
		})
	}
}
