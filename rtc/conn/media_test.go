package conn

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/rtc"
)

// lose drops a share of all packets that are not ICE or DTLS.
func (w *wan) lose(share float64) {
	random := rand.New(rand.NewPCG(1, 2))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop = func(c vnet.Chunk) bool {
		b := c.UserData()
		return len(b) > 0 && b[0] >= 128 && b[0] < 192 && random.Float64() < share // RFC 7983
	}
}

// At a loss of 5 % retransmissions bring nearly every picture, and audio is
// sent with redundancy once the peer reports the loss.
func TestLoss(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.wan.lose(0.05)
		p.talk()
		time.Sleep(5 * time.Second)
		p.bob.forgetMedia()
		time.Sleep(10 * time.Second)
		audio, camera, screen := p.bob.counts()
		redundant, keys := 0, 0
		for _, a := range p.bob.sounds() {
			if a.Redundant {
				redundant++
			}
		}
		for _, f := range p.bob.pictures() {
			if f.Key {
				keys++
			}
		}
		p.ann.mu.Lock()
		feedback := append([]Feedback(nil), p.ann.feedback...)
		p.ann.mu.Unlock()
		t.Logf("of 500: audio %d (%d redundant), camera %d, screen %d, %d key frames", audio, redundant, camera, screen, keys)
		if camera < 480 || screen < 480 {
			t.Errorf("camera %d and screen %d of 500 frames", camera, screen)
		}
		if redundant < audio*9/10 {
			t.Errorf("%d of %d audio packets are redundant", redundant, audio)
		}
		worst := 0.0
		for _, f := range feedback {
			worst = max(worst, f.Loss)
			if f.RTT != 0 && (f.RTT < 18*time.Millisecond || f.RTT > 25*time.Millisecond) {
				t.Errorf("round trip time %v on a path of 20 ms", f.RTT)
			}
		}
		if worst < 0.03 || worst > 0.3 {
			t.Errorf("worst loss reported: %.3f", worst)
		}
		if r := p.bob.dialer.Received("ann", media.Mic); r.Lost < 10 || r.Packets < 600 || r.Bytes == 0 {
			t.Errorf("received %+v", r)
		}
		p.end(t)
	})
}

// Media of one person can be lined up: both kinds carry the sender's clock.
func TestCapturedTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.talk()
		time.Sleep(5 * time.Second)
		p.end(t)
		audio := last(p.bob.sounds())
		video := last(p.bob.pictures())
		if audio.Captured.IsZero() || video.Captured.IsZero() {
			t.Fatal("no capture times after five seconds")
		}
		for _, d := range []time.Duration{audio.At.Sub(audio.Captured), video.At.Sub(video.Captured)} {
			if d < 9*time.Millisecond || d > 12*time.Millisecond {
				t.Errorf("captured %v before it arrived over a path of 10 ms", d)
			}
		}
	})
}

// Nothing is sent to who does not look, and looking again begins with a
// picture that can be decoded. Totals outlive the session.
func TestVideoWantedAndTotals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		if !p.ann.out.VideoWanted(media.Camera) {
			t.Error("a new peer wants to see")
		}
		p.talk()
		time.Sleep(time.Second)
		p.ann.out.SetVideoWanted("bob", media.Camera, false)
		if p.ann.out.VideoWanted(media.Camera) || !p.ann.out.VideoWanted(media.Screen) {
			t.Error("only the screen is wanted")
		}
		time.Sleep(100 * time.Millisecond)
		sent := p.ann.out.Sent("bob", media.Camera)
		p.bob.forgetMedia()
		time.Sleep(time.Second)
		if now := p.ann.out.Sent("bob", media.Camera); now != sent {
			t.Errorf("sent %+v, then %+v to somebody who does not look", sent, now)
		}
		if _, camera, screen := p.bob.counts(); camera != 0 || screen < 45 {
			t.Errorf("%d camera and %d screen frames", camera, screen)
		}
		p.bob.forgetMedia()
		p.ann.out.SetVideoWanted("bob", media.Camera, true)
		time.Sleep(time.Second)
		for _, f := range p.bob.pictures() {
			if f.Kind == media.Camera {
				if !f.Key {
					t.Error("the first picture is no key frame")
				}
				break
			}
		}
		if _, camera, _ := p.bob.counts(); camera < 45 {
			t.Errorf("%d camera frames after looking again", camera)
		}
		flow := p.link.a.session.Flow()
		if flow.Sent[media.Mic] == 0 || flow.Received[media.Screen] == 0 {
			t.Errorf("flow %+v", flow)
		}

		// The same people over another session.
		sent = p.ann.out.Sent("bob", media.Camera)
		got := p.bob.dialer.Received("ann", media.Camera)
		p.link.close()
		l := connect(t, p.bob, p.ann, 2, 10*time.Millisecond)
		l.await()
		time.Sleep(time.Second)
		if now := p.ann.out.Sent("bob", media.Camera); now.Bytes < sent.Bytes+100_000 {
			t.Errorf("sent %d bytes over two sessions, %d over the first", now.Bytes, sent.Bytes)
		}
		if now := p.bob.dialer.Received("ann", media.Camera); now.Bytes < got.Bytes+100_000 || now.Lost < got.Lost {
			t.Errorf("received %+v over two sessions, %+v over the first", now, got)
		}
		if f := l.a.session.Flow(); f.Received[media.Mic] == 0 || f.Received[media.Mic] > 60 {
			t.Errorf("the flow of a session of one second: %+v", f)
		}
		p.ann.dialer.Forget("bob")
		if now := p.ann.out.Sent("bob", media.Mic); now != (Sent{}) {
			t.Errorf("remembers %+v", now)
		}
		p.link = l
		p.end(t)
	})
}

