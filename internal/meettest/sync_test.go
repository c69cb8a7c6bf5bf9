package meettest

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/audio/wav"
	"github.com/meet-term/meet/media/audio/wav/wavtest"
	"github.com/meet-term/meet/media/video/source"
)

// maxSkew is how far sound and picture of a person may be apart. ITU-R
// BT.1359 has people notice sound that is 45 ms early or 125 ms late.
const maxSkew = 80 * time.Millisecond

// beepEvery is how often the speaker of TestSoundAndPictureTogether beeps:
// longer than any delay that is measured with it.
const beepEvery = time.Second

// Sound and picture of a person come together, however long the sound must be
// buffered: the test card tells when a picture was taken, beeps when sound was.
func TestSoundAndPictureTogether(t *testing.T) {
	paths := []time.Duration{0, 30 * time.Millisecond, 200 * time.Millisecond}
	if testing.Short() {
		paths = paths[2:]
	}
	for _, jitter := range paths {
		t.Run(fmt.Sprintf("up to %v longer", jitter), func(t *testing.T) {
			dir := t.TempDir()
			beeps, heard := filepath.Join(dir, "beeps.wav"), filepath.Join(dir, "heard.wav")
			writeBeeps(t, beeps)
			var start, settled, end time.Time
			var pictures []time.Duration
			synctest.Test(t, func(t *testing.T) {
				r := New(t)
				start = time.Now()
				a := r.JoinUnsteady("a", jitter, func(c *call.Config) { c.Speaker = audio.Speaker{Kind: audio.File, Path: heard} })
				b := r.Join("b", func(c *call.Config) {
					c.Mic = audio.Mic{Kind: audio.File, Path: beeps}
					c.Camera = source.Camera{Kind: source.TestCard}
				})
				r.Wait(20 * time.Second)
				settled = time.Now()
				pictures = a.pictureDelays(b, 20*time.Second)
				end = time.Now()
				a.Leave()
				b.Leave()
			})
			sounds := beepDelays(t, heard, settled.Sub(start), end.Sub(start))
			if len(sounds) < 15 || len(pictures) < 150 {
				t.Fatalf("%d beeps heard and %d pictures seen", len(sounds), len(pictures))
			}
			sound, picture := median(sounds), median(pictures)
			t.Logf("from mouth to ear %v, from face to eye %v", sound, picture)
			if skew := (sound - picture).Abs(); skew > maxSkew {
				t.Errorf("sound after %v, pictures after %v: %v apart, at most %v are allowed", sound, picture, skew, maxSkew)
			}
		})
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.SortedFunc(slices.Values(d), cmp.Compare)
	return d[len(d)/2]
}

// pictureDelays watches the camera of somebody for a while and returns how old
// each new picture was when it could first be shown.
func (p *Person) pictureDelays(of *Person, d time.Duration) (out []time.Duration) {
	last := uint64(0)
	for end := time.Now().Add(d); time.Now().Before(end); p.room.Wait(5 * time.Millisecond) {
		f := p.Call.Picture(call.Viewed{Peer: of.ID, Kind: media.Camera})
		if f == nil || f.Seq == last {
			continue
		}
		last = f.Seq
		stamp, err := source.ReadStamp(f)
		if err != nil {
			p.room.T.Errorf("a picture without its stamp: %v", err)
			continue
		}
		out = append(out, stamp.Age(time.Now()))
	}
	return out
}

// writeBeeps makes a file to be played over and over: it beeps at its start.
func writeBeeps(t *testing.T, path string) {
	t.Helper()
	w, err := wav.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, int(beepEvery.Seconds()*pcm.SampleRate))
	for i := range pcm.SampleRate / 10 {
		samples[i] = float32(0.5 * math.Sin(2*math.Pi*1000*float64(i)/pcm.SampleRate))
	}
	if err := w.Write(samples); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// beepDelays returns how long after its capture each beep between from and to
// was played, when microphone and speaker started at the same moment.
func beepDelays(t *testing.T, path string, from, to time.Duration) (out []time.Duration) {
	t.Helper()
	silent := 0 // samples
	at := 0
	for block := range slices.Chunk(wavtest.Read(t, path), pcm.BlockSamples) {
		start := at
		at += len(block)
		i := slices.IndexFunc(block, func(v float32) bool { return math.Abs(float64(v)) > 0.1 })
		if i < 0 {
			silent += len(block)
			continue
		}
		if played := time.Duration(start+i) * time.Second / pcm.SampleRate; silent > pcm.SampleRate/4 && played >= from && played < to {
			out = append(out, played%beepEvery)
		}
		silent = 0
	}
	return out
}
