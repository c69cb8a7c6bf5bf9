package source

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Command returns the program with its arguments that reads this camera on this
// system; nil if meet reads it itself, or there is none.
func (c Camera) Command(ctx context.Context) []string {
	if c.Kind != Default && c.Kind != Device {
		return nil
	}
	if cmd, err := camera(c.ID).command(ctx); err == nil && cmd != nil {
		return cmd.args
	}
	return nil
}

// Command returns the program with its arguments that reads this display on
// this system; nil if meet reads it itself.
func (s Screen) Command(context.Context) []string {
	if s.Kind != Default && s.Kind != Display {
		return nil
	}
	return display(s.Number).command()
}

// Every ffmpeg command begins and ends like this: quiet, no questions, one
// thread, and y4m on standard output.
var (
	ffmpegHead = []string{"ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"}
	ffmpegTail = []string{"-an", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"}
)

func ffmpeg(args ...string) []string {
	all := append([]string(nil), ffmpegHead...)
	return append(append(all, args...), ffmpegTail...)
}

// Pictures of other programs come at one rate and in one size.
const (
	childCameraFPS = 30
	childScreenFPS = 15
	fitCamera      = `scale='min(1280,iw)':-2`
	fitScreen      = `scale='min(1920,iw)':-2`
)

// cameraArgs is the command for a camera; nil on systems that need none.
func cameraArgs(goos, id string) []string {
	rate := strconv.Itoa(childCameraFPS)
	switch goos {
	case "darwin":
		return ffmpeg("-f", "avfoundation", "-framerate", rate, "-video_size", "640x480", "-i", id+":none", "-vf", fitCamera)
	case "windows":
		return ffmpeg("-f", "dshow", "-rtbufsize", "32M", "-framerate", rate, "-i", "video="+id, "-vf", fitCamera)
	}
	return nil
}

// screenArgs is the command for a display; nil on systems that need none.
func screenArgs(goos string, number int) []string {
	rate := strconv.Itoa(childScreenFPS)
	switch goos {
	case "darwin":
		return ffmpeg("-f", "avfoundation", "-capture_cursor", "1", "-framerate", rate,
			"-i", "Capture screen "+strconv.Itoa(number)+":none", "-vf", fitScreen)
	}
	return nil
}

// listTimeout is how long a program may take to list devices.
const listTimeout = 5 * time.Second

// listByChild lists the cameras that ffmpeg finds, or the screens, which on
// macOS appear among the cameras.
func listByChild(ctx context.Context, goos string, screens bool) ([]Info, error) {
	var args []string
	var parse func(string, bool) []Info
	switch goos {
	case "darwin":
		args, parse = []string{"-f", "avfoundation", "-list_devices", "true", "-i", ""}, parseAVFoundation
	case "windows":
		args, parse = []string{"-f", "dshow", "-list_devices", "true", "-i", "dummy"}, parseDShow
	default:
		return nil, fmt.Errorf("devices of %s: %w", goos, ErrNone)
	}
	if err := (&child{args: ffmpegHead}).check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin"}, args...)...)
	cmd.WaitDelay = killAfter
	out, _ := cmd.CombinedOutput() // it always ends with an error: nothing was played
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return parse(string(out), screens), nil
}

var (
	avSection = regexp.MustCompile(`AVFoundation (video|audio) devices`)
	avDevice  = regexp.MustCompile(`\] \[(\d+)\] (.+)`)
	dsDevice  = regexp.MustCompile(`\] "(.+)" \((video|none)\)`)
)

// parseAVFoundation reads the list that ffmpeg prints on macOS.
func parseAVFoundation(out string, screens bool) []Info {
	var found []Info
	video := false
	for line := range strings.Lines(out) {
		if m := avSection.FindStringSubmatch(line); m != nil {
			video = m[1] == "video"
			continue
		}
		m := avDevice.FindStringSubmatch(line)
		if !video || m == nil {
			continue
		}
		name := strings.TrimSpace(printable(m[2]))
		number, isScreen := strings.CutPrefix(name, "Capture screen ")
		switch {
		case isScreen && screens:
			found = append(found, Info{ID: number, Name: "screen " + number, Default: len(found) == 0})
		case !isScreen && !screens:
			found = append(found, Info{ID: m[1], Name: name, Default: len(found) == 0})
		}
	}
	return found
}

// parseDShow reads the list that ffmpeg prints on Windows.
func parseDShow(out string, _ bool) []Info {
	var found []Info
	for line := range strings.Lines(out) {
		if m := dsDevice.FindStringSubmatch(line); m != nil {
			name := strings.TrimSpace(printable(m[1]))
			found = append(found, Info{ID: m[1], Name: name, Default: len(found) == 0})
		}
	}
	return found
}
