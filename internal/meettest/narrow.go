package meettest

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/vnet"
)

// Wide is a line that is narrow for nobody, in bit/s.
const Wide = 100_000_000

// Line is what a person's line to the network is like: how much it carries each
// way, in bit/s (0: anything), and how much it keeps in its queue before it drops,
// as time at that rate.
type Line struct {
	Down, Up int
	Queue    time.Duration
}

// narrow is a line that carries only so much. Its queues count what UDP carries,
// without headers.
type narrow struct {
	line Line
	down *vnet.TBFQueue
	nic  *vnet.Queue
	up   *uplink

	// What follows is guarded by the Room's mutex.
	free    time.Time // when the queue to the person is empty
	dropped int
}

// Queue is how long the last datagram to somebody who joined by JoinNarrow has
// to wait.
func (p *Person) Queue() time.Duration {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return max(time.Until(p.narrow.free), 0)
}

// Dropped is how many datagrams to somebody who joined by JoinNarrow found no
// room in the queue.
func (p *Person) Dropped() int {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.narrow.dropped
}

// fits follows the queue to the person: whether there is room for one more.
// Called with the Room's mutex held.
func (l *narrow) fits(now time.Time, size int) bool {
	rate := rateOf(l.line.Down)
	if l.free.Before(now) {
		l.free = now
	}
	if int64(l.free.Sub(now).Seconds()*float64(rate)/8)+int64(size) > queueOf(l.line.Down, l.line.Queue) {
		l.dropped++
		return false
	}
	l.free = l.free.Add(time.Duration(float64(size) * 8 / float64(rate) * float64(time.Second)))
	return true
}

// burstOf is how much of a line may come at once.
const burstOf = 1600

// JoinNarrow adds a person whose line carries only so much.
func (r *Room) JoinNarrow(name string, line Line, opts ...Option) *Person {
	r.T.Helper()
	return r.joinAs(&Person{room: r, Name: name, narrow: &narrow{line: line}}, opts)
}

// SetLine changes the line of somebody who joined by JoinNarrow.
func (p *Person) SetLine(line Line) {
	p.room.mu.Lock()
	p.narrow.line = line
	p.room.mu.Unlock()
	p.narrow.down.SetRate(rateOf(line.Down))
	p.narrow.up.set(line)
}

func rateOf(bps int) int {
	if bps == 0 {
		return Wide
	}
	return bps
}

func queueOf(bps int, queue time.Duration) int64 {
	return max(int64(float64(rateOf(bps))/8*queue.Seconds()), 3*burstOf)
}

// attach puts the line before the person's network.
func (l *narrow) attach(t interface{ Fatalf(string, ...any) }, n *vnet.Net) vnet.NIC {
	l.down = vnet.NewTBFQueue(rateOf(l.line.Down), burstOf, 1<<30) // fits drops
	nic, err := vnet.NewQueue(n, l.down)
	if err != nil {
		t.Fatalf("make a narrow line: %v", err)
	}
	l.nic = nic
	l.up = newUplink(l.line)
	return nic
}

func (l *narrow) close() {
	_ = l.nic.Close() // it has no way to fail
	l.up.close()
}

// uplink is the queue of what a person sends.
type uplink struct {
	mu      sync.Mutex
	line    Line
	free    time.Time // when the last of what waits has left
	waiting []waitingPacket
	wake    chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}
}

type waitingPacket struct {
	at   time.Time
	send func()
}

func newUplink(line Line) *uplink {
	ctx, cancel := context.WithCancel(context.Background())
	u := &uplink{line: line, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go u.run(ctx)
	return u
}

func (u *uplink) set(line Line) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.line = line
}

func (u *uplink) close() {
	u.cancel()
	<-u.done
}

// put has a packet sent when it is its turn, or drops it.
func (u *uplink) put(size int, send func()) {
	now := time.Now()
	u.mu.Lock()
	rate := rateOf(u.line.Up)
	if u.free.Before(now) {
		u.free = now
	}
	if int64(u.free.Sub(now).Seconds()*float64(rate)/8)+int64(size) > queueOf(u.line.Up, u.line.Queue) {
		u.mu.Unlock()
		return
	}
	u.free = u.free.Add(time.Duration(float64(size) * 8 / float64(rate) * float64(time.Second)))
	u.waiting = append(u.waiting, waitingPacket{u.free, send})
	u.mu.Unlock()
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

func (u *uplink) run(ctx context.Context) {
	defer close(u.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.wake:
		case <-timer.C:
		}
		for {
			u.mu.Lock()
			if len(u.waiting) == 0 {
				u.mu.Unlock()
				break
			}
			first := u.waiting[0]
			if wait := time.Until(first.at); wait > 0 {
				u.mu.Unlock()
				timer.Reset(wait)
				break
			}
			u.waiting = u.waiting[1:]
			u.mu.Unlock()
			first.send()
		}
	}
}

// uplinkNet is a network behind an uplink.
type uplinkNet struct {
	transport.Net
	up *uplink
}

// ListenUDP binds a socket behind the uplink.
func (n uplinkNet) ListenUDP(network string, addr *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	return uplinkConn{c, n.up}, nil
}

type uplinkConn struct {
	transport.UDPConn
	up *uplink
}

// WriteTo has a packet sent when it is its turn.
func (c uplinkConn) WriteTo(b []byte, to net.Addr) (int, error) {
	kept := append([]byte(nil), b...)
	c.up.put(len(b), func() { _, _ = c.UDPConn.WriteTo(kept, to) })
	return len(b), nil
}
