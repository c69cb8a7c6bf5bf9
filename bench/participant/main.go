// Command participant measures what taking part costs: the time from process
// start to the first sound of another person, the memory and the CPU of one
// participant in a call of five, and the time of "meet version". It runs the
// real binary on loopback and prints a table for docs/PERFORMANCE.md.
//
//	go run ./bench/participant -meet bin/meet
//
// With -beside OTHER it measures nothing but CPU, of a call with each of the two
// binaries at the same time: the speed of a shared machine changes from minute to
// minute, their ratio does not.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	meet := flag.String("meet", "bin/meet", "the binary to measure")
	runs := flag.Int("runs", 20, "how often each time is taken")
	people := flag.Int("people", 5, "participants of the call whose cost is taken")
	span := flag.Duration("span", 15*time.Second, "how long CPU is counted")
	camera := flag.String("camera", "none", "camera of every participant")
	beside := flag.String("beside", "", "another binary: compare the CPU of calls with both")
	flag.Parse()
	path, err := filepath.Abs(*meet)
	switch {
	case err != nil:
	case *beside != "":
		err = compare(bench{meet: path, runs: *runs, people: *people, span: *span, camera: *camera}, *beside)
	default:
		err = run(bench{meet: path, runs: *runs, people: *people, span: *span, camera: *camera})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "participant:", err)
		os.Exit(1)
	}
}

type bench struct {
	meet         string
	runs, people int
	span         time.Duration
	camera       string
	dir, server  string
}

// compare measures calls with two binaries at the same time, over and over, the
// order in which they start changing.
func compare(b bench, other string) error {
	path, err := filepath.Abs(other)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "meet-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	var ratios []float64
	for i := range b.runs {
		both := []bench{b, b}
		both[1].meet = path
		order := []int{i % 2, 1 - i%2}
		used, err := together(both, order)
		if err != nil {
			return err
		}
		fmt.Printf("%.2f %% of a core, beside %.2f %%: %.3f\n", used[0], used[1], used[0]/used[1])
		ratios = append(ratios, used[0]/used[1])
	}
	slices.Sort(ratios)
	fmt.Printf("| CPU of a participant, a call of %d, beside the other binary | %.3f | %.3f |\n", b.people, ratios[len(ratios)/2], last(ratios))
	return nil
}

// together returns the mean CPU of a participant of each of several calls, in
// percent of a core.
func together(calls []bench, order []int) ([]float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), calls[0].span+time.Minute)
	defer cancel()
	people := make([][]*participant, len(calls))
	for _, i := range order {
		stop, err := calls[i].serve()
		if err != nil {
			return nil, err
		}
		defer stop()
		for n := range calls[i].people {
			p, err := calls[i].start(ctx, fmt.Sprintf("p%d-%d", i, n))
			if err != nil {
				return nil, err
			}
			defer p.leave()
			people[i] = append(people[i], p)
		}
	}
	time.Sleep(5 * time.Second)
	total := func(i int) (used time.Duration) {
		for _, p := range people[i] {
			used += cpuTime(p.cmd.Process.Pid)
		}
		return used
	}
	used := make([]float64, len(calls))
	for i := range calls {
		used[i] = -total(i).Seconds()
	}
	time.Sleep(calls[0].span)
	for i := range calls {
		used[i] = 100 * (used[i] + total(i).Seconds()) / calls[0].span.Seconds() / float64(len(people[i]))
	}
	return used, nil
}

func run(b bench) error {
	var err error
	if b.dir, err = os.MkdirTemp("", "meet-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	stop, err := b.serve()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("| what | median | worst |")
	fmt.Println("|---|---|---|")
	if err := b.version(); err != nil {
		return err
	}
	if err := b.join(); err != nil {
		return err
	}
	if err := b.mesh(); err != nil {
		return err
	}
	return b.fan()
}

// serve starts a server on a free port.
func (b *bench) serve() (stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(b.meet, "serve", "--listen", address)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.server = "ws://" + address
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	for range 200 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return stop, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("the server does not listen on %s", address)
}

// version takes the CPU time of the smallest command: what start-up costs.
func (b *bench) version() error {
	var cpu, wall []time.Duration
	for range b.runs {
		cmd := exec.Command(b.meet, "version")
		start := time.Now()
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("meet version: %w", err)
		}
		wall = append(wall, time.Since(start))
		cpu = append(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	row("`meet version`, CPU time", cpu)
	row("`meet version`, until it has ended", wall)
	return nil
}

// participant is one running meet.
type participant struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	start  time.Time
	events chan event
}

type event struct {
	Event string
	Kind  string
	Time  time.Time
	Audio struct{ Decoded uint64 }
	// First is when the first packet of a peer was decoded.
	First time.Time `json:"first_decoded"`
}

// often has participants report often enough to wait for what they report.
var often = []string{"--stats-interval", "100ms"}

func (b *bench) start(ctx context.Context, name string, args ...string) (*participant, error) {
	args = append([]string{
		"join", "bench", "--headless", "--server", b.server, "--name", name,
		"--mic", "tone", "--speaker", "none", "--camera", b.camera,
	}, args...)
	p := &participant{cmd: exec.CommandContext(ctx, b.meet, args...), events: make(chan event, 1024)}
	p.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(b.dir, name))
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p.start = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.events)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				continue
			}
			select {
			case p.events <- e:
			default: // nobody is waiting for it
			}
		}
	}()
	return p, nil
}

