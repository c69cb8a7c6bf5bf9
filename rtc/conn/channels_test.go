package conn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// heardChannels notes what a ChannelSink is told.
type heardChannels struct {
	mu       sync.Mutex
	told     []string // "opened 1 terminal"
	messages [rtc.Channels][][]byte
	at       [rtc.Channels][]time.Time
}

func (h *heardChannels) note(what string, e signal.Epoch, c rtc.Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, fmt.Sprintf("%s %d %s", what, e, c))
}

func (h *heardChannels) ChannelOpened(_ signal.PeerID, e signal.Epoch, c rtc.Channel) {
	h.note("opened", e, c)
}
func (h *heardChannels) ChannelClosed(_ signal.PeerID, e signal.Epoch, c rtc.Channel) {
	h.note("closed", e, c)
}
func (h *heardChannels) ChannelDrained(_ signal.PeerID, e signal.Epoch, c rtc.Channel) {
	h.note("drained", e, c)
}
func (h *heardChannels) ChannelMessage(_ signal.PeerID, _ signal.Epoch, c rtc.Channel, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages[c] = append(h.messages[c], b)
	h.at[c] = append(h.at[c], time.Now())
}

func (h *heardChannels) events(without string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.told), func(s string) bool {
		return without != "" && s[:len(without)] == without
	})
}

func (h *heardChannels) got(c rtc.Channel) [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.messages[c])
}

// Every connection has the channels, in both directions, whoever offers, and a
// rebuilt one has them again under its own epoch.
func TestChannelsOpenAndReopen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 25*time.Millisecond)
		defer func() { _ = p.wan.router.Stop() }()
		time.Sleep(200 * time.Millisecond)
		for c := range rtc.Channel(rtc.Channels) {
			for _, way := range []struct{ from, to *person }{{p.ann, p.bob}, {p.bob, p.ann}} {
				word := []byte(fmt.Sprintf("%s from %s", c, way.from.id))
				if err := way.from.dialer.SendOn(way.to.id, c, word); err != nil {
					t.Errorf("%s: %v", word, err)
				}
				time.Sleep(100 * time.Millisecond)
				if got := way.to.channels.got(c); len(got) != 1 || !bytes.Equal(got[0], word) {
					t.Errorf("got %q, want %q", got, word)
				}
			}
		}
		p.link.close()
		l := connect(t, p.bob, p.ann, 2, 25*time.Millisecond) // the other offers now
		l.await()
		time.Sleep(200 * time.Millisecond)
		if err := p.ann.dialer.SendOn("bob", rtc.ChannelTerminal, []byte("again")); err != nil {
			t.Error(err)
		}
		if err := p.ann.dialer.SendOn("bob", rtc.ChannelFile, make([]byte, maxMessage+1)); !errors.Is(err, rtc.ErrChannelSize) {
			t.Errorf("too long: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
		l.close()
		if err := p.ann.dialer.SendOn("bob", rtc.ChannelTerminal, nil); !errors.Is(err, rtc.ErrChannelClosed) {
			t.Errorf("after the end: %v", err)
		}
		want := []string{
			"closed 1 file", "closed 1 terminal", "closed 2 file", "closed 2 terminal",
			"opened 1 file", "opened 1 terminal", "opened 2 file", "opened 2 terminal",
		}
		for _, who := range []*person{p.ann, p.bob} {
			got := who.channels.events("drained")
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s was told %q, want %q", who.id, got, want)
			}
		}
		if got := p.bob.channels.got(rtc.ChannelTerminal); string(last(got)) != "again" {
			t.Errorf("got %q", got)
		}
	})
}