// While everything is off not a single RTP packet leaves.
func TestMutedSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		time.Sleep(10 * time.Second)
		for _, e := range []*end{p.link.a, p.link.b} {
			if flow := e.session.Flow(); flow != (rtc.Flow{}) {
				t.Errorf("%s: %+v", e.name, flow)
			}
		}
		p.end(t)
	})
}

// A key frame asked for comes; asking often is one request per half second.
func TestRequestKeyFrame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPair(t, 10*time.Millisecond)
		p.talk()
		time.Sleep(2 * time.Second)
		p.bob.forgetMedia()
		for range 100 {
			p.bob.dialer.RequestKeyFrame("ann", media.Screen)
			p.bob.dialer.RequestKeyFrame("nobody", media.Screen)
			p.bob.dialer.RequestKeyFrame("ann", media.Mic)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		keys := map[media.Kind]int{}
		for _, f := range p.bob.pictures() {
			if f.Key {
				keys[f.Kind]++
			}
		}
		if keys[media.Screen] != 2 || keys[media.Camera] != 0 {
			t.Errorf("key frames in a second of asking for the screen: %v", keys)
		}
		p.end(t)
	})
}

// Five people, a minute, everybody sends everything to everybody.
func TestMeshOfFive(t *testing.T) {
	began := time.Now()
	bubble(t, func(t *testing.T) {
		w := newWAN(t, 5*time.Millisecond)
		var people []*person
		for i := range 5 {
			people = append(people, newPerson(t, fmt.Sprintf("p%d", i), w.host(t, fmt.Sprintf("10.0.0.%d", i+1))))
		}
		w.start(t)
		var links []*link
		for i, a := range people {
			for _, b := range people[:i] {
				links = append(links, connect(t, a, b, 1, 5*time.Millisecond))
			}
		}
		for _, l := range links {
			l.await()
		}
		stop, wg := make(chan struct{}), &sync.WaitGroup{}
		for _, p := range people {
			wg.Go(func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for n := uint32(0); ; n++ {
					select {
					case <-stop:
						return
					case <-tick.C:
						p.out.WriteAudio(media.Packet{Payload: stamp("mic", p.id, n), Timestamp: n * 960, Level: -30, Voice: true, Marker: n == 0})
					}
				}
			})
		}
		time.Sleep(20 * time.Second)
		w.setCut("10.0.0.3", true)
		time.Sleep(10 * time.Second)
		w.setCut("10.0.0.3", false)
		time.Sleep(30 * time.Second)
		close(stop)
		wg.Wait()
		time.Sleep(50 * time.Millisecond)
		for i, p := range people {
			audio, _, _ := p.counts()
			want := 4 * 50 * 60
			if i == 2 {
				want -= 4 * 50 * 10
			} else {
				want -= 50 * 10
			}
			if audio < want-50 || audio > want+50 {
				t.Errorf("%s heard %d packets, want about %d", p.id, audio, want)
			}
		}
		for _, l := range links {
			l.close()
		}
		if err := w.router.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("a minute took %v", time.Since(began).Round(time.Millisecond))
}
