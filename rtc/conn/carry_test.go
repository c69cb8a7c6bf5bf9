package conn

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/vnet"

	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// fakeBearer is somebody who carries, without a connection.
type fakeBearer struct {
	id   signal.PeerID
	trip time.Duration
	dead bool
	sent int
}

func (b *fakeBearer) sendFrame([]byte) bool { b.sent++; return !b.dead }
func (b *fakeBearer) bears(time.Time) (time.Duration, bool) {
	return b.trip, !b.dead
}
func (b *fakeBearer) carrierID() signal.PeerID { return b.id }

// routed is a route to "far" with legs through the given people.
func routed(by ...*fakeBearer) (*route, []*leg) {
	r := newRoute("far")
	var legs []*leg
	for i, b := range by {
		l := &leg{Leg: rtc.Leg{Far: "far", Number: uint32(i + 1), Trip: 10 * time.Millisecond}, by: b}
		legs = append(legs, l)
		r.add(l)
	}
	return r, legs
}

func checkPacket(t *testing.T) []byte { return bindingRequest(t) }

func answerPacket(t *testing.T) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingSuccess)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestRoute(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	near, away := &fakeBearer{id: "near", trip: 10 * time.Millisecond}, &fakeBearer{id: "away", trip: 30 * time.Millisecond}

	t.Run("nobody", func(t *testing.T) {
		r, _ := routed()
		if r.send(start, []byte{128}, 1, 2, false) {
			t.Error("sent by nobody")
		}
	})
	t.Run("the shortest", func(t *testing.T) {
		r, legs := routed(away, near)
		if first, second := r.choose(start, false); first != legs[1] || second != nil {
			t.Errorf("by %+v and %+v", first, second)
		}
		if by, _ := r.through(); by != "near" {
			t.Errorf("through %s", by)
		}
	})
	t.Run("a check without an answer", func(t *testing.T) {
		r, legs := routed(near, away)
		r.choose(start, true)
		if _, second := r.choose(at(20*time.Millisecond+overdue-1), false); second != nil {
			t.Error("doubt before the answer is overdue")
		}
		if _, second := r.choose(at(20*time.Millisecond+overdue), false); second != legs[1] {
			t.Error("no second way when the answer is overdue")
		}
		// What comes in on the other is where the peer is to be found.
		if !r.took(at(200*time.Millisecond), legs[1], answerPacket(t)) {
			t.Error("the way that works is not taken")
		}
		if first, second := r.choose(at(210*time.Millisecond), false); first != legs[1] || second != nil {
			t.Errorf("then by %+v and %+v", first, second)
		}
	})
	t.Run("an answer in time", func(t *testing.T) {
		r, legs := routed(near, away)
		r.choose(start, true)
		r.took(at(20*time.Millisecond), legs[0], answerPacket(t))
		if _, second := r.choose(at(time.Second), false); second != nil {
			t.Error("doubt although the check was answered")
		}
		if r.took(at(time.Second), legs[1], []byte{128}) {
			t.Error("a way that works is left because the peer uses another")
		}
	})
	t.Run("sudden silence", func(t *testing.T) {
		r, legs := routed(near, away)
		r.choose(start, false)
		var now time.Time
		for i := range 50 {
			now = at(time.Duration(i) * 20 * time.Millisecond)
			r.took(now, legs[0], []byte{128})
		}
		if _, second := r.choose(now.Add(silentFor-1), false); second != nil {
			t.Error("doubt too soon")
		}
		if _, second := r.choose(now.Add(silentFor), false); second != legs[1] {
			t.Error("no second way although a voice broke off")
		}
		if _, second := r.choose(now.Add(silentEnd), false); second != nil {
			t.Error("doubt about somebody who has long been quiet")
		}
	})
	t.Run("the carrier is lost", func(t *testing.T) {
		gone := &fakeBearer{id: "gone", trip: time.Millisecond}
		r, legs := routed(gone, away)
		r.choose(start, false)
		gone.dead = true
		if first, _ := r.choose(start, false); first != legs[1] {
			t.Error("still by the one who is lost")
		}
		r.remove(legs[1])
		if first, _ := r.choose(start, false); first != legs[0] {
			t.Error("not by the last that is left")
		}
		r.remove(legs[0])
		if first, _ := r.choose(start, false); first != nil {
			t.Error("by nobody at all")
		}
	})
	t.Run("a shorter way later", func(t *testing.T) {
		r, _ := routed(away)
		r.choose(start, false)
		r.add(&leg{Leg: rtc.Leg{Far: "far", Number: 9, Trip: 10 * time.Millisecond}, by: near})
		if first, _ := r.choose(at(time.Millisecond), false); first.by != bearer(near) {
			t.Error("it is not taken")
		}
	})
}

