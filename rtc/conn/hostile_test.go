package conn

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/rtc"
)

// A session may be closed at any moment of its life. The bubble fails if
// anything it started is left.
func TestCloseAtAnyMoment(t *testing.T) {
	for after := time.Duration(0); after <= 300*time.Millisecond; after += 7 * time.Millisecond {
		bubble(t, func(t *testing.T) {
			w := newWAN(t, 10*time.Millisecond)
			ann := newPerson(t, "ann", w.host(t, "10.0.0.1"))
			bob := newPerson(t, "bob", w.host(t, "10.0.0.2"))
			w.start(t)
			l := connect(t, ann, bob, 1, 10*time.Millisecond)
			time.Sleep(after)
			closing := time.Now()
			l.a.session.Close()
			l.a.session.Wait()
			if took := time.Since(closing); took > 500*time.Millisecond {
				t.Errorf("closed after %v: took %v", after, took)
			}
			time.Sleep(50 * time.Millisecond)
			l.b.session.Close()
			l.b.session.Wait()
			if err := errors.Join(l.a.failure(), l.b.failure()); err != nil {
				t.Errorf("closed after %v: %v", after, err)
			}
			if len(ann.dialer.sessions)+len(bob.dialer.sessions) != 0 {
				t.Error("a dialer remembers a session that ended")
			}
			if err := w.router.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who closes its session, as on leaving, is not a failure of the other's: the
// roster will tell. Only if it does not, the lost channel does.
func TestPeerCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.link.b.session.Close()
		p.link.b.session.Wait()
		time.Sleep(dataGrace - time.Millisecond)
		if err := p.link.a.failure(); err != nil {
			t.Errorf("failed at once: %v", err)
		}
		time.Sleep(time.Second)
		if err := p.link.a.failure(); !errors.Is(err, errDataGone) {
			t.Errorf("failed with %v, want %v", err, errDataGone)
		}
		p.link.close()
		if err := p.wan.router.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// alone makes one session that talks to nobody and collects its events.
func alone(t *testing.T, offerer bool) (s rtc.Session, failure func() error, done func()) {
	t.Helper()
	w := newWAN(t, time.Millisecond)
	p := newPerson(t, "ann", w.host(t, "10.0.0.1"))
	w.start(t)
	e := &end{t: t, name: "ann", silent: true, connected: make(chan struct{}), open: make(chan struct{})}
	e.session = p.dialer.Dial(rtc.SessionConfig{Peer: "eve", Epoch: 1, Offerer: offerer, Post: e.post})
	return e.session, e.failure, func() {
		e.session.Close()
		e.session.Wait()
		if err := w.router.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// goodOffer is an offer as we make them.
func goodOffer(t *testing.T) string {
	t.Helper()
	w := newWAN(t, time.Millisecond)
	p := newPerson(t, "eve", w.host(t, "10.0.0.2"))
	w.start(t)
	offers := make(chan string, 1)
	s := p.dialer.Dial(rtc.SessionConfig{Peer: "ann", Epoch: 1, Post: func(e rtc.SessionEvent) {
		if o, ok := e.(rtc.LocalOffer); ok {
			offers <- o.SDP
		}
	}})
	s.Do(rtc.MakeOffer{N: 1, Gen: 1})
	offer := <-offers
	s.Close()
	s.Wait()
	if err := w.router.Stop(); err != nil {
		t.Error(err)
	}
	return offer
}

// Descriptions no honest peer sends end the session with one reason and
// nothing worse.
func TestHostileDescriptions(t *testing.T) {
	video := func(o string) string {
		i := strings.Index(o, "m=video")
		j := i + 1 + strings.Index(o[i+1:], "m=")
		return o[i:j]
	}
	cases := map[string]func(good string) string{
		"nothing":         func(string) string { return "" },
		"noise":           func(string) string { return "\x00\xff\x1b[31m" + strings.Repeat("a=", 500) },
		"only a version":  func(string) string { return "v=0\r\n" },
		"49 KB":           func(o string) string { return o + strings.Repeat("a=x:y\r\n", 49<<10/7) },
		"nine m-lines":    func(o string) string { return o + strings.Repeat(video(o), 5) },
		"no m-lines":      func(o string) string { return o[:strings.Index(o, "m=audio")] },
		"no screen":       func(o string) string { return strings.Replace(o, video(o), "", 1) },
		"no data channel": func(o string) string { return o[:strings.Index(o, "m=application")] },
		"audio last":      func(o string) string { return strings.Replace(o, "m=audio", "m=video", 1) },
		"65 candidates":   func(o string) string { return o + strings.Repeat("a=candidate:1 1 udp 1 10.0.0.3 9 typ host\r\n", 65) },
		"no mids":         func(o string) string { return strings.ReplaceAll(o, "a=mid:", "a=mud:") },
		"one mid for all": func(o string) string { return strings.ReplaceAll(o, "a=mid:1", "a=mid:0") },
		"no fingerprint":  func(o string) string { return strings.ReplaceAll(o, "a=fingerprint:", "a=fingerprunt:") },
		"bad fingerprint": func(o string) string { return strings.ReplaceAll(o, "a=fingerprint:sha-256 ", "a=fingerprint:sha-256") },
		"no ufrag":        func(o string) string { return strings.ReplaceAll(o, "a=ice-ufrag:", "a=ice-afrug:") },
		"simulcast": func(o string) string {
			return strings.ReplaceAll(o, "a=sendrecv", "a=sendrecv\r\na=rid:q send\r\na=simulcast:send q")
		},
		"65 ssrcs": func(o string) string { return strings.Replace(o, "a=sendrecv", "a=sendrecv"+ssrcs(65), 1) },
		"no known codec": func(o string) string {
			return strings.NewReplacer("opus", "apus", "VP8", "VP0", "red/", "rad/").Replace(o)
		},
		"truncated":         func(o string) string { return o[:len(o)/2] },
		"an endless number": func(o string) string { return strings.Replace(o, "m=video 9", "m=video "+strings.Repeat("9", 400), 1) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				good := goodOffer(t)
				bad := spoil(good)
				if bad == good {
					t.Fatal("the offer was not spoiled")
				}
				s, failure, done := alone(t, false)
				s.Do(rtc.AcceptOffer{N: 1, Gen: 1, SDP: bad})
				s.Do(rtc.AcceptOffer{N: 2, Gen: 1, SDP: good})
				s.Do(rtc.AddCandidates{Candidates: []string{"candidate:1 1 udp 1 10.0.0.3 9 typ host"}, Done: true})
				time.Sleep(time.Second)
				if failure() == nil {
					t.Error("the session lives on")
				} else {
					t.Log(failure())
				}
				done()

				s, failure, done = alone(t, true)
				s.Do(rtc.MakeOffer{N: 1, Gen: 1})
				s.Do(rtc.AcceptAnswer{N: 1, Gen: 1, SDP: strings.ReplaceAll(bad, "actpass", "active")})
				time.Sleep(time.Second)
				if failure() == nil {
					t.Error("the session lives on after the same as an answer")
				}
				done()
			})
		})
	}
}

func ssrcs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\r\na=ssrc:%d cname:x", 1000+i)
	}
	return b.String()
}

// Commands in an order that makes no sense.
func TestCommandsOutOfOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		offer := goodOffer(t)
		fails := map[string][]rtc.Command{
			"answer to nothing": {rtc.AcceptAnswer{N: 1, Gen: 1, SDP: offer}},
			"offer to an offer": {rtc.MakeOffer{N: 1, Gen: 1}, rtc.AcceptOffer{N: 1, Gen: 1, SDP: offer}},
			"two offers":        {rtc.MakeOffer{N: 1, Gen: 1}, rtc.MakeOffer{N: 2, Gen: 2, Restart: true}},
			"offer as answer":   {rtc.MakeOffer{N: 1, Gen: 1}, rtc.AcceptAnswer{N: 1, Gen: 1, SDP: "v=0"}},
		}
		for name, commands := range fails {
			s, failure, done := alone(t, true)
			for _, c := range commands {
				s.Do(c)
			}
			time.Sleep(time.Second)
			if failure() == nil {
				t.Errorf("%s: the session lives on", name)
			}
			done()
		}
		s, failure, done := alone(t, true)
		s.Do(rtc.AddCandidates{Candidates: []string{"candidate:1 1 udp 1 10.0.0.3 9 typ host", "rubbish"}, Done: true})
		s.Do(rtc.SendData{Data: []byte("too early")})
		s.Do(rtc.MakeOffer{N: 1, Gen: 1, Restart: true}) // a restart of nothing is a first offer
		time.Sleep(time.Second)
		if err := failure(); err != nil {
			t.Errorf("harmless commands: %v", err)
		}
		done()
	})
}

