package source

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source/portal"
)

// onWayland says whether the desktop is one whose pictures an X server does not
// have, even if there is one for old programs.
func onWayland() bool { return os.Getenv("WAYLAND_DISPLAY") != "" }

// castArgs is the command that reads a node of PipeWire through the connection
// that the program finds as descriptor 3.
func castArgs(node string) []string {
	return []string{
		"gst-launch-1.0", "-q", "pipewiresrc", "fd=3", "path=" + node, "do-timestamp=true", "keepalive-time=1000",
		"!", "queue", "max-size-buffers=1", "leaky=downstream",
		"!", "videoconvert", "!", "video/x-raw,format=I420,colorimetry=bt601",
		"!", "y4menc", "!", "fdsink", "fd=1",
	}
}

// command is the program that reads the display, as far as it is known before
// the person has chosen one; nil on X11.
func (d display) command() []string {
	if onWayland() {
		return castArgs("NODE")
	}
	return nil
}

// checkCast says whether a screen can be asked for.
func checkCast() error {
	if err := portal.Available(); err != nil {
		return fmt.Errorf("share a Wayland display: %w: xdg-desktop-portal (%w)", ErrTool, err)
	}
	return (&child{args: castArgs("")}).check()
}

// shareCast asks the person for a screen and reads it. Once it has ended it is
// not asked for again before the person says so: whoever stops a share in the
// desktop must not find it going on, nor a dialogue every two seconds.
func shareCast(ctx context.Context, d *Demand, emit func(*video.Frame)) error {
	if err := checkCast(); err != nil {
		return err
	}
	cast, err := portal.Open(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer cast.Close()
	read, stop := context.WithCancel(ctx)
	defer stop()
	crash.Go(func() {
		select {
		case <-cast.Ended():
			stop()
		case <-read.Done():
		}
	})
	c := child{args: castArgs(strconv.FormatUint(uint64(cast.Node), 10)), extra: []*os.File{cast.Remote}}
	err = c.run(read, d, emit)
	if ctx.Err() != nil {
		return nil
	}
	portal.Forget()
	if err == nil {
		return fmt.Errorf("%w: the share was ended", ErrRefused)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}
