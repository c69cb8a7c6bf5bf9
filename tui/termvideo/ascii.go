package termvideo

// asciiGlyph is a printable character with the share of the upper and of the
// lower half of its cell that is inked, in 1/255, as common monospaced fonts
// draw it.
type asciiGlyph struct {
	char       byte
	upper, low int32
}

var asciiGlyphs = [...]asciiGlyph{
	{' ', 0, 0}, {'.', 0, 26}, {'\'', 30, 0}, {'`', 22, 0}, {'"', 56, 0},
	{',', 0, 36}, {'_', 0, 44}, {':', 24, 26}, {'-', 20, 20}, {'^', 50, 0},
	{'~', 34, 22}, {';', 24, 40}, {'!', 44, 34}, {'+', 40, 40}, {'=', 50, 50},
	{'*', 74, 26}, {'v', 36, 62}, {'7', 72, 40}, {'L', 38, 76}, {'?', 66, 34},
	{'c', 46, 72}, {'T', 84, 44}, {'J', 44, 78}, {'o', 50, 82}, {'Y', 80, 48},
	{'P', 100, 46}, {'F', 96, 46}, {'a', 52, 98}, {'u', 48, 86}, {'n', 66, 70},
	{'S', 84, 86}, {'4', 74, 90}, {'b', 76, 104}, {'9', 104, 80}, {'6', 82, 104},
	{'0', 104, 104}, {'D', 98, 102}, {'R', 108, 90}, {'8', 110, 112}, {'g', 66, 122},
	{'#', 112, 116}, {'W', 104, 122}, {'B', 116, 120}, {'M', 128, 108}, {'@', 124, 130},
}

// asciiFull is the ink of the densest characters: what "bright" can reach.
const asciiFull = 128

// fitASCII picks the character, and the grey of its ink, that comes nearest to
// the two halves of a cell. On a light background the picture is drawn with
// dark ink, so that it does not come out as a negative.
func fitASCII(px []rgb, depth ColorDepth, light bool) mosaic {
	upper, low := px[0].luma(), px[1].luma()
	if light {
		upper, low = 255-upper, 255-low
	}
	grey := int32(255)
	if depth != NoColor {
		// Ink as bright as the brighter half asks for, and a dense character
		// with it: dark parts become dark grey instead of sparse.
		grey = min(255, 96+max(upper, low)*5/8)
	}
	if light {
		grey = 255 - grey
	}
	ink := quantise(rgb(grey<<16|grey<<8|grey), depth)
	strength := max(ink.luma(), 1)
	if light {
		strength = max(255-ink.luma(), 1)
	}
	wantUpper := min(upper*asciiFull/strength, asciiFull)
	wantLow := min(low*asciiFull/strength, asciiFull)

	best, bestError := 0, int32(1<<30)
	for i := range asciiGlyphs {
		g := &asciiGlyphs[i]
		du, dl := g.upper-wantUpper, g.low-wantLow
		if e := du*du + dl*dl; e < bestError {
			best, bestError = i, e
		}
	}
	return mosaic{fg: ink, pattern: uint8(best)}
}
