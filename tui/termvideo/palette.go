package termvideo

// ansi16 is what xterm shows for the sixteen ANSI colours. Users change these,
// so a picture in sixteen colours is a rough one by nature.
var ansi16 = [16]rgb{
	0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
	0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
}

var cubeLevels = [6]int32{0, 95, 135, 175, 215, 255}

// quantise returns the colour the terminal can show that is nearest to c.
func quantise(c rgb, depth ColorDepth) rgb {
	switch depth {
	case TrueColor, NoColor:
		return c
	case Colors256:
		_, near := nearest256(c)
		return near
	case Colors16:
		return ansi16[nearest16(c)]
	}
	return c
}

func distance(a, b rgb) int32 {
	ar, ag, ab := a.split()
	br, bg, bb := b.split()
	ar, ag, ab = ar-br, ag-bg, ab-bb
	return ar*ar + ag*ag + ab*ab
}

// nearest256 returns the index (16 to 255) and the value of the nearest colour
// of xterm's cube and grey ramp. The lowest sixteen are left alone: they are
// the user's own.
func nearest256(c rgb) (index uint8, near rgb) {
	r, g, b := c.split()
	ri, gi, bi := cubeIndex(r), cubeIndex(g), cubeIndex(b)
	near = rgb(cubeLevels[ri]<<16 | cubeLevels[gi]<<8 | cubeLevels[bi])
	index = uint8(16 + 36*ri + 6*gi + bi)

	step := min(max((c.luma()-8+5)/10, 0), 23)
	level := 8 + 10*step
	if grey := rgb(level<<16 | level<<8 | level); distance(c, grey) < distance(c, near) {
		return uint8(232 + step), grey
	}
	return index, near
}

// cubeIndex is the nearest of cubeLevels.
func cubeIndex(v int32) int32 {
	switch {
	case v < 48:
		return 0
	case v < 115:
		return 1
	default:
		return min((v-35)/40, 5)
	}
}

func nearest16(c rgb) uint8 {
	best, bestDistance := 0, int32(1<<30)
	for i, p := range ansi16 {
		if d := distance(c, p); d < bestDistance {
			best, bestDistance = i, d
		}
	}
	return uint8(best)
}
