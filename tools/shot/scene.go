package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stage is where the pictures are made: everything on it has a home of its
// own and ends with it.
type stage struct {
	dir    string
	meet   string
	server string
	camera string // as --camera takes it
	ends   []func()
	people map[string]*exec.Cmd
	speak  map[string]io.Writer // commands to people
}

// patience bounds the wait for a screen; settle is for pictures to sharpen.
const (
	patience = 30 * time.Second
	settle   = 2500 * time.Millisecond
)

// pictures makes all pictures of the documentation in a folder.
func pictures(ctx context.Context, meet, faces, images string) (err error) {
	meet, err = filepath.Abs(meet)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "shot")
	if err != nil {
		return err
	}
	s := &stage{dir: dir, meet: meet, camera: "testcard", people: map[string]*exec.Cmd{}, speak: map[string]io.Writer{}}
	defer func() {
		for _, end := range slices.Backward(s.ends) {
			end()
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if faces != "" {
		if s.camera, err = s.film(faces); err != nil {
			return err
		}
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	for _, p := range []struct {
		name  string
		flags []string
	}{
		{"Bob", []string{"--camera", s.camera, "--mic", "tone:300"}},
		{"Carol", []string{"--camera", "testcard", "--screen", "testcard", "--share", "--mic", "none"}},
		{"Dave", []string{"--camera", s.camera, "--mic", "none"}},
		{"Erin", []string{"--camera", "none", "--mic", "none"}},
	} {
		if err := s.person(ctx, p.name, p.flags...); err != nil {
			return err
		}
	}
	return s.scenes(ctx, images)
}

// scenes makes one picture after the other.
func (s *stage) scenes(ctx context.Context, images string) error {
	p, err := newPainter()
	if err != nil {
		return err
	}
	shoot := func(name string, cols, rows int, settle time.Duration, waits ...string) error {
		if err := s.shows(ctx, waits...); err != nil {
			return err
		}
		if err := sleep(ctx, settle); err != nil {
			return err
		}
		capture, err := s.tmux(ctx, "capture-pane", "-e", "-p", "-N")
		if err != nil {
			return err
		}
		b, err := p.png([]byte(capture), cols, rows)
		if err != nil {
			return err
		}
		path := filepath.Join(images, name)
		fmt.Printf("%s: %d kB\n", path, len(b)/1000)
		return os.WriteFile(path, b, 0o644)
	}
	if err := s.screen(ctx, 120, 40); err != nil {
		return err
	}
	if err := s.shows(ctx, "5 connected"); err != nil {
		return err
	}
	for _, line := range [][2]string{
		{"Carol", "can everyone see my screen?"},
		{"Bob", "sharp and clear: https://example.org/plan"},
		{"Erin", "no camera on this box, I just listen"},
	} {
		if _, err := fmt.Fprintf(s.speak[line[0]], "{\"command\":\"chat\",\"text\":%q}\n", line[1]); err != nil {
			return fmt.Errorf("let %s write: %w", line[0], err)
		}
		if err := s.shows(ctx, line[1][:12]); err != nil {
			return err
		}
	}
	if err := sleep(ctx, 4*time.Second); err != nil { // until who joined is no news any more
		return err
	}
	if err := shoot("screen-120x40.png", 120, 40, settle, "5 connected", "Carol · screen"); err != nil {
		return err
	}
	if _, err := s.tmux(ctx, "resize-window", "-x", "80", "-y", "24"); err != nil {
		return err
	}
	if err := shoot("screen-80x24.png", 80, 24, settle, "5 connected", "q leave"); err != nil {
		return err
	}
	if _, err := s.tmux(ctx, "resize-window", "-x", "120", "-y", "40"); err != nil {
		return err
	}
	if err := s.shows(ctx, "5 connected", "i stats"); err != nil {
		return err
	}
	if err := s.shareTerminal(ctx); err != nil {
		return err
	}
	if err := shoot("screen-terminal.png", 120, 40, settle, "Bob · plan.go", "Carol types"); err != nil {
		return err
	}
	if err := s.shared(ctx, "kill-server"); err != nil {
		return err
	}
	if err := s.shows(ctx, "Carol · screen"); err != nil {
		return err
	}
	if err := sleep(ctx, settle); err != nil { // so that Dave's last picture is there
		return err
	}
	if err := s.people["Dave"].Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop Dave: %w", err)
	}
	return shoot("screen-reconnecting.png", 120, 40, 500*time.Millisecond, "Reconnecting to 1 peer", "1 of 3")
}

// plan is what Bob and Carol work on.
const plan = `package plan

import "time"

// Step is one thing to do, and who does it.
type Step struct {
	What string
	Who  string
	Due  time.Time
}

// Late reports whether a step should be done by now.
func (s Step) Late(now time.Time) bool {
	return now.After(s.Due)
}

// Next is the first step that is not done: Carol, over to you.
func Next(all []Step, done map[string]bool) (Step, bool) {
	for _, s := range all {
		if !done[s.What] {
			return s, true
		}
	}
	return Step{}, false
}
`

// shared runs tmux for Bob's window.
func (s *stage) shared(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "tmux", append([]string{"-u", "-S", filepath.Join(s.dir, "tmux-bob"), "-f", "/dev/null"}, args...)...)
	cmd.Env = s.env("Bob")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return nil
}

