package audio

import (
	"math"
	"slices"
	"sync"

	"github.com/meet-term/meet/media/audio/pcm"
)

const (
	// checkTime is how much a person says to hear how they sound.
	checkTime = 3 * pcm.SampleRate
	// The test sound of a speaker: two notes, a fifth apart, at -20 dBFS.
	noteTime      = pcm.SampleRate / 2
	noteAmplitude = 0.14
	noteEdge      = pcm.SampleRate / 50 // it swells and fades in this time
	// The note that asks for attention.
	noticeTime = pcm.SampleRate / 5
	noticeHz   = 880
)

var notes = [...]float64{440, 660}

// CheckPhase is what a sound check does at present.
type CheckPhase uint8

// The phases.
const (
	CheckIdle CheckPhase = iota
	CheckRecording
	CheckPlaying
)

// soundCheck lets a person hear the speaker, or themselves: it records what
// would be sent, and plays it once it is over, so that nothing howls. A few
// lines under one mutex.
type soundCheck struct {
	stir func() // called when there is something to play; it must not wait

	mu    sync.Mutex
	phase CheckPhase
	sound []float32 // what was recorded, or is played
	at    int       // of it, the next sample
}

func newSoundCheck() *soundCheck { return &soundCheck{stir: func() {}} }

// begin begins to record, or plays the test sound.
func (s *soundCheck) begin(phase CheckPhase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.at, s.sound = phase, 0, nil
	if phase == CheckPlaying {
		s.sound = testSound()
		s.stir()
	}
}

// note plays one short note, unless something else is under way.
func (s *soundCheck) note() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != CheckIdle {
		return
	}
	s.phase, s.at, s.sound = CheckPlaying, 0, tone(noticeHz, noticeTime)
	s.stir()
}

// end stops whatever goes on; a recording is dropped.
func (s *soundCheck) end() { s.begin(CheckIdle) }

func (s *soundCheck) now() CheckPhase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

func (s *soundCheck) recording() bool { return s.now() == CheckRecording }

// take records a block of one channel, and begins to play when that is enough.
func (s *soundCheck) take(block []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != CheckRecording {
		return
	}
	if s.sound = append(s.sound, block...); len(s.sound) >= checkTime {
		s.phase, s.at = CheckPlaying, 0
		s.stir()
	}
}

// add adds what is played to a block of the mix.
func (s *soundCheck) add(block []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != CheckPlaying {
		return
	}
	n := min(len(block), len(s.sound)-s.at)
	for i, v := range s.sound[s.at : s.at+n] {
		block[i] += v
	}
	if s.at += n; s.at == len(s.sound) {
		s.phase, s.sound = CheckIdle, nil
	}
}

// testSound is what tells that a speaker works.
func testSound() []float32 {
	var out []float32
	for _, hz := range notes {
		out = slices.Concat(out, tone(hz, noteTime))
	}
	return out
}

// tone is a note of a number of samples.
func tone(hz float64, samples int) []float32 {
	note := make([]float32, samples)
	for i := range note {
		edge := min(1, float64(min(i, samples-1-i))/noteEdge)
		note[i] = float32(noteAmplitude * edge * math.Sin(2*math.Pi*hz*float64(i)/pcm.SampleRate))
	}
	return note
}
