// Package stage draws the pictures of a call into the holes that the screen leaves
// for them. It knows both, so that neither knows the other.
package stage

import (
	"context"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/stream"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/tui"
	"github.com/meet-term/meet/tui/termvideo"
)

// Call is what a stage needs of one; [call.Call] implements it.
type Call interface {
	View() *rtc.RoomView
	// Show says which pictures are looked at, and how large.
	Show(sizes map[call.Viewed]stream.Size)
	// Picture is the newest picture of somebody, or nil.
	Picture(call.Viewed) *video.Frame
}

// Stage implements [tui.Stage]. The goroutine of Run owns the drawer.
type Stage struct {
	call   Call
	caps   termvideo.Caps
	choice termvideo.Choice
	drawer *termvideo.Drawer
	size   func() (cols, rows int)

	shown chan struct{} // a token when tiles changed

	mu    sync.Mutex
	tiles []tui.Tile // guarded by mu
}

// drawEvery is the tick of the drawer. Nothing is written where no picture
// changed.
const drawEvery = time.Second / 30

// New returns a stage for a terminal of a size in cells. It draws nothing until Run.
func New(c Call, d *termvideo.Drawer, choice termvideo.Choice, caps termvideo.Caps, size func() (cols, rows int)) *Stage {
	return &Stage{call: c, caps: caps, choice: choice, drawer: d, size: size, shown: wake.New()}
}

// Show implements [tui.Stage].
func (s *Stage) Show(tiles []tui.Tile) {
	s.mu.Lock()
	s.tiles = tiles
	s.mu.Unlock()
	wake.Poke(s.shown)
}

// Run draws until ctx ends; then nothing of the pictures is left. The error is of a
// terminal that is gone.
func (s *Stage) Run(ctx context.Context) error {
	ticker := time.NewTicker(drawEvery)
	defer ticker.Stop()
	var tiles []tui.Tile
	var tick <-chan time.Time // nil while there is nothing to draw
	for {
		select {
		case <-ctx.Done():
			return s.drawer.Close()
		case <-s.shown:
			s.mu.Lock()
			tiles = s.tiles
			s.mu.Unlock()
			s.ask(tiles)
			// While a window changed its size, text for the old one may have
			// scrolled the pictures away unnoticed.
			s.drawer.Invalidate()
			if err := s.draw(tiles); err != nil {
				return err
			}
			if tick = ticker.C; len(tiles) == 0 {
				tick = nil
			}
		case <-tick:
			if err := s.draw(tiles); err != nil {
				return err
			}
		}
	}
}

// ask tells the call which pictures are looked at, and how large.
func (s *Stage) ask(tiles []tui.Tile) {
	sizes := make(map[call.Viewed]stream.Size, len(tiles))
	for _, t := range tiles {
		w, h := s.choice.PictureSize(s.caps, t.Cols, t.Rows)
		w, h = w*max(1, t.Zoom), h*max(1, t.Zoom) // a part can be no sharper than the whole
		v := viewed(t)
		if was := sizes[v]; w*h > was.Width*was.Height {
			sizes[v] = stream.Size{Width: w, Height: h}
		}
	}
	s.call.Show(sizes)
}

func viewed(t tui.Tile) call.Viewed { return call.Viewed{Peer: t.Peer, Kind: t.Kind} }

func (s *Stage) draw(tiles []tui.Tile) error {
	cols, rows := s.size()
	scene := termvideo.Scene{Cols: cols, Rows: rows, Tiles: make([]termvideo.Tile, 0, len(tiles))}
	self := s.call.View().Self
	for _, t := range tiles {
		scene.Tiles = append(scene.Tiles, termvideo.Tile{
			Place: termvideo.Place{
				ID: string(t.Peer) + "/" + t.Kind.String(), X: t.X, Y: t.Y, Cols: t.Cols, Rows: t.Rows,
			},
			Frame: part(s.call.Picture(viewed(t)), t), Dim: t.Dim,
			Mirror: t.Peer == self && t.Kind == media.Camera,
			Fill:   t.Kind == media.Camera, // faces are in the middle; of a screen every corner counts
		})
	}
	_, err := s.drawer.Draw(scene)
	return err
}

// part is the part of a picture that a tile shows. It shares the picture's samples.
func part(f *video.Frame, t tui.Tile) *video.Frame {
	if f == nil || t.Zoom < 2 || f.Width < 2*t.Zoom || f.Height < 2*t.Zoom {
		return f
	}
	// Corners lie on even samples, so that chroma starts at a whole one too.
	w, h := f.Width/t.Zoom&^1, f.Height/t.Zoom&^1
	x, y := (f.Width-w)*t.PanX/1000&^1, (f.Height-h)*t.PanY/1000&^1
	cut := *f
	cut.Width, cut.Height = w, h
	cut.Y = f.Y[y*f.YStride+x:]
	cut.U, cut.V = f.U[y/2*f.UVStride+x/2:], f.V[y/2*f.UVStride+x/2:]
	return &cut
}
