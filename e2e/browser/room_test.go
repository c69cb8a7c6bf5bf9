//go:build linux

package browser

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/localtls"
)

// maxWeight is what loading the page may cost over the wire, in bytes.
const maxWeight = 125_000

func TestPageWeight(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	web := startChromium(t, "Web", here)
	web.open(s.link("demo"))
	web.until(10*time.Second, "the whole page", `document.readyState === "complete" && performance.getEntriesByType("resource").length > 15`)
	if got := web.transferred(); got > maxWeight || got < 10_000 {
		t.Errorf("loading the page took %d bytes, at most %d are allowed", got, maxWeight)
	} else {
		t.Logf("loading the page took %d bytes", got)
	}
	var outside []string
	web.eval(`performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith(location.origin))`, &outside)
	if len(outside) > 0 {
		t.Errorf("the page loads %q", outside)
	}
	if text := web.text("lobby-privacy"); !strings.Contains(text, "Open room") {
		t.Errorf("an open room is not called so: %q", text)
	}
	if bad := web.complaints(); len(bad) > 0 {
		t.Errorf("the console holds %q", bad)
	}
}

// TestServerRestart: the server is killed and comes back; media between
// browser and terminal never stops, and what changed meanwhile is known after.
func TestServerRestart(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	term := startTerminal(t, "Terminal", s.link(room), here, "--mic", "tone", "--camera", "none")
	web := startChromium(t, "Web", here)
	web.join(s.link(room), "Web", "mic")
	web.until(15*time.Second, "connected", connectedTo("Terminal"))
	term.connected("Web", 0)
	web.until(10*time.Second, "sound", peerNamed("Terminal")+`.received[0] > 50`)

	// A packet of sound comes every 20 ms: what is missing in the end is counted,
	// not when a busy machine came to look.
	packets := `(async () => {
		const s = meet.call.mesh.sessionOf(` + peerNamed("Terminal") + `.id);
		await s.poll();
		return [s.received[0], performance.now()];
	})()`
	var before, after [2]float64
	web.eval(packets, &before)
	mark := term.mark()
	s.kill()
	web.until(5*time.Second, "the banner", `document.getElementById("banner").textContent.startsWith("Reconnecting to server... media 1/1")`)
	if got := web.text("count"); got != "2 connected" {
		t.Errorf("without the server the page counts %q", got)
	}
	web.eval(`document.activeElement.blur()`, nil)
	web.key("m", "KeyM") // said over the data channel
	term.until(5*time.Second, "muted without a server", mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !l.Mic
	})
	pass(4 * time.Second) // twice the silence that would count as an outage
	s.start()
	took := web.until(10*time.Second, "the server back", `document.getElementById("banner").hidden`)
	t.Logf("back at the server after %v", took)
	if !strings.Contains(web.text("toasts"), "Reconnected to server") {
		t.Errorf("the toasts say %q", web.text("toasts"))
	}
	late := startTerminal(t, "Late", s.link(room), here, "--mic", "none", "--camera", "none")
	late.until(10*time.Second, "the page's state", 0, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !l.Mic
	})
	web.eval(packets, &after)
	elapsed := after[1] - before[1]
	missing := elapsed - (after[0]-before[0])*20
	t.Logf("%.0f ms of sound are missing of %.0f ms", missing, elapsed)
	if missing > 300 {
		t.Errorf("%.0f ms of sound are missing", missing)
	}
	if n := term.count(mark, func(l line) bool { return l.Event == "peer-disconnected" }); n > 0 {
		t.Errorf("the terminal lost the page %d times", n)
	}
	for _, bad := range web.complaints() {
		// Chromium itself notes the refused connection; nothing else may stand there.
		if !strings.Contains(bad, "WebSocket connection to") {
			t.Errorf("the console holds %q", bad)
		}
	}
}