// shareTerminal has Bob share an editor, in which Carol types along.
func (s *stage) shareTerminal(ctx context.Context) error {
	file := filepath.Join(s.dir, "plan.go")
	if err := os.WriteFile(file, []byte(plan), 0o644); err != nil {
		return err
	}
	err := s.shared(ctx, "new-session", "-d", "-x", "62", "-y", "24",
		fmt.Sprintf("'%s' share --title plan.go -- vim -u NONE -c 'set nocp noswapfile notitle ruler nowrap ts=4 bg=dark | syntax on | 21' '%s'", s.meet, file))
	if err != nil {
		return err
	}
	s.ends = append(s.ends, func() { _ = s.shared(context.WithoutCancel(ctx), "kill-server") })
	if err := s.shows(ctx, "Bob · plan.go"); err != nil {
		return err
	}
	if _, err := io.WriteString(s.speak["Carol"], "{\"command\":\"terminal-ask\"}\n"); err != nil {
		return fmt.Errorf("let Carol ask: %w", err)
	}
	for end := time.Now().Add(patience); ; {
		cmd := exec.CommandContext(ctx, s.meet, "ctl", "terminal-allow", "Carol", "on")
		cmd.Env = s.env("Bob")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Now().After(end) { // she asks in her own time
			return fmt.Errorf("let Carol type: %w: %s", err, out)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// sleep waits, but not longer than ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// env is a home of its own, and colours.
func (s *stage) env(name string) []string {
	home := filepath.Join(s.dir, name)
	return []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8", "TERM=xterm-256color", "COLORTERM=truecolor",
		"XDG_STATE_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_RUNTIME_DIR=" + home, "PULSE_SERVER=unix:" + home + "/none",
	}
}

// start starts a program that ends with the stage.
func (s *stage) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	s.ends = append(s.ends, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return nil
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serve starts a meeting server on a free port.
func (s *stage) serve(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.meet, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = s.env("server")
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.start(cmd); err != nil {
		return err
	}
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			s.server = "ws://" + m[1]
			go io.Copy(io.Discard, log) // or it would wait for a reader
			return nil
		}
	}
	return errors.New("the server does not listen")
}

// person lets somebody join in headless mode.
func (s *stage) person(ctx context.Context, name string, flags ...string) error {
	args := append([]string{"join", "standup", "--headless", "--server", s.server, "--name", name, "--speaker", "none"}, flags...)
	cmd := exec.CommandContext(ctx, s.meet, args...)
	cmd.Env = s.env(name)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.people[name], s.speak[name] = cmd, in
	return s.start(cmd)
}

func (s *stage) tmux(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "tmux", append([]string{"-S", filepath.Join(s.dir, "tmux"), "-f", "/dev/null"}, args...)...)
	cmd.Env = s.env("Alice")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// screen starts the real screen in tmux.
func (s *stage) screen(ctx context.Context, cols, rows int) error {
	_, err := s.tmux(ctx, "new-session", "-d", "-x", fmt.Sprint(cols), "-y", fmt.Sprint(rows),
		fmt.Sprintf("'%s' join standup --server '%s' --name Alice --no-lobby --mic tone --speaker none --camera '%s' --screen none",
			s.meet, s.server, s.camera))
	if err != nil {
		return err
	}
	s.ends = append(s.ends, func() { _, _ = s.tmux(context.WithoutCancel(ctx), "kill-server") })
	_, err = s.tmux(ctx, "set", "-g", "status", "off")
	return err
}

// shows waits until all texts are on the screen.
func (s *stage) shows(ctx context.Context, texts ...string) error {
	for end := time.Now().Add(patience); ; {
		screen, err := s.tmux(ctx, "capture-pane", "-p")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(screen, t) }) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the screen never shows %q:\n%s", texts, screen)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// film makes a video file of the JPEG pictures in a folder, half a second
// each, and returns it as --camera takes it.
func (s *stage) film(folder string) (camera string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no JPEG pictures in %s", folder)
	}
	path := filepath.Join(s.dir, "camera.y4m")
	out, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	const fps, repeats = 10, 5
	for i, name := range files {
		img, err := decode(name)
		if err != nil {
			return "", err
		}
		b := img.Bounds()
		if i == 0 {
			fmt.Fprintf(out, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", b.Dx(), b.Dy(), fps)
		}
		frame := i420(img)
		for range repeats {
			if _, err := fmt.Fprintf(out, "FRAME\n%s", frame); err != nil {
				return "", fmt.Errorf("write the film: %w", err)
			}
		}
	}
	return "file:" + path, nil
}

func decode(name string) (*image.YCbCr, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	ycc, ok := img.(*image.YCbCr)
	if !ok {
		return nil, fmt.Errorf("%s has no colours", name)
	}
	return ycc, nil
}

// i420 is a picture as three planes of limited range (ITU-R BT.601), colours
// at half the size; JPEG has the full range.
func i420(img *image.YCbCr) []byte {
	b := img.Bounds()
	out := make([]byte, 0, b.Dx()*b.Dy()*3/2)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out = append(out, byte(16+int(img.Y[img.YOffset(x, y)])*219/255))
		}
	}
	for _, plane := range [][]uint8{img.Cb, img.Cr} {
		for y := b.Min.Y; y < b.Max.Y; y += 2 {
			for x := b.Min.X; x < b.Max.X; x += 2 {
				out = append(out, byte(128+(int(plane[img.COffset(x, y)])-128)*224/255))
			}
		}
	}
	return out
}
