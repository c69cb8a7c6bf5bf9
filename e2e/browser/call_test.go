//go:build linux

package browser

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

const room = "#demo.AQIDBAUGBwgJCgsMDQ4PEA"

// peerNamed is the entry of a person in the page's view.
func peerNamed(name string) string {
	return `meet.call.view().peers.find((p) => p.name === "` + name + `")`
}

func connectedTo(name string) string { return peerNamed(name) + `?.state === "connected"` }

// TestTerminalAndBrowser is the whole call of two: they hear, see and read each
// other, and what one switches off is off for the other.
func TestTerminalAndBrowser(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	term := startTerminal(t, "Terminal", s.link(room), here, "--mic", "tone", "--camera", "testcard", "--screen", "testcard")
	term.until(10*time.Second, "joined", 0, func(l line) bool { return l.Event == "joined" })
	web := startChromium(t, "Web", here)
	web.open(s.link(room))
	web.until(20*time.Second, "the camera", `document.getElementById("preview").videoWidth`)
	web.eval(`globalThis.pcs = []; globalThis.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...a) { super(...a); pcs.push(this); }
	}`, nil)
	web.enter("Web")
	web.until(15*time.Second, "connected", connectedTo("Terminal"))
	term.connected("Web", 0)
	web.until(2*time.Second, "the count", `document.getElementById("count").textContent === "2 connected"`)
	if toasts := web.text("toasts"); strings.Contains(toasts, "Reconnected") {
		t.Errorf("the first connect said %q", toasts)
	}

	// Both know who the other is by a key, and have the same words to compare.
	web.until(5*time.Second, "who the terminal is", peerNamed("Terminal")+`?.identity?.mark === "new"`)
	var words string
	web.eval(peerNamed("Terminal")+`.identity.words`, &words)
	term.until(5*time.Second, "the same words", 0, func(l line) bool {
		return l.Event == "identity" && l.Name == "Web" && l.Mark == "new" && l.Words == words
	})
	web.eval(`document.dispatchEvent(new KeyboardEvent("keydown", { key: "V", code: "KeyV", shiftKey: true }))`, nil)
	web.until(5*time.Second, "the words on the page", `document.getElementById("who-words").textContent === `+strconv.Quote(words))
	web.eval(`document.getElementById("who-same").click()`, nil)
	web.until(5*time.Second, "verified", peerNamed("Terminal")+`?.identity?.mark === "verified"`)

	// Sound, both ways.
	web.until(15*time.Second, "sound of the terminal", peerNamed("Terminal")+`?.figures.audioEnergy > 0.001`)
	web.until(5*time.Second, "the terminal's loudness", `meet.call.mesh.sessionOf(`+peerNamed("Terminal")+`.id).level() > 0.01`)
	term.until(15*time.Second, "sound of the browser", 0, func(l line) bool {
		return l.Event == "stats" && l.Name == "Web" && l.Audio.Decoded > 50 && l.Audio.LevelDB > -60
	})

	// Pictures, both ways.
	web.until(20*time.Second, "the terminal's camera", peerNamed("Terminal")+`?.figures.framesDecoded[1] > 20`)
	term.until(20*time.Second, "the browser's camera", 0, func(l line) bool {
		return l.Event == "stats" && l.Name == "Web" && frames(l.Camera) > 20
	})

	// The browser answers what the terminal probes the path with.
	term.until(5*time.Second, "the size of packets", 0, func(l line) bool {
		return l.Event == "stats" && l.Name == "Web" && l.MTU == 1240
	})

	// What a terminal can use of what a browser has: redundant sound, loudness in
	// the header, retransmission; and it decodes every picture it is sent.
	var how struct {
		Audio, Video string
		Frames       int64
		SDP          string
	}
	web.eval(`(async () => {
		const stats = await pcs.at(-1).getStats(), out = { sdp: pcs.at(-1).localDescription.sdp };
		out.audio = pcs.at(-1).getTransceivers()[0].sender.getParameters().codecs[0].mimeType;
		for (const s of stats.values()) {
			if (s.type !== "outbound-rtp") continue;
			if (s.kind === "video" && s.framesSent) { out.video = stats.get(s.codecId).mimeType; out.frames = s.framesSent; }
		}
		return out;
	})()`, &how)
	if how.Audio != "audio/red" || how.Video != "video/VP8" || how.Frames == 0 {
		t.Errorf("the page sends %s and %s, %d pictures so far", how.Audio, how.Video, how.Frames)
	}
	for _, want := range []string{"rtx/90000", "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "111/111"} {
		if !strings.Contains(how.SDP, want) {
			t.Errorf("the page's description lacks %s", want)
		}
	}
	term.until(5*time.Second, "every picture of the page's camera", 0, func(l line) bool {
		return l.Event == "stats" && l.Name == "Web" && frames(l.Camera) >= how.Frames
	})

	// Words, both ways, and again for who comes later.
	term.say(map[string]any{"command": "chat", "text": "hello page"})
	web.until(5*time.Second, "the terminal's words", `document.getElementById("lines").textContent.includes("hello page")`)
	web.eval(`document.getElementById("text").value = "hello terminal"; document.querySelector("#say button").click()`, nil)
	term.until(5*time.Second, "the page's words", 0, func(l line) bool {
		return l.Event == "chat" && l.Name == "Web" && l.Text == "hello terminal"
	})

	// Keys of the page.
	web.eval(`document.activeElement.blur()`, nil)
	mark := term.mark()
	web.key("m", "KeyM")
	term.until(5*time.Second, "the page's microphone off", mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && !l.Mic
	})
	web.key("s", "KeyS")
	term.until(10*time.Second, "the page's screen", mark, func(l line) bool {
		return l.Event == "media-state-changed" && l.Name == "Web" && on(l.Screen)
	})
	term.until(20*time.Second, "pictures of the page's screen", mark, func(l line) bool {
		return l.Event == "stats" && l.Name == "Web" && frames(l.Screen) > 3
	})
	term.say(map[string]any{"command": "screen", "on": true})
	web.until(20*time.Second, "pictures of the terminal's screen", peerNamed("Terminal")+`?.figures.framesDecoded[2] > 3`)
	term.say(map[string]any{"command": "mic", "on": false})
	web.until(5*time.Second, "the terminal's microphone off", peerNamed("Terminal")+`?.media.mic === false`)

	// A microphone that is off sends nothing at all.
	var before, after float64
	packets := peerNamed("Terminal") + `.sent[0]`
	web.until(5*time.Second, "silence", `(globalThis.was === (globalThis.was = `+packets+`)) && performance.now()`)
	web.eval(packets, &before)
	mark = term.mark()
	term.until(5*time.Second, "two looks", mark, func(l line) bool { return l.Event == "stats" && l.at.After(time.Now().Add(-time.Millisecond)) })
	web.eval(packets, &after)
	if after != before {
		t.Errorf("%v packets of a microphone that is off", after-before)
	}
	if bad := web.complaints(); len(bad) > 0 {
		t.Errorf("the console holds %q", bad)
	}
	web.eval(`document.getElementById("key-q").click(); document.querySelector("#ask-leave [value=leave]").click()`, nil)
	term.until(5*time.Second, "goodbye", mark, func(l line) bool { return l.Event == "peer-left" && l.Name == "Web" })
}