// TestThreeBrowsersTwoTerminals: five people, everyone connected with everyone.
func TestThreeBrowsersTwoTerminals(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	terms := map[string]*terminal{}
	for _, name := range []string{"T1", "T2"} {
		terms[name] = startTerminal(t, name, s.link(room), here, "--mic", "tone", "--camera", "testcard")
	}
	webs := map[string]*chromium{}
	for _, name := range []string{"W1", "W2", "W3"} {
		webs[name] = startChromium(t, name, here, "--window-size=640,480") // drawn without a graphics card
		webs[name].join(s.link(room), name, "mic camera")
	}
	for name, web := range webs {
		web.until(60*time.Second, "everyone", `meet.call.view().connected === 4 && document.getElementById("count").textContent === "5 connected"`)
		for _, other := range []string{"T1", "T2", "W1", "W2", "W3"} {
			if other == name {
				continue
			}
			web.until(60*time.Second, "sound of "+other, peerNamed(other)+`.figures.audioEnergy > 0.0001`)
			web.until(60*time.Second, "pictures of "+other, peerNamed(other)+`.figures.framesDecoded[1] > 5`)
		}
	}
	for _, term := range terms {
		for name := range webs {
			term.until(60*time.Second, "sound and pictures of "+name, 0, func(l line) bool {
				return l.Event == "stats" && l.Name == name && l.Audio.Decoded > 50 && frames(l.Camera) > 5
			})
		}
	}
	webs["W1"].eval(`document.getElementById("text").value = "to all"; document.querySelector("#say button").click()`, nil)
	for name, web := range webs {
		web.until(5*time.Second, "the words", `document.getElementById("lines").textContent.includes("to all")`)
		if bad := web.complaints(); len(bad) > 0 {
			t.Errorf("the console of %s holds %q", name, bad)
		}
	}
	for _, term := range terms {
		term.until(5*time.Second, "the words", 0, func(l line) bool { return l.Event == "chat" && l.Text == "to all" })
	}
}

// TestHostileTexts: names and words that want to be more than text stay text.
func TestHostileTexts(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	const name = `<img src=x onerror=alert(1)>"'><script>alert(2)</script>`
	const words = `<b onmouseover=alert(3)>bold</b> javascript:alert(4) <svg/onload=alert(5)> &lt;i&gt; </li></ol><h1>x</h1>`
	term := startTerminal(t, name, s.link(room), here, "--mic", "none", "--camera", "none")
	term.until(10*time.Second, "joined", 0, func(l line) bool { return l.Event == "joined" })
	web := startChromium(t, "Web", here)
	web.join(s.link(room), "Web", "")
	web.eval(`globalThis.alerted = 0; globalThis.alert = () => { alerted++; }; globalThis.elements = document.querySelectorAll("img, script, svg, b, h1, a").length`, nil)
	web.until(15*time.Second, "connected", `meet.call.view().connected === 1`)
	term.say(map[string]any{"command": "chat", "text": words})
	web.until(10*time.Second, "the words", `document.getElementById("lines").children.length === 1`)
	var shown struct {
		Name, Words, Tile      string
		Elements, Was, Alerted int
	}
	web.eval(`(document.getElementById("lines").firstChild.click(), {
		name: document.querySelector("#lines .who").textContent, words: document.querySelector("#lines p").textContent,
		tile: document.querySelectorAll(".tile .name")[1].textContent,
		elements: document.querySelectorAll("img, script, svg, b, h1, a").length, was: elements, alerted,
	})`, &shown)
	want := name[:min(len(name), 64)]
	if shown.Name != want || shown.Tile != want || shown.Words != words {
		t.Errorf("texts were changed: %+v", shown)
	}
	if shown.Elements != shown.Was || shown.Alerted != 0 {
		t.Errorf("texts became markup: %+v", shown)
	}
	term.say(map[string]any{"command": "leave"})
	web.until(10*time.Second, "the toast", fmt.Sprintf(`document.getElementById("toasts").textContent.includes(%q)`, "<img src=x"))
	if bad := web.complaints(); len(bad) > 0 {
		t.Errorf("the console holds %q", bad)
	}
}

// TestWithoutDevices: people without microphone and camera join, see, hear and
// write.
func TestWithoutDevices(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	term := startTerminal(t, "Terminal", s.link(room), here, "--mic", "tone", "--camera", "testcard")
	web := startChromium(t, "Web", here, "--deny-permission-prompts")
	web.open(s.link(room))
	web.eval(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"))`, nil)
	web.eval(`document.getElementById("want-camera").click(); document.getElementById("want-camera").click();
		document.getElementById("want-mic").click(); document.getElementById("want-mic").click()`, nil)
	web.until(5*time.Second, "plain words", `document.getElementById("lobby-notes").textContent.includes("No camera was found. You can join without.")`)
	web.enter("Web")
	web.until(20*time.Second, "connected", connectedTo("Terminal"))
	web.until(20*time.Second, "sound and pictures", peerNamed("Terminal")+`.figures.audioEnergy > 0.001 && `+peerNamed("Terminal")+`.figures.framesDecoded[1] > 5`)
	term.until(10*time.Second, "who has neither", 0, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !on(l.Camera)
	})
	web.eval(`document.activeElement.blur()`, nil)
	web.key("v", "KeyV")
	web.until(5*time.Second, "why the camera stays off", `document.getElementById("toasts").textContent.includes("No camera was found.")`)
}

