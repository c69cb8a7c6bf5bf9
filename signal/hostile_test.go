package signal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// Whatever one connection sends, the others in the room notice nothing but that
// its sender is there or not, and the server serves on.
func TestHostileFrames(t *testing.T) {
	sig := func(from, to PeerID, body string) []byte {
		return append(appendSigHeader(nil, address{from: from, inc: 1, to: to, toInc: 1}), body...)
	}
	other := PeerID("BBBBBBBBBBBBBBBBBBBBBB")
	for _, tc := range []struct {
		name string
		send func(r *raw, self, ada PeerID)
		code int         // the connection ends with it; 0: it goes on
		why  RefusalCode // told before
	}{
		{"binary", func(r *raw, _, _ PeerID) { r.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"t":"ping"}`)) }, 1003, RefusedBad},
		{"10 MB", func(r *raw, _, _ PeerID) { r.send(bytes.Repeat([]byte("x"), 10<<20)) }, 1009, ""},
		{"broken JSON", func(r *raw, _, _ PeerID) { r.send([]byte(`{"t":"pi`)) }, closeBad, RefusedBad},
		{"no JSON", func(r *raw, _, _ PeerID) { r.send([]byte("hello?")) }, closeBad, RefusedBad},
		{"empty", func(r *raw, _, _ PeerID) { r.send(nil) }, closeBad, RefusedBad},
		{"an array", func(r *raw, _, _ PeerID) { r.send([]byte(`[1,2]`)) }, closeBad, RefusedBad},
		{"deep JSON", func(r *raw, _, _ PeerID) { r.send([]byte(strings.Repeat("[", 500))) }, closeBad, RefusedBad},
		{"unknown type", func(r *raw, _, _ PeerID) { r.send([]byte(`{"t":"shutdown"}`)) }, closeBad, RefusedBad},
		{"a server's type", func(r *raw, _, _ PeerID) { r.send([]byte(`{"t":"welcome","srv":"x"}`)) }, closeBad, RefusedBad},
		{"not UTF-8", func(r *raw, _, _ PeerID) { r.send([]byte("{\"t\":\"ping\xff\"}")) }, closeBad, RefusedBad},
		{"long header", func(r *raw, _, _ PeerID) {
			r.send([]byte(`{"t":"ping","x":"` + strings.Repeat("x", MaxHeader) + `"}`))
		}, closeBad, RefusedBad},
		{"empty body", func(r *raw, self, ada PeerID) { r.send(sig(self, ada, "")) }, closeBad, RefusedBad},
		{"body too large", func(r *raw, self, ada PeerID) {
			r.send(sig(self, ada, strings.Repeat("x", MaxBody+1)))
		}, closeBad, RefusedBad},
		{"state too large", func(r *raw, _, _ PeerID) {
			r.send([]byte("{\"t\":\"st\",\"n\":2}\n" + strings.Repeat("x", MaxState+1)))
		}, closeBad, RefusedBad},
		{"state without a body", func(r *raw, _, _ PeerID) { r.send([]byte(`{"t":"st","n":2}`)) }, closeBad, RefusedBad},
		{"body after ping", func(r *raw, _, _ PeerID) { r.send([]byte("{\"t\":\"ping\"}\nx")) }, closeBad, RefusedBad},
		{"second hello", func(r *raw, self, _ PeerID) {
			h := signed(testKey(9), helloFrame{Room: string(other), Inc: 1, N: 1, Resume: string(other), Try: 9, state: []byte("x")})
			r.send(encodeFrame(h))
		}, closeBad, RefusedBad},
		{"forged sender", func(r *raw, _, ada PeerID) { r.send(sig(other, ada, "x")) }, closeBad, RefusedBad},
		{"sender in another case", func(r *raw, self, ada PeerID) {
			r.send([]byte(fmt.Sprintf("{\"t\":\"sig\",\"to\":%q,\"toinc\":1,\"from\":%q,\"inc\":1,\"From\":%q}\nx", ada, self, other)))
		}, closeBad, RefusedBad},
		{"header with spaces", func(r *raw, self, ada PeerID) {
			r.send(bytes.Replace(sig(self, ada, "x"), []byte(":"), []byte(": "), 2))
		}, closeBad, RefusedBad},
		{"number with a zero in front", func(r *raw, self, ada PeerID) {
			r.send(bytes.Replace(sig(self, ada, "x"), []byte(`"toinc":1`), []byte(`"toinc":01`), 1))
		}, closeBad, RefusedBad},
		{"garbage for a body", func(r *raw, self, ada PeerID) { r.send(sig(self, ada, "no base64!")) }, 0, ""},
		{"to nobody", func(r *raw, self, _ PeerID) { r.send(sig(self, other, "x")) }, 0, ""},
		{"to itself", func(r *raw, self, _ PeerID) { r.send(sig(self, self, "x")) }, 0, ""},
		{"too many frames", func(r *raw, _, _ PeerID) {
			for range 2000 {
				r.send([]byte(`{"t":"ping"}`))
			}
		}, 0, ""},
		{"too many control frames", func(r *raw, _, _ PeerID) {
			for range 2000 {
				r.ws.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Minute))
			}
		}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, ServerConfig{})
				ada, bob := b.join("ada"), b.join("bob")
				r := b.dialRaw("mal")
				_, hello := b.hello(r, nil)
				if f, _ := r.next(); f == nil {
					t.Fatal("the hostile client was not even welcomed")
				}
				ada.take()
				bob.take()
				finished := make(chan struct{})
				go func() {
					defer close(finished)
					tc.send(r, hello.Peer, ada.id)
				}()
				if tc.code != 0 {
					why, code := r.end()
					if code != tc.code || why != tc.why {
						t.Errorf("ended with %d %q, want %d %q", code, why, tc.code, tc.why)
					}
					r.ws.Close()
				} else {
					go func() { // a client that reads, so that only its frames are the matter
						for {
							if _, _, err := r.ws.ReadMessage(); err != nil {
								return
							}
						}
					}()
				}
				synctest.Wait()
				for _, s := range ada.take() {
					if p, ok := s.event.(PeerChanged); !ok || p.Peer != hello.Peer {
						t.Errorf("ada noticed %+v", s.event)
					}
				}
				bob.take()
				// The room works as before, and at once.
				ada.Send(bob.id, bob.inc, Probe{Epoch: 1, N: 1})
				bob.want(Message{From: ada.id, Inc: 1, Body: Probe{Epoch: 1, N: 1}})
				if n := b.server.stats.panics.Load(); n != 0 {
					t.Errorf("%d panics", n)
				}
				r.ws.Close()
				<-finished
			})
		})
	}
}

