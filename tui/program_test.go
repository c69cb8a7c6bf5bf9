package tui

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/vt"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/front"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// terminalRig runs the whole program in a terminal emulator, in a bubble of
// virtual time.
type terminalRig struct {
	*testing.T
	f    *lockedFake
	keys *io.PipeWriter
	stop context.CancelFunc
	done chan error // closed when the program has ended

	report *front.Report // once it has ended

	mu   sync.Mutex
	em   *vt.Emulator
	sent strings.Builder // all that was written to the terminal
}

// Write implements io.Writer for the program.
func (r *terminalRig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.Write(p)
	return r.em.Write(p)
}

// lockedFake is a fake that several goroutines use.
type lockedFake struct {
	mu sync.Mutex
	*fake
	panics bool
}

func (f *lockedFake) View() *rtc.RoomView {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fake.View()
}

func (f *lockedFake) SetMic(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("the microphone exploded")
	}
	f.fake.SetMic(on)
	f.changed <- struct{}{}
}

func (f *lockedFake) Leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fake.Leave()
}

func (f *lockedFake) Say(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fake.Say(text)
}

// told is what the call was told so far.
func (f *lockedFake) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.did)
}

func (f *lockedFake) explode() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics = true
}

func (f *lockedFake) Sources() []media.Source {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fake.Sources()
}

func (f *lockedFake) Levels() map[signal.PeerID]media.Loudness { return nil }
func (f *lockedFake) Stats() []call.PeerStats {
	return nil
}

// options are those of the whole program, which reads keys from in.
func (r *terminalRig) options(in io.Reader) Options {
	opt := r.f.options()
	opt.Room, opt.Controls, opt.Meter, opt.Links, opt.Stage = r.f, r.f, r.f, r.f, nil
	opt.Devices, opt.Chat = r.f, r.f
	opt.In, opt.Out, opt.Now, opt.Cols, opt.Rows = in, r, nil, 80, 24
	opt.KeyReleases = true
	return opt
}