// TestInsecurePage: over plain http from another machine browsers withhold
// encryption and devices; the page says so.
func TestInsecurePage(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here, "--trust-proxy") // or it would not be known by that name
	s.ready()
	_, port, _ := strings.Cut(s.address, ":")
	web := startChromium(t, "Web", here, "--host-resolver-rules=MAP meet.example 127.0.0.1")
	web.open("http://meet.example:" + port + "/" + room)
	web.until(5*time.Second, "plain words", `document.getElementById("lobby-problem").textContent.includes("https")`)
	var disabled bool
	web.eval(`document.getElementById("join-button").disabled && !isSecureContext`, &disabled)
	if !disabled {
		t.Error("an insecure page offers to join")
	}
}

// TestNewPrivateRoom: without a room in the address the page makes one, and its
// address is then the invite.
func TestNewPrivateRoom(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	web := startChromium(t, "Web", here)
	web.open(s.link(""))
	web.eval(`document.getElementById("room-name").value = "Standup"`, nil)
	web.enter("Web")
	if got := web.text("privacy"); got != "◆ private" {
		t.Errorf("the room is %q", got)
	}
	var link string
	web.until(5*time.Second, "the invite as address", `/\/#standup\.[\w-]{22}$/.test(location.href)`)
	web.eval(`location.href`, &link)
	term := startTerminal(t, "Terminal", link, here, "--mic", "none", "--camera", "none")
	term.connected("Web", 0)

	// A reload is the same person again.
	mark := term.mark()
	web.call("Page.reload", nil, nil)
	web.until(20*time.Second, "the lobby", `document.getElementById("lobby") && !document.getElementById("lobby").hidden && document.getElementById("name").value === "Web"`)
	web.enter("Web")
	term.connected("Web", mark)
	if bad := web.complaints(); len(bad) > 0 {
		t.Errorf("the console holds %q", bad)
	}
}

// TestEndings: who is sent away reads why, and nothing goes on playing.
func TestEndings(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	web := startChromium(t, "Web", here)
	web.join(s.link(room), "Web", "mic")
	web.until(10*time.Second, "joined", `meet.call.view().server.state === "connected"`)
	var taken bool
	web.eval(`navigator.locks.query().then((q) => q.held.some((l) => l.name.startsWith("meet.seat.")))`, &taken)
	if !taken {
		t.Error("the tab does not hold its seat")
	}
	web.eval(`meet.call.onEvent({ event: "refused", code: "replaced", text: "" })`, nil)
	web.until(5*time.Second, "the words", `!document.getElementById("ended").hidden && document.getElementById("ended-text").textContent === "Another window took this seat."`)
	var live int
	web.eval(`document.querySelectorAll("video").length && [...document.querySelectorAll("video")].filter((v) => v.srcObject).length`, &live)
	if live != 0 {
		t.Errorf("%d pictures play after the end", live)
	}
}

// TestOwnAuthority: over https by the server's own authority, a terminal with
// the invite trusts it, one with another fingerprint does not, and the page
// hands the fingerprint on.
func TestOwnAuthority(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here, "--tls-auto")
	s.ready()
	// A handshake ends only when the authority has been made.
	c, err := tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	a, err := localtls.Open(filepath.Join(s.state, "meet", "tls"))
	if err != nil {
		t.Fatal(err)
	}
	link := "https://" + s.address + "/" + room + "." + a.Fingerprint()
	web := startChromium(t, "Web", here, "--ignore-certificate-errors")
	web.join(link, "Web", "mic camera")
	term := startTerminal(t, "Terminal", link, here, "--mic", "tone", "--camera", "testcard")
	term.connected("Web", 0)
	web.until(20*time.Second, "sound and pictures", peerNamed("Terminal")+`?.figures.audioEnergy > 0.001 && `+peerNamed("Terminal")+`?.figures.framesDecoded[1] > 5`)
	var invite string
	web.eval(`navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }`, nil)
	web.eval(`document.getElementById("privacy").click()`, nil)
	web.until(5*time.Second, "the invite", `globalThis.copied`)
	web.eval(`copied`, &invite)
	if invite != link {
		t.Errorf("the page hands on %q, want %q", invite, link)
	}
	wrong := startTerminal(t, "Wrong", "https://"+s.address+"/"+room+"."+strings.Repeat("A", 43), here, "--mic", "none", "--camera", "none")
	for range 3 {
		wrong.until(10*time.Second, "refusals of a server it does not trust", wrong.mark(), func(l line) bool {
			return l.Event == "server-state-changed" && l.State == "connecting"
		})
	}
	if n := wrong.count(0, func(l line) bool { return l.Event == "joined" }); n > 0 {
		t.Error("a terminal joined a server that its invite does not mean")
	}
}