// Four hundred candidates cost no more than 64, and do not keep the honest
// one from being used.
func TestCandidateFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWAN(t, 10*time.Millisecond)
		ann := newPerson(t, "ann", w.host(t, "10.0.0.1"))
		bob := newPerson(t, "bob", w.host(t, "10.0.0.2"))
		w.start(t)
		l := connect(t, ann, bob, 1, 10*time.Millisecond)
		time.Sleep(25 * time.Millisecond)
		var flood []string
		for i := range 400 {
			flood = append(flood, fmt.Sprintf("candidate:%d 1 udp 1 10.0.%d.%d 9 typ host", i, 1+i/250, 1+i%250))
		}
		flood = append(flood, strings.Repeat("x", 1<<20), "candidate:1 1 tcp 1 10.0.0.7 9 typ host tcptype passive",
			"candidate:1 1 udp 1 secrets.example.com 80 typ host", "candidate:1 1 udp 1 127.0.0.1 80 typ host")
		l.b.session.Do(rtc.AddCandidates{Candidates: flood})
		l.await()
		if b := l.b.session.(*session); b.dropped.Load() < 340 {
			t.Errorf("dropped only %d", b.dropped.Load())
		}
		l.close()
		if err := w.router.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestCleanCandidate(t *testing.T) {
	for line, want := range map[string]bool{
		"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host":                                  true,
		"a=candidate:1 1 UDP 2130706431 2001:db8::1 5000 typ host generation 0 ufrag ab":        true,
		"candidate:1 1 udp 1694498815 192.0.2.1 5000 typ srflx raddr 0.0.0.0 rport 0":           true,
		"candidate:1 2 udp 2130706431 192.0.2.1 5000 typ host":                                  false, // RTCP
		"candidate:1 1 tcp 2130706431 192.0.2.1 5000 typ host tcptype passive":                  false,
		"candidate:1 1 udp 2130706431 6d3b1a2c-0000-4000-8000-000000000000.local 5000 typ host": false, // mDNS
		"candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host":                                  false,
		"candidate:1 1 udp 2130706431 ::1 5000 typ host":                                        false,
		"candidate:1 1 udp 2130706431 ::ffff:127.0.0.1 5000 typ host":                           false,
		"candidate:1 1 udp 2130706431 0.0.0.0 5000 typ host":                                    false,
		"candidate:1 1 udp 2130706431 224.0.0.251 5353 typ host":                                false,
		"candidate:1 1 udp 2130706431 255.255.255.255 9 typ host":                               false,
		"candidate:1 1 udp 2130706431 169.254.169.254 80 typ host":                              false,
		"candidate:1 1 udp 2130706431 fe80::1%eth0 80 typ host":                                 false,
		"candidate:1 1 udp 2130706431 192.0.2.1 0 typ host":                                     false,
		"candidate:1 1 udp 2130706431 192.0.2.1 70000 typ host":                                 false,
		"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ other":                                 false,
		"candidate:1 1 udp 2130706431 192.0.2.1 5000":                                           false,
		"":                                      false,
		"candidate:" + strings.Repeat("1", 600): false,
		"candidate:1 1 udp 1 192.0.2.1 5 typ host": true,
	} {
		if _, ok := cleanCandidate(line, false); ok != want {
			t.Errorf("%.90q: %v, want %v", line, ok, want)
		}
	}
	if _, ok := cleanCandidate("candidate:1 1 udp 1 127.0.0.1 5000 typ host", true); !ok {
		t.Error("loopback is refused although we have nothing else")
	}
}

