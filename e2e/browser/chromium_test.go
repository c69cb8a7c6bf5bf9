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

// chromium is a running Chromium.
type chromium struct {
	*tab
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
	c := &chromium{tab: &tab{t: t, name: name}, cmd: cmd, out: ourOut, waiting: map[int]chan answer{}}
	c.driver = c
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

// evaluate implements driver.
func (c *chromium) evaluate(expression string) (json.RawMessage, error) {
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
	if err == nil && out.ExceptionDetails != nil {
		err = errors.New(out.ExceptionDetails.Text + " " + out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value, err
}

// navigate implements driver.
func (c *chromium) navigate(url string) error {
	var out struct{ ErrorText string }
	err := c.ask("Page.navigate", map[string]any{"url": url}, &out)
	if err == nil && out.ErrorText != "" {
		err = errors.New(out.ErrorText)
	}
	return err
}

// press implements driver.
func (c *chromium) press(key, code string) error {
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": key, "code": code}
		if kind == "keyDown" && len(key) == 1 {
			params["text"] = key
		}
		if err := c.ask("Input.dispatchKeyEvent", params, nil); err != nil {
			return err
		}
	}
	return nil
}
