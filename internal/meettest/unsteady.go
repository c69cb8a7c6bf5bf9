package meettest

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/vnet"
)

// burst is how long datagrams are held up alike: networks stall and catch up,
// they do not shuffle.
const burst = 50 * time.Millisecond

// unsteady is a link whose delay changes all the time. It keeps the order of
// the datagrams.
type unsteady struct {
	filter *vnet.DelayFilter
	stop   chan struct{}
	ended  chan struct{}
	held   atomic.Bool
}

// attach returns what the router delivers to: the person's network, behind an
// unsteady link if it has one.
func (p *Person) attach(n *vnet.Net) vnet.NIC {
	if p.narrow != nil {
		p.room.mu.Lock()
		p.room.narrow[p.IP] = p.narrow
		p.room.mu.Unlock()
		p.room.links = append(p.room.links, p.narrow)
		return p.narrow.attach(p.room.T, n)
	}
	if p.jitter == 0 {
		return n
	}
	filter, err := vnet.NewDelayFilter(n)
	if err != nil {
		p.room.T.Fatalf("make the link of %s unsteady: %v", p.Name, err)
	}
	u := &unsteady{filter: filter, stop: make(chan struct{}), ended: make(chan struct{})}
	p.room.links = append(p.room.links, u)
	p.link = u
	go u.run(p.jitter, rand.New(rand.NewPCG(uint64(p.jitter), 1)))
	return filter
}

// HoldBack is an access point that is gone for a while and then delivers at
// once what it kept for a person. It returns when that has happened. The person
// must have joined by JoinUnsteady.
func (p *Person) HoldBack(d time.Duration) {
	p.link.held.Store(true)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
		p.link.filter.SetDelay(time.Until(end))
	}
	p.link.filter.SetDelay(0)
	p.link.held.Store(false)
}

func (u *unsteady) run(jitter time.Duration, r *rand.Rand) {
	defer close(u.ended)
	ticker := time.NewTicker(burst)
	defer ticker.Stop()
	for {
		if !u.held.Load() {
			u.filter.SetDelay(time.Duration(r.Int64N(int64(jitter))))
		}
		select {
		case <-ticker.C:
		case <-u.stop:
			return
		}
	}
}

func (u *unsteady) close() {
	close(u.stop)
	<-u.ended
	_ = u.filter.Close() // it has no way to fail
}
