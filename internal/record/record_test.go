package record

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
	"github.com/meet-term/meet/media/red"
)

// granules are for tests: where each page ends, in samples.
func granules(b []byte) (all []uint64) {
	for len(b) >= 27 && string(b[:4]) == "OggS" {
		n := 27 + int(b[26])
		for _, l := range b[27:n] {
			n += int(l)
		}
		all = append(all, binary.LittleEndian.Uint64(b[6:]))
		b = b[n:]
	}
	return all
}

// chirp is a sound that is nowhere like itself elsewhere, at a time.
func chirp(t float64) float64 { return 0.3 * math.Sin(2*math.Pi*(300*t+40*t*t)) }

// said is what somebody says, as packets of 20 ms from the beginning of the test.
func said(t *testing.T, seconds float64) (packets [][]byte) {
	t.Helper()
	enc, err := opus.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]float32, pcm.FrameSamples)
	for n := range int(seconds * 50) {
		for i := range frame {
			frame[i] = float32(chirp(float64(n*len(frame)+i) / pcm.SampleRate))
		}
		p, err := enc.Encode(frame)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	return packets
}

// heard is the sound of a file, on the clock of its recording.
func heard(t *testing.T, path string, start time.Duration) []float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, int(start.Seconds()*pcm.SampleRate))
	buf := make([]float32, opus.MaxSamples)
	o := newOggReader(f)
	for {
		p, err := o.next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := dec.Decode(p, buf)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range buf[:n] {
			out = append(out, float64(s))
		}
	}
}

// lag is how much later than said a sound is heard around a time, and how alike it is.
func lag(sound []float64, at float64) (time.Duration, float64) {
	const window = pcm.SampleRate / 5
	best, found := 0.0, 0
	for d := -pcm.SampleRate / 10; d <= pcm.SampleRate/10; d += 24 {
		var xy, xx, yy float64
		for i := range window {
			j := int(at*pcm.SampleRate) + i
			if j+d < 0 || j+d >= len(sound) {
				continue
			}
			x, y := chirp(float64(j)/pcm.SampleRate), sound[j+d]
			xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
		}
		if c := xy / math.Sqrt(xx*yy+1e-9); c > best {
			best, found = c, d
		}
	}
	return time.Duration(found) * time.Second / pcm.SampleRate, best
}

func loudness(sound []float64, at float64) float64 {
	sum := 0.0
	from := int(at * pcm.SampleRate)
	for _, s := range sound[from : from+pcm.SampleRate/10] {
		sum += s * s
	}
	return math.Sqrt(sum / (pcm.SampleRate / 10))
}