// What is lost on the terminal's channel is left behind: at 30 % loss and a round
// trip of 200 ms something newer comes all the time, where a reliable channel
// stands still for seconds. And files arrive whole, in order.
func TestTerminalChannelDoesNotWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 100*time.Millisecond)
		defer func() { _ = p.wan.router.Stop() }()
		time.Sleep(time.Second)
		loss := rand.New(rand.NewPCG(1, 2))
		p.wan.mu.Lock()
		p.wan.drop = func(c vnet.Chunk) bool { return loss.IntN(100) < 30 }
		p.wan.mu.Unlock()
		const n = 400
		for i := range n {
			for c := range rtc.Channel(rtc.Channels) {
				m := binary.BigEndian.AppendUint32(nil, uint32(i))
				if err := p.ann.dialer.SendOn("bob", c, append(m, make([]byte, 300)...)); err != nil {
					t.Errorf("%s %d: %v", c, i, err)
				}
			}
			time.Sleep(time.Second / 60)
		}
		p.wan.mu.Lock()
		p.wan.drop = nil
		p.wan.mu.Unlock()
		time.Sleep(10 * time.Second)

		files := p.bob.channels.got(rtc.ChannelFile)
		for i, m := range files {
			if int(binary.BigEndian.Uint32(m)) != i {
				t.Fatalf("file message %d is number %d", i, binary.BigEndian.Uint32(m))
			}
		}
		states := p.bob.channels.got(rtc.ChannelTerminal)
		if len(files) != n || len(states) < n*8/10 || len(states) == n {
			t.Errorf("%d of %d arrived for files, %d for terminals", len(files), n, len(states))
		}
		at := p.bob.channels.at[rtc.ChannelTerminal]
		var newest uint32
		var gap time.Duration
		seen := at[0]
		for i, m := range states {
			if no := binary.BigEndian.Uint32(m); no > newest {
				gap, newest, seen = max(gap, at[i].Sub(seen)), no, at[i]
			}
		}
		t.Logf("%d of %d states, the longest wait for a newer one %v", len(states), n, gap)
		if gap > 300*time.Millisecond {
			t.Errorf("nothing newer for %v", gap)
		}
		p.link.close()
	})
}

// What does not fit is refused at once, and there is word when it does again.
func TestChannelIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 25*time.Millisecond)
		defer func() { _ = p.wan.router.Stop() }()
		time.Sleep(200 * time.Millisecond)
		sent := 0
		for p.ann.dialer.SendOn("bob", rtc.ChannelFile, make([]byte, 16<<10)) == nil {
			sent++
		}
		if most, waiting := rtc.ChannelFile.Parameters().Most, p.ann.dialer.Waiting("bob", rtc.ChannelFile); waiting > most || waiting < sent*16<<10 || most-waiting >= 16<<10 {
			t.Errorf("%d messages of 16 KiB were taken, %d bytes wait, of at most %d", sent, p.ann.dialer.Waiting("bob", rtc.ChannelFile), most)
		}
		time.Sleep(2 * time.Second)
		if got := len(p.bob.channels.got(rtc.ChannelFile)); got != sent {
			t.Errorf("%d arrived of %d", got, sent)
		}
		if !slices.Contains(p.ann.channels.events(""), "drained 1 file") {
			t.Error("nobody was told that there is room")
		}
		p.link.close()
	})
}

// A channel that is not on the list, or is opened twice or otherwise than it should
// be, is closed; whoever goes on loses the connection.
func TestStrayChannels(t *testing.T) {
	one := uint16(1)
	ordered := true
	for _, c := range []struct {
		name  string
		label string
		init  webrtc.DataChannelInit
	}{
		{"unknown", "shell", webrtc.DataChannelInit{}},
		{"unknown by case", "Terminal", webrtc.DataChannelInit{}},
		{"twice", "file", webrtc.DataChannelInit{Ordered: &ordered}},
		{"wrong parameters", "terminal", webrtc.DataChannelInit{Ordered: &ordered, MaxRetransmits: &one}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPair(t, 5*time.Millisecond)
				defer func() { _ = p.wan.router.Stop() }()
				time.Sleep(100 * time.Millisecond)
				pc := p.link.a.session.(*session).pub.Load()
				var mine []*webrtc.DataChannel
				for range maxStrayChannels {
					d, err := pc.CreateDataChannel(c.label, &c.init)
					if err != nil {
						t.Fatal(err)
					}
					mine = append(mine, d)
				}
				time.Sleep(time.Second)
				for _, d := range mine {
					_ = d.Send([]byte("psst"))
				}
				time.Sleep(time.Second)
				if n := len(p.bob.channels.got(rtc.ChannelTerminal)) + len(p.bob.channels.got(rtc.ChannelFile)); n > 0 {
					t.Errorf("%d messages came through", n)
				}
				if err := p.link.b.failure(); err != nil {
					t.Errorf("failed after %d: %v", maxStrayChannels, err)
				}
				if _, err := pc.CreateDataChannel(c.label, &c.init); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				if err := p.link.b.failure(); !errors.Is(err, errChannels) {
					t.Errorf("one more: %v, want %v", err, errChannels)
				}
				p.link.close()
			})
		})
	}
}
