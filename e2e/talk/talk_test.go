//go:build linux

package talk

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
	"github.com/meet-term/meet/internal/pulsetest"
)

// text has about ten seconds of speech without long pauses.
const text = "The quick brown fox jumps over the lazy dog, and nobody in the meeting minds at all. " +
	"Please send the numbers of the last quarter before noon, so that everyone can read them in time."

// attempts is how often a passage is spoken before it counts as not heard: a
// machine that also does other things misses a period now and then.
const attempts = 3

// scene is a sound server with a microphone for A and a speaker for B, which
// are its default ones, and a meeting server.
type scene struct {
	*testing.T
	pulse  *pulsetest.Server
	mouth  string // what is played here, A's microphone hears
	server *rig.Server
	voice  string // file
	word   string // a file that is soon over
	source []float64
}

func newScene(t *testing.T) *scene {
	t.Helper()
	rig.Need(t, "espeak-ng")
	pulsetest.Require(t)
	t.Parallel() // they mostly listen
	dir := t.TempDir()
	s := &scene{T: t, voice: filepath.Join(dir, "voice.wav"), word: filepath.Join(dir, "word.wav")}
	pulsetest.Speak(t, s.voice, text)
	pulsetest.Speak(t, s.word, "Can anybody hear me?")
	s.source = wav(t, s.voice)
	s.pulse = pulsetest.Start(t)
	s.mouth = s.pulse.AddMic("mic")
	s.pulse.AddSink("speaker")
	s.pulse.SetDefault("speaker", "mic")
	s.server = rig.Serve(t)
	return s
}

// join lets somebody join with the scene's sound server.
func (s *scene) join(name string, flags ...string) *rig.Person {
	s.Helper()
	flags = append([]string{"--camera", "none", "--screen", "none"}, flags...)
	return rig.Join{Server: s.server, Room: "talk", Name: name, Flags: flags, Env: s.pulse.Env()}.Start(s.T)
}

// recordWhile records the speaker while f runs.
func (s *scene) recordWhile(f func()) []float64 {
	s.Helper()
	file := filepath.Join(s.TempDir(), "heard.wav")
	stop := s.pulse.Record("speaker.monitor", file)
	f()
	if err := stop(); err != nil {
		s.Fatal(err)
	}
	return wav(s.T, file)
}

// speak plays a file into A's microphone, and some silence after it.
func (s *scene) speak(file string) {
	s.Helper()
	if err := s.pulse.PlayFile(s.mouth, file)(); err != nil {
		s.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) // what is still on its way to the other end
}

// hears asks that the voice is heard from the speaker.
func (s *scene) hears(when string) {
	s.Helper()
	for i := 1; ; i++ {
		heard := s.recordWhile(func() { s.speak(s.voice) })
		l := compare(s.source, heard)
		s.Logf("%s: %v", when, l)
		if l.ok() {
			return
		}
		if i == attempts {
			s.Fatalf("%s: the voice is not heard: %v (level %.0f dBFS)", when, l, loudness(heard))
		}
	}
}

// packets is how many audio packets of somebody a person got so far.
func packets(p *rig.Person, of string) float64 {
	all := p.Events(rig.Is("stats", of))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Number("audio", "packets")
}

// flowing waits for so many more audio packets than there were.
func flowing(p *rig.Person, of string, more float64) {
	had := packets(p, of)
	p.Await(time.Time{}, "sound of "+of, func(e rig.Event) bool {
		return rig.Is("stats", of)(e) && e.Number("audio", "packets") >= had+more
	})
}