// The pace of a flood is the server's, not the flooder's.
func TestFloodIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		r := b.dialRaw("mal")
		b.hello(r, nil)
		go func() {
			for range 5000 {
				r.send([]byte(`{"t":"ping"}`))
			}
		}()
		go func() {
			for {
				if _, _, err := r.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		time.Sleep(10*time.Second + time.Millisecond)
		if got, want := b.server.stats.framesIn.Load(), int64(200+10*50+1); got > want || got < want-2 {
			t.Errorf("the server read %d frames in ten seconds, want %d", got, want)
		}
		r.ws.Close()
	})
}

// Hellos that are wrong never get a seat, and nobody in the room hears of them.
func TestHostileHellos(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(h *helloFrame)
		code   int
		why    RefusalCode
	}{
		{"another version", func(h *helloFrame) { h.V = "meet.1" }, closeRefused, RefusedVersion},
		{"no room", func(h *helloFrame) { h.Room = "" }, closeBad, RefusedBad},
		{"short id", func(h *helloFrame) { h.Peer = "short" }, closeBad, RefusedBad},
		{"id with quotes", func(h *helloFrame) { h.Peer = `"""""""""""""""""""""""` }, closeBad, RefusedBad},
		{"no token", func(h *helloFrame) { h.Resume = "" }, closeBad, RefusedBad},
		{"incarnation zero", func(h *helloFrame) { h.Inc = 0 }, closeBad, RefusedBad},
		{"incarnation too large", func(h *helloFrame) { h.Inc = 1 << 60 }, closeBad, RefusedBad},
		{"5,000 character name", func(h *helloFrame) { h.state = []byte(strings.Repeat("A", 5000*4/3)) }, closeBad, RefusedBad},
		{"no state", func(h *helloFrame) { h.state = []byte{} }, closeBad, RefusedBad},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, ServerConfig{})
				ada := b.join("ada")
				ada.take()
				r := b.dialRaw("mal")
				b.hello(r, tc.change)
				if why, code := r.end(); code != tc.code || why != tc.why {
					t.Errorf("ended with %d %q, want %d %q", code, why, tc.code, tc.why)
				}
				ada.want()
			})
		})
	}
}

func TestSilentConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		r := b.dialRaw("mal")
		start := time.Now()
		if _, code := r.next(); code != websocket.CloseAbnormalClosure || time.Since(start) != helloWithin {
			t.Errorf("ended with %d after %v", code, time.Since(start))
		}
	})
}

