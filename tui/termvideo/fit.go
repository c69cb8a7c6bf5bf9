package termvideo

// rect is a rectangle of samples, sub-pixels or cells.
type rect struct{ x, y, w, h int }

// fitInside returns the largest rectangle of the shape srcW:srcH inside a grid
// of gridW x gridH sub-pixels, centred. A sub-pixel is pxW x pxH units on the
// glass: those of a terminal are seldom square.
func fitInside(srcW, srcH, gridW, gridH, pxW, pxH int) rect {
	if srcW <= 0 || srcH <= 0 || gridW <= 0 || gridH <= 0 {
		return rect{}
	}
	// Compare the shapes crosswise: (gridW*pxW)/(gridH*pxH) against srcW/srcH.
	gw, gh := int64(gridW)*int64(pxW), int64(gridH)*int64(pxH)
	w, h := gridW, gridH
	if gw*int64(srcH) > gh*int64(srcW) {
		w = roundDiv(gh*int64(srcW), int64(srcH)*int64(pxW))
	} else {
		h = roundDiv(gw*int64(srcH), int64(srcW)*int64(pxH))
	}
	w, h = min(max(w, 1), gridW), min(max(h, 1), gridH)
	return rect{x: (gridW - w) / 2, y: (gridH - h) / 2, w: w, h: h}
}

// cropToFill returns the largest centred part of a srcW x srcH picture that
// has the shape of the grid. Its corner lies on even samples, so that chroma
// starts at a whole sample too.
func cropToFill(srcW, srcH, gridW, gridH, pxW, pxH int) rect {
	if srcW <= 0 || srcH <= 0 || gridW <= 0 || gridH <= 0 {
		return rect{}
	}
	gw, gh := int64(gridW)*int64(pxW), int64(gridH)*int64(pxH)
	w, h := srcW, srcH
	if gw*int64(srcH) > gh*int64(srcW) {
		h = roundDiv(int64(srcW)*gh, gw)
	} else {
		w = roundDiv(int64(srcH)*gw, gh)
	}
	w, h = min(max(w, 1), srcW), min(max(h, 1), srcH)
	return rect{x: (srcW - w) / 2 &^ 1, y: (srcH - h) / 2 &^ 1, w: w, h: h}
}

// wholeCells moves the edges of a picture inside a grid to those of the cells,
// step sub-pixels apart: a cell that is partly beside the picture would have to
// show two backgrounds. As many cells stay free on one side as on the other.
func wholeCells(at, size, grid, step int) (int, int) {
	cells := grid / step
	n := roundDiv(int64(size), int64(step))
	if (cells-n)%2 != 0 {
		if size > n*step || n == 0 {
			n++
		} else {
			n--
		}
	}
	if n < 1 || n > cells {
		return at, size // no more than a cell
	}
	return (cells - n) / 2 * step, n * step
}

// fillLoss is the part of a picture, one in so many, that may be lost where it
// is to fill its place.
const fillLoss = 4

// keepsEnough says whether a part of a picture may stand for the whole.
func keepsEnough(part rect, srcW, srcH int) bool {
	// Even samples round a little away.
	return (part.w+2)*(part.h+2)*fillLoss >= srcW*srcH*(fillLoss-1)
}

func roundDiv(a, b int64) int { return int((a + b/2) / b) }
