// Command voice holds meet's echo canceller and noise suppressor against others
// on the same sound: WebRTC's audio processing (AEC3 and its noise suppressor,
// through livekit-cli's binding) and speexdsp. It prints the tables of
// docs/PERFORMANCE.md.
//
// It is a module of its own, since the others are C and C++: it needs a
// compiler for C++17, libspeexdsp-dev, and minutes for the first build. Run it
// in its folder:
//
//	CGO_ENABLED=1 go run .
package main

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/livekit/livekit-cli/v2/pkg/apm"

	"github.com/meet-term/meet/internal/score"
	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/echo"
)

const (
	rate  = voicetest.Rate
	block = rate / 100
)

// processor is one of those who are compared.
type processor interface {
	process(mic, far, out []float32)
	close()
}

type ours struct{ c *echo.Canceller }

func (o ours) process(mic, far, out []float32) { o.c.Process(mic, far, out) }
func (o ours) close()                          {}

type webrtc struct {
	apm      *apm.APM
	mic, far []int16
}

func newWebRTC(cfg apm.APMConfig) *webrtc {
	a, err := apm.NewAPM(cfg)
	if err != nil {
		panic(err)
	}
	return &webrtc{a, make([]int16, block), make([]int16, block)}
}

func (w *webrtc) process(mic, far, out []float32) {
	for i := range mic {
		w.mic[i], w.far[i] = toInt16(mic[i]), toInt16(far[i])
	}
	if err := w.apm.ProcessRender(w.far); err != nil {
		panic(err)
	}
	if err := w.apm.ProcessCapture(w.mic); err != nil {
		panic(err)
	}
	for i, v := range w.mic {
		out[i] = float32(v) / 32768
	}
}

func (w *webrtc) close() { w.apm.Close() }

func toInt16(v float32) int16 {
	return int16(max(-32768, min(math.Round(float64(v)*32768), 32767)))
}

// contender is a processor with its name.
type contender struct {
	name string
	make func() processor
}

// through sends a whole scene through a processor and tells the median time of
// a block.
func through(p processor, mic, far []float32) ([]float32, time.Duration) {
	defer p.close()
	out := make([]float32, len(mic))
	var times []time.Duration
	for at := 0; at+block <= len(mic); at += block {
		began := time.Now()
		p.process(mic[at:at+block], far[at:at+block], out[at:at+block])
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return out, times[len(times)/2]
}

func scenes(all []voicetest.Scene, contenders []contender, only string) map[string][]time.Duration {
	times := map[string][]time.Duration{}
	fmt.Print("| scene | nothing |")
	for _, c := range contenders {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Println("\n|---|---|" + strings.Repeat("---|", len(contenders)))
	for _, s := range all {
		if !strings.Contains(s.Name, only) {
			continue
		}
		x := s.Make()
		from, to := 10.0, 18.0
		if s.Change > 0 {
			from, to = 40, 45
		}
		near := voicetest.Cut(x.Near, x.NearFrom, x.NearTo-0.1)
		judge := func(out []float32) string {
			// Up to 50 ms of delay are the processor's own.
			got, _ := score.Align(near, voicetest.Cut(out, x.NearFrom, x.NearTo), rate/20)
			quality := fmt.Sprintf("%.2f / %.3f", score.Quality(near, got), score.STOI(near, got))
			if s.Echo <= voicetest.NoEcho {
				return "- / " + quality
			}
			return fmt.Sprintf("%.0f / %s", voicetest.Level(x.Echo, from, to)-voicetest.Level(out, from, to), quality)
		}
		fmt.Printf("| %s | %s |", s.Name, judge(x.Mic))
		for _, c := range contenders {
			out, took := through(c.make(), x.Mic, x.Far)
			times[c.name] = append(times[c.name], took)
			fmt.Printf(" %s |", judge(out))
		}
		fmt.Println()
	}
	return times
}

// noises holds noise suppression alone against WebRTC's.
func noises(contenders []contender) {
	fmt.Print("\n| noise | nothing |")
	for _, c := range contenders {
		fmt.Printf(" %s |", c.name)
	}
	fmt.Println("\n|---|---|" + strings.Repeat("---|", len(contenders)))
	const n = 24 * rate
	voice := voicetest.Speak(n, -26, "f2", "m3")
	for at := range voice { // pauses: at the beginning and in the middle
		if t := float64(at) / rate; t < 2 || t > 12 && t < 14 {
			voice[at] = 0
		}
	}
	for _, k := range []struct {
		name string
		make func(int, float64, uint64) []float32
	}{{"white", voicetest.White}, {"fan", voicetest.Fan}, {"cafe", voicetest.Cafe}, {"keyboard", voicetest.Keyboard}} {
		for _, db := range []float64{20, 10} {
			mic := k.make(n, -26-db, 3)
			for i, v := range voice {
				mic[i] += v
			}
			clean := voicetest.Cut(voice, 3, 23)
			judge := func(out []float32) string {
				got, _ := score.Align(clean, voicetest.Cut(out, 3, 24), rate/20)
				return fmt.Sprintf("%.1f dB %.2f / %.3f", voicetest.Level(out, 12.5, 13.9)-voicetest.Level(mic, 12.5, 13.9),
					score.Quality(clean, got), score.STOI(clean, got))
			}
			fmt.Printf("| %s, %.0f dB below | %s |", k.name, db, judge(mic))
			far := make([]float32, n)
			for _, c := range contenders {
				out, _ := through(c.make(), mic, far)
				fmt.Printf(" %s |", judge(out))
			}
			fmt.Println()
		}
	}
}

func main() {
	only := flag.String("scene", "", "only the scenes whose names have this in them")
	of := flag.String("of", "", "only those who have this in their names")
	flag.Parse()
	runtime.LockOSThread()
	contenders := []contender{
		{"AEC3", func() processor { return newWebRTC(apm.APMConfig{EchoCanceller: true, HighPassFilter: true}) }},
		{"AEC3 + NS", func() processor {
			return newWebRTC(apm.APMConfig{EchoCanceller: true, HighPassFilter: true, NoiseSuppressor: true})
		}},
		{"speexdsp 200 ms", func() processor { return newSpeex() }},
		{"meet, echo alone", func() processor { return ours{echo.New(echo.Config{NoiseOff: true})} }},
		{"meet", func() processor { return ours{echo.New(echo.Config{})} }},
	}
	contenders = slices.DeleteFunc(contenders, func(c contender) bool { return !strings.Contains(c.name, *of) })
	fmt.Println("ERLE in dB / score / STOI in double talk")
	fmt.Println()
	times := scenes(voicetest.Table(), contenders, *only)
	fmt.Println()
	for name, more := range scenes(voicetest.Others(), contenders, *only) {
		times[name] = append(times[name], more...)
	}
	if *only == "" {
		noises([]contender{
			{"WebRTC NS", func() processor { return newWebRTC(apm.APMConfig{NoiseSuppressor: true}) }},
			{"meet", func() processor { return ours{echo.New(echo.Config{EchoOff: true})} }},
		})
	}
	fmt.Println("\n| us per block of 10 ms, median |\n|---|---|")
	for _, c := range contenders {
		t := times[c.name]
		if len(t) > 0 {
			slices.Sort(t)
			fmt.Printf("| %s | %d |\n", c.name, t[len(t)/2].Microseconds())
		}
	}
}