func (p *participant) leave() {
	_, _ = io.WriteString(p.in, `{"command":"leave"}`+"\n")
	_ = p.cmd.Wait()
}

// join takes the time from process start to the first decoded sound of
// somebody who is in the room already.
func (b *bench) join() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	host, err := b.start(ctx, "host", often...)
	if err != nil {
		return err
	}
	defer host.leave()
	var arrived, decoded []time.Duration
	for i := range b.runs {
		p, err := b.start(ctx, "guest"+strconv.Itoa(i), often...)
		if err != nil {
			return err
		}
		for e := range p.events {
			if e.Event == "media-started" && e.Kind == "audio" {
				arrived = append(arrived, e.Time.Sub(p.start))
			}
			if e.Event == "stats" && !e.First.IsZero() {
				decoded = append(decoded, e.First.Sub(p.start))
				break
			}
		}
		p.leave()
	}
	if len(decoded) < b.runs {
		return fmt.Errorf("only %d of %d heard anything", len(decoded), b.runs)
	}
	row("process start to the first audio packet received", arrived)
	row("process start to the first audio packet decoded", decoded)
	return nil
}

// mesh takes memory and CPU of every participant of one call.
func (b *bench) mesh() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.span+time.Minute)
	defer cancel()
	var all []*participant
	for i := range b.people {
		p, err := b.start(ctx, "p"+strconv.Itoa(i))
		if err != nil {
			return err
		}
		defer p.leave()
		all = append(all, p)
	}
	time.Sleep(5 * time.Second) // until everybody is connected and warm
	before := make([]time.Duration, len(all))
	for i, p := range all {
		before[i] = cpuTime(p.cmd.Process.Pid)
	}
	time.Sleep(b.span)
	var cpu, memory []float64
	for i, p := range all {
		used := cpuTime(p.cmd.Process.Pid) - before[i]
		cpu = append(cpu, 100*used.Seconds()/b.span.Seconds())
		memory = append(memory, float64(resident(p.cmd.Process.Pid))/1e6)
	}
	slices.Sort(cpu)
	slices.Sort(memory)
	what := fmt.Sprintf("a call of %d, camera %s", b.people, b.camera)
	fmt.Printf("| CPU of one participant, %s | %.1f %% of a core | %.1f %% |\n", what, cpu[len(cpu)/2], cpu[len(cpu)-1])
	fmt.Printf("| resident memory of one participant, %s | %.1f MB | %.1f MB |\n", what, memory[len(memory)/2], memory[len(memory)-1])
	return nil
}

// fan takes the CPU of one sender of camera and sound to 1 and to 8 peers who
// only listen and look: one encode serves them all.
func (b *bench) fan() error {
	// In turns, because the speed of a shared machine drifts.
	used := map[int][]float64{}
	var ratios []float64
	for range fanRounds {
		for _, n := range []int{1, 8} {
			u, err := b.sender(n)
			if err != nil {
				return err
			}
			used[n] = append(used[n], u)
		}
		ratios = append(ratios, last(used[8])/last(used[1]))
	}
	for _, n := range []int{1, 8} {
		slices.Sort(used[n])
		fmt.Printf("| CPU of one sender, camera 640x360 at 15 Hz and sound, to %d | %.1f %% of a core | %.1f %% |\n", n, used[n][fanRounds/2], last(used[n]))
	}
	slices.Sort(ratios)
	fmt.Printf("| the same to 8, as a multiple of that to 1 | %.2f | %.2f |\n", ratios[fanRounds/2], last(ratios))
	return nil
}

// fanRounds is how often fan measures each number of peers; odd.
const fanRounds = 3

func last(list []float64) float64 { return list[len(list)-1] }

func (b *bench) sender(peers int) (percent float64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.span+time.Minute)
	defer cancel()
	s, err := b.start(ctx, "sender", "--camera", "testcard")
	if err != nil {
		return 0, err
	}
	defer s.leave()
	for i := range peers {
		p, err := b.start(ctx, "p"+strconv.Itoa(i), "--mic", "none", "--camera", "none")
		if err != nil {
			return 0, err
		}
		defer p.leave()
	}
	time.Sleep(5 * time.Second) // until the picture has its size
	before := cpuTime(s.cmd.Process.Pid)
	time.Sleep(b.span)
	return 100 * (cpuTime(s.cmd.Process.Pid) - before).Seconds() / b.span.Seconds(), nil
}

// cpuTime is the user and system time of a process so far (proc(5)).
func cpuTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; fields are counted after it.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	const tick = 10 * time.Millisecond
	return time.Duration(user+system) * tick
}

// resident is the memory of a process in bytes.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func row(what string, times []time.Duration) {
	slices.Sort(times)
	fmt.Printf("| %s | %v | %v |\n", what, times[len(times)/2].Round(100*time.Microsecond), times[len(times)-1].Round(100*time.Microsecond))
}
