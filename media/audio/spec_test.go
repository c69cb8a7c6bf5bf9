package audio

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meet-term/meet/media/audio/wav"
)

func TestParseMic(t *testing.T) {
	dir := t.TempDir()
	good, text := filepath.Join(dir, "a:b.wav"), filepath.Join(dir, "text.wav")
	w, err := wav.Create(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(make([]float32, 480)), w.Close(), os.WriteFile(text, []byte("no sound"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		want Mic
		says string // what an error says
	}{
		{in: "", want: Mic{}},
		{in: "default", want: Mic{}},
		{in: "none", want: Mic{Kind: None}},
		{in: "tone", want: Mic{Kind: Tone, Hz: 440}},
		{in: "tone:1000.5", want: Mic{Kind: Tone, Hz: 1000.5}},
		{in: "file:" + good, want: Mic{Kind: File, Path: good}},
		{in: "device:alsa_input.x:y", want: Mic{Kind: Device, ID: "alsa_input.x:y"}},
		{in: "tone:", says: "between 20 and 20000"},
		{in: "tone:5", says: "between 20 and 20000"},
		{in: "tone:NaN", says: "between 20 and 20000"},
		{in: "tone:1e99", says: "between 20 and 20000"},
		{in: "file:", says: "no such file"},
		{in: "file:" + dir + "/gone.wav", says: "gone.wav: no such file"},
		{in: "file:" + text, says: "text.wav: read wav: not a playable wav file"},
		{in: "file:" + dir, says: "is no file but a folder"},
		{in: "device:", says: "want default, none"},
		{in: "microphone", says: `"microphone"`},
	} {
		got, err := ParseMic(c.in)
		if c.says != "" {
			if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v, want an ErrSpec with %q", c.in, err, c.says)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
		if again, err := ParseMic(got.String()); err != nil || again != got {
			t.Errorf("%q became %q, which reads %+v, %v", c.in, got, again, err)
		}
	}
}

func TestParseSpeaker(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		in   string
		want Speaker
		says string
	}{
		{in: "", want: Speaker{}},
		{in: "default", want: Speaker{}},
		{in: "none", want: Speaker{Kind: None}},
		{in: "file:" + dir + "/new.wav", want: Speaker{Kind: File, Path: dir + "/new.wav"}},
		{in: "device:x", want: Speaker{Kind: Device, ID: "x"}},
		{in: "file:" + dir, says: "is a directory"},
		{in: "file:", says: "want default"},
		{in: "tone", says: "want default"},
	} {
		got, err := ParseSpeaker(c.in)
		if c.says != "" {
			if !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q: %v, want an ErrSpec with %q", c.in, err, c.says)
			}
			continue
		}
		if err != nil || got != c.want || c.in != "" && got.String() != c.in {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
	}
}

func TestVoiceDetector(t *testing.T) {
	var v voiceDetector
	for range 200 {
		if v.add(-58) && v.floor > 10 {
			t.Fatal("a steady hum is voice")
		}
	}
	if !v.add(-30) {
		t.Error("speech over a hum is no voice")
	}
	for i := range voiceHang - 1 {
		if !v.add(-58) {
			t.Fatalf("the voice ends after %d frames of a pause", i)
		}
	}
	if v.add(-58) {
		t.Error("the voice does not end")
	}
	for range 1000 {
		if v.add(-127) {
			t.Fatal("silence is voice")
		}
	}
}
