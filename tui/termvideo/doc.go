// Package termvideo draws video frames on a terminal: as block glyphs of two
// colours per cell, as grey characters, or as real pixels through the kitty,
// iTerm2 and sixel protocols. It also finds out which of these a terminal can
// show.
//
// The package knows nothing about the program around it. A [Drawer] is given a
// [Scene], the tiles that should be visible now, and writes what changed to an
// io.Writer. When that writer is a [Painter], it also says which cells of the
// screen are left to video, so that text laid over a tile is never overdrawn.
//
// The work of one frame is: scale the picture to the sub-pixels of the mode by
// exact area (scale.go), find the two best colours of every cell (cell.go),
// compare with what the terminal was really sent, and write the cells that
// visibly differ with as few bytes as possible (emit.go).
package termvideo
