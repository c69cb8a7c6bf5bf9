//go:build linux

package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// mixed is a terminal and a browser on networks of their own, connected.
type mixed struct {
	*testing.T
	server       *server
	term         *terminal
	web          *tab
	thost, whost *netlab.Host
}

func meeting(t *testing.T, sources string) *mixed {
	t.Helper()
	needChromium(t)
	return meetingWith(t, sources, chromiumOn)
}

// plainHost puts somebody on the network itself.
func plainHost(lab *netlab.Lab, name string) *netlab.Host { return lab.Host(name) }

// chromiumOn starts Chromium on a host.
func chromiumOn(t *testing.T, h *netlab.Host, address string) *tab {
	t.Helper()
	return startChromium(t, "Web", h.Command, "--unsafely-treat-insecure-origin-as-secure=http://"+address).tab
}

func meetingWith(t *testing.T, sources string, start func(t *testing.T, h *netlab.Host, address string) *tab) *mixed {
	t.Helper()
	return meetingOn(t, sources, plainHost, start)
}

// meetingOn is meetingWith with both of them on hosts of the caller's choice.
func meetingOn(t *testing.T, sources string, host func(lab *netlab.Lab, name string) *netlab.Host,
	start func(t *testing.T, h *netlab.Host, address string) *tab,
) *mixed {
	t.Helper()
	if reason := netlab.Unavailable(); reason != "" {
		t.Skip("no networks here: " + reason)
	}
	lab := netlab.New(t)
	shost := lab.Host("server")
	address := fmt.Sprintf("%s:7077", shost.Addr())
	m := &mixed{T: t, thost: host(lab, "term"), whost: host(lab, "web")}
	m.server = &server{t: t, address: address, run: shost.Command, dial: shost.Dial, state: t.TempDir()}
	t.Cleanup(m.server.kill)
	m.server.start()
	m.server.ready()
	m.term = startTerminal(t, "Terminal", m.server.link(room), m.thost.Command, "--mic", "tone", "--camera", "testcard", "--screen", "testcard")
	m.web = start(t, m.whost, address)
	m.web.join(m.server.link(room), "Web", sources)
	m.term.connected("Web", 0)
	m.web.until(15*time.Second, "connected", connectedTo("Terminal"))
	m.webHears(15 * time.Second)
	return m
}

// The page uses the same relay by the same credentials: it and a terminal meet
// from behind symmetric routers, and from where no UDP gets out.
func TestNetPageIsRelayed(t *testing.T) {
	for _, kind := range []netlab.Kind{netlab.Symmetric, netlab.NoUDP} {
		t.Run(kind.String(), func(t *testing.T) {
			needChromium(t)
			m := meetingOn(t, "mic camera", func(lab *netlab.Lab, name string) *netlab.Host {
				return lab.Router("r"+name, kind).Host(name)
			}, chromiumOn)
			m.termHears(15*time.Second, true, false)
			var relayed bool
			m.web.eval(`(() => { const p = `+peerNamed("Terminal")+`; return p.transport?.relay === true; })()`, &relayed)
			if !relayed {
				t.Error("the page does not say that it is relayed")
			}
		})
	}
}

// webHears waits until new sound and new pictures of the terminal have reached
// the page, and returns how long that took.
func (m *mixed) webHears(within time.Duration) time.Duration {
	m.Helper()
	m.web.eval(`globalThis.heard = undefined`, nil)
	return m.web.until(within, "new sound and pictures of the terminal", `(() => {
		const p = `+peerNamed("Terminal")+`;
		meet.call.mesh.sessionOf(p.id)?.poll();
		const now = [p.figures.audioEnergy, p.figures.framesDecoded[1]];
		if (!globalThis.heard || now[0] < heard[0]) globalThis.heard = now; // counted anew
		return p.state === "connected" && now[0] > heard[0] + 0.001 && now[1] > heard[1] + 3;
	})()`)
}

// termHears waits until new sound, if it is on, and new pictures of the page
// have reached the terminal.
func (m *mixed) termHears(within time.Duration, sound, camera bool) {
	m.Helper()
	var first *line
	m.term.until(within, "new sound and pictures of the page", m.term.mark(), func(l line) bool {
		if l.Event != "stats" || l.Name != "Web" {
			return false
		}
		if first == nil {
			first = &l
			return false
		}
		return (!sound || l.Audio.Decoded > first.Audio.Decoded+10) && (!camera || frames(l.Camera) > frames(first.Camera)+3)
	})
}

// breaks cuts a host off and waits until both see it.
func (m *mixed) breaks(cut func() time.Time) (mark int) {
	m.Helper()
	mark = m.term.mark()
	at := cut()
	m.web.until(4*time.Second, "Reconnecting on the terminal", `[...document.querySelectorAll("#list .badge")].some((b) => b.textContent.startsWith("Reconnecting..."))`)
	m.Logf("the page shows it %v after the cut", time.Since(at).Round(time.Millisecond))
	down := m.term.until(4*time.Second, "the page lost", mark, func(l line) bool {
		return l.Event == "peer-disconnected" && l.Name == "Web"
	})
	m.Logf("the terminal says it %v after the cut", down.at.Sub(at).Round(time.Millisecond))
	return mark
}

