package source

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/meet-term/meet/media/video"
)

// startX runs a virtual X server of its own and makes it the display.
func startX(t testing.TB, screen string) (kill func()) {
	t.Helper()
	if os.Getenv("MEET_E2E") == "" {
		t.Skip("needs an X server of its own: set MEET_E2E=1")
	}
	if _, err := exec.LookPath("Xvfb"); err != nil {
		t.Skip("Xvfb is not installed")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", screen, "-noreset", "-nolisten", "tcp", "+extension", "XINERAMA")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	t.Setenv("WAYLAND_DISPLAY", "")
	return kill
}

// paint fills a rectangle of the screen with a colour.
func (x *xSession) paint(t *testing.T, colour uint32, r rectangle) {
	t.Helper()
	gc, err := xproto.NewGcontextId(x.conn)
	if err != nil {
		t.Fatal(err)
	}
	root := xproto.Drawable(x.screen.Root)
	if err := xproto.CreateGCChecked(x.conn, gc, root, xproto.GcForeground, []uint32{colour}).Check(); err != nil {
		t.Fatal(err)
	}
	defer xproto.FreeGC(x.conn, gc)
	rect := []xproto.Rectangle{{X: int16(r.x), Y: int16(r.y), Width: uint16(r.width), Height: uint16(r.height)}}
	if err := xproto.PolyFillRectangleChecked(x.conn, root, gc, rect).Check(); err != nil {
		t.Fatal(err)
	}
}

// sharing runs the display as a source.
func sharing(t *testing.T, d *Demand) <-chan *video.Frame {
	t.Helper()
	frames := make(chan *video.Frame, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	src := Screen{}.Source()
	if err := src.Check(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { done <- src.Run(ctx, d, func(f *video.Frame) { frames <- f }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return frames
}

func await(t *testing.T, frames <-chan *video.Frame) *video.Frame {
	t.Helper()
	select {
	case f := <-frames:
		return f
	case <-time.After(5 * time.Second):
		t.Fatal("no picture within 5 s")
		return nil
	}
}

func TestDisplayIsShared(t *testing.T) {
	startX(t, "1280x720x24")
	infos, err := Displays(t.Context())
	if err != nil || len(infos) != 1 || infos[0].ID != "0" || !infos[0].Default || infos[0].Name != "1280x720 at 0,0" {
		t.Fatalf("displays %+v, %v", infos, err)
	}
	x, err := openX()
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	if !x.shared || !x.cursor {
		t.Errorf("shared memory %v, pointer %v", x.shared, x.cursor)
	}
	d := NewDemand(Want{5000, 5000, 30})
	frames := sharing(t, d)
	first := await(t, frames)
	if first.Width != 1280 || first.Height != 720 || first.Y[200*first.YStride+200] != 16 {
		t.Fatalf("first picture: %dx%d, luma %d", first.Width, first.Height, first.Y[200*first.YStride+200])
	}

	x.paint(t, 0xff0000, rectangle{100, 100, 200, 150})
	red := await(t, frames)
	at := 150/2*red.UVStride + 150/2
	if y, u, v := red.Y[150*red.YStride+150], red.U[at], red.V[at]; y != 82 || u != 90 || v != 240 {
		t.Errorf("red came as %d, %d, %d, want 82, 90, 240", y, u, v)
	}
	if y := red.Y[400*red.YStride+150]; y != 16 {
		t.Errorf("what was not painted has luma %d", y)
	}
	if first.Y[150*first.YStride+150] != 16 {
		t.Error("a picture that was handed on has changed")
	}

	select {
	case <-frames:
		t.Error("a picture came though nothing changed")
	case <-time.After(500 * time.Millisecond):
	}

	d.Set(Want{640, 360, 30})
	if f := await(t, frames); f.Width != 640 || f.Height != 360 {
		t.Errorf("%dx%d after 640x360 was wanted", f.Width, f.Height)
	}

	if err := xproto.WarpPointerChecked(x.conn, 0, x.screen.Root, 0, 0, 0, 0, 20, 600).Check(); err != nil {
		t.Fatal(err)
	}
	await(t, frames) // the pointer is part of the picture
}

func TestDisplayIsSharedWithoutSharedMemory(t *testing.T) {
	startX(t, "322x241x24") // an odd height, too
	x, err := openX()
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	r := rectangle{0, 0, 322, 240}
	x.paint(t, 0x123456, rectangle{0, 0, 322, 241})
	with, err := x.pixels(r)
	if err != nil || x.mem == nil {
		t.Fatalf("shared memory was not used: %v", err)
	}
	with = append([]byte(nil), with...)
	x.unshare()
	x.shared = false
	without, err := x.pixels(r)
	if err != nil {
		t.Fatal(err)
	}
	if string(with) != string(without) || with[0] != 0x56 || with[1] != 0x34 || with[2] != 0x12 {
		t.Errorf("pixels differ: % x and % x", with[:4], without[:4])
	}
}

func TestDisplayThatIsNotThere(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := (Screen{}).Source().Check(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("without $DISPLAY: %v", err)
	}
	t.Setenv("DISPLAY", ":9999")
	if err := (Screen{}).Source().Check(t.Context()); err == nil || !strings.Contains(err.Error(), ":9999") {
		t.Errorf("with a dead $DISPLAY: %v", err)
	}
}

func TestDisplayNumberTooLarge(t *testing.T) {
	startX(t, "320x240x24")
	src := Screen{Kind: Display, Number: 3}.Source()
	if err := src.Check(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("Check: %v", err)
	}
	if err := src.Run(t.Context(), NewDemand(Want{320, 240, 5}), func(*video.Frame) {}); !errors.Is(err, ErrNone) {
		t.Errorf("Run: %v", err)
	}
}

func TestColoursThatCannotBeShared(t *testing.T) {
	startX(t, "320x240x16")
	src := Screen{}.Source()
	if err := src.Run(t.Context(), NewDemand(Want{320, 240, 5}), func(*video.Frame) {}); err == nil || !strings.Contains(err.Error(), "16 bits") {
		t.Errorf("a screen of 16 bits: %v", err)
	}
}

func TestDisplayThatDiesIsAnError(t *testing.T) {
	kill := startX(t, "320x240x24")
	frames, done := make(chan *video.Frame, 1), make(chan error, 1)
	go func() {
		done <- Screen{}.Source().Run(t.Context(), NewDemand(Want{320, 240, 30}), func(f *video.Frame) { frames <- f })
	}()
	await(t, frames)
	kill()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the end of the server is no error")
		}
	case <-time.After(5 * time.Second):
		t.Error("the source still runs 5 s after its server has died")
	}
}

func BenchmarkGrab(b *testing.B) {
	startX(b, "1280x720x24")
	x, err := openX()
	if err != nil {
		b.Fatal(err)
	}
	defer x.close()
	r := rectangle{0, 0, 1280, 720}
	var c canvas
	b.Run("still", func(b *testing.B) {
		for b.Loop() {
			p, err := x.pixels(r)
			if err != nil {
				b.Fatal(err)
			}
			x.drawCursor(p, r)
			c.update(p, r.width, r.height, Want{1280, 720, 15}, time.Now())
		}
	})
}

func TestWaylandWithoutPortal(t *testing.T) {
	t.Setenv("WAYLAND_DISPLAY", "wayland-0")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	src := Screen{}.Source()
	if err := src.Check(t.Context()); !errors.Is(err, ErrTool) || !strings.Contains(err.Error(), "xdg-desktop-portal") {
		t.Errorf("Check: %v", err)
	}
	if err := src.Run(t.Context(), NewDemand(Want{320, 240, 5}), nil); !errors.Is(err, ErrTool) {
		t.Errorf("Run: %v", err)
	}
	if cmd := strings.Join(Screen{}.Command(t.Context()), " "); !strings.HasPrefix(cmd, "gst-launch-1.0 -q pipewiresrc fd=3 path=NODE ") {
		t.Errorf("command %q", cmd)
	}
	t.Setenv("WAYLAND_DISPLAY", "")
	if cmd := (Screen{}).Command(t.Context()); cmd != nil {
		t.Errorf("on X11: %q", cmd)
	}
}
