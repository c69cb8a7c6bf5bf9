//go:build linux

package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/netlab"
)

// firefoxPrefs make a Firefox that talks to nobody but the page, with a microphone
// that beeps and a camera that draws.
var firefoxPrefs = map[string]any{
	"media.navigator.streams.fake": true, "media.navigator.permission.disabled": true,
	"media.autoplay.default": 0, "media.autoplay.blocking_policy": 0, "media.volume_scale": "0.0",
	"app.update.enabled": false, "app.normandy.enabled": false, "browser.safebrowsing.malware.enabled": false,
	"browser.safebrowsing.phishing.enabled": false, "network.captive-portal-service.enabled": false,
	"network.connectivity-service.enabled": false, "datareporting.policy.dataSubmissionEnabled": false,
	"toolkit.telemetry.server": "", "extensions.update.enabled": false, "services.settings.server": "",
	"browser.shell.checkDefaultBrowser": false, "browser.startup.homepage_override.mstone": "ignore",
	"media.gmp-manager.updateEnabled": false, "dom.push.connection.enabled": false,
}

// needFirefox skips a test, and says why, where it cannot run.
func needFirefox(t *testing.T) {
	t.Helper()
	if os.Getenv("MEET_E2E") != "1" {
		t.Skip("end-to-end tests run with MEET_E2E=1")
	}
	if _, err := exec.LookPath("firefox-esr"); err != nil {
		t.Skip("the browser is missing (Debian package firefox-esr)")
	}
}

// firefox is a running Firefox, driven over WebDriver BiDi.
type firefox struct {
	*tab
	ws      *websocket.Conn
	context string // of the page

	writing sync.Mutex

	mu       sync.Mutex // guards what follows
	last     int
	waiting  map[int]chan bidiAnswer
	problems []string
}

type bidiAnswer struct {
	ID      int
	Type    string // success or error; event otherwise
	Method  string
	Result  json.RawMessage
	Params  json.RawMessage
	Message string
}

// firefoxPort is where a Firefox listens inside its own namespace.
const firefoxPort = "9222"

// firefoxOn starts Firefox on a host, and lets it treat the server of the page as
// secure.
func firefoxOn(t *testing.T, h *netlab.Host, address string) *tab {
	t.Helper()
	profile := t.TempDir()
	prefs := map[string]any{}
	for k, v := range firefoxPrefs {
		prefs[k] = v
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	prefs["dom.securecontext.allowlist"] = host
	var js strings.Builder
	for k, v := range prefs {
		value, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&js, "user_pref(%q, %s);\n", k, value)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(js.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := h.Command("/usr/bin/firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port="+firefoxPort)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "MOZ_CRASHREPORTER_DISABLE=1")
	if err := cmd.Start(); err != nil {
		t.Fatalf("start Firefox: %v", err)
	}
	f := &firefox{tab: &tab{t: t, name: "Web"}, waiting: map[int]chan bidiAnswer{}}
	f.driver = f
	ended := make(chan struct{})
	t.Cleanup(func() {
		if f.ws != nil {
			_ = f.ask("browser.close", map[string]any{}, nil) // or it is killed
			f.ws.Close()
			<-ended
		}
		over := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer over.Stop()
		_ = cmd.Wait() // it was told to end: its status says nothing
		if t.Failed() {
			for _, p := range f.complaints() {
				t.Logf("%s: console: %s", f.name, p)
			}
		}
	})
	f.ws = dialFirefox(t, h)
	go func() {
		f.read()
		close(ended)
	}()
	f.must("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	f.must("session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}, nil)
	var created struct{ Context string }
	f.must("browsingContext.create", map[string]any{"type": "tab"}, &created)
	f.context = created.Context
	return f.tab
}

// dialFirefox waits until Firefox listens; only asking tells.
func dialFirefox(t *testing.T, h *netlab.Host) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: h.Dial}
	var err error
	for start := time.Now(); time.Since(start) < answerTime; {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		var ws *websocket.Conn
		ws, _, err = dialer.DialContext(ctx, "ws://127.0.0.1:"+firefoxPort+"/session", nil)
		cancel()
		if err == nil {
			return ws
		}
		pass(100 * time.Millisecond)
	}
	t.Fatalf("Firefox does not listen: %v", err)
	return nil
}

func (f *firefox) read() {
	for {
		var a bidiAnswer
		if err := f.ws.ReadJSON(&a); err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, w := range f.waiting {
				close(w)
			}
			f.waiting = nil
			return
		}
		f.mu.Lock()
		if w := f.waiting[a.ID]; w != nil && a.Type != "event" {
			w <- a
			delete(f.waiting, a.ID)
		} else if a.Method == "log.entryAdded" {
			var p struct{ Level, Text string }
			if json.Unmarshal(a.Params, &p) == nil && (p.Level == "error" || p.Level == "warn") {
				f.problems = append(f.problems, p.Level+": "+p.Text)
			}
		}
		f.mu.Unlock()
	}
}

