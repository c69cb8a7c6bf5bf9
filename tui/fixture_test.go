package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The moment of every picture.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const self signal.PeerID = "self"

// peer is a literal peer of a view.
func peer(name string, state rtc.State) rtc.PeerView {
	return rtc.PeerView{
		ID: signal.PeerID("id-" + name), Name: name, State: state, Since: noon.Add(-65 * time.Second),
		Media: signal.Media{Mic: true, Camera: true}, ICE: rtc.ICEConnected,
	}
}

// roomOf is a view of alice with some peers, all well with the server.
func roomOf(peers ...rtc.PeerView) *rtc.RoomView {
	return &rtc.RoomView{
		Room: "standup", Self: self, Name: "alice",
		Media:  signal.Media{Mic: true, Camera: true},
		Server: rtc.ServerView{State: signal.Connected},
		Since:  noon.Add(-(12*time.Minute + 34*time.Second)),
		Peers:  peers,
	}
}

// everyState is a room in which something of everything is going on.
func everyState() *rtc.RoomView {
	carol := peer("carol", rtc.StateDisconnected)
	carol.Repair = rtc.RepairView{Attempt: 2, Of: 3}
	dave := peer("dave", rtc.StateDisconnected)
	dave.Repair = rtc.RepairView{Attempt: 1, Of: 3, NextAt: noon.Add(time.Second)}
	dave.Media.Mic = false
	bob := peer("bob", rtc.StateConnected)
	bob.Media.Screen = true
	frank := peer("frank", rtc.StateFailed)
	frank.Media = signal.Media{}
	heidi := peer("heidi", rtc.StateConnected)
	heidi.OneWay = true
	ivan := peer("ivan", rtc.StateDisconnected)
	ivan.Away, ivan.Repair.Waiting = true, true
	judy := peer("judy", rtc.StateConnected)
	judy.Missing = []string{"mic"}
	return roomOf(bob, carol, dave, peer("erin", rtc.StateConnecting), frank, peer("grace", rtc.StateNew), heidi, ivan, judy)
}

// many is a room of n people, oneself included.
func many(n int) *rtc.RoomView {
	var peers []rtc.PeerView
	for i := 1; i < n; i++ {
		peers = append(peers, peer(fmt.Sprintf("guest-%02d", i), rtc.StateConnected))
	}
	return roomOf(peers...)
}

// oddNames are names that a screen must survive.
func oddNames() *rtc.RoomView {
	names := []string{
		"Wolfgang Amadeus Theophilus von Hohenzollern-Sigmaringen the Third",
		"山田太郎（開発部・東京本社）と田中花子と鈴木一郎",
		"👩‍👩‍👧‍👦 family 👍🏽 ❤️ 1️⃣ 🇩🇪🇫🇷",
		"evil\x1b[2J\x1b]0;owned\x07\r\nname\u202egnp.exe\U0001CD00\u200b",
		"Z̸̡̧͓̗̰̯͖͇̝̦͉̲̈́̊̑a̶͇͂l̵̞̍g̶̰̈́o̵̭̎",
		"نص عربي",
		"\x00\x07\u200b",
	}
	v := roomOf()
	for i, n := range names {
		p := peer(n, rtc.StateConnected)
		p.ID = signal.PeerID(fmt.Sprintf("odd-%d", i))
		v.Peers = append(v.Peers, p)
	}
	v.Name = names[3]
	v.Room = "room\x1b[31m " + names[0]
	return v
}

// screenOf is a screen of w by h cells that shows a view.
func screenOf(v *rtc.RoomView, w, h int) screen {
	return screen{
		w: w, h: h, styles: NewStyles(Theme{}), keys: DefaultKeymap(), now: noon, view: v, list: true, hasChat: true,
	}
}

// figures is plausible statistics for everyone.
func figures(v *rtc.RoomView) []call.PeerStats {
	var out []call.PeerStats
	for i, p := range v.Peers {
		out = append(out, call.PeerStats{
			Who: rtc.Who{Peer: p.ID, Name: p.Name},
			Transport: rtc.TransportStats{
				RTT: time.Duration(23+i*7) * time.Millisecond, LocalType: "host", RemoteType: "srflx",
				LocalAddress: "192.0.2.1:5000", RemoteAddress: "198.51.100.7:6000", Path: []rtc.Path{rtc.PathDirect, rtc.PathDirect, rtc.PathRelay}[i%3],
			},
			Audio: audio.Stats{JitterMS: 4, BufferMS: 60},
			Now: call.Rates{
				Down: 1_240_000 + i*1000, Up: 640_000, Loss: float64(i) * 0.004, Bits: [media.Kinds]int{media.Camera: 400_000},
			},
			Received: [media.Kinds]uint64{12_345_678}, Sent: [media.Kinds]uint64{2_345_678},
			Camera: media.PictureStats{Width: 640, Height: 360, FPS: 15},
		})
	}
	return out
}

// golden compares a picture with its file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./tui -update)", err)
	}
	if string(want) != got+"\n" {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// fits fails the test unless a picture has exactly h lines of at most w cells.
func fits(t testing.TB, got string, w, h int) {
	t.Helper()
	lines := splitLines(got)
	if len(lines) != h {
		t.Fatalf("%d lines on a screen of %dx%d:\n%s", len(lines), w, h, got)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n > w {
			t.Fatalf("line %d is %d cells wide on a screen of %dx%d: %q", i, n, w, h, l)
		}
	}
}

func splitLines(s string) []string {
	var out []string
	start := 0
	for i := range s {
		if s[i] == '\n' {
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