// The budget holds for each pair and for all, for sound and pictures apart, and
// gives way to our own call.
func TestBudget(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const size = 1000
	// rate is how many bit/s of a kind pass in a second after the burst is used.
	rate := func(b *budget, shares []*share, picture bool) int {
		passed := 0
		for ms := range 2000 {
			now = now.Add(time.Millisecond)
			for _, s := range shares {
				for range 3 {
					if b.allows(now, s, size, picture) && ms >= 1000 {
						passed += 8 * size
					}
				}
			}
		}
		return passed
	}
	near := func(what string, got, want int) {
		t.Helper()
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: %d bit/s pass, want %d", what, got, want)
		}
	}
	var many []*share
	for range 20 {
		many = append(many, newShare())
	}
	b := newBudget()
	near("sound of a pair", rate(b, many[:1], false), carrySound)
	near("pictures of a pair", rate(b, many[:1], true), carryPictures)
	near("pictures of all", rate(b, many, true), carryAllPictures)
	near("sound of all, beside pictures", rate(b, many, false), carryAllSound)
	b.own(now, true)
	near("pictures while we suffer", rate(b, many, true), carryAllPictures*carryCut)
	near("sound while we suffer", rate(b, many, false), carryAllSound)
	for range 20 {
		b.own(now, true)
	}
	near("pictures at the least", rate(b, many, true), carryLeast)
	now = now.Add(carryCalm)
	for range 60 {
		b.own(now, false)
	}
	near("pictures when all is well again", rate(b, many, true), carryAllPictures)
}