func start(t *testing.T, failed func(error)) *Recorder {
	t.Helper()
	r, err := Start(Config{
		Dir: t.TempDir(), Room: "team sync", By: "Ann", Failed: failed,
		Name: func(peer string) string { return map[string]string{"a": "Ann", "b": "../Bob\x1b[2J", "c": "Ann"}[peer] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Sound is on the clock of the recording whatever becomes of the packets: late, in
// another order, lost and made up for by copies, from another connection, after a mute.
func TestSoundKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		began := time.Now()
		packets := said(t, 20)
		time.Sleep(time.Second)
		send := func(n int, ssrc uint32, wait time.Duration, copies int) {
			p := media.Packet{SSRC: ssrc, Timestamp: uint32(n)*960 + ssrc*1_000_003, Payload: packets[n]}
			if copies > 0 {
				b := []byte{}
				for i := copies; i > 0; i-- {
					old := packets[n-i]
					off := uint32(i) * 960
					b = append(b, 0x80|111, byte(off>>6), byte(off<<2)|byte(len(old)>>8), byte(len(old)))
				}
				b = append(b, 111)
				for i := copies; i >= 0; i-- {
					b = append(b, packets[n-i]...)
				}
				if _, err := red.Unpack(b); err != nil {
					t.Fatal(err)
				}
				p.Redundant, p.Payload = true, b
			}
			time.AfterFunc(wait, func() { p.At = time.Now(); r.Audio("b", p) })
		}
		for n := 50; n < 1000; n++ {
			wait := 20*time.Millisecond + time.Duration(n*7%11)*3*time.Millisecond // jitter
			switch {
			case n >= 200 && n < 300: // muted
			case n >= 400 && n < 500:
				if n%3 == 0 { // the others are lost
					send(n, 1, wait, 2)
				}
			case n < 600:
				send(n, 1, wait, 0)
			default: // another connection, with a clock of its own
				send(n, 2, wait, 0)
				if n < 620 {
					send(n, 1, wait+30*time.Millisecond, 0) // and the old one for a while
				}
			}
			time.Sleep(time.Until(began.Add(time.Duration(n+1) * 20 * time.Millisecond)))
		}
		time.Sleep(time.Second)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		x, err := ReadIndex(r.Dir())
		if err != nil || len(x.Tracks) != 1 || x.Ended == nil || x.Room != "team sync" || x.By != "Ann" {
			t.Fatalf("the index has %+v, %v", x, err)
		}
		tr := x.Tracks[0]
		if tr.File != "Bob-mic.ogg" || tr.Kind != "mic" {
			t.Errorf("track %+v", tr)
		}
		sound := heard(t, filepath.Join(r.Dir(), tr.File), time.Duration(tr.StartMS)*time.Millisecond)
		if got := float64(len(sound)) / pcm.SampleRate; math.Abs(got-20) > 0.15 {
			t.Errorf("it is %.2f s long", got)
		}
		for _, at := range []float64{2, 3.5, 6.5, 7.5, 8.3, 9, 9.6, 11, 13, 15, 19} {
			d, like := lag(sound, at)
			if d < 0 || d > 60*time.Millisecond || like < 0.9 {
				t.Errorf("at %v s it is %v late, and %.2f alike", at, d, like)
			}
		}
		if got := loudness(sound, 5); got > 0.001 {
			t.Errorf("while muted it is %.3f loud", got)
		}
	})
}

// picture is a VP8 frame that only has a head.
func picture(key bool, n int) []byte {
	if !key {
		return append([]byte{0x01}, make([]byte, n)...)
	}
	return append([]byte{0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}, make([]byte, n)...)
}

// What was written survives: a second and what waits for its turn is lost at most.
func TestKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		packets := said(t, 10)
		for n, p := range packets {
			r.Audio("a", media.Packet{Timestamp: uint32(n) * 960, Payload: p, At: time.Now()})
			r.Video("a", media.Frame{Kind: media.Camera, Timestamp: uint32(n) * 1800, Data: picture(n%100 == 0, 300), At: time.Now()})
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		if d, err := Length(filepath.Join(r.Dir(), "Ann-mic.ogg")); err != nil || d < 8*time.Second {
			t.Errorf("%v of the sound are there, %v", d, err)
		}
		b, err := os.ReadFile(filepath.Join(r.Dir(), "Ann-camera.webm"))
		if err != nil || len(b) < 8*50*300 {
			t.Errorf("%d bytes of the pictures are there, %v", len(b), err)
		}
		if x, err := ReadIndex(r.Dir()); err != nil || len(x.Tracks) != 2 || x.Ended != nil {
			t.Errorf("the index has %+v, %v", x, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A full disk ends the recording with a word, and nobody waits for it.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("this system has no disk that is always full: %v", err)
	}
	told := make(chan error, 1)
	r := start(t, func(err error) { told <- err })
	r.events.Close()
	r.events = full // nothing was written yet
	r.Line([]byte(`{}`))
	if err := <-told; err == nil || err.Error() != "the disk is full" || errors.Is(err, syscall.EIO) {
		t.Errorf("told %v", err)
	}
	for range 2 * queue {
		r.Line([]byte(`{}`))
	}
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("closing said %v", err)
	}
}

// Two of one name have files of their own, and lines are kept.
func TestNamesAndEvents(t *testing.T) {
	r := start(t, nil)
	packets := said(t, 0.1)
	for _, peer := range []string{"a", "c"} {
		r.Audio(peer, media.Packet{Payload: packets[0], At: time.Now()})
	}
	r.Line([]byte(`{"event":"chat","text":"hi"}`))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Ann-mic.ogg", "Ann-2-mic.ogg", EventsName} {
		if st, err := os.Stat(filepath.Join(r.Dir(), name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if base := filepath.Base(r.Dir()); !strings.HasPrefix(base, "meet-team_sync-") {
		t.Errorf("the folder is %s", base)
	}
}

// The mix has everybody where they were.
func TestMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		packets := said(t, 6)
		for n, p := range packets {
			if n >= 100 { // from 2 s on
				r.Audio("b", media.Packet{Timestamp: uint32(n) * 960, Payload: p, At: time.Now()})
			}
			if n < 150 && n%50 == 0 {
				r.Audio("a", media.Packet{Timestamp: uint32(n) * 960, Payload: silence, At: time.Now()})
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out.ogg")
		var last time.Duration
		if err := Mix(r.Dir(), out, func(d time.Duration) { last = d }); err != nil {
			t.Fatal(err)
		}
		sound := heard(t, out, 0)
		if d, like := lag(sound, 4); d < 0 || d > 60*time.Millisecond || like < 0.9 {
			t.Errorf("it is %v late, and %.2f alike", d, like)
		}
		if loudness(sound, 1) > 0.001 || last < 5*time.Second {
			t.Errorf("before anybody spoke it is %.3f loud; progress to %v", loudness(sound, 1), last)
		}
		if err := Mix(r.Dir(), out, nil); !errors.Is(err, os.ErrExist) {
			t.Errorf("over a file that is there: %v", err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if g := granules(b); len(g) < 5 || g[len(g)-1] != uint64(len(sound)) {
			t.Errorf("pages end at %v, and there are %d samples", g, len(sound))
		}
	})
	if err := Mix(t.TempDir(), "x", nil); !errors.Is(err, ErrNoRecording) {
		t.Errorf("of nothing: %v", err)
	}
}

// probe is what ffprobe reads of a file.
func probe(t *testing.T, path string) (codec string, seconds float64, packets int) {
	t.Helper()
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("ffprobe is not installed")
	}
	b, err := exec.CommandContext(t.Context(), ffprobe, "-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json", path).CombinedOutput()
	var p struct {
		Streams []struct {
			Codec   string `json:"codec_name"`
			Packets string `json:"nb_read_packets"`
		}
		Format struct{ Duration string }
	}
	if jerr := json.Unmarshal(b, &p); err != nil || jerr != nil || len(p.Streams) != 1 {
		t.Fatalf("ffprobe: %v, %s", err, b)
	}
	seconds, _ = strconv.ParseFloat(p.Format.Duration, 64)
	packets, _ = strconv.Atoi(p.Streams[0].Packets)
	return p.Streams[0].Codec, seconds, packets
}

// Others read the files.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		packets := said(t, 5)
		for n, p := range packets {
			r.Audio("a", media.Packet{Timestamp: uint32(n) * 960, Payload: p, At: time.Now()})
			r.Video("a", media.Frame{Kind: media.Screen, Timestamp: uint32(n) * 1800, Data: picture(n%100 == 0, 100), At: time.Now()})
			time.Sleep(20 * time.Millisecond)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]string{"Ann-mic.ogg": "opus", "Ann-screen.webm": "vp8"} {
			codec, seconds, n := probe(t, filepath.Join(r.Dir(), file))
			if codec != want || math.Abs(seconds-5) > 0.1 || n != len(packets) {
				t.Errorf("%s: %s, %.2f s, %d packets", file, codec, seconds, n)
			}
		}
	})
}