// inTerminal runs test beside the program, in a bubble.
func inTerminal(t *testing.T, change func(*Options), test func(*terminalRig)) {
	synctest.Test(t, func(t *testing.T) {
		in, keys := io.Pipe()
		v := many(3)
		v.Since = time.Now()
		r := &terminalRig{T: t, f: &lockedFake{fake: newFake(v)}, keys: keys, done: make(chan error, 1), em: vt.NewEmulator(80, 24)}
		defer r.em.Close()
		opt := r.options(in)
		if change != nil {
			change(&opt)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.stop = cancel
		go func() {
			defer close(r.done)
			var err error
			r.report, err = run(ctx, opt)
			r.done <- err
		}()
		time.Sleep(100 * time.Millisecond)
		test(r)
		cancel()
		keys.Close()
		for range r.done { // wait for its end
		}
		time.Sleep(2 * toastTime) // for the last tick
	})
}

// press types keys and lets the program draw.
func (r *terminalRig) press(keys string) {
	r.Helper()
	if _, err := io.WriteString(r.keys, keys); err != nil {
		r.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
}

// screen is what stands on the terminal.
func (r *terminalRig) screen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.em.String()
}

func (r *terminalRig) shows(want ...string) {
	r.Helper()
	got := r.screen()
	for _, s := range want {
		if !strings.Contains(got, s) {
			r.Errorf("%q is not on the terminal:\n%s", s, got)
		}
	}
}

// restored checks that the terminal was given back.
func (r *terminalRig) restored() {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.em.IsAltScreen() {
		r.Error("the alternate screen is still on")
	}
	sent := r.sent.String()
	for _, pair := range [][2]string{
		{saveTitle, restoreTitle}, {pushKeys, popKeys}, {"\x1b[?1049h", "\x1b[?1049l"},
		{"\x1b[?25l", "\x1b[?25h"}, {"\x1b[?2004h", "\x1b[?2004l"}, {"\x1b[?1004h", "\x1b[?1004l"},
	} {
		on, off := strings.LastIndex(sent, pair[0]), strings.LastIndex(sent, pair[1])
		if on < 0 || off < on {
			r.Errorf("%q at %d was not undone by %q at %d", pair[0], on, pair[1], off)
		}
	}
	if strings.LastIndex(sent, popKeys) > strings.LastIndex(sent, "\x1b[?1049l") {
		r.Error("the keyboard of the alternate screen was restored on the main one")
	}
}

// lateLinks has no figures when it is asked first.
type lateLinks struct {
	asked int
	all   []call.PeerStats
}

func (l *lateLinks) Stats() []call.PeerStats {
	if l.asked++; l.asked == 1 {
		return nil
	}
	return l.all
}

// TestShortCallCountsItsData: what came after the last look counts too.
func TestShortCallCountsItsData(t *testing.T) {
	inTerminal(t, func(o *Options) { o.Links = &lateLinks{all: figures(many(3))} }, func(r *terminalRig) {
		r.press("qy")
		<-r.done
		if got, want := r.report.Text(), "  data: 25 MB in, 4.7 MB out\n"; !strings.HasSuffix(got, want) {
			t.Errorf("the report is\n%s\nwant at its end\n%s", got, want)
		}
	})
}

func TestProgram(t *testing.T) {
	inTerminal(t, nil, func(r *terminalRig) {
		r.shows("standup", "3 connected", "guest-01", "● connected", "mic on", "q leave")
		r.mu.Lock()
		sent := r.sent.String()
		r.mu.Unlock()
		if !strings.Contains(sent, "\x1b]2;meet standup\x07") {
			r.Error("the title was not set")
		}
		r.press("m")
		r.shows("mic OFF")
		r.press("\x1b[109;1:3u\x1b[32;1:1u") // m goes up, space goes down
		r.shows("mic TALK")
		r.press("\x1b[32;1:2u\x1b[32;1:3u")
		r.shows("mic OFF")
		r.f.events <- rtc.PeerJoined{Who: rtc.Who{Name: "dora"}}
		time.Sleep(time.Second)
		r.shows("dora joined", "00:00:01")
		time.Sleep(4 * time.Second)
		if strings.Contains(r.screen(), "dora joined") {
			r.Error("the toast stays")
		}
		r.press("c")
		r.press("hello q m\r")
		r.press("\x1b")
		if got := r.f.told(); got[len(got)-1] != "say hello q m" {
			r.Errorf("the call was told %q", got)
		}
		r.press("q")
		r.shows("Leave the meeting?")
		r.press("y")
		if err := <-r.done; err != nil {
			r.Errorf("leaving: %v", err)
		}
		r.restored()
		// Text right after the cursor went home is a frame of Bubble Tea's own.
		if at := regexp.MustCompile("\x1b\\[H[^\x1b]").FindStringIndex(r.sent.String()); at != nil {
			r.Errorf("Bubble Tea painted its empty view: %q", r.sent.String()[at[0]:min(at[1]+10, r.sent.Len())])
		}
	})
}

func TestProgramEnds(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		inTerminal(t, nil, func(r *terminalRig) {
			r.stop()
			if err := <-r.done; err != nil {
				r.Errorf("the end of the context: %v", err)
			}
			r.restored()
		})
	})
	t.Run("room", func(t *testing.T) {
		inTerminal(t, nil, func(r *terminalRig) {
			close(r.f.events)
			if err := <-r.done; err != nil {
				r.Errorf("the end of the room: %v", err)
			}
			r.restored()
		})
	})
	t.Run("terminal gone", func(t *testing.T) {
		inTerminal(t, nil, func(r *terminalRig) {
			r.keys.Close()
			if err := <-r.done; !errors.Is(err, errTerminalGone) {
				r.Errorf("a lost terminal: %v", err)
			}
			r.restored()
		})
	})
	t.Run("panic", func(t *testing.T) {
		inTerminal(t, nil, func(r *terminalRig) {
			r.f.explode()
			r.press("m")
			if err := <-r.done; !errors.Is(err, tea.ErrProgramPanic) {
				r.Errorf("a panic: %v", err)
			}
			r.restored()
		})
	})
}

