package gain_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/meet-term/meet/internal/voicetest"
	"github.com/meet-term/meet/media/audio/gain"
)

const block = voicetest.Rate / 100

// through sends a signal through a control, in place.
func through(c *gain.Control, x []float32) []float32 {
	for at := 0; at+block <= len(x); at += block {
		c.Process(x[at : at+block])
	}
	return x
}

// loudness is the gated loudness of ITU-R BS.1770-4 of a mono signal.
func loudness(x []float32) float64 {
	var a1, a2, b1, b2 float64
	k := make([]float64, len(x))
	for i, s := range x {
		v := 1.53512485958697*float64(s) + a1
		a1 = -2.69169618940638*float64(s) + 1.69065929318241*v + a2
		a2 = 1.19839281085285*float64(s) - 0.73248077421585*v
		y := v + b1
		b1 = -2*v + 1.99004745483398*y + b2
		b2 = v - 0.99007225036621*y
		k[i] = y
	}
	var powers []float64
	for at := 0; at+block*40 <= len(k); at += block * 10 {
		sum := 0.0
		for _, v := range k[at : at+block*40] {
			sum += v * v
		}
		powers = append(powers, sum/(block*40))
	}
	mean := func(least float64) float64 {
		sum, n := 0.0, 0
		for _, p := range powers {
			if p > least {
				sum += p
				n++
			}
		}
		return sum / max(1, float64(n))
	}
	return 10*math.Log10(mean(mean(math.Pow(10, -6.93))/10)+1e-12) - 0.691
}

func TestLoudness(t *testing.T) {
	sine := make([]float32, 3*voicetest.Rate)
	for i := range sine {
		sine[i] = float32(math.Sin(2 * math.Pi * 997 * float64(i) / voicetest.Rate))
	}
	if got := loudness(sine); math.Abs(got+3.01) > 0.05 {
		t.Fatalf("a full sine has %.2f LUFS, want -3.01 as the standard says", got)
	}
}

// TestEveryVoice: any voice at any level arrives at the target within 3 s and
// stays there, without ever clipping.
func TestEveryVoice(t *testing.T) {
	for _, voice := range []string{"m1", "f1", "f2", "m3", "m4", "f3"} {
		for db := -50.0; db <= -10; db += 10 {
			if testing.Short() && (voice != "f2" || db > -50 && db < -10) {
				continue
			}
			t.Run(fmt.Sprintf("%s at %.0f", voice, db), func(t *testing.T) {
				x := voicetest.Speak(20*voicetest.Rate, db, voice)
				for i, n := range voicetest.White(len(x), db-30, 1) {
					x[i] = max(-1, min(x[i]+n, 1))
				}
				through(&gain.Control{}, x)
				for i, s := range x {
					if s > gain.Ceiling || s < -gain.Ceiling {
						t.Fatalf("sample %d is %v", i, s)
					}
				}
				for _, part := range [][2]float64{{3, 7}, {7, 13}, {13, 20}} {
					got := loudness(voicetest.Cut(x, part[0], part[1]))
					if math.Abs(got-gain.Target) > 3 {
						t.Errorf("%.1f LUFS from %v to %v s, want %v +- 3", got, part[0], part[1], gain.Target)
					}
				}
			})
		}
	}
}

// TestNothingPumps: what is no voice leaves as loud as it came, however long it
// lasts, also behind a voice.
func TestNothingPumps(t *testing.T) {
	n := 20 * voicetest.Rate
	for name, noise := range map[string][]float32{
		"white": voicetest.White(n, -50, 1), "fan": voicetest.Fan(n, -40, 1), "keys": voicetest.Keyboard(n, -40, 1),
		"residue": voicetest.White(n, -75, 2), "loud fan": voicetest.Fan(n, -25, 1),
	} {
		c := &gain.Control{}
		through(c, append([]float32(nil), noise...))
		if c.DB() < -1 || c.DB() > 1 {
			t.Errorf("%s alone is given %.1f dB", name, c.DB())
		}
		through(c, voicetest.Speak(10*voicetest.Rate, -30, "f2"))
		voiced := c.DB()
		through(c, append([]float32(nil), noise...))
		// It begins in the middle of a word, which takes a moment to tell.
		if math.Abs(c.DB()-voiced) > 3.5 {
			t.Errorf("%s in the middle of a voice moves the gain from %.1f to %.1f dB", name, voiced, c.DB())
		}
	}
}

// TestSteady: between words of one voice the gain hardly moves.
func TestSteady(t *testing.T) {
	c := &gain.Control{}
	x := voicetest.Speak(30*voicetest.Rate, -35, "f2", "f2")
	lo, hi := 100.0, -100.0
	for at := 0; at+block <= len(x); at += block {
		c.Process(x[at : at+block])
		if at > 5*voicetest.Rate {
			lo, hi = min(lo, c.DB()), max(hi, c.DB())
		}
	}
	if hi-lo > 5 {
		t.Errorf("the gain moves between %.1f and %.1f dB", lo, hi)
	}
}

// TestTwoPeople: another voice, 25 dB quieter, at the same microphone.
func TestTwoPeople(t *testing.T) {
	c := &gain.Control{}
	through(c, voicetest.Speak(8*voicetest.Rate, -15, "m1"))
	x := through(c, voicetest.Speak(10*voicetest.Rate, -40, "f2"))
	if got := loudness(voicetest.Cut(x, 4, 10)); math.Abs(got-gain.Target) > 4 {
		t.Errorf("the quiet one arrives at %.1f LUFS", got)
	}
}

func TestOff(t *testing.T) {
	c := &gain.Control{Off: true}
	x := voicetest.Speak(2*voicetest.Rate, -40, "f2")
	y := through(c, append([]float32(nil), x...))
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("sample %d is %v, was %v", i, y[i], x[i])
		}
	}
}

func TestBadInput(t *testing.T) {
	c := &gain.Control{}
	x := make([]float32, block)
	for i := range x {
		x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), 1e30, -1e-40}[i%4]
	}
	c.Process(x)
	through(c, x)
	x = through(c, voicetest.Speak(6*voicetest.Rate, -30, "m1"))
	if got := loudness(voicetest.Cut(x, 3, 6)); math.Abs(got-gain.Target) > 3 {
		t.Errorf("after rubbish a voice arrives at %.1f LUFS", got)
	}
	c.Process(nil)
}

func TestAllocations(t *testing.T) {
	c, x := &gain.Control{}, voicetest.Speak(block, -30, "m1")
	if n := testing.AllocsPerRun(100, func() { c.Process(x) }); n != 0 {
		t.Errorf("%v allocations per block", n)
	}
}

func BenchmarkProcess(b *testing.B) {
	c, x := &gain.Control{}, voicetest.White(block, -30, 1)
	for b.Loop() {
		c.Process(x)
	}
}
