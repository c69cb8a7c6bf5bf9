//go:build linux

package browser

import (
	"encoding/base64"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestScreenshots writes pictures of the page to the folder MEET_SHOTS, for the
// documentation and for whoever changes its looks.
func TestScreenshots(t *testing.T) {
	needChromium(t)
	dir := os.Getenv("MEET_SHOTS")
	if dir == "" {
		t.Skip("MEET_SHOTS names no folder for pictures")
	}
	s := startServer(t, freeAddress(t), here)
	s.ready()
	link := s.link("#standup.AQIDBAUGBwgJCgsMDQ4PEA")
	web := startChromium(t, "Ada", here)
	web.open(link)
	web.until(20*time.Second, "the devices", `document.getElementById("preview").videoWidth`)
	web.size(1280, 800, false)
	web.shoot(dir, "web-lobby.png")
	startTerminal(t, "bob", link, here, "--mic", "tone", "--camera", "testcard", "--screen", "testcard")
	startTerminal(t, "carol", link, here, "--mic", "tone", "--camera", "none")
	dave := startTerminal(t, "dave", link, here, "--mic", "none", "--camera", "none")
	erin := startTerminal(t, "Erin Example", link, here, "--mic", "none", "--camera", "none", "--muted")
	web.enter("Ada Lovelace")
	for _, name := range []string{"bob", "carol", "dave", "Erin Example"} {
		web.until(20*time.Second, name, connectedTo(name))
	}
	web.until(20*time.Second, "pictures", peerNamed("bob")+`.figures.framesDecoded[1] > 5`)
	dave.say(map[string]any{"command": "chat", "text": "good morning from tmux"})
	erin.say(map[string]any{"command": "chat", "text": "I have no microphone here, but I can read and listen."})
	web.until(5*time.Second, "chat", `document.getElementById("lines").children.length === 2`)
	web.eval(`document.getElementById("text").value = "Hi! Who shares the release notes?"; document.querySelector("#say button").click(); document.activeElement.blur()`, nil)
	web.until(10*time.Second, "quiet", `document.getElementById("toasts").children.length === 0`)
	web.key("j", "KeyJ")
	web.key("i", "KeyI")
	web.until(5*time.Second, "statistics", `document.getElementById("stats").textContent.includes("kbit/s") && `+peerNamed("bob")+`.figures.down > 0`)
	web.shoot(dir, "web-desktop.png")
	web.scheme("dark")
	web.key("2", "Digit2")
	web.until(5*time.Second, "the spotlight", `document.querySelector(".stage.spotlight")`)
	web.shoot(dir, "web-desktop-dark.png")
	web.key("i", "KeyI")
	web.key("g", "KeyG")
	web.eval(`document.getElementById("side").classList.remove("open")`, nil)
	web.size(390, 844, true)
	web.until(5*time.Second, "the phone's layout", `document.documentElement.clientWidth === 390`)
	web.shoot(dir, "web-phone.png")
	s.kill()
	web.until(10*time.Second, "the banner", `!document.getElementById("banner").hidden`)
	web.scheme("light")
	web.shoot(dir, "web-phone-banner.png")
	web.eval(`document.getElementById("key-c").click()`, nil)
	web.shoot(dir, "web-phone-chat.png")
}

// size sets the size of the page in CSS pixels.
func (c *chromium) size(width, height int, phone bool) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
	}, nil)
}

// scheme sets light or dark.
func (c *chromium) scheme(value string) {
	c.t.Helper()
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": value}},
	}, nil)
}

func (c *chromium) shoot(dir, name string) {
	c.t.Helper()
	var out struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &out)
	picture, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(out.Data)))
	if err != nil {
		c.t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	b := picture.Bounds()
	even := image.NewNRGBA(b)
	draw.Draw(even, b, picture, b.Min, draw.Src)
	for i := range even.Pix { // camera noise in the low bits is half of the file
		even.Pix[i] |= 7
	}
	small := png.Encoder{CompressionLevel: png.BestCompression}
	if err := errors.Join(small.Encode(f, even), f.Close()); err != nil {
		c.t.Fatal(err)
	}
}