func TestLobby(t *testing.T) {
	joins := 0
	inTerminal(t, func(o *Options) { o.Join = func() { joins++ } }, func(r *terminalRig) {
		r.shows("joining as alice", "looking for devices", "enter join")
		r.f.mu.Lock()
		r.f.sources = []media.Source{
			{Kind: media.Mic, Name: "USB Headset", DB: -20}, {Kind: media.Speaker, Name: "USB Headset"}, {Kind: media.Camera, Missing: "no camera found"},
		}
		r.f.mu.Unlock()
		time.Sleep(time.Second)
		r.shows("microphone  on   ▆▆▆▆▆▆▆▆▆···  USB Headset", "no camera found")
		r.press("m")
		r.shows("microphone  OFF")
		r.press("q")
		r.shows("Quit?")
		r.press("n")
		if joins != 0 {
			r.Fatal("joined too early")
		}
		r.press("\r")
		r.shows("3 connected", "mic OFF")
		r.press("\r")
		if joins != 1 {
			r.Errorf("joined %d times", joins)
		}
	})
}

// TestHugePaste pastes a megabyte into the chat: it arrives cut, and quickly.
func TestHugePaste(t *testing.T) {
	inTerminal(t, nil, func(r *terminalRig) {
		r.press("c")
		r.press("\x1b[200~" + strings.Repeat("long text ", 100_000) + "\x1b[201~\r")
		time.Sleep(time.Second)
		did := r.f.told()
		if len(did) == 0 {
			r.Fatal("nothing was sent")
		}
		if n := len(did[0]); n < 1000 || n > editorMax+10 {
			r.Errorf("sent %d bytes", n)
		}
		r.press("ok\r")
		if got := r.f.told()[1]; got != "say ok" {
			r.Errorf("after the paste came %.40q", got)
		}
	})
}

// valve is a terminal that can be made to take no text.
type valve struct {
	to   io.Writer
	mu   sync.Mutex
	shut chan struct{} // guarded by mu; unless nil, writing waits for its end
}

func (v *valve) Write(p []byte) (int, error) {
	v.mu.Lock()
	shut := v.shut
	v.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return v.to.Write(p)
}

// close stops the text until open is called.
func (v *valve) close() (open func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	shut := make(chan struct{})
	v.shut = shut
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.shut = nil
		close(shut)
	}
}

// A terminal that takes no text for a while holds up no key, and shows what is
// when it takes text again. Nor does it keep anybody in the room: it is given back
// when it takes text again. In real time: virtual time stands still while somebody
// waits for a lock.
func TestTerminalThatTakesNoText(t *testing.T) {
	for _, how := range []string{"goes on", "q", "context", "room"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			in, keys := io.Pipe()
			room := many(3)
			room.Since = time.Now()
			f := &lockedFake{fake: newFake(room)}
			r := &terminalRig{T: t, f: f, keys: keys, em: vt.NewEmulator(80, 24)}
			v := &valve{to: r}
			opt := r.options(in)
			opt.Out = v
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := run(ctx, opt)
				ended <- err
			}()
			until := func(what string, good func() bool) {
				t.Helper()
				for began := time.Now(); !good(); time.Sleep(5 * time.Millisecond) {
					if time.Since(began) > 10*time.Second {
						t.Fatalf("not %s:\n%s\n%q", what, r.screen(), f.told())
					}
				}
			}
			until("shown", func() bool { return strings.Contains(r.screen(), "mic on") })
			open := v.close()
			r.press("m")
			until("muted", func() bool { return slices.Equal(f.told(), []string{"mic false"}) })
			time.Sleep(1100 * time.Millisecond) // Bubble Tea has looked at the screen meanwhile
			r.press("m")
			until("on again", func() bool { return slices.Equal(f.told(), []string{"mic false", "mic true"}) })
			r.press("m")
			switch how {
			case "goes on":
				open()
				until("shown", func() bool { return strings.Contains(r.screen(), "mic OFF") })
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				keys.Close()
				return
			case "q":
				r.press("qy")
			case "context":
				cancel()
			case "room":
				close(f.events)
			}
			until("gone", func() bool { return slices.Contains(f.told(), "leave") })
			select {
			case err := <-ended:
				t.Errorf("it ended with %v without giving the terminal back", err)
			default:
			}
			open()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			r.restored()
			cancel()
			keys.Close()
		})
	}
}
