package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meet-term/meet/media/video"
)

// TestMain lets the test binary play the other program.
func TestMain(m *testing.M) {
	if mode := os.Getenv("MEET_TEST_CHILD"); mode != "" {
		os.Exit(playChild(mode))
	}
	os.Exit(m.Run())
}

func playChild(mode string) int {
	frames := numbered(250, 32, 16)
	switch mode {
	case "film": // and then silence, until killed
		if writeY4M(os.Stdout, "30:1", frames[:3]...) == nil {
			_, _ = io.Copy(io.Discard, os.Stdin)
			select {}
		}
	case "flood":
		for writeY4M(os.Stdout, "30:1", frames...) == nil {
			// The header comes again and again: the reader must object.
		}
	case "fail":
		fmt.Fprintln(os.Stderr, "a first line")
		fmt.Fprintln(os.Stderr, "no such device \x1b[31mhere\x07")
		return 1
	case "nonsense":
		fmt.Println("hello")
		select {}
	}
	return 0
}

func testChild(t *testing.T, mode string) *child {
	t.Setenv("MEET_TEST_CHILD", mode)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &child{args: []string{exe}}
}

func TestChildIsReadAndKilled(t *testing.T) {
	c := testChild(t, "film")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan byte, 10)
	done := make(chan error, 1)
	go func() {
		done <- c.run(ctx, NewDemand(Want{32, 16, 60}), func(f *video.Frame) { got <- f.Y[0] })
	}()
	if first := <-got; first != 0 {
		t.Errorf("first frame is %d", first)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the program was not killed")
	}
}

func TestChildThatFails(t *testing.T) {
	tests := []struct{ mode, want string }{
		{"fail", "no such device [31mhere"},
		{"nonsense", "YUV4MPEG2"},
		{"flood", "FRAME"},
		{"nothing", "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			c := testChild(t, tt.mode)
			err := c.run(t.Context(), NewDemand(Want{32, 16, 60}), func(*video.Frame) {})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\x1b\x07\n") {
				t.Errorf("got %q, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestChildThatIsMissing(t *testing.T) {
	c := &child{args: []string{"meet-no-such-program"}}
	err := c.run(t.Context(), NewDemand(Want{32, 16, 60}), func(*video.Frame) {})
	if !errors.Is(err, ErrTool) || !strings.Contains(err.Error(), "meet-no-such-program") {
		t.Errorf("got %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var c tail
	for range 1000 {
		if _, err := c.Write(bytes.Repeat([]byte("x"), 100)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Write([]byte("\nthe end\r\n\n")); err != nil {
		t.Fatal(err)
	}
	if len(c.buf) > tailSize || c.line() != "the end" {
		t.Errorf("%d bytes, %q", len(c.buf), c.line())
	}
}

func TestGateKeepsTheRate(t *testing.T) {
	tests := []struct {
		name      string
		from, fps int
		want      int // in ten seconds
	}{
		{"half", 30, 15, 150},
		{"the same", 30, 30, 300},
		{"more than there is", 10, 30, 100},
		{"two fifths", 25, 10, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g gate
				n := 0
				for range 10 * tt.from {
					if g.open(time.Now(), Want{FPS: tt.fps}.interval()) {
						n++
					}
					time.Sleep(time.Second / time.Duration(tt.from))
				}
				if n < tt.want-2 || n > tt.want+2 {
					t.Errorf("%d pictures in 10 s, want %d", n, tt.want)
				}
			})
		})
	}
}

func TestCommands(t *testing.T) {
	tests := []struct {
		name string
		got  []string
		want string // in the middle of an ffmpeg command
	}{
		{"camera on macOS", cameraArgs("darwin", "1"), "-f avfoundation -framerate 30 -video_size 640x480 -i 1:none"},
		{"camera on Windows", cameraArgs("windows", "USB Camera"), "-f dshow -rtbufsize 32M -framerate 30 -i video=USB Camera"},
		{"screen on macOS", screenArgs("darwin", 1), "-f avfoundation -capture_cursor 1 -framerate 15 -i Capture screen 1:none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line := strings.Join(tt.got, " ")
			if tt.got[0] != "ffmpeg" || !strings.Contains(line, tt.want) || !strings.HasSuffix(line, "-f yuv4mpegpipe -") {
				t.Errorf("got %s", line)
			}
		})
	}
	if cameraArgs("linux", "") != nil || screenArgs("windows", 0) != nil || screenArgs("plan9", 0) != nil {
		t.Error("a command where there is none")
	}
}

func TestListsOfOtherPrograms(t *testing.T) {
	const mac = `[AVFoundation indev @ 0x7f] AVFoundation video devices:
[AVFoundation indev @ 0x7f] [0] FaceTime HD Camera
[AVFoundation indev @ 0x7f] [1] Capture screen 0
[AVFoundation indev @ 0x7f] [2] Bad` + "\x1b[2J" + `Name
[AVFoundation indev @ 0x7f] AVFoundation audio devices:
[AVFoundation indev @ 0x7f] [0] Built-in Microphone
`
	want := []Info{{"0", "FaceTime HD Camera", true}, {"2", "Bad[2JName", false}}
	if got := parseAVFoundation(mac, false); !slices.Equal(got, want) {
		t.Errorf("macOS: %+v", got)
	}
	if got := parseAVFoundation(mac, true); !slices.Equal(got, []Info{{"0", "screen 0", true}}) {
		t.Errorf("screens of macOS: %+v", got)
	}
	const windows = `[dshow @ 000] "Integrated Camera" (video)
[dshow @ 000]   Alternative name "@device_pnp_usb"
[dshow @ 000] "OBS Virtual Camera" (none)
[dshow @ 000] "Microphone Array" (audio)
`
	want = []Info{{"Integrated Camera", "Integrated Camera", true}, {"OBS Virtual Camera", "OBS Virtual Camera", false}}
	if got := parseDShow(windows, false); !slices.Equal(got, want) {
		t.Errorf("Windows: %+v", got)
	}
	if got := append(parseDShow("", false), parseAVFoundation("garbage", true)...); len(got) != 0 {
		t.Errorf("out of nothing: %+v", got)
	}
	if _, err := listByChild(t.Context(), "plan9", false); !errors.Is(err, ErrNone) {
		t.Errorf("on a system without a list: %v", err)
	}
}