// A second join with the same token takes the seat over if it is the later
// dial, and is turned away if it is the earlier one.
func TestSecondJoinWithTheSameToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada := b.join("ada")
		ada.take()
		first := b.dialRaw("one")
		_, h := b.hello(first, func(h *helloFrame) { h.Try = 2 })
		if w, _ := first.next(); w.(welcomeFrame).Resumed {
			t.Error("the first join resumed something")
		}
		ada.take()
		same := func(try uint64) func(*helloFrame) {
			return func(again *helloFrame) { again.Try = try }
		}
		for _, try := range []uint64{1, 2} {
			late := b.dialRaw("late")
			b.again(late, h, same(try))
			if why, code := late.end(); code != closeStale || why != "stale" {
				t.Errorf("dial %d after dial 2 ended with %d %q", try, code, why)
			}
		}
		second := b.dialRaw("two")
		b.again(second, h, same(3))
		if w, _ := second.next(); !w.(welcomeFrame).Resumed {
			t.Error("the second join did not resume")
		}
		if why, code := first.end(); code != closeReplaced || why != RefusedReplaced {
			t.Errorf("the first ended with %d %q", code, why)
		}
		thief := b.dialRaw("three")
		b.again(thief, h, func(again *helloFrame) {
			again.Resume, again.Try = "AAAAAAAAAAAAAAAAAAAAAA", 4
		})
		if why, code := thief.end(); code != closeRefused || why != RefusedToken {
			t.Errorf("a wrong token ended with %d %q", code, why)
		}
		ada.want() // the seat never was away
	})
}

// What the server, or someone on the way to it, plays back, sends elsewhere or
// alters is never heard.
func TestReplayedAndReaddressedBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{})
		ada, bob := b.join("ada"), b.join("bob")
		r := b.dialRaw("mal")
		seal, hello := b.hello(r, nil)
		ada.take()
		bob.take()
		frame, err := seal.SealMessage(ada.id, ada.inc, Need{Epoch: 5})
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := bytes.Cut(frame, []byte("\n"))
		r.send(frame)
		ada.want(Message{From: hello.Peer, Inc: 1, Body: Need{Epoch: 5}})

		r.send(frame) // replayed
		ada.want()
		r.send(append(appendSigHeader(nil, address{from: hello.Peer, inc: 1, to: bob.id, toInc: 1}), body...)) // re-addressed
		bob.want()
		altered := bytes.Clone(frame)
		altered[len(altered)-20] ^= 1
		r.send(altered)
		ada.want()
		// Someone else in the room sends it as its own.
		s := b.dialRaw("sly")
		_, sly := b.hello(s, nil)
		ada.take()
		s.send(append(appendSigHeader(nil, address{from: sly.Peer, inc: 1, to: ada.id, toInc: 1}), body...))
		ada.want()
		// A sealed message for a state, and a state of someone else.
		state := b.dialRaw("state")
		b.hello(state, func(h *helloFrame) { h.state = body })
		ada.want() // nobody came
	})
}

// Who does not read is closed when its queue is full, and loses nothing by it
// but the link: it resumes with the whole roster.
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, ServerConfig{Rate: 1000, Burst: 1000})
		ada := b.join("ada")
		r := b.dialRaw("slow")
		_, hello := b.hello(r, nil)
		ada.take()
		// 64 KB fit into the connection, 256 KB wait in the queue.
		for i := range 12 {
			ada.Send(hello.Peer, 1, Offer{Epoch: 1, SDP: strings.Repeat("x", MaxSDP-i)})
		}
		events := ada.take()
		if len(events) == 0 || !events[0].event.(PeerChanged).Away {
			t.Fatalf("ada got %+v, want the slow one away", events)
		}
		if n := b.server.stats.slow.Load(); n != 1 {
			t.Errorf("%d slow connections were closed", n)
		}
		again := b.dialRaw("again")
		b.again(again, hello, func(h *helloFrame) { h.Try = 2 })
		w, _ := again.next()
		if w := w.(welcomeFrame); !w.Resumed || len(w.Peers) != 1 {
			t.Errorf("back with %+v", w)
		}
	})
}

// A panic ends its own connection only.
func TestPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calm := true
		b := newBed(t, ServerConfig{ICE: func(ICERequest) ([]ICEServer, time.Duration) {
			if calm {
				return nil, 0
			}
			panic("a bug")
		}})
		ada := b.join("ada")
		ada.take()
		calm = false
		r := b.dialRaw("mal")
		b.hello(r, nil)
		if _, code := r.end(); code != websocket.CloseAbnormalClosure {
			t.Errorf("ended with %d", code)
		}
		calm = true
		if n := b.server.stats.panics.Load(); n != 1 {
			t.Errorf("%d panics were counted", n)
		}
		ada.take()
		bob := b.join("bob")
		ada.want(bob.presence(false))
	})
}
