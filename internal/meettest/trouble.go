package meettest

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/pion/transport/v5/vnet"
)

// pathTrouble is what is wrong with one direction between two people. The
// Room's mutex guards it.
type pathTrouble struct {
	// swallow drops the sound of one stream, the first that comes.
	swallow bool
	stream  uint32
	// loss is the share of datagrams that are lost.
	loss float64
	rand *rand.Rand
	// largest is the size of the largest datagram that passes, IP and UDP
	// headers included; 0: all do.
	largest int
	// dead are the ports of the receiver that nothing reaches any more.
	dead map[string]bool
	// killing has the ports in use become dead.
	killing bool
}

// passes is asked about every datagram.
func (p *pathTrouble) passes(c vnet.Chunk) bool {
	if p.loss > 0 && p.rand.Float64() < p.loss {
		return false
	}
	const headers = 20 + 8 // IPv4 and UDP
	b := c.UserData()
	if p.largest > 0 && len(b)+headers > p.largest {
		return false
	}
	if p.killing {
		p.dead[c.DestinationAddr().String()] = true
	}
	if p.dead[c.DestinationAddr().String()] {
		return false
	}
	if ssrc, ok := soundOf(b); p.swallow && ok {
		if p.stream == 0 {
			p.stream = ssrc
		}
		return p.stream != ssrc
	}
	return true
}

// soundOf returns the stream that a datagram carries sound of, if it does.
func soundOf(b []byte) (ssrc uint32, ok bool) {
	const opus, red = 111, 63 // payload types
	if len(b) < 12 || b[0]>>6 != 2 {
		return 0, false
	}
	if pt := b[1] & 0x7f; pt != opus && pt != red {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[8:]), true
}

// path is the trouble of one direction.
func (r *Room) path(from, to *Person) *pathTrouble {
	key := [2]string{from.IP, to.IP}
	if r.paths[key] == nil {
		r.paths[key] = &pathTrouble{rand: rand.New(rand.NewPCG(1, uint64(len(r.paths)))), dead: map[string]bool{}}
	}
	return r.paths[key]
}

// Swallow drops the sound from one person to another, of the connection they
// have now; all else passes, ICE checks included.
func (r *Room) Swallow(from, to *Person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.path(from, to)
	p.swallow, p.stream = true, 0
}

// Lose drops a share of the datagrams from one person to another.
func (r *Room) Lose(from, to *Person, share float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.path(from, to).loss = share
}

// Limit drops datagrams from one person to another that are larger than a
// number of bytes, headers included, and tells nobody.
func (r *Room) Limit(from, to *Person, mtu int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.path(from, to).largest = mtu
}

// KillPath makes the sockets that two people use for each other useless for
// good: only a new connection helps. It takes a moment to learn which they are.
func (r *Room) KillPath(a, b *Person) {
	for _, on := range []bool{true, false} {
		r.mu.Lock()
		r.path(a, b).killing, r.path(b, a).killing = on, on
		r.mu.Unlock()
		if on {
			r.Wait(learnFor)
		}
	}
}

// learnFor is how long KillPath looks for sockets in use: media is sent over
// them all the time.
const learnFor = 300 * time.Millisecond