// complaints implements driver.
func (f *firefox) complaints() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.problems...)
}

func (f *firefox) must(method string, params, result any) {
	f.t.Helper()
	if err := f.ask(method, params, result); err != nil {
		f.t.Fatalf("%s: %s: %v", f.name, method, err)
	}
}

var errFirefoxGone = errors.New("firefox has ended")

// ask sends a command and waits for its answer.
func (f *firefox) ask(method string, params, result any) error {
	w := make(chan bidiAnswer, 1)
	f.mu.Lock()
	if f.waiting == nil {
		f.mu.Unlock()
		return errFirefoxGone
	}
	f.last++
	id := f.last
	f.waiting[id] = w
	f.mu.Unlock()
	f.writing.Lock()
	err := f.ws.WriteJSON(map[string]any{"id": id, "method": method, "params": params})
	f.writing.Unlock()
	if err != nil {
		return fmt.Errorf("write to firefox: %w", err)
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	select {
	case a, ok := <-w:
		switch {
		case !ok:
			return errFirefoxGone
		case a.Type == "error":
			return errors.New(a.Message)
		case result != nil:
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("no answer in %v", answerTime)
	}
}

// remote is a value in the form of WebDriver BiDi, or what remains of it.
type remote struct {
	Type  string
	Value json.RawMessage
}

// plain is the value as JSON has it.
func (r remote) plain() any {
	switch r.Type {
	case "array":
		var list []remote
		if json.Unmarshal(r.Value, &list) != nil {
			return nil
		}
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = v.plain()
		}
		return out
	case "object":
		var pairs [][2]json.RawMessage
		if json.Unmarshal(r.Value, &pairs) != nil {
			return nil
		}
		out := map[string]any{}
		for _, p := range pairs {
			var key string
			var v remote
			if json.Unmarshal(p[0], &key) == nil && json.Unmarshal(p[1], &v) == nil {
				out[key] = v.plain()
			}
		}
		return out
	case "string", "number", "boolean":
		return r.Value
	}
	return nil
}

// evaluate implements driver.
func (f *firefox) evaluate(expression string) (json.RawMessage, error) {
	var out struct {
		Type             string
		Result           remote
		ExceptionDetails struct{ Text string }
	}
	err := f.ask("script.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "userActivation": true,
		"target": map[string]any{"context": f.context},
	}, &out)
	switch {
	case err != nil:
		return nil, err
	case out.Type == "exception":
		return nil, errors.New(out.ExceptionDetails.Text)
	}
	return json.Marshal(out.Result.plain())
}

// navigate implements driver.
func (f *firefox) navigate(url string) error {
	return f.ask("browsingContext.navigate", map[string]any{"context": f.context, "url": url, "wait": "complete"}, nil)
}

// press implements driver.
func (f *firefox) press(key, _ string) error {
	return f.ask("input.performActions", map[string]any{
		"context": f.context,
		"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": []any{
			map[string]any{"type": "keyDown", "value": key}, map[string]any{"type": "keyUp", "value": key},
		}}},
	}, nil)
}

// TestFirefox is a call of a terminal and Firefox, and what happens to it when UDP
// is cut for 3 and 10 s with the server alive, and when its address changes.
func TestFirefox(t *testing.T) {
	needFirefox(t)
	m := meetingWith(t, "mic camera", firefoxOn)
	m.webHears(15 * time.Second)
	m.termHears(15*time.Second, true, true)
	pass(time.Second)
	for _, cut := range []time.Duration{3 * time.Second, 10 * time.Second} {
		page, term := m.heal(fmt.Sprintf("UDP cut for %v", cut), cut+1500*time.Millisecond, func() {
			m.whost.DropUDP(netlab.Both)
			pass(cut)
			m.whost.Pass()
		})
		t.Logf("heard again after %v at the page and %v at the terminal", page-cut, term-cut)
		pass(2 * time.Second)
	}
	m.heal("guest moves", 5*time.Second, func() { m.whost.ReplaceAddress() })
	pass(2 * time.Second)
	m.heal("terminal moves", 5*time.Second, func() { m.thost.ReplaceAddress() })
	m.term.say(map[string]any{"command": "chat", "text": "hello fox"})
	m.web.until(5*time.Second, "the terminal's words", `document.getElementById("lines").textContent.includes("hello fox")`)
	mark := m.term.mark()
	m.web.eval(`document.activeElement.blur()`, nil)
	m.web.key("m", "KeyM")
	m.term.until(5*time.Second, "the page's microphone off", mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !l.Mic
	})
}
