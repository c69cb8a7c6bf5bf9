package termvideo_test

import (
	"bytes"
	"fmt"

	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/tui/termvideo"
)

// A picture that is white above and black below is drawn in half blocks, 8 cells wide;
// drawn again, it costs nothing.
func Example() {
	picture := video.NewFrame(64, 32)
	for i := range picture.Y {
		picture.Y[i] = 16
		if i < len(picture.Y)/2 {
			picture.Y[i] = 235
		}
	}
	var terminal bytes.Buffer
	d := termvideo.New(&terminal, termvideo.Config{Mode: termvideo.ModeHalf, Colors: termvideo.TrueColor})
	scene := termvideo.Scene{Cols: 80, Rows: 24, Tiles: []termvideo.Tile{{
		Place: termvideo.Place{ID: "bob", X: 2, Y: 1, Cols: 8, Rows: 2}, Frame: picture,
	}}}
	for range 2 {
		terminal.Reset()
		if _, err := d.Draw(scene); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("written:", terminal.Len() > 0)
	}
	if err := d.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// written: true
	// written: false
}
