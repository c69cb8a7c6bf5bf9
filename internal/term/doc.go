// Package term is a terminal without a screen: what a program writes becomes a grid
// of cells, as a terminal of the VT family would show it. Nothing of what a program
// writes is ever answered or passed on; somebody else's terminal does that.
//
// The grid is made for being shared: taking a [Snapshot] costs a pointer for each
// row, because rows are copied when they are written to and not when they are read,
// and a line feed moves pointers and not cells.
package term

// The bounds of a terminal.
const (
	MaxCols    = 500  // columns
	MaxRows    = 300  // rows
	Scrollback = 1000 // lines that left at the top and are kept
	// MaxCluster is how many bytes one cell holds at most: a base character with
	// whatever is put on it. What comes beyond is dropped.
	MaxCluster = 32
	maxTitle   = 256     // bytes of a title
	maxString  = 4 << 10 // bytes of a control string that are kept
)
