package portmap

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// controlPort is where routers take PCP and NAT-PMP (RFC 6887 section 19.1).
const controlPort = 5351

// The numbers of IP protocols.
const (
	protoTCP = 6
	protoUDP = 17
)

// pcp asks by PCP, version 2.
type pcp struct {
	gateway netip.AddrPort
	nonce   [12]byte    // ties renewals and deletion to the mapping
	heard   atomic.Bool // a router answered
}

// NewPCP asks the router at gateway by PCP.
func NewPCP(gateway netip.Addr) Asker {
	a := &pcp{gateway: netip.AddrPortFrom(gateway, controlPort)}
	rand.Read(a.nonce[:]) // never fails (crypto/rand)
	return a
}

func (a *pcp) Protocol() Protocol { return PCP }

func (a *pcp) Map(ctx context.Context, port uint16) (Lease, error) {
	var lease Lease
	for _, proto := range []byte{protoTCP, protoUDP} {
		l, err := a.request(ctx, proto, port, wanted)
		if err != nil {
			return l, err
		}
		if proto == protoTCP {
			lease = l
		}
		lease.Life = min(lease.Life, l.Life)
	}
	return lease, nil
}

func (a *pcp) Unmap(ctx context.Context, port uint16) error {
	if !a.heard.Load() {
		return nil
	}
	var errs []error
	for _, proto := range []byte{protoTCP, protoUDP} {
		_, err := a.request(ctx, proto, port, 0)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// request is a MAP request (RFC 6887 section 11.1).
func (a *pcp) request(ctx context.Context, proto byte, port uint16, life time.Duration) (Lease, error) {
	var lease Lease
	err := exchange(ctx, a.gateway, func(local netip.Addr) []byte {
		return mapRequest(local, a.nonce, proto, port, life)
	}, func(b []byte) (done bool, err error) {
		lease, done, err = a.answer(b, proto, port)
		return done, err
	})
	return lease, err
}

// mapRequest makes the 60 bytes of a MAP request.
func mapRequest(local netip.Addr, nonce [12]byte, proto byte, port uint16, life time.Duration) []byte {
	b := make([]byte, 60)
	b[0], b[1] = 2, 1
	binary.BigEndian.PutUint32(b[4:], uint32(life/time.Second))
	own := local.As16()
	copy(b[8:], own[:])
	copy(b[24:], nonce[:])
	b[36] = proto
	binary.BigEndian.PutUint16(b[40:], port)
	if life > 0 {
		binary.BigEndian.PutUint16(b[42:], port) // rather the same outside
	}
	anywhere := netip.MustParseAddr("::ffff:0.0.0.0").As16()
	copy(b[44:], anywhere[:])
	return b
}

// answer reads the answer to a MAP request; one to something else is not done.
func (a *pcp) answer(b []byte, proto byte, port uint16) (Lease, bool, error) {
	if len(b) >= 4 && b[0] == 0 { // it speaks NAT-PMP alone (RFC 6887 section 9)
		return Lease{}, true, fmt.Errorf("%w: it speaks no PCP", ErrNoRouter)
	}
	if len(b) < 24 || b[0] != 2 || b[1] != 0x81 {
		return Lease{}, false, nil
	}
	a.heard.Store(true)
	if code := b[3]; code != 0 {
		return Lease{}, true, pcpError(code)
	}
	if len(b) < 60 || [12]byte(b[24:36]) != a.nonce || b[36] != proto || binary.BigEndian.Uint16(b[40:]) != port {
		return Lease{}, false, nil
	}
	return Lease{
		Outside: netip.AddrFrom16([16]byte(b[44:60])).Unmap(),
		Port:    binary.BigEndian.Uint16(b[42:]),
		Life:    time.Duration(binary.BigEndian.Uint32(b[4:])) * time.Second,
	}, true, nil
}

// pcpError names the results of RFC 6887 section 7.4.
func pcpError(code byte) error {
	switch code {
	case 1: // UNSUPP_VERSION
		return fmt.Errorf("%w: it speaks another version of PCP", ErrNoRouter)
	case 7: // NETWORK_FAILURE: it has no address itself, or none that counts
		return fmt.Errorf("%w: PCP result %d", ErrNotPublic, code)
	}
	return fmt.Errorf("%w: PCP result %d", ErrRefused, code)
}

// natpmp asks by NAT-PMP.
type natpmp struct {
	gateway netip.AddrPort
	heard   atomic.Bool // a router answered
}

// NewNATPMP asks the router at gateway by NAT-PMP.
func NewNATPMP(gateway netip.Addr) Asker {
	return &natpmp{gateway: netip.AddrPortFrom(gateway, controlPort)}
}

func (a *natpmp) Protocol() Protocol { return NATPMP }

func (a *natpmp) Map(ctx context.Context, port uint16) (Lease, error) {
	var lease Lease
	err := exchange(ctx, a.gateway, func(netip.Addr) []byte { return []byte{0, 0} }, func(b []byte) (bool, error) {
		code, ok := natpmpResult(b, 0, 12)
		if !ok || code != nil {
			return ok, code
		}
		a.heard.Store(true)
		lease.Outside = netip.AddrFrom4([4]byte(b[8:12]))
		return true, nil
	})
	if err != nil {
		return lease, err
	}
	for _, op := range []byte{2, 1} { // TCP, UDP
		external, life, err := a.request(ctx, op, port, wanted)
		if err != nil {
			return lease, err
		}
		if op == 2 {
			lease.Port, lease.Life = external, life
		}
		lease.Life = min(lease.Life, life)
	}
	return lease, nil
}

func (a *natpmp) Unmap(ctx context.Context, port uint16) error {
	if !a.heard.Load() {
		return nil
	}
	var errs []error
	for _, op := range []byte{2, 1} {
		_, _, err := a.request(ctx, op, port, 0)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// request is a mapping request (RFC 6886 section 3.3).
func (a *natpmp) request(ctx context.Context, op byte, port uint16, life time.Duration) (external uint16, granted time.Duration, err error) {
	err = exchange(ctx, a.gateway, func(netip.Addr) []byte {
		b := make([]byte, 12)
		b[1] = op
		binary.BigEndian.PutUint16(b[4:], port)
		if life > 0 {
			binary.BigEndian.PutUint16(b[6:], port)
		}
		binary.BigEndian.PutUint32(b[8:], uint32(life/time.Second))
		return b
	}, func(b []byte) (bool, error) {
		code, ok := natpmpResult(b, op, 16)
		if !ok || code != nil {
			return ok, code
		}
		if binary.BigEndian.Uint16(b[8:]) != port {
			return false, nil
		}
		external = binary.BigEndian.Uint16(b[10:])
		granted = time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Second
		return true, nil
	})
	return external, granted, err
}

// natpmpResult reads the head of an answer of size bytes; ok is false for one to
// something else (RFC 6886 section 3.5).
func natpmpResult(b []byte, op byte, size int) (failure error, ok bool) {
	if len(b) < 4 || b[0] != 0 || b[1] != 128+op {
		return nil, false
	}
	switch code := binary.BigEndian.Uint16(b[2:]); code {
	case 0:
		return nil, len(b) >= size
	case 1:
		return fmt.Errorf("%w: it speaks another version of NAT-PMP", ErrNoRouter), true
	case 3: // "network failure": it has no address itself, or none that counts
		return fmt.Errorf("%w: NAT-PMP result 3", ErrNotPublic), true
	default:
		return fmt.Errorf("%w: NAT-PMP result %d", ErrRefused, code), true
	}
}

// firstWait is how long the first answer may take; each repetition waits twice
// as long (RFC 6886 section 3.1).
const firstWait = 250 * time.Millisecond

// attempts bounds the repetitions: a router of one's own network answers at once.
const attempts = 4

// exchange sends a request until answer takes something.
func exchange(ctx context.Context, gateway netip.AddrPort, request func(local netip.Addr) []byte, answer func([]byte) (bool, error)) error {
	c, err := new(net.Dialer).DialContext(ctx, "udp", gateway.String())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoRouter, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return fmt.Errorf("%w: no address of our own", ErrNoRouter)
	}
	packet := request(local.AddrPort().Addr())
	buf := make([]byte, 1100)
	wait := firstWait
	for range attempts {
		if _, err := c.Write(packet); err != nil {
			return fmt.Errorf("%w: %w", ErrNoRouter, err)
		}
		_ = c.SetReadDeadline(time.Now().Add(wait))
		for ctx.Err() == nil {
			n, err := c.Read(buf)
			if errors.Is(err, syscall.ECONNREFUSED) {
				return fmt.Errorf("%w: %w", ErrNoRouter, err)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return fmt.Errorf("%w: %w", ErrNoRouter, err)
			}
			if done, err := answer(buf[:n]); done {
				return err
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrNoRouter, ctx.Err())
		}
		wait *= 2
	}
	return fmt.Errorf("%w: no answer", ErrNoRouter)
}
