//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

type options struct {
	members  int
	roomSize int
	messages int
	settle   time.Duration
}

func main() {
	var o options
	serve := flag.Bool("serve", false, "be the server that is measured (the benchmark starts itself so)")
	only := flag.String("only", "", "measure one server: meet or socketio")
	flag.IntVar(&o.members, "members", 5000, "idle members")
	flag.IntVar(&o.roomSize, "room", 5, "members of a room")
	flag.IntVar(&o.messages, "messages", 40000, "messages to relay in each round")
	flag.DurationVar(&o.settle, "settle", 30*time.Second, "how long the members idle before their memory is read; Socket.IO pings every 25s")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *serve {
		err = serveMeet(ctx)
	} else {
		err = run(ctx, o, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// subject is a server to measure: how to start its process and how to be its
// client.
type subject interface {
	name() string
	// start starts the process and returns it with its address.
	start(ctx context.Context) (*process, error)
	// join connects a member of a room.
	join(ctx context.Context, address string, room int) (member, error)
}

// member is a client of a subject. A reader goroutine keeps it alive.
type member interface {
	// address is what others send to.
	address() string
	// message returns 600 bytes of sealed body for another member, ready to
	// write any number of times.
	message(to member) ([]byte, error)
	// write sends what message made.
	write(message []byte) error
	// received gets a token for each message that arrives.
	received() <-chan struct{}
	close()
}

func run(ctx context.Context, o options, only string) error {
	var subjects []subject
	if only != "socketio" {
		subjects = append(subjects, &meet{})
	}
	if only != "meet" {
		s, cleanup, err := installSocketIO(ctx)
		switch {
		case errors.Is(err, errNoNode) && only == "":
			fmt.Fprintln(os.Stderr, "bench: Socket.IO is left out:", err)
		case err != nil:
			return err
		default:
			defer cleanup()
			subjects = append(subjects, s)
		}
	}
	fmt.Printf("%d idle members in rooms of %d; %d messages of 600 bytes per round\n\n", o.members, o.roomSize, o.messages)
	fmt.Printf("%-10s %11s %11s %11s %11s %14s %14s\n", "server", "kB/member", "kB/added", "us/join", "idle CPU %", "us/message", "us/message of 50")
	for _, s := range subjects {
		r, err := measure(ctx, s, o)
		if err != nil {
			return fmt.Errorf("measure %s: %w", s.name(), err)
		}
		fmt.Printf("%-10s %11.1f %11.1f %11.1f %11.1f %14.1f %14.1f\n", s.name(), r.perMember, r.perAdded, r.join, r.idle, r.relay1, r.relay50)
	}
	return nil
}

// result is what one server costs. Memory is in units of 1,000 bytes per
// member, times are CPU microseconds of the server.
type result struct {
	perMember float64 // all of the process's resident memory
	perAdded  float64 // what the members added to that of the empty process
	join      float64
	idle      float64 // percent of a core while all idle
	relay1    float64 // one message under way at a time
	relay50   float64 // fifty
}

func measure(ctx context.Context, s subject, o options) (result, error) {
	var r result
	if err := measureIdle(ctx, s, o, &r); err != nil {
		return r, err
	}
	// Relaying is measured on a fresh process: nobody idles there.
	p, err := s.start(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop()
	for _, round := range []struct {
		inFlight int
		cost     *float64
	}{{1, &r.relay1}, {50, &r.relay50}} {
		if *round.cost, err = measureRelay(ctx, s, p, o.messages, round.inFlight); err != nil {
			return r, err
		}
	}
	return r, nil
}

func measureIdle(ctx context.Context, s subject, o options, r *result) error {
	p, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	empty, err := p.rss()
	if err != nil {
		return err
	}
	before, err := p.cpu()
	if err != nil {
		return err
	}
	members, err := joinAll(ctx, s, p.address, o)
	defer func() {
		for _, m := range members {
			m.close()
		}
	}()
	if err != nil {
		return err
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	timer := time.NewTimer(o.settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	full, err := p.rss()
	if err != nil {
		return err
	}
	idled, err := p.cpu()
	if err != nil {
		return err
	}
	r.idle = 100 * (idled - after).Seconds() / o.settle.Seconds()
	n := float64(len(members))
	r.perMember = float64(full) / n / 1000
	r.perAdded = float64(full-empty) / n / 1000
	r.join = float64((after - before).Microseconds()) / n
	return nil
}

// joinAll joins all members, fifty at a time.
func joinAll(ctx context.Context, s subject, address string, o options) ([]member, error) {
	members := make([]member, o.members)
	errs := make(chan error, o.members)
	next := make(chan int)
	var workers sync.WaitGroup
	for range 50 {
		workers.Go(func() {
			for i := range next {
				var err error
				if members[i], err = s.join(ctx, address, i/o.roomSize); err != nil {
					errs <- fmt.Errorf("join %d: %w", i, err)
				}
			}
		})
	}
	for i := range members {
		next <- i
	}
	close(next)
	workers.Wait()
	select {
	case err := <-errs:
		joined := members[:0]
		for _, m := range members {
			if m != nil {
				joined = append(joined, m)
			}
		}
		return joined, err
	default:
		return members, nil
	}
}

// measureRelay sends messages over pairs of members, with inFlight of them
// under way at any time, and returns the server's CPU time for one.
func measureRelay(ctx context.Context, s subject, p *process, messages, inFlight int) (float64, error) {
	pairs := min(inFlight, 10)
	each := inFlight / pairs
	type pair struct {
		from, to member
		message  []byte
	}
	var all []pair
	for i := range pairs {
		var x pair
		var err error
		if x.from, err = s.join(ctx, p.address, i); err != nil {
			return 0, err
		}
		defer x.from.close()
		if x.to, err = s.join(ctx, p.address, i); err != nil {
			return 0, err
		}
		defer x.to.close()
		if x.message, err = x.from.message(x.to); err != nil {
			return 0, err
		}
		all = append(all, x)
	}
	send := func(count int) error {
		errs := make(chan error, pairs)
		var senders sync.WaitGroup
		for _, x := range all {
			senders.Go(func() { errs <- pump(ctx, x.from, x.to, x.message, count/pairs, each) })
		}
		senders.Wait()
		for range pairs {
			if err := <-errs; err != nil {
				return err
			}
		}
		return nil
	}
	if err := send(messages / 10); err != nil { // warm up
		return 0, err
	}
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := send(messages); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	if err != nil {
		return 0, err
	}
	return float64((after - before).Microseconds()) / float64(messages/pairs*pairs), nil
}

// pump sends count messages, window of them under way at a time.
func pump(ctx context.Context, from, to member, message []byte, count, window int) error {
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	sent := 0
	for ; sent < min(window, count); sent++ {
		if err := from.write(message); err != nil {
			return err
		}
	}
	for range count {
		select {
		case <-to.received():
		case <-deadline.C:
			return errors.New("messages were lost")
		case <-ctx.Done():
			return ctx.Err()
		}
		if sent < count {
			if err := from.write(message); err != nil {
				return err
			}
			sent++
		}
	}
	return nil
}