// heals ends the cut and waits until both are well; within is from then.
func (m *mixed) heals(mark int, within time.Duration, heal func() time.Time) {
	m.Helper()
	at := heal()
	m.web.until(within, "connected again", connectedTo("Terminal"))
	m.Logf("the page is back %v after the heal", time.Since(at).Round(time.Millisecond))
	m.term.until(within, "the page back", mark, func(l line) bool { return l.Event == "reconnected" && l.Name == "Web" })
	m.webHears(within)
	m.Logf("the page hears and sees again %v after the heal", time.Since(at).Round(time.Millisecond))
	m.web.until(within, "no banner", `document.getElementById("banner").hidden`)
	if took := time.Since(at); took > within {
		m.Errorf("all is well only %v after the heal, want %v", took, within)
	}
}

// pass lets an outage last.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// TestNetT1 cuts one of the two off: the other shows Reconnecting, and it heals.
func TestNetT1(t *testing.T) {
	m := meeting(t, "mic camera")
	for name, h := range map[string]*netlab.Host{"browser": m.whost, "terminal": m.thost} {
		mark := m.breaks(func() time.Time { return h.Drop(netlab.Both) })
		m.heals(mark, 5*time.Second, h.Pass)
		m.termHears(5*time.Second, true, true)
		t.Logf("cutting the %s healed", name)
	}
}

// TestNetT2 takes the page's network away for 10 s.
func TestNetT2(t *testing.T) {
	m := meeting(t, "mic camera")
	mark := m.breaks(m.whost.LinkDown)
	m.web.until(5*time.Second, "the banner", `document.getElementById("banner").textContent.startsWith("Reconnecting to server... media 0/1")`)
	pass(8 * time.Second)
	m.heals(mark, 5*time.Second, m.whost.LinkUp)
	m.termHears(5*time.Second, true, true)
	m.web.until(time.Second, "the toasts", `document.getElementById("toasts").textContent.includes("Reconnected to")`)
}

// TestNetT3 mutes both, drops the page and returns: still so, for both.
func TestNetT3(t *testing.T) {
	m := meeting(t, "mic camera")
	mark := m.term.mark()
	m.web.eval(`document.activeElement.blur()`, nil)
	m.web.key("m", "KeyM")
	m.web.key("v", "KeyV")
	m.term.until(5*time.Second, "the page off", mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !l.Mic && !on(l.Camera)
	})
	mark = m.breaks(m.whost.LinkDown)
	pass(2 * time.Second)
	m.heals(mark, 5*time.Second, m.whost.LinkUp)
	var media struct{ Mic, Camera bool }
	m.web.eval(`meet.call.view().media`, &media)
	if media.Mic || media.Camera || m.web.text("key-m") != "mmicOFF" {
		t.Errorf("the page sends %+v, its button says %q", media, m.web.text("key-m"))
	}
	var before, after []int64
	sent := peerNamed("Terminal") + `.sent`
	m.web.eval(sent, &before)
	pass(2 * time.Second) // two looks at the counters
	m.web.eval(sent, &after)
	if after[0] != before[0] || after[1] != before[1] {
		t.Errorf("what is off sent packets: %v, then %v", before, after)
	}
	if n := m.term.count(mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && (l.Mic || on(l.Camera))
	}); n > 0 {
		t.Error("the terminal saw the page switched on")
	}
	m.web.key("m", "KeyM")
	m.termHears(10*time.Second, true, false)
}

// TestNetT4 shares both screens, drops the terminal and returns: cameras and
// screens are all there, and never swapped.
func TestNetT4(t *testing.T) {
	m := meeting(t, "mic camera")
	m.web.eval(`document.activeElement.blur()`, nil)
	m.web.key("s", "KeyS")
	m.term.say(map[string]any{"command": "screen", "on": true})
	right := func() {
		m.Helper()
		m.web.until(15*time.Second, "the terminal's camera and screen", `(() => {
			const tile = (kind) => document.querySelector(".tile." + kind + " video");
			const p = `+peerNamed("Terminal")+`, tracks = meet.call.mesh.sessionOf(p.id)?.tracks();
			const screen = [...document.querySelectorAll(".tile.screen video")].find((v) => v.srcObject?.getTracks()[0] === tracks?.[2]);
			const camera = [...document.querySelectorAll(".tile:not(.screen) video")].find((v) => v.srcObject?.getTracks()[0] === tracks?.[1]);
			return screen?.videoWidth > 640 && camera?.videoWidth > 0 && camera.videoWidth <= 640;
		})()`)
		from := m.term.mark()
		var first *line
		m.term.until(15*time.Second, "the page's camera and screen", from, func(l line) bool {
			if l.Event != "stats" || l.Name != "Web" {
				return false
			}
			if first == nil {
				first = &l
				return false
			}
			camera, screen := pictured(l.Camera), pictured(l.Screen)
			return camera.FramesDecoded > frames(first.Camera) && screen.FramesDecoded > frames(first.Screen) &&
				camera.Width <= 640 && screen.Width > 640
		})
	}
	right()
	mark := m.breaks(func() time.Time { return m.thost.Drop(netlab.Both) })
	pass(2 * time.Second)
	m.heals(mark, 5*time.Second, m.thost.Pass)
	right()
	var media struct{ Screen bool }
	m.web.eval(peerNamed("Terminal")+`.media`, &media)
	if !media.Screen {
		t.Error("the page forgot that the terminal shares")
	}
}

// TestNetAddressChange gives the page's machine another address.
func TestNetAddressChange(t *testing.T) {
	m := meeting(t, "mic camera")
	at := m.whost.ReplaceAddress()
	m.web.until(5*time.Second, "gone or followed", `performance.now() && `+peerNamed("Terminal"))
	pass(500 * time.Millisecond)
	m.webHears(10 * time.Second)
	t.Logf("the page hears and sees again within %v", time.Since(at).Round(time.Millisecond))
	m.termHears(10*time.Second, true, true)
}
