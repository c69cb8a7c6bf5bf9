package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/files"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

func fileOf(who string, t files.Transfer) call.File {
	return call.File{Who: rtc.Who{Name: who}, Transfer: t}
}

// drawer is a call's files, for a screen.
type drawer struct {
	list []call.File
	did  []string
	err  error
}

func (d *drawer) Files() []call.File { return d.list }
func (d *drawer) note(args ...any) error {
	d.did = append(d.did, strings.TrimSpace(fmt.Sprintln(args...)))
	return d.err
}
func (d *drawer) SendFile(path string, to signal.PeerID) error { return d.note("send", path, to) }
func (d *drawer) AcceptFile(id int, _ string) error            { return d.note("accept", id) }
func (d *drawer) StopFile(id int) error                        { return d.note("stop", id) }

func newDrawerRig(t *testing.T, d *drawer) *rig {
	return newRigWith(t, newFake(many(2)), func(o *Options) { o.Files, o.Taskbar = d, true })
}

// do presses a key and runs what comes of it: the first command is the key's own.
func (r *rig) do(key tea.Msg) {
	r.Helper()
	cmd := r.send(key)
	if cmd == nil {
		return
	}
	msg := cmd()
	for {
		batch, ok := msg.(tea.BatchMsg)
		if !ok || len(batch) == 0 {
			break
		}
		msg = batch[0]()
	}
	if _, failed := msg.(fileFailedMsg); failed {
		r.send(msg)
	}
}

func (d *drawer) check(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.did, want) {
		t.Errorf("the call was told %q, want %q", d.did, want)
	}
	d.did = nil
}

func TestFilesPanel(t *testing.T) {
	d := &drawer{}
	r := newDrawerRig(t, d)
	r.keys("f")
	r.shows("no files yet", "sends it to all")
	r.keys("/", "t", "m", "p", "/", "m", "q") // letters are text here
	r.do(keyMsg("enter"))
	d.check(t, "send /tmp/mq")
	r.keys("esc")

	d.list = []call.File{
		fileOf("Bob", files.Transfer{ID: 1, Mine: true, Name: "film.mkv", Size: 4e6, Bytes: 1e6, State: files.Moving}),
		fileOf("Eve\x1b[2J", files.Transfer{ID: 2, Name: "notes.pdf\x07", Size: 1500, State: files.Offered}),
		fileOf("Bob", files.Transfer{ID: 3, Name: "gone", State: files.Failed, Error: "Bob left"}),
	}
	r.send(sampleMsg{files: d.list})
	r.shows("film.mkv 25%") // in the header
	r.keys("f")
	r.shows("film.mkv  4.0 MB  to Bob", "25%", "notes.pdf  1.5 kB  from Eve", "take it?", "Bob left")
	r.do(keyMsg("enter")) // the cursor is where an answer is due
	d.check(t, "accept 2")
	r.do(keyMsg("x"))
	d.check(t, "stop 2")
	r.keys("down", "down")
	d.err = errors.New("that file was answered already")
	r.do(keyMsg("enter"))
	d.check(t, "accept 1")
	r.shows("that file was answered already")
	r.keys("m")
	r.did("mic false") // keys that are not of files act as always
	r.keys("esc")
	r.hides("take it?")
}

// What is dropped on the terminal is asked about, and not sent at once.
func TestDroppedFile(t *testing.T) {
	d := &drawer{}
	r := newDrawerRig(t, d)
	r.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("'/home/ann/my notes.pdf'"), Paste: true})
	r.shows("/home/ann/my notes.pdf", "enter sends it to all")
	d.check(t)
	r.do(keyMsg("enter"))
	d.check(t, "send /home/ann/my notes.pdf")
}

func TestDroppedPath(t *testing.T) {
	for text, want := range map[string]string{
		"/a/b.txt": "/a/b.txt", "'/a/it'\\''s' ": "/a/it's", `/a/my\ file`: "/a/my file", "file:///a/my%20file": "/a/my file",
		"hello": "", "https://x/y": "", "/a\n/b": "", "/a/": "", "": "", `"/a b"`: "/a b",
	} {
		if got := droppedPath(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestTaskbar(t *testing.T) {
	r := newDrawerRig(t, &drawer{})
	show := func(list ...call.File) int {
		r.m.setFiles(list)
		if !r.m.taskbarNew {
			return -1
		}
		r.m.taskbarNew = false
		return r.m.taskbar
	}
	half := fileOf("Bob", files.Transfer{ID: 1, Size: 100, Bytes: 50, State: files.Moving})
	if got := []int{show(), show(half), show(half), show(fileOf("Bob", files.Transfer{ID: 1, Size: 100, Bytes: 100, State: files.Done}))}; !slices.Equal(got, []int{-1, 50, -1, 0}) {
		t.Errorf("the taskbar shows %v", got)
	}
	for env, want := range map[string]bool{"WT_SESSION": true, "TERM_PROGRAM": true, "TMUX": false, "": false} {
		if got := Taskbar(func(key string) string {
			return map[bool]string{true: "ghostty"}[key == env]
		}); got != want {
			t.Errorf("with %s: %v", env, got)
		}
	}
}

// taper stands in for a call that can be recorded.
type taper struct{ drawer }

func (t *taper) Record(dir string) error { return t.note("record", dir) }
func (t *taper) StopRecording() error    { return t.note("stop recording") }
func (t *taper) Recording() string       { return map[bool]string{true: "/x"}[len(t.list) > 0] }

// Who records is in the header for everybody to see, however narrow it is.
func TestRecording(t *testing.T) {
	tape := &taper{}
	f := newFake(many(2))
	r := newRigWith(t, f, func(o *Options) { o.Recorder = tape })
	r.hides("REC")
	r.do(keyMsg("R"))
	tape.check(t, "record")
	tape.list = make([]call.File, 1) // it is recorded now
	r.do(keyMsg("R"))
	tape.check(t, "stop recording")

	v := *f.view
	v.Peers = slices.Clone(v.Peers)
	v.Peers[0].Name, v.Peers[0].Media.Recording = "Ann", true
	r.send(viewMsg{&v})
	r.shows("REC Ann")
	r.send(tea.WindowSizeMsg{Width: 60, Height: 20})
	r.shows("REC Ann", "mic on")
	w := v
	w.Media.Recording = true
	r.send(viewMsg{&w})
	r.shows("REC you +1")
}
