package source

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is the kind of a source.
type Kind uint8

// The kinds. File and Device are for cameras, Display for screens.
const (
	Default Kind = iota // the first one there is
	None
	TestCard
	File
	Device
	Display
)

// Camera says which camera is used. The zero value is the default camera.
type Camera struct {
	Kind Kind
	Path string // of a File
	ID   string // of a Device
}

// Screen says which screen can be shared. The zero value is the default one.
type Screen struct {
	Kind   Kind
	Number int // of a Display, as Displays counts them, from 0
}

// maxDisplay bounds display numbers to what can be meant.
const maxDisplay = 63

// ParseCamera reads "default", "none", "testcard", "file:PATH" or "device:ID".
// A file is opened and its header checked, so that a wrong path is an error
// before the call and not during it. "" is "default". Errors match ErrSpec.
func ParseCamera(s string) (Camera, error) {
	kind, arg, hasArg := strings.Cut(s, ":")
	switch {
	case s == "" || s == "default":
		return Camera{}, nil
	case s == "none":
		return Camera{Kind: None}, nil
	case s == "testcard":
		return Camera{Kind: TestCard}, nil
	case kind == "file" && hasArg:
		if err := checkFile(arg); err != nil {
			return Camera{}, fmt.Errorf("%w: camera file: %w", ErrSpec, err)
		}
		return Camera{Kind: File, Path: arg}, nil
	case kind == "device" && arg != "":
		return Camera{Kind: Device, ID: arg}, nil
	}
	return Camera{}, fmt.Errorf("%w: camera %q: want default, none, testcard, file:PATH or device:ID", ErrSpec, s)
}

// ParseScreen reads "default", "none", "testcard" or "display:N". "" is
// "default". Errors match ErrSpec.
func ParseScreen(s string) (Screen, error) {
	kind, arg, _ := strings.Cut(s, ":")
	switch {
	case s == "" || s == "default":
		return Screen{}, nil
	case s == "none":
		return Screen{Kind: None}, nil
	case s == "testcard":
		return Screen{Kind: TestCard}, nil
	case kind == "display" && arg != "":
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 || n > maxDisplay {
			return Screen{}, fmt.Errorf("%w: display:%s: a number from 0 to %d is needed", ErrSpec, arg, maxDisplay)
		}
		return Screen{Kind: Display, Number: n}, nil
	}
	return Screen{}, fmt.Errorf("%w: screen %q: want default, none, testcard or display:N", ErrSpec, s)
}

// String returns the form ParseCamera reads.
func (c Camera) String() string {
	switch c.Kind {
	case None:
		return "none"
	case TestCard:
		return "testcard"
	case File:
		return "file:" + c.Path
	case Device:
		return "device:" + c.ID
	case Default, Display:
	}
	return "default"
}

// String returns the form ParseScreen reads.
func (s Screen) String() string {
	switch s.Kind {
	case None:
		return "none"
	case TestCard:
		return "testcard"
	case Display:
		return "display:" + strconv.Itoa(s.Number)
	case Default, File, Device:
	}
	return "default"
}
