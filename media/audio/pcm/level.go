package pcm

import (
	"math"

	"github.com/meet-term/meet/media"
)

// Measure returns the level of one block.
func Measure(block []float32) media.Level {
	return levelOf(power(block))
}

func power(block []float32) float64 {
	if len(block) == 0 {
		return 0
	}
	var sum float64
	for _, s := range block {
		sum += float64(s) * float64(s)
	}
	p := sum / float64(len(block))
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return 0
	}
	return p
}

func levelOf(p float64) media.Level {
	db := decibels(p)
	if db > 0 {
		return 0
	}
	return media.Level(math.Round(db))
}

// decibels turns a power into dB, held within the range of a Level below.
func decibels(p float64) float64 {
	if p <= 0 {
		return float64(media.Silence)
	}
	return max(10*math.Log10(p), float64(media.Silence))
}

// meterSmoothing is the time constant of a Meter in samples: 300 ms, which
// follows syllables without flickering.
const meterSmoothing = SampleRate * 300 / 1000

// Meter smooths the loudness of a stream over 300 ms. The zero value is ready
// to use and reads silence. It belongs to one goroutine.
type Meter struct {
	power float64
}

// Add takes in the next block of the stream.
func (m *Meter) Add(block []float32) {
	m.addPower(power(block), len(block))
}

// AddLevel takes in n samples of which only the level is known.
func (m *Meter) AddLevel(l media.Level, n int) {
	p := 0.0
	if l > media.Silence {
		p = math.Pow(10, float64(l)/10)
	}
	m.addPower(p, n)
}

func (m *Meter) addPower(p float64, n int) {
	keep := math.Exp(-float64(n) / meterSmoothing)
	m.power = m.power*keep + p*(1-keep)
}

// DB returns the smoothed loudness in dBov, -127 to 0.
func (m *Meter) DB() float64 {
	return min(decibels(m.power), 0)
}
