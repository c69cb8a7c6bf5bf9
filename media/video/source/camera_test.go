package source

import (
	"errors"
	"testing"
)

func TestChooseMode(t *testing.T) {
	packed := func(w, h int, fps float64) mode { return mode{true, w, h, fps} }
	jpg := func(w, h int, fps float64) mode { return mode{false, w, h, fps} }
	usual := []mode{
		packed(640, 480, 30), packed(320, 240, 30), packed(1280, 720, 10), packed(1920, 1080, 5),
		jpg(640, 480, 30), jpg(1280, 720, 30), jpg(1920, 1080, 30),
	}
	tests := []struct {
		name  string
		modes []mode
		want  Want
		best  mode
	}{
		{"a terminal", usual, Want{200, 120, 15}, packed(640, 480, 30)},
		{"a large tile", usual, Want{640, 360, 15}, packed(640, 480, 30)},
		{"full screen", usual, Want{1280, 720, 30}, jpg(1280, 720, 30)},
		{"more than is of use", usual, Want{5000, 5000, 30}, jpg(1280, 720, 30)},
		{"the very shape", append(usual, packed(640, 360, 30)), Want{200, 120, 15}, packed(640, 360, 30)},
		{"JPEG only", []mode{jpg(320, 240, 30), jpg(640, 480, 30)}, Want{200, 120, 15}, jpg(640, 480, 30)},
		{"small only", []mode{packed(160, 120, 30), packed(320, 240, 30)}, Want{640, 360, 15}, packed(320, 240, 30)},
		{"slow only", []mode{packed(640, 480, 5)}, Want{640, 360, 15}, packed(640, 480, 5)},
		{"rates unknown", []mode{jpg(640, 480, 0), packed(640, 480, 0)}, Want{640, 360, 15}, packed(640, 480, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := choose(tt.modes, tt.want); !ok || got != tt.best {
				t.Errorf("got %+v, want %+v", got, tt.best)
			}
		})
	}
	if _, ok := choose(nil, Want{640, 360, 15}); ok {
		t.Error("a mode was chosen of none")
	}
}

func TestSpecs(t *testing.T) {
	for _, s := range []string{"default", "none", "testcard", "device:/dev/video3"} {
		if c, err := ParseCamera(s); err != nil || c.String() != s {
			t.Errorf("camera %q became %v, %v", s, c, err)
		}
	}
	for _, s := range []string{"default", "none", "testcard", "display:0", "display:12"} {
		if c, err := ParseScreen(s); err != nil || c.String() != s {
			t.Errorf("screen %q became %v, %v", s, c, err)
		}
	}
	if c, err := ParseCamera(""); err != nil || c != (Camera{}) {
		t.Errorf("no camera setting: %v, %v", c, err)
	}
	if s, err := ParseScreen(""); err != nil || s != (Screen{}) {
		t.Errorf("no screen setting: %v, %v", s, err)
	}
	for _, s := range []string{"x", "file", "file:", "device:", "device", "display:0", "testcard:1", "Default"} {
		if c, err := ParseCamera(s); !errors.Is(err, ErrSpec) {
			t.Errorf("camera %q was accepted as %v, %v", s, c, err)
		}
	}
	for _, s := range []string{"x", "file:a", "display:", "display", "display:-1", "display:64", "display:x", "device:1"} {
		if c, err := ParseScreen(s); !errors.Is(err, ErrSpec) {
			t.Errorf("screen %q was accepted as %v, %v", s, c, err)
		}
	}
}

func TestNoSource(t *testing.T) {
	for name, src := range map[string]Source{"camera": Camera{Kind: None}.Source(), "screen": Screen{Kind: None}.Source()} {
		if err := src.Check(t.Context()); !errors.Is(err, ErrOff) {
			t.Errorf("%s: Check says %v", name, err)
		}
		if err := src.Run(t.Context(), NewDemand(Want{16, 16, 1}), nil); !errors.Is(err, ErrOff) {
			t.Errorf("%s: Run says %v", name, err)
		}
	}
}
