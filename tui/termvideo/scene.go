package termvideo

import "github.com/meet-term/meet/media/video"

// Place is where a tile lies on the screen, in cells from 0 at the top left.
type Place struct {
	ID         string // names the tile from one scene to the next
	X, Y       int
	Cols, Rows int
}

// Tile is one picture of a scene.
type Tile struct {
	Place
	// Frame is the newest picture, nil for none yet (the place stays blank).
	Frame *video.Frame
	// Dim shows the picture dark and almost grey: a stalled stream.
	Dim bool
	// Mirror swaps left and right, as people know themselves from mirrors.
	Mirror bool
	// Fill crops the picture to the shape of the place where no more than a
	// quarter of it is lost; otherwise it is shown whole with bars beside it.
	Fill bool
}

// Scene is everything that should be visible now. Where tiles overlap, the
// later one is on top.
type Scene struct {
	Cols, Rows int // size of the screen in cells
	Tiles      []Tile
}

// Painter is a writer that shares the screen with a user interface. When the
// writer given to New is one, every frame goes through Paint.
type Painter interface {
	// Paint calls build with the cells that are free for video and writes what
	// it returns, so that nothing else is written in between. free[y][x] is 0
	// for a cell that shows text. Any other value says that the cell is
	// video's, and changes whenever the cell may have been overwritten: the
	// drawer then draws it anew. Rows and columns beyond the slices show text.
	//
	// build only computes; it must not call back into the Painter.
	Paint(build func(free [][]uint32) []byte) error
}
