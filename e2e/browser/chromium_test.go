//go:build linux

package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// chromiumFlags make a browser that talks to nobody but the page, with a
// microphone that beeps, a camera that draws and a screen to share.
var chromiumFlags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-default-apps", "--disable-extensions", "--disable-breakpad", "--mute-audio",
	"--no-default-browser-check", "--no-proxy-server", "--hide-scrollbars",
	"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
	"--auto-accept-this-tab-capture", "--autoplay-policy=no-user-gesture-required",
	"--remote-debugging-pipe", "--window-size=1280,800",
}

// answerTime is how long Chromium may take for anything it is asked.
const answerTime = 30 * time.Second

// chromium is one running browser with one page, which is what a participant
// is. Its methods are for the test's goroutine.
type chromium struct {
	t       *testing.T
	name    string
	cmd     *exec.Cmd
	session string // of the page

	writing sync.Mutex
	out     io.WriteCloser

	mu       sync.Mutex // guards what follows
	last     int
	waiting  map[int]chan answer
	problems []string // errors and warnings of the console, exceptions, failed loads
	received int64    // bytes over the wire since the page was opened
	gone     error
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// message is anything Chromium says: an answer when it has an id, else an event.
type message struct {
	ID     int
	Method string
	Params json.RawMessage
	answer
}

// startChromium runs a browser; run makes the command, inside a network
// namespace or not.
func startChromium(t *testing.T, name string, run func(args ...string) *exec.Cmd, flags ...string) *chromium {
	t.Helper()
	args := append([]string{"/usr/bin/chromium"}, chromiumFlags...)
	args = append(append(args, flags...), "--user-data-dir="+t.TempDir(), "about:blank")
	cmd := run(args...)
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // descriptors 3 and 4
	c := &chromium{t: t, name: name, cmd: cmd, out: ourOut, waiting: map[int]chan answer{}}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	theirIn.Close()
	theirOut.Close()
	ended := make(chan struct{})
	go func() {
		c.read(ourIn)
		close(ended)
	}()
	t.Cleanup(func() {
		ourOut.Close() // which tells it to end
		over := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer over.Stop()
		_ = cmd.Wait() // it was told to end: its status says nothing
		ourIn.Close()
		<-ended
		if t.Failed() {
			for _, p := range c.complaints() {
				t.Logf("%s: console: %s", name, p)
			}
		}
	})
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

// read takes what Chromium says until it ends.
func (c *chromium) read(r io.Reader) {
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		b, err := in.ReadBytes(0)
		if err != nil {
			c.mu.Lock()
			c.gone = err
			for _, w := range c.waiting {
				close(w)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(b[:len(b)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		if m.ID != 0 {
			if w := c.waiting[m.ID]; w != nil {
				w <- m.answer
				delete(c.waiting, m.ID)
			}
		} else {
			c.noteLocked(m)
		}
		c.mu.Unlock()
	}
}

// noteLocked keeps what a test asks about later.
func (c *chromium) noteLocked(m message) {
	var p struct {
		Type             string
		Args             []struct{ Value, Description any }
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
		Entry             struct{ Level, Text, URL string }
		EncodedDataLength float64
	}
	if json.Unmarshal(m.Params, &p) != nil {
		return
	}
	switch m.Method {
	case "Runtime.consoleAPICalled":
		if p.Type == "error" || p.Type == "warning" || p.Type == "assert" {
			c.problems = append(c.problems, fmt.Sprintf("%s: %v", p.Type, p.Args))
		}
	case "Runtime.exceptionThrown":
		c.problems = append(c.problems, "exception: "+p.ExceptionDetails.Text+" "+p.ExceptionDetails.Exception.Description)
	case "Log.entryAdded":
		if p.Entry.Level == "error" || p.Entry.Level == "warning" {
			c.problems = append(c.problems, p.Entry.Level+": "+p.Entry.Text+" "+p.Entry.URL)
		}
	case "Network.loadingFinished":
		c.received += int64(p.EncodedDataLength)
	}
}

// complaints is what the console holds that should not be there.
func (c *chromium) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.problems...)
}

func (c *chromium) transferred() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received
}

// call asks Chromium for something and fails the test when it says no.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	if err := c.ask(method, params, result); err != nil {
		c.t.Fatalf("%s: %s: %v", c.name, method, err)
	}
}