func TestTalk(t *testing.T) {
	s := newScene(t)
	a := s.join("alice", "--mic", "default", "--speaker", "none")
	b := s.join("bob", "--mic", "none", "--speaker", "default")
	b.Meets("alice")
	flowing(b, "alice", 50)
	s.hears("from the start")

	t.Run("muted", func(t *testing.T) {
		at := time.Now()
		a.Tell("mic", "on", false)
		b.Await(at, "alice muted", func(e rig.Event) bool {
			return rig.Is("media-state-changed", "alice")(e) && !e.On("mic")
		})
		time.Sleep(500 * time.Millisecond) // what was on its way before
		before := packets(b, "alice")
		heard := s.recordWhile(func() { s.speak(s.word) })
		if got := loudness(heard); got > -60 {
			t.Errorf("the speaker is at %.1f dBFS while alice is muted, want -60 or less", got)
		}
		b.Await(time.Now(), "figures", rig.Is("stats", "alice"))
		if got := packets(b, "alice"); got != before {
			t.Errorf("%.0f audio packets came while alice was muted", got-before)
		}
		if len(heard) < len(wav(t, s.word)) {
			t.Errorf("the recording has %d samples, less than was spoken", len(heard))
		}
	})

	a.Tell("mic", "on", true)
	flowing(b, "alice", 10)
	s.hears("after muting")
	b.Leave()
	a.Leave()
}

// TestTalkByName chooses devices by their names; the default ones are others.
func TestTalkByName(t *testing.T) {
	s := newScene(t)
	s.pulse.AddMic("othermic")
	s.pulse.AddSink("otherspeaker")
	s.pulse.SetDefault("otherspeaker", "othermic")
	s.join("alice", "--mic", "device:mic", "--speaker", "none")
	b := s.join("bob", "--mic", "none", "--speaker", "device:speaker")
	b.Meets("alice")
	flowing(b, "alice", 50)
	s.hears("by name")
}

// TestTalkToFile writes what is heard into a file, in real time.
func TestTalkToFile(t *testing.T) {
	s := newScene(t)
	for i := 1; ; i++ {
		file := filepath.Join(t.TempDir(), "mix.wav")
		a := s.join("alice", "--mic", "default", "--speaker", "none")
		b := s.join("bob", "--mic", "none", "--speaker", "file:"+file)
		b.Meets("alice")
		flowing(b, "alice", 50)
		s.speak(s.voice)
		b.Leave()
		a.Leave()
		l := compare(s.source, wav(t, file))
		t.Logf("from the file: %v", l)
		if l.ok() {
			return
		}
		if i == attempts {
			t.Fatalf("the voice is not in the file: %v", l)
		}
	}
}

// warns waits for a warning.
func warns(p *rig.Person, from time.Time, codes ...string) {
	p.Await(from, "a warning", func(e rig.Event) bool {
		for _, c := range codes {
			if e.Name == "warning" && e.Text("code") == c {
				return true
			}
		}
		return false
	})
}

// TestTalkWithoutSound joins where there is no sound server at all.
func TestTalkWithoutSound(t *testing.T) {
	rig.Need(t)
	server := rig.Serve(t)
	a := rig.Join{Server: server, Room: "talk", Name: "alice", Flags: []string{"--camera", "none", "--screen", "none"}}.Start(t)
	b := rig.Join{Server: server, Room: "talk", Name: "bob", Flags: rig.Quiet()}.Start(t)
	warns(a, time.Time{}, "no-sound-server")
	a.Meets("bob")
	b.Meets("alice")
	a.Tell("chat", "text", "I hear nothing")
	b.Await(time.Time{}, "what alice writes", rig.Is("chat", "alice"))
	if n := len(a.Events(rig.Is("warning", ""))); n != 1 {
		t.Errorf("%d warnings about one sound server", n)
	}
	a.Leave()
	b.Leave()
}

// TestTalkServerDies kills the sound server in the middle of a call.
func TestTalkServerDies(t *testing.T) {
	s := newScene(t)
	a := s.join("alice", "--mic", "default", "--speaker", "none")
	b := s.join("bob", "--mic", "none", "--speaker", "default")
	b.Meets("alice")
	flowing(b, "alice", 50)

	at := time.Now()
	s.pulse.Kill()
	warns(a, at, "microphone-lost", "no-sound-server")
	warns(b, at, "speaker-lost", "no-sound-server")
	a.Tell("chat", "text", "still here")
	b.Await(at, "what alice writes", rig.Is("chat", "alice"))

	at = time.Now()
	s.pulse.Restart()
	warns(a, at, "microphone-back")
	warns(b, at, "speaker-back")
	flowing(b, "alice", 50)
	s.hears("after the restart")
	a.Leave()
	b.Leave()
}
