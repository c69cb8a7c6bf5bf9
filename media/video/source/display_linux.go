package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xinerama"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media/video"
)

func init() {
	// Before any connection exists, so that no goroutine of one reads it.
	xgb.Logger = log.New(io.Discard, "", 0)
}

const (
	// layoutEvery is how often the monitors are looked at again.
	layoutEvery = time.Second
	// hungAfter is how long a request may take once nobody needs its answer.
	hungAfter = 2 * time.Second
)

// Displays lists the displays that can be shared. On Wayland it is one, which
// the person chooses when it is shared.
func Displays(ctx context.Context) ([]Info, error) {
	if onWayland() {
		if err := checkCast(); err != nil {
			return nil, err
		}
		return []Info{{ID: "0", Name: "chosen in a dialogue of the desktop", Default: true}}, nil
	}
	var found []Info
	err := patiently(ctx, func(context.Context) error {
		x, err := openX()
		if err != nil {
			return err
		}
		defer x.close()
		monitors, err := x.monitors()
		for i, m := range monitors {
			found = append(found, Info{
				ID: strconv.Itoa(i), Default: i == 0,
				Name: fmt.Sprintf("%dx%d at %d,%d", m.width, m.height, m.x, m.y),
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// patiently runs do, and stops waiting for it if it does not return within two
// seconds after ctx has ended: an X server that hangs must not hang us.
func patiently(ctx context.Context, do func(context.Context) error) error {
	done := make(chan error, 1)
	crash.Go(func() { done <- do(ctx) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	hung := time.NewTimer(hungAfter)
	defer hung.Stop()
	select {
	case err := <-done:
		return err
	case <-hung.C:
		return ctx.Err()
	}
}

// Run implements [Source].
func (d display) Run(ctx context.Context, demand *Demand, emit func(*video.Frame)) error {
	if onWayland() {
		return shareCast(ctx, demand, emit)
	}
	err := patiently(ctx, func(ctx context.Context) error {
		x, err := openX()
		if err != nil {
			return err
		}
		defer x.close()
		return x.share(ctx, int(d), demand, emit)
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// xSession is a connection to an X server. It belongs to one goroutine.
type xSession struct {
	conn   *xgb.Conn
	screen *xproto.ScreenInfo
	closed chan struct{} // closed when the connection is

	cursor bool // the server tells what the pointer looks like
	shared bool // it can write into our memory
	seg    shm.Seg
	mem    []byte // shared; nil if not
}

// openX connects to the server of $DISPLAY.
func openX() (*xSession, error) {
	if os.Getenv("DISPLAY") == "" {
		return nil, fmt.Errorf("display: %w", ErrNone)
	}
	conn, err := xgb.NewConn()
	if err != nil {
		return nil, fmt.Errorf("connect to display %s: %w", os.Getenv("DISPLAY"), err)
	}
	x := &xSession{conn: conn, closed: make(chan struct{})}
	crash.Go(func() {
		defer close(x.closed)
		for { // until both are nil; nothing was asked to be told
			if event, err := conn.WaitForEvent(); event == nil && err == nil {
				return
			}
		}
	})
	setup := xproto.Setup(conn)
	if conn.DefaultScreen >= len(setup.Roots) {
		x.close()
		return nil, fmt.Errorf("display %s: %w", os.Getenv("DISPLAY"), ErrNone)
	}
	x.screen = setup.DefaultScreen(conn)
	if err := x.checkPixels(setup); err != nil {
		x.close()
		return nil, err
	}
	x.shared = x.extension("MIT-SHM")
	if x.extension("XFIXES") {
		// The server ignores the extension until it knows our version.
		_, err := xfixes.QueryVersion(conn, 4, 0).Reply()
		x.cursor = err == nil
	}
	return x, nil
}

// extension makes an extension usable, if the server has it. The packages of
// xgb have functions for it; these write to maps that other connections read.
func (x *xSession) extension(name string) bool {
	reply, err := xproto.QueryExtension(x.conn, uint16(len(name)), name).Reply()
	if err != nil || !reply.Present {
		return false
	}
	x.conn.ExtLock.Lock()
	defer x.conn.ExtLock.Unlock()
	x.conn.Extensions[name] = reply.MajorOpcode
	return true
}

// checkPixels accepts the one layout that every server of today has: 32 bits,
// blue first.
func (x *xSession) checkPixels(setup *xproto.SetupInfo) error {
	ok := setup.ImageByteOrder == xproto.ImageOrderLSBFirst
	for _, f := range setup.PixmapFormats {
		if f.Depth == x.screen.RootDepth {
			ok = ok && f.BitsPerPixel == 32
		}
	}
	for _, depth := range x.screen.AllowedDepths {
		for _, v := range depth.Visuals {
			if v.VisualId == x.screen.RootVisual {
				ok = ok && v.RedMask == 0xff0000 && v.GreenMask == 0xff00 && v.BlueMask == 0xff
			}
		}
	}
	if !ok {
		return fmt.Errorf("display: a colour depth of %d bits cannot be shared", x.screen.RootDepth)
	}
	return nil
}

// close ends the session and waits for the goroutines of the connection.
func (x *xSession) close() {
	x.unshare()
	x.conn.Close()
	<-x.closed
}

// monitors returns where the monitors lie. There is always one: the whole
// screen.
func (x *xSession) monitors() ([]rectangle, error) {
	whole, err := xproto.GetGeometry(x.conn, xproto.Drawable(x.screen.Root)).Reply()
	if err != nil {
		return nil, fmt.Errorf("ask for the size of the screen: %w", err)
	}
	all := []rectangle{{0, 0, int(whole.Width), int(whole.Height)}}
	if !x.extension("XINERAMA") {
		return all, nil
	}
	reply, err := xinerama.QueryScreens(x.conn).Reply()
	if err != nil || len(reply.ScreenInfo) == 0 {
		return all, nil
	}
	var each []rectangle
	for _, s := range reply.ScreenInfo {
		r := rectangle{int(s.XOrg), int(s.YOrg), int(s.Width), int(s.Height)}
		// What lies outside cannot be read.
		if r.x >= 0 && r.y >= 0 && r.x+r.width <= all[0].width && r.y+r.height <= all[0].height {
			each = append(each, r)
		}
	}
	if len(each) == 0 {
		return all, nil
	}
	return each, nil
}

// share emits the pictures of one monitor until ctx ends.
func (x *xSession) share(ctx context.Context, number int, demand *Demand, emit func(*video.Frame)) error {
	var area rectangle
	var looked time.Time
	var c canvas
	look := func(now time.Time) error {
		monitors, err := x.monitors()
		if err != nil {
			return err
		}
		if number >= len(monitors) {
			return display(number).errNoDisplay(len(monitors))
		}
		area, looked = monitors[number].even(), now
		if area.width < minFileSide || area.height < minFileSide {
			return fmt.Errorf("display of %d x %d pixels is too small", area.width, area.height)
		}
		return nil
	}
	return pace(ctx, demand, func(w Want, now time.Time) error {
		if now.Sub(looked) >= layoutEvery {
			if err := look(now); err != nil {
				return err
			}
		}
		pixels, err := x.pixels(area)
		if err != nil { // the layout may have changed this very moment
			if err := look(now); err != nil {
				return err
			}
			pixels, err = x.pixels(area)
		}
		if err != nil {
			return fmt.Errorf("read the screen: %w", err)
		}
		x.drawCursor(pixels, area)
		if f := c.update(pixels, area.width, area.height, w, now); f != nil {
			emit(f)
		}
		return nil
	})
}

// pixels reads a part of the screen. The result holds until the next call and
// may be drawn upon.
func (x *xSession) pixels(r rectangle) ([]byte, error) {
	size := 4 * r.width * r.height
	root := xproto.Drawable(x.screen.Root)
	if x.shared && len(x.mem) < size {
		x.unshare()
		x.shared = x.reserve(size) == nil
	}
	if x.shared {
		_, err := shm.GetImage(x.conn, root, int16(r.x), int16(r.y), uint16(r.width), uint16(r.height),
			^uint32(0), xproto.ImageFormatZPixmap, x.seg, 0).Reply()
		if err != nil {
			return nil, err
		}
		return x.mem[:size], nil
	}
	reply, err := xproto.GetImage(x.conn, xproto.ImageFormatZPixmap, root, int16(r.x), int16(r.y),
		uint16(r.width), uint16(r.height), ^uint32(0)).Reply()
	if err != nil {
		return nil, err
	}
	if len(reply.Data) < size {
		return nil, errors.New("the picture is incomplete")
	}
	return reply.Data[:size], nil
}

// reserve shares memory with the server. It fails if the server is on another
// machine.
func (x *xSession) reserve(size int) error {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o600)
	if err != nil {
		return fmt.Errorf("reserve shared memory: %w", err)
	}
	// Once marked, the memory goes when both have let go of it, however we end.
	defer func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }()
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		return fmt.Errorf("attach shared memory: %w", err)
	}
	seg, err := shm.NewSegId(x.conn)
	if err == nil {
		err = shm.AttachChecked(x.conn, seg, uint32(id), false).Check()
	}
	if err != nil {
		_ = unix.SysvShmDetach(mem)
		return fmt.Errorf("share memory with the display: %w", err)
	}
	x.seg, x.mem = seg, mem
	return nil
}

// unshare gives the shared memory back.
func (x *xSession) unshare() {
	if x.mem == nil {
		return
	}
	// The server must have let go before the memory is gone from here.
	_ = shm.DetachChecked(x.conn, x.seg).Check()
	_ = unix.SysvShmDetach(x.mem)
	x.mem = nil
}

// drawCursor draws the pointer, which is no part of the screen's pixels.
func (x *xSession) drawCursor(pixels []byte, r rectangle) {
	if !x.cursor {
		return
	}
	c, err := xfixes.GetCursorImage(x.conn).Reply()
	if err != nil || len(c.CursorImage) < int(c.Width)*int(c.Height) {
		return
	}
	blend(pixels, r, c.CursorImage, rectangle{
		int(c.X) - int(c.Xhot), int(c.Y) - int(c.Yhot), int(c.Width), int(c.Height),
	})
}
