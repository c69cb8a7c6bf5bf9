package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFilesWithTerminal: the page takes a file of a terminal and sends one, and both
// are what they were.
func TestFilesWithTerminal(t *testing.T) {
	needChromium(t)
	s := startServer(t, freeAddress(t), here)
	s.ready()
	dir := t.TempDir()
	path := filepath.Join(dir, "notes.bin")
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	want := hex.EncodeToString(sum[:])
	into := t.TempDir()
	term := startTerminal(t, "Terminal", s.link(room), here, "--mic", "tone", "--camera", "none", "--files", into, "--accept-files")
	term.until(10*time.Second, "joined", 0, func(l line) bool { return l.Event == "joined" })
	web := startChromium(t, "Web", here)
	web.open(s.link(room))
	web.enter("Web")
	web.until(15*time.Second, "connected", connectedTo("Terminal"))
	term.connected("Web", 0)

	term.say(map[string]any{"command": "file-send", "path": path})
	web.until(10*time.Second, "the offer", `document.getElementById("files").textContent.includes("notes.bin (3.1 MB) from Terminal")`)
	web.eval(`document.querySelector("#files button").click()`, nil)
	term.until(30*time.Second, "the page has it", 0, func(l line) bool { return l.Event == "file-done" && l.SHA256 == want })
	var got string
	web.eval(`(async () => {
		const link = document.querySelector("#files a[download='notes.bin']");
		const sum = await crypto.subtle.digest("SHA-256", await meet.call.files.list[0].blob.arrayBuffer());
		return link.hidden ? "hidden" : [...new Uint8Array(sum)].map((x) => x.toString(16).padStart(2, "0")).join("");
	})()`, &got)
	if got != want {
		t.Errorf("the page has %s, want %s", got, want)
	}

	web.eval(`meet.call.files.send(new File([new Uint8Array(2_000_000).map((_, i) => i * 7)], "page.bin"), meet.call.view().peers.map((p) => p.id))`, nil)
	term.until(30*time.Second, "the page's file", 0, func(l line) bool { return l.Event == "file-done" && l.File == "page.bin" })
	sent := make([]byte, 2_000_000)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	if have, err := os.ReadFile(filepath.Join(into, "page.bin")); err != nil || string(have) != string(sent) {
		t.Errorf("%d bytes of the page's file, %v", len(have), err)
	}
	web.until(5*time.Second, "the terminal has it", `meet.call.files.list[1].state === "done"`)
	if bad := web.complaints(); len(bad) > 0 {
		t.Errorf("the console holds %q", bad)
	}
}
