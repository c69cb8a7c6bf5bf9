package audio

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/meet-term/meet/media/audio/wav"
)

// Kind is the kind of a source or a sink.
type Kind uint8

// The kinds. A Tone is a source only.
const (
	Default Kind = iota // what the system calls the default device
	None
	Tone
	File
	Device
)

// ErrSpec is returned, wrapped with the reason, for a source or sink that
// cannot be meant.
var ErrSpec = errors.New("bad audio setting")

const (
	defaultTone      = 440
	minTone, maxTone = 20, 20000
)

// Mic says where the sound that is sent comes from. The zero value is the
// default microphone.
type Mic struct {
	Kind Kind
	Hz   float64 // of a Tone
	Path string  // of a File
	ID   string  // of a Device
}

// Speaker says where the mix goes. The zero value is the default speaker.
type Speaker struct {
	Kind Kind
	Path string // of a File
	ID   string // of a Device
}

// ParseMic reads "default", "none", "tone", "tone:HZ", "file:PATH" or
// "device:ID". A file is opened and its header checked, so that a wrong path
// is an error before the call and not during it. "" is "default".
func ParseMic(s string) (Mic, error) {
	kind, arg, hasArg := strings.Cut(s, ":")
	switch {
	case s == "" || s == "default":
		return Mic{}, nil
	case s == "none":
		return Mic{Kind: None}, nil
	case s == "tone":
		return Mic{Kind: Tone, Hz: defaultTone}, nil
	case kind == "tone":
		hz, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(hz >= minTone && hz <= maxTone) {
			return Mic{}, fmt.Errorf("%w: tone:%s: a frequency between %d and %d is needed", ErrSpec, arg, minTone, maxTone)
		}
		return Mic{Kind: Tone, Hz: hz}, nil
	case kind == "file" && hasArg:
		if err := checkWav(arg); err != nil {
			return Mic{}, fmt.Errorf("%w: microphone file: %w", ErrSpec, err)
		}
		return Mic{Kind: File, Path: arg}, nil
	case kind == "device" && arg != "":
		return Mic{Kind: Device, ID: arg}, nil
	}
	return Mic{}, fmt.Errorf("%w: microphone %q: want default, none, tone[:HZ], file:PATH or device:ID", ErrSpec, s)
}

// ParseSpeaker reads "default", "none", "file:PATH" or "device:ID". The file is
// created when the call starts. "" is "default".
func ParseSpeaker(s string) (Speaker, error) {
	kind, arg, _ := strings.Cut(s, ":")
	switch {
	case s == "" || s == "default":
		return Speaker{}, nil
	case s == "none":
		return Speaker{Kind: None}, nil
	case kind == "file" && arg != "":
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			return Speaker{}, fmt.Errorf("%w: speaker file %s is a directory", ErrSpec, arg)
		}
		return Speaker{Kind: File, Path: arg}, nil
	case kind == "device" && arg != "":
		return Speaker{Kind: Device, ID: arg}, nil
	}
	return Speaker{}, fmt.Errorf("%w: speaker %q: want default, none, file:PATH or device:ID", ErrSpec, s)
}

// String returns the form ParseMic reads.
func (m Mic) String() string {
	if m.Kind == Tone {
		return "tone:" + strconv.FormatFloat(m.Hz, 'g', -1, 64)
	}
	return Speaker{Kind: m.Kind, Path: m.Path, ID: m.ID}.String()
}

// String returns the form ParseSpeaker reads.
func (s Speaker) String() string {
	switch s.Kind {
	case None:
		return "none"
	case File:
		return "file:" + s.Path
	case Device:
		return "device:" + s.ID
	case Default, Tone:
		return "default"
	}
	return "default"
}

// checkWav reports whether a file can be played. What is no file, as a pipe, is not
// even opened: that waits for whoever writes to it.
func checkWav(path string) error {
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() {
		return fmt.Errorf("%s is no file but a %s; a wav file is needed", path, kindOf(at.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return err // names the path and the reason
	}
	defer f.Close()
	if _, err := wav.NewReader(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// kindOf names what is no regular file.
func kindOf(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&os.ModeNamedPipe != 0:
		return "pipe"
	}
	return "device"
}
