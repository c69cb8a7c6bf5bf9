package conn

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/meet-term/meet/rtc"
)

// Two sessions over a simulated network: media of all kinds both ways, each in
// its own place, whichever side offers.
func TestMediaBothWaysUnswapped(t *testing.T) {
	for _, offerer := range []string{"ann", "bob"} {
		t.Run(offerer+" offers", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWAN(t, 10*time.Millisecond)
				ann := newPerson(t, "ann", w.host(t, "10.0.0.1"))
				bob := newPerson(t, "bob", w.host(t, "10.0.0.2"))
				w.start(t)
				defer func() { _ = w.router.Stop() }()
				first, second := ann, bob
				if offerer == "bob" {
					first, second = bob, ann
				}
				began := time.Now()
				l := connect(t, first, second, 1, 10*time.Millisecond)
				l.await()
				t.Logf("connected after %v", time.Since(began))

				stop, wg := make(chan struct{}), &sync.WaitGroup{}
				ann.talk(stop, wg)
				bob.talk(stop, wg)
				time.Sleep(2 * time.Second)
				close(stop)
				wg.Wait()
				time.Sleep(100 * time.Millisecond)

				for _, p := range []struct{ me, other *person }{{ann, bob}, {bob, ann}} {
					audio, camera, screen := p.me.counts()
					if audio < 98 || camera < 95 || screen < 95 {
						t.Errorf("%s got %d, %d, %d of 99 each", p.me.id, audio, camera, screen)
					}
					for _, a := range p.me.sounds() {
						if !bytes.HasPrefix(a.Payload, []byte("mic/"+p.other.id)) || a.Level != -30 || !a.Voice {
							t.Fatalf("%s heard %q at %d", p.me.id, a.Payload, a.Level)
						}
					}
					for _, f := range p.me.pictures() {
						if !bytes.HasPrefix(f.Data[1:], []byte(f.Kind.String()+"/"+string(p.other.id))) || len(f.Data) != 3000 {
							t.Fatalf("%s saw %q of %d bytes as %s", p.me.id, f.Data[1:20], len(f.Data), f.Kind)
						}
					}
				}
				l.a.session.Do(rtc.SendData{Data: []byte("hello")})
				time.Sleep(100 * time.Millisecond)
				if got := l.b.messages(); len(got) != 1 || got[0] != "hello" {
					t.Errorf("data: %q", got)
				}
				l.close()
				if err := l.a.failure(); err != nil {
					t.Error(err)
				}
				if err := l.b.failure(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