func TestIsPicture(t *testing.T) {
	for _, c := range []struct {
		name   string
		packet []byte
		want   bool
	}{
		{"opus", []byte{0x90, payloadOpus, 0}, false},
		{"marked opus", []byte{0x90, 0x80 | payloadOpus, 0}, false},
		{"redundant opus", []byte{0x90, payloadRED, 0}, false},
		{"vp8", []byte{0x90, payloadVP8, 0}, true},
		{"marked vp8", []byte{0x90, 0x80 | payloadVP8, 0}, true},
		{"retransmission", []byte{0x90, payloadRTX, 0}, true},
		{"receiver report", []byte{0x81, 201, 0}, false},
		{"check", []byte{0, 1, 0}, false},
		{"dtls", []byte{22, 254, 253}, false},
		{"short", []byte{0x90}, false},
	} {
		if got := isPicture(c.packet); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// FuzzFrame: what is taken apart is what was put together, and no frame is in a
// frame.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add(putFrame(nil, 7, 1, 2, []byte("packet")))
	f.Add(putFrame(nil, 7, 1, 2, putFrame(nil, 8, 3, 4, []byte("inner"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := getFrame(b)
		if !ok {
			return
		}
		if len(got.packet) == 0 || isFrame(got.packet) {
			t.Fatalf("a frame of %x", got.packet)
		}
		again := putFrame(nil, got.number, got.from, got.to, got.packet)
		if again[0] = got.kind; !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// A candidate of carried pairs stands for the peer it comes from, or is dropped.
func TestCarriedCandidates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWAN(t, time.Millisecond)
		ann := newPerson(t, "ann", w.host(t, "10.0.0.1"))
		w.start(t)
		ann.dialer.self = "ann"
		line := func(id, typ string) string {
			return "candidate:1 1 udp 255 " + carriedAddr(signal.PeerID(id)).String() + " 4000 typ " + typ
		}
		for _, c := range []struct {
			line    string
			browser bool
			want    bool
		}{
			{line("bob", "relay"), false, true},
			{line("bob", "relay"), true, false},
			{line("bob", "host"), false, false},
			{line("eve", "relay"), false, false},
			{line("ann", "relay"), false, false},
			{strings.ReplaceAll(line("bob", "relay"), carriedAddr("bob").String(), "fd6d:6565:7400::1"), false, false},
		} {
			s := newSession(ann.dialer, rtc.SessionConfig{Peer: "bob", Browser: c.browser, Post: func(rtc.SessionEvent) {}})
			clean, ok := cleanCandidate(c.line, false)
			if got := ok && s.noteCandidate(clean); got != c.want {
				t.Errorf("%q, browser %v: %v", c.line, c.browser, got)
			}
			f := strings.Fields(c.line)
			if got := s.acceptsRemote(net.ParseIP(f[fieldAddress])); got != (c.want || f[fieldType] == "host" && !c.browser) {
				t.Errorf("%q, browser %v: accepted %v", c.line, c.browser, got)
			}
		}
		if err := w.router.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// trio is ann and cyd, who cannot exchange packets, and bob between them.
type trio struct {
	wan           *wan
	ann, bob, cyd *person
	ab, bc        *link
	meter         rtc.Meter
	mu            sync.Mutex
	carried       map[string]int // frames 0xc9 by where they go
}

const trioNumber = 0xdeadbeef

func newTrio(t *testing.T) *trio {
	t.Helper()
	r := &trio{wan: newWAN(t, 5*time.Millisecond), carried: map[string]int{}}
	for i, id := range []string{"ann", "bob", "cyd"} {
		p := newPerson(t, id, r.wan.host(t, "10.0.0."+string(rune('1'+i))))
		p.dialer.self = p.id
		*[]**person{&r.ann, &r.bob, &r.cyd}[i] = p
	}
	r.wan.drop = func(c vnet.Chunk) bool {
		ends := ipOf(c.SourceAddr().String()) + ipOf(c.DestinationAddr().String())
		return ends == "10.0.0.110.0.0.3" || ends == "10.0.0.310.0.0.1"
	}
	r.wan.seen = func(c vnet.Chunk) {
		if b := c.UserData(); len(b) > 0 && b[0] == frameCarried {
			r.mu.Lock()
			r.carried[ipOf(c.DestinationAddr().String())]++
			r.mu.Unlock()
		}
	}
	return r
}

// meet connects bob with both, and has him carry.
func (r *trio) meet(t *testing.T) {
	t.Helper()
	r.ab, r.bc = connect(t, r.ann, r.bob, 1, 5*time.Millisecond), connect(t, r.bob, r.cyd, 2, 5*time.Millisecond)
	r.ab.await()
	r.bc.await()
	r.ab.b.session.Do(rtc.CarryFor{Pairs: []rtc.CarriedPair{{Number: trioNumber, To: "cyd", Meter: &r.meter}}})
	r.bc.a.session.Do(rtc.CarryFor{Pairs: []rtc.CarriedPair{{Number: trioNumber, To: "ann", Meter: &r.meter}}})
	r.ab.a.session.Do(rtc.CarriedBy{Legs: []rtc.Leg{{Far: "cyd", Number: trioNumber}}})
	r.bc.b.session.Do(rtc.CarriedBy{Legs: []rtc.Leg{{Far: "ann", Number: trioNumber}}})
}

func (r *trio) framesTo(ip string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.carried[ip]
}

func (r *trio) end(t *testing.T, links ...*link) {
	t.Helper()
	for _, l := range links {
		l.close()
	}
	r.ab.close()
	r.bc.close()
	if err := r.wan.router.Stop(); err != nil {
		t.Error(err)
	}
}

// A carrier passes on what the two ends of a pair send it, and nothing else.
func TestCarrierForwardsOnlyItsPairs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newTrio(t)
		eve := r.wan.host(t, "10.0.0.9")
		r.wan.start(t)
		r.meet(t)
		socket, err := eve.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP("10.0.0.9"), Port: 4000})
		if err != nil {
			t.Fatal(err)
		}
		bobForAnn, _ := netip.ParseAddrPort(r.ab.a.session.Stats().RemoteAddress)
		packet := []byte{0x90, payloadOpus, 1, 2, 3}
		good := putFrame(nil, trioNumber, 1, 2, packet)
		annSends := func(b []byte) {
			s := r.ab.a.session.(*session)
			_ = s.net.write(s.pulse.path.Load().port, b, bobForAnn)
		}
		for _, c := range []struct {
			name string
			do   func()
			want int
		}{
			{"ann's own", func() { annSends(good) }, 1},
			{"from another address", func() { _, _ = socket.WriteTo(good, net.UDPAddrFromAddrPort(bobForAnn)) }, 0},
			{"another number", func() { annSends(putFrame(nil, 1, 1, 2, packet)) }, 0},
			{"already carried", func() { annSends(append([]byte{frameCarried}, good[1:]...)) }, 0},
			{"a frame in a frame", func() { annSends(putFrame(nil, trioNumber, 1, 2, good)) }, 0},
			{"nothing in it", func() { annSends(good[:frameHeader]) }, 0},
			{"cut short", func() { annSends(good[:3]) }, 0},
			{"too large", func() { annSends(append(bytes.Clone(good), make([]byte, maxWrapped)...)) }, 0},
			{"no longer a pair", func() {
				r.ab.b.session.Do(rtc.CarryFor{})
				annSends(good)
			}, 0},
		} {
			before := r.framesTo("10.0.0.3")
			c.do()
			time.Sleep(100 * time.Millisecond)
			if got := r.framesTo("10.0.0.3") - before; got != c.want {
				t.Errorf("%s: %d frames passed on, want %d", c.name, got, c.want)
			}
		}
		if n := r.framesTo("10.0.0.9") + r.framesTo("10.0.0.1"); n != 0 {
			t.Errorf("%d frames went elsewhere", n)
		}
		_ = socket.Close()
		r.end(t)
	})
}

// A pair is connected through the carrier alone; what the carrier itself, or
// anybody else, puts into it changes nothing.
func TestHostileCarrier(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newTrio(t)
		r.wan.start(t)
		r.meet(t)
		l := connect(t, r.ann, r.cyd, 3, 5*time.Millisecond)
		l.await()
		if s := l.a.session.Stats(); s.Path != rtc.PathVia || s.Via != "bob" {
			t.Errorf("ann to cyd: %+v", s)
		}
		stop, talking := make(chan struct{}), &sync.WaitGroup{}
		r.ann.talk(stop, talking)
		time.Sleep(time.Second)
		audio, _, _ := r.cyd.counts()
		if audio < 40 {
			t.Errorf("cyd heard %d packets", audio)
		}

		// Bob makes things up: replays, altered packets, checks of his own, DTLS
		// alerts, and other ports.
		inject := r.bc.a.session.(*session)
		cyd := l.b.session.(*session)
		from, to := cyd.net.carriedPorts()
		var made [][]byte
		for _, b := range [][]byte{
			{0x90, payloadOpus, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 0}, // alert
			checkPacket(t), answerPacket(t), {0}, {255}, {64, 0, 0, 0},
		} {
			for _, ports := range [][2]uint16{{to, from}, {to + 1, from}, {to, from + 1}} {
				f := putFrame(nil, trioNumber, ports[0], ports[1], b)
				f[0] = frameCarried
				made = append(made, f)
			}
		}
		r.cyd.forgetMedia()
		for range 50 {
			for _, f := range made {
				inject.sendFrame(f)
			}
			time.Sleep(20 * time.Millisecond)
		}
		r.cyd.mu.Lock()
		for _, a := range r.cyd.audio {
			if !bytes.HasPrefix(a.Payload, []byte("mic/ann/")) {
				t.Errorf("cyd was made to hear %q", a.Payload)
			}
		}
		heard := len(r.cyd.audio)
		r.cyd.mu.Unlock()
		if heard < 45 {
			t.Errorf("cyd heard %d of 50 packets", heard)
		}
		if err := l.b.failure(); err != nil {
			t.Errorf("the session failed: %v", err)
		}
		if s := l.b.session.Stats(); s.Path != rtc.PathVia || s.Via != "bob" {
			t.Errorf("cyd to ann: %+v", s)
		}
		close(stop)
		talking.Wait()
		r.end(t, l)
	})
}

