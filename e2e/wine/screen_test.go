//go:build linux

package wine

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"github.com/meet-term/meet/e2e/rig"
)

// desktop starts an X server, which Windows has as its desktop then, and returns a
// connection to it.
func desktop(t *testing.T) *xgb.Conn {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, end := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", "640x400x24", "-noreset", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		end()
		_ = cmd.Wait()
	})
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	windows.restart() // Windows has its desktop where it had one when it began
	t.Cleanup(windows.restart)
	x, err := xgb.NewConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// paint fills a part of the screen with a colour.
func paint(t *testing.T, x *xgb.Conn, colour uint32, r xproto.Rectangle) {
	t.Helper()
	root := xproto.Drawable(xproto.Setup(x).DefaultScreen(x).Root)
	gc, err := xproto.NewGcontextId(x)
	if err == nil {
		err = xproto.CreateGCChecked(x, gc, root, xproto.GcForeground, []uint32{colour}).Check()
	}
	if err == nil {
		err = xproto.PolyFillRectangleChecked(x, root, gc, []xproto.Rectangle{r}).Check()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestScreen shares a desktop of four colours, changes one, and compares.
func TestScreen(t *testing.T) {
	rig.Need(t, "wine", "Xvfb")
	pulse := need(t)
	x := desktop(t)
	displays, standard := found(t, pulse, "display")
	if len(displays) != 1 || standard != "640x400 at 0,0" {
		t.Errorf("displays %v, by default %q", displays, standard)
	}
	// Limited-range BT.601 of black, red, green and blue.
	const black, red, green, blue = "16,128,128", "82,90,240", "144,54,34", "41,240,110"
	paint(t, x, 0x000000, xproto.Rectangle{Width: 320, Height: 200})
	paint(t, x, 0xff0000, xproto.Rectangle{X: 320, Width: 320, Height: 200})
	paint(t, x, 0x00ff00, xproto.Rectangle{Y: 200, Width: 320, Height: 200})
	paint(t, x, 0x0000ff, xproto.Rectangle{X: 320, Y: 200, Width: 320, Height: 200})
	p := start(t, pulse, "screen")
	p.await(strings.Join([]string{"picture 640x400", black, red, green, blue}, " "))
	paint(t, x, 0xff0000, xproto.Rectangle{Width: 320, Height: 200})
	p.await(strings.Join([]string{"picture 640x400", red, red, green, blue}, " "))
	p.end()
}
