//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meet-term/meet/relay"
	"github.com/meet-term/meet/relay/probe"
)

// size is that of a packet of sound with its headers, in bytes.
const size = 172

func main() {
	serve := flag.Bool("serve", false, "be the server that is measured (the benchmark starts itself so)")
	length := flag.Duration("time", 3*time.Second, "how long each rate is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func() error { return compare(ctx, *length) }
	if *serve {
		run = func() error { return serveRelay(ctx) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serveRelay runs our relay on loopback and prints where, and two logins.
func serveRelay(ctx context.Context) error {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := relay.New(relay.Config{
		Packets: []net.PacketConn{c}, Public: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, MaxRate: 1 << 30,
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"ada", "bob"} {
		user, password, _ := s.Admit("room", name, netip.Addr{})
		fmt.Println(c.LocalAddr(), user, password)
	}
	<-ctx.Done()
	return s.Close()
}

// server is one that is measured.
type server struct {
	name    string
	process *exec.Cmd
	logins  []probe.Target
}

func ours(ctx context.Context) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{name: "meet", process: cmd}
	lines := bufio.NewScanner(out)
	for len(s.logins) < 2 && lines.Scan() {
		f := strings.Fields(lines.Text())
		s.logins = append(s.logins, probe.Target{Transport: probe.UDP, Address: f[0], Relay: true, Username: f[1], Password: f[2]})
	}
	return s, lines.Err()
}

// coturnPort is where coturn listens.
const coturnPort = 34781

func coturn(ctx context.Context, dir string) (*server, error) {
	const secret = "bench"
	conf := filepath.Join(dir, "turn.conf")
	text := fmt.Sprintf("listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=%d\nno-tcp\nno-tls\nno-dtls\nno-cli\n"+
		"use-auth-secret\nstatic-auth-secret=%s\nrealm=meet\nallow-loopback-peers\nrelay-threads=1\nlog-file=%s\nsimple-log\n"+
		"pidfile=%s\nuserdb=%s\nno-multicast-peers\n", coturnPort, secret, filepath.Join(dir, "log"), filepath.Join(dir, "pid"), filepath.Join(dir, "db"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "turnserver", "-c", conf)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{name: "coturn", process: cmd}
	for _, name := range []string{"ada", "bob"} {
		user, password := relay.Credentials(secret, name, time.Now().Add(time.Hour))
		s.logins = append(s.logins, probe.Target{
			Transport: probe.UDP, Address: fmt.Sprintf("127.0.0.1:%d", coturnPort), Relay: true, Username: user, Password: password,
		})
	}
	time.Sleep(2 * time.Second) // it says nowhere that it listens
	return s, nil
}

func (s *server) stop() {
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()
}

// cpu is the CPU time of the server so far.
func (s *server) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks int64
	for _, field := range f[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100
}

func compare(ctx context.Context, length time.Duration) error {
	dir, err := os.MkdirTemp("", "bench-relay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var servers []*server
	own, err := ours(ctx)
	if err != nil {
		return err
	}
	defer own.stop()
	servers = append(servers, own)
	other, err := coturn(ctx, dir)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		fmt.Println("coturn is missing (Debian package coturn)")
	case err != nil:
		return err
	default:
		defer other.stop()
		servers = append(servers, other)
	}
	fmt.Println("| server | offered /s | relayed /s | arrived | CPU per packet |\n|---|---|---|---|---|")
	for _, rate := range []int{1000, 5000, 40000} {
		for _, s := range servers {
			line, err := s.measure(ctx, rate, length)
			if err != nil {
				return fmt.Errorf("%s at %d/s: %w", s.name, rate, err)
			}
			fmt.Println(line)
		}
	}
	return nil
}

// measure sends at a rate from one client to the other.
func (s *server) measure(ctx context.Context, rate int, length time.Duration) (string, error) {
	from, err := probe.Allocate(ctx, s.logins[0], nil)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := probe.Allocate(ctx, s.logins[1], nil)
	if err != nil {
		return "", err
	}
	defer to.Close()
	var got atomic.Int64
	go func() {
		b := make([]byte, 2000)
		for {
			if _, _, err := to.ReadFrom(b); err != nil {
				return
			}
			got.Add(1)
		}
	}()
	packet := make([]byte, size)
	// Permissions, then channels, both ways.
	for range 50 {
		if _, err := to.WriteTo(packet, from.LocalAddr()); err != nil {
			return "", err
		}
		if _, err := from.WriteTo(packet, to.LocalAddr()); err != nil {
			return "", err
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got.Load() == 0 {
		return "", errors.New("nothing passes")
	}
	got.Store(0)
	cpu, err := s.cpu()
	if err != nil {
		return "", err
	}
	began, sent := time.Now(), 0
	for time.Since(began) < length && ctx.Err() == nil {
		for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
			if _, err := from.WriteTo(packet, to.LocalAddr()); err != nil {
				return "", err
			}
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	time.Sleep(200 * time.Millisecond)
	after, err := s.cpu()
	if err != nil {
		return "", err
	}
	arrived := got.Load()
	return fmt.Sprintf("| %s | %d | %.0f | %.1f %% | %.1f us |", s.name, rate,
		2*float64(arrived)/took.Seconds(), 100*float64(arrived)/float64(sent),
		float64((after-cpu).Microseconds())/float64(2*arrived)), nil
}