var errGone = errors.New("chromium has ended")

func (c *chromium) ask(method string, params, result any) error {
	if params == nil {
		params = struct{}{}
	}
	w := make(chan answer, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return errGone
	}
	c.last++
	id := c.last
	c.waiting[id] = w
	c.mu.Unlock()
	b, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": c.session})
	if c.session == "" {
		b, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err != nil {
		return err
	}
	c.writing.Lock()
	_, err = c.out.Write(append(b, 0))
	c.writing.Unlock()
	if err != nil {
		return fmt.Errorf("write to chromium: %w", err)
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	select {
	case a, ok := <-w:
		switch {
		case !ok:
			return errGone
		case a.Error != nil:
			return errors.New(a.Error.Message)
		case result != nil:
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("no answer in %v", answerTime)
	}
}

// eval runs an expression in the page, as a person's own act, and waits for
// its promise.
func (c *chromium) eval(expression string, result any) {
	c.t.Helper()
	if err := c.tryEval(expression, result); err != nil {
		c.t.Fatalf("%s: %s: %v", c.name, expression, err)
	}
}

func (c *chromium) tryEval(expression string, result any) error {
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := c.ask("Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	}, &out)
	switch {
	case err != nil:
		return err
	case out.ExceptionDetails != nil:
		return errors.New(out.ExceptionDetails.Text + " " + out.ExceptionDetails.Exception.Description)
	case result != nil && len(out.Result.Value) > 0:
		return json.Unmarshal(out.Result.Value, result)
	}
	return nil
}

// until looks at an expression until it is true, within a time, and returns
// how long that took. The browser is another program: it can only be asked.
func (c *chromium) until(within time.Duration, what, expression string) time.Duration {
	c.t.Helper()
	start := time.Now()
	for {
		var ok bool
		err := c.tryEval("!!("+expression+")", &ok)
		if took := time.Since(start); ok {
			return took
		} else if took > within {
			c.t.Fatalf("%s: not within %v: %s (%v)\n%s", c.name, within, what, err, c.describe())
		}
		pause := time.NewTimer(50 * time.Millisecond)
		<-pause.C
	}
}

// describe is what the page shows, for a failed test.
func (c *chromium) describe() string {
	var s string
	if err := c.tryEval(`JSON.stringify({view: globalThis.meet?.call.view(), text: document.body.innerText.slice(0, 600)}, null, 1)`, &s); err != nil {
		return err.Error()
	}
	return s
}

// open loads a page.
func (c *chromium) open(url string) {
	c.t.Helper()
	var out struct{ ErrorText string }
	c.call("Page.navigate", map[string]any{"url": url}, &out)
	if out.ErrorText != "" {
		c.t.Fatalf("%s: open %s: %s", c.name, url, out.ErrorText)
	}
	c.until(20*time.Second, "the lobby", `document.getElementById("lobby") && !document.getElementById("lobby").hidden`)
}

// join opens the link and enters with a name and the given sources, such as
// "mic camera".
func (c *chromium) join(url, name, sources string) {
	c.t.Helper()
	c.open(url)
	c.until(20*time.Second, "the devices", `document.getElementById("preview").srcObject && document.getElementById("preview").videoWidth`)
	for _, kind := range []string{"mic", "camera"} {
		if !strings.Contains(sources, kind) {
			c.eval(fmt.Sprintf(`document.getElementById("want-%s").click()`, kind), nil)
		}
	}
	c.enter(name)
}

// enter fills in the form.
func (c *chromium) enter(name string) {
	c.t.Helper()
	quoted, err := json.Marshal(name)
	if err != nil {
		c.t.Fatal(err)
	}
	c.eval(fmt.Sprintf(`document.getElementById("name").value = %s; document.getElementById("join-button").click()`, quoted), nil)
	c.until(10*time.Second, "the room", `!document.getElementById("room").hidden`)
}

// key presses a key as a person does.
func (c *chromium) key(key, code string) {
	c.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": key, "code": code}
		if kind == "keyDown" && len(key) == 1 {
			params["text"] = key
		}
		c.call("Input.dispatchKeyEvent", params, nil)
	}
}

// text is what an element shows.
func (c *chromium) text(id string) string {
	c.t.Helper()
	var s string
	c.eval(`document.getElementById("`+id+`").textContent`, &s)
	return s
}