// At the carrier's limit pictures are dropped, sound is not, and who is connected
// directly notices nothing.
func TestSoundBeforePictures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newTrio(t)
		r.wan.start(t)
		r.meet(t)
		l := connect(t, r.ann, r.cyd, 3, 5*time.Millisecond)
		l.await()
		const limit = 300_000
		r.bob.dialer.carriage.budget.pictures.rate = limit
		stop, talking := make(chan struct{}), &sync.WaitGroup{}
		r.ann.talk(stop, talking) // 2.4 Mbit/s of pictures
		time.Sleep(time.Second)
		r.cyd.forgetMedia()
		r.bob.forgetMedia()
		start := r.meter.Bytes.Load()
		time.Sleep(5 * time.Second)
		audio, _, _ := r.cyd.counts()
		if audio < 249 {
			t.Errorf("cyd heard %d of 250 packets", audio)
		}
		if rate := int(r.meter.Bytes.Load()-start) * 8 / 5; rate > limit+carrySound {
			t.Errorf("%d bit/s were carried, more than %d of pictures and the sound", rate, limit)
		}
		if r.meter.Dropped.Load() == 0 {
			t.Error("nothing was dropped: nothing is tested")
		}
		if audio, camera, screen := r.bob.counts(); audio < 249 || camera < 240 || screen < 240 {
			t.Errorf("bob, who is reached directly, got %d, %d and %d of 250", audio, camera, screen)
		}
		if pictures := r.meter.Pictures.Load(); pictures == 0 || pictures > r.meter.Bytes.Load() {
			t.Errorf("%d bytes of pictures were carried", pictures)
		}
		close(stop)
		talking.Wait()
		r.end(t, l)
	})
}

// What a carrier says that it passes on bounds what is sent through it.
func TestCarriedEstimate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newTrio(t)
		r.wan.start(t)
		r.meet(t)
		r.ab.a.session.Do(rtc.CarriedBy{Legs: []rtc.Leg{{Far: "cyd", Number: trioNumber, Rate: 200_000}}})
		l := connect(t, r.ann, r.cyd, 3, 5*time.Millisecond)
		l.await()
		if got := l.a.session.(*session).carriedEstimate(2_000_000, false); got != 200_000 {
			t.Errorf("the estimate of a carried pair is %d", got)
		}
		if got := r.ab.a.session.(*session).carriedEstimate(2_000_000, false); got != 2_000_000 {
			t.Errorf("the estimate of a direct pair is %d", got)
		}
		r.end(t, l)
	})
}
