package termvideo

import "fmt"

// Mode is a way of showing a picture on a terminal.
type Mode uint8

// The modes, from automatic choice over the glyph modes to real pixels.
const (
	ModeAuto     Mode = iota // let Choose decide
	ModeOff                  // no pictures at all
	ModeASCII                // grey characters, one per cell
	ModeHalf                 // 1x2 sub-pixels per cell
	ModeQuadrant             // 2x2
	ModeSextant              // 2x3, Unicode 13
	ModeOctant               // 2x4, Unicode 16
	ModeSixel                // DEC sixel graphics
	ModeITerm                // iTerm2 inline images (JPEG)
	ModeKitty                // kitty graphics protocol
)

var modeNames = [...]string{
	ModeAuto: "auto", ModeOff: "off", ModeASCII: "ascii", ModeHalf: "half",
	ModeQuadrant: "quadrant", ModeSextant: "sextant", ModeOctant: "octant",
	ModeSixel: "sixel", ModeITerm: "iterm", ModeKitty: "kitty",
}

// String returns the name the --video flag uses.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode reads the name of a mode as the --video flag takes it.
func ParseMode(s string) (Mode, error) {
	for m, name := range modeNames {
		if s == name {
			return Mode(m), nil
		}
	}
	return ModeAuto, fmt.Errorf("unknown video mode %q (one of auto, kitty, iterm, sixel, octant, sextant, quadrant, half, ascii, off)", s)
}

// pixels says whether the mode sends real pixels instead of characters.
func (m Mode) pixels() bool { return m == ModeSixel || m == ModeITerm || m == ModeKitty }

// SubPixels returns how many columns and rows of sub-pixels one cell shows in
// this mode, 0 and 0 for modes that draw nothing or real pixels.
func (m Mode) SubPixels() (cols, rows int) {
	switch m {
	case ModeASCII, ModeHalf:
		return 1, 2
	case ModeQuadrant:
		return 2, 2
	case ModeSextant:
		return 2, 3
	case ModeOctant:
		return 2, 4
	case ModeAuto, ModeOff, ModeSixel, ModeITerm, ModeKitty:
		return 0, 0
	}
	return 0, 0
}

// ColorDepth is how many colours the terminal shows.
type ColorDepth uint8

// The depths. The zero value is the usual one.
const (
	TrueColor ColorDepth = iota // 24 bits
	Colors256                   // the 6x6x6 cube and 24 greys of xterm
	Colors16                    // the ANSI colours, taken to be xterm's
	NoColor                     // no colour sequences at all
)