func FuzzCandidate(f *testing.F) {
	f.Add("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0 ufrag ab")
	f.Fuzz(func(t *testing.T, line string) {
		clean, ok := cleanCandidate(line, false)
		if ok && len(clean) > maxCandidateLine {
			t.Errorf("%d bytes", len(clean))
		}
		_ = extension(line, "ufrag")
		_ = expand(line, nil)
	})
}

func FuzzDescription(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		mids, err := checkDescription(text)
		if err == nil && (mids[0] == "" || mids[0] == mids[1] || len(text) > maxSDP) {
			t.Errorf("let through with mids %q", mids)
		}
		_ = ufrag(text)
	})
}

// The data channel carries 64 KB messages, drops larger ones at the sender and
// does not hoard what a dead peer will never read.
func TestDataLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 5*time.Millisecond)
		big := bytes.Repeat([]byte("x"), maxMessage)
		a := p.link.a.session.(*session)
		a.Do(rtc.SendData{Data: big})
		a.Do(rtc.SendData{Data: append(big, 'y')})
		time.Sleep(2 * time.Second)
		if got := p.link.b.messages(); len(got) != 1 || len(got[0]) != maxMessage {
			t.Errorf("%d messages came", len(got))
		}
		if a.dropped.Load() != 1 {
			t.Errorf("dropped %d, want 1", a.dropped.Load())
		}
		p.wan.setCut("10.0.0.2", true)
		for range 40 { // 2.5 MB
			a.Do(rtc.SendData{Data: big})
		}
		time.Sleep(5 * time.Second)
		if n := a.data.BufferedAmount(); n > maxBuffered {
			t.Errorf("%d bytes wait", n)
		}
		if n := a.dropped.Load(); n < 20 {
			t.Errorf("dropped only %d", n)
		}
		p.end(t)
	})
}

// A queue that is full drops what may be dropped and fails for the rest.
func TestQueueIsBounded(t *testing.T) {
	var mu sync.Mutex
	var failed []error
	s := newSession(&Dialer{log: testLog()}, rtc.SessionConfig{Post: func(e rtc.SessionEvent) {
		mu.Lock()
		defer mu.Unlock()
		if f, ok := e.(rtc.SessionFailed); ok {
			failed = append(failed, f.Err)
		}
	}})
	for range 2 * commandQueue { // nobody executes them
		s.Do(rtc.SendData{Data: []byte("x")})
	}
	s.Do(rtc.CheckPath{}) // does not queue
	if n := s.dropped.Load(); n != commandQueue || len(failed) != 0 {
		t.Errorf("dropped %d, failed %v", n, failed)
	}
	s.Do(rtc.MakeOffer{N: 1})
	s.Do(rtc.MakeOffer{N: 2})
	if len(failed) != 1 || !errors.Is(failed[0], errOverrun) {
		t.Errorf("failed with %v, want once with %v", failed, errOverrun)
	}
}
