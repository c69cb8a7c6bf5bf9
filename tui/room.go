package tui

import (
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui/termout"
)

// Stage shows the pictures. The screen leaves holes for them and says where.
type Stage interface {
	// Show replaces the list of visible pictures and only posts. It is called
	// whenever the list changed and whenever the screen was cleared, so that
	// everything must be drawn anew; the slice is the stage's to keep. A
	// picture that has not come yet is shown as background.
	Show(tiles []Tile)
}

// Tile is one hole in the screen, in cells from the top left corner at 0, 0.
// The screen has filled it with [Placeholder].
type Tile struct {
	Peer signal.PeerID // one's own id for the view of one's own camera
	Kind media.Kind    // Camera or Screen
	X, Y int
	Cols int
	Rows int
	// Zoom shows a part of the picture so many times as large, 2 and up; PanX and PanY
	// say which, in thousandths of the way from the left and from the top.
	Zoom, PanX, PanY int
	// Dim says that the picture is stale: the peer is not connected.
	Dim bool
	// Badge is what the screen has written over the hole, such as
	// "Reconnecting..."; empty for nothing.
	Badge string
}

// Placeholder is the rune the view leaves where video belongs: one cell wide
// in every locale, and never part of a text from the network.
const Placeholder = termout.Placeholder
