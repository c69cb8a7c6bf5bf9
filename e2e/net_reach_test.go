//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/netlab"
)

// homes is a room of two people, each behind a router of a kind, and a server
// with a relay that both reach.
func homes(t *testing.T, a, b netlab.Kind, flags ...string) *room {
	t.Helper()
	r := newRoom(t)
	for i, kind := range []netlab.Kind{a, b} {
		home := r.lab.Router(fmt.Sprintf("home%d", i), kind)
		r.addOn(home.Host(fmt.Sprintf("p%d", i)), string(rune('A'+i)), flags...)
	}
	return r
}

// joins has both join at once and returns how long each took to hear the other.
func (r *room) joins(within time.Duration) []time.Duration {
	r.t.Helper()
	began := time.Now()
	for _, p := range r.people {
		p.start()
	}
	var took []time.Duration
	for _, d := range r.directions(everybody) {
		d.to.sees(d.from, "connected", within)
		e := d.to.next(began, within, "audio of "+d.from.name, func(e event) bool {
			s, ok := e.Body.(*stats)
			return ok && e.PeerName == d.from.name && s.Audio.Packets > 0
		})
		took = append(took, e.At.Sub(began))
	}
	return took
}

// path is what somebody's figures say of the way to another.
func (p *participant) path(q *participant) string {
	path := ""
	p.next(time.Now(), 5*time.Second, "figures of "+q.name, func(e event) bool {
		s, ok := e.Body.(*stats)
		if ok && e.PeerName == q.name {
			path = s.Path
		}
		return path != ""
	})
	return path
}

// Two homes and a server, as README says: meet serve on a machine both reach,
// meet join on theirs.
func TestNetHomes(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b netlab.Kind
		path string
	}{
		{"two homes", netlab.PortRestricted, netlab.PortRestricted, "direct"},
		{"two symmetric", netlab.Symmetric, netlab.Symmetric, "relay"},
		{"home and no UDP", netlab.PortRestricted, netlab.NoUDP, "relay"},
		{"no UDP for both", netlab.NoUDP, netlab.NoUDP, "relay"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := homes(t, c.a, c.b)
			took := r.joins(10 * time.Second)
			a, b := r.people[0], r.people[1]
			t.Logf("%s: heard after %v, %s", c.name, took, a.path(b))
			if got := a.path(b); got != c.path {
				t.Errorf("the path is %s, want %s", got, c.path)
			}
			r.everyoneHearsEveryone(5 * time.Second)
		})
	}
}

// overTLS restarts the server of a room with TLS and a certificate of its own on
// port 443, and has everybody join by its invite.
func (r *room) overTLS(flags ...string) {
	r.t.Helper()
	r.server.crash()
	r.server.port, r.server.more = 443, append([]string{"--tls-auto"}, flags...)
	r.server.start()
	var authority string
	if !r.server.log.contains("join with", 5*time.Second, r.server.proc.Done()) {
		r.t.Fatalf("the server names no authority:\n%s", r.server.log)
	}
	if m := regexp.MustCompile(`#ROOM\.\.([A-Za-z0-9_-]+)`).FindStringSubmatch(r.server.log.String()); m != nil {
		authority = m[1]
	}
	r.name = fmt.Sprintf("https://%s/#demo..%s", r.server.host.Addr(), authority)
	r.server.url = fmt.Sprintf("wss://%s", r.server.host.Addr())
}

// Networks that let nothing out but TCP to port 443.
func TestNetOnly443(t *testing.T) {
	r := homes(t, netlab.OnlyTCP443, netlab.OnlyTCP443)
	r.overTLS()
	took := r.joins(15 * time.Second)
	a, b := r.people[0], r.people[1]
	t.Logf("heard after %v", took)
	if got := a.path(b); got != "relay" {
		t.Errorf("the path is %s, want relay", got)
	}
	// A cut: the connection to the relay goes on as soon as it is over.
	r.everyoneHearsEveryone(5 * time.Second)
	a.host.Drop(netlab.Both)
	lasts(time.Now(), 5*time.Second)
	healed := a.host.Pass()
	for _, d := range r.directions(everybody) {
		e := d.to.next(healed.Add(-time.Second), 10*time.Second, "audio after the cut", is("media-resumed", d.from.name))
		back := e.At.Sub(healed)
		t.Logf("%s heard %s again %v after the cut", d.to, d.from, back.Round(10*time.Millisecond))
		if back > 3*time.Second {
			t.Errorf("%s heard %s again %v after the cut", d.to, d.from, back)
		}
	}
}

// proxy is an HTTP proxy that knows CONNECT and nothing else, on a host of the lab.
type proxy struct {
	host    *netlab.Host
	tunnels atomic.Int32
	running sync.WaitGroup
}

func startProxy(t *testing.T, host *netlab.Host) *proxy {
	t.Helper()
	l, err := host.Listen(fmt.Sprintf(":%d", netlab.ProxyPort))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{host: host}
	p.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return p
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil || req.Method != http.MethodConnect {
		io.WriteString(c, "HTTP/1.1 405 Method Not Allowed\r\n\r\n")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	to, err := p.host.Dial(ctx, "tcp4", req.Host)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer to.Close()
	p.tunnels.Add(1)
	io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan struct{}, 2)
	go func() { io.Copy(to, r); done <- struct{}{} }()
	go func() { io.Copy(c, to); done <- struct{}{} }()
	<-done
}

// A network that lets nothing out but connections to its HTTP proxy.
func TestNetOnlyProxy(t *testing.T) {
	r := homes(t, netlab.OnlyProxy, netlab.PortRestricted)
	p := startProxy(t, r.lab.Host("proxy"))
	r.overTLS()
	r.people[0].env = []string{fmt.Sprintf("HTTPS_PROXY=http://%s:%d", p.host.Addr(), netlab.ProxyPort)}
	took := r.joins(15 * time.Second)
	t.Logf("heard after %v, by %d tunnels", took, p.tunnels.Load())
	if got := r.people[0].path(r.people[1]); got != "relay" {
		t.Errorf("the path is %s, want relay", got)
	}
	if n := p.tunnels.Load(); n < 2 {
		t.Errorf("%d tunnels: signaling and the relay make two", n)
	}
}

// The doctor finds out what network it is in.
func TestNetDoctor(t *testing.T) {
	r := newRoom(t)
	r.server.crash()
	r.server.more = []string{"--relay-to", "10.71.0.0/24"} // the lab's Internet
	r.server.start()
	for i, c := range []struct {
		kind netlab.Kind
		want map[string]string // what a finding must say
	}{
		{netlab.FullCone, map[string]string{"NAT": "keeps one outside port", "relay by UDP": "Works", "relay by TCP": "Works", "calls": "directly with everybody"}},
		{netlab.PortRestricted, map[string]string{"NAT": "keeps one outside port", "relay by UDP": "Works", "calls": "directly with most"}},
		{netlab.Symmetric, map[string]string{"NAT": "symmetric", "relay by UDP": "Works", "calls": "most homes through the server"}},
		{netlab.NoUDP, map[string]string{"NAT": "No UDP", "relay by UDP": "Does not work", "relay by TCP": "Works", "calls": "all of it goes through the server"}},
	} {
		host := r.lab.Router(fmt.Sprintf("dr%d", i), c.kind).Host(fmt.Sprintf("d%d", i))
		cmd := host.Command(binary, "doctor", "--json", "--server", r.server.url)
		cmd.Env = environment(t.TempDir())
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", c.kind, err)
		}
		var report struct {
			Findings []struct{ What, Text string }
		}
		if err := json.Unmarshal(out, &report); err != nil {
			t.Fatal(err)
		}
		for what, says := range c.want {
			said := ""
			for _, f := range report.Findings {
				if f.What == what {
					said = f.Text
				}
			}
			if !strings.Contains(said, says) {
				t.Errorf("%v: %s: %q, want %q in it", c.kind, what, said, says)
			}
		}
	}
}

// network is a kind of network that somebody may be in.
type network struct {
	name string
	host func(r *room, name string) (*netlab.Host, []string) // and the environment there
}

func behind(kind netlab.Kind) func(r *room, name string) (*netlab.Host, []string) {
	return func(r *room, name string) (*netlab.Host, []string) {
		return r.lab.Router("r"+name, kind).Host(name), nil
	}
}

// networks are those of the table, all of IPv4.
func networks(proxy *proxy) []network {
	return []network{
		{"open", func(r *room, name string) (*netlab.Host, []string) { return r.lab.Host(name), nil }},
		{netlab.FullCone.String(), behind(netlab.FullCone)},
		{netlab.AddressRestricted.String(), behind(netlab.AddressRestricted)},
		{netlab.PortRestricted.String(), behind(netlab.PortRestricted)},
		{netlab.Symmetric.String(), behind(netlab.Symmetric)},
		{"double NAT", func(r *room, name string) (*netlab.Host, []string) {
			return r.lab.Router("o"+name, netlab.PortRestricted).Router("i"+name, netlab.PortRestricted).Host(name), nil
		}},
		{netlab.NoUDP.String(), behind(netlab.NoUDP)},
		{netlab.OnlyTCP443.String(), behind(netlab.OnlyTCP443)},
		{netlab.OnlyProxy.String(), func(r *room, name string) (*netlab.Host, []string) {
			host, _ := behind(netlab.OnlyProxy)(r, name)
			return host, []string{fmt.Sprintf("HTTPS_PROXY=http://%s:%d", proxy.host.Addr(), netlab.ProxyPort)}
		}},
	}
}

// Every two kinds of networks, with the relay of the server: all are in the call.
// The table goes to docs/PERFORMANCE.md.
func TestNetReachTable(t *testing.T) {
	if os.Getenv("MEET_BENCH") == "" {
		t.Skip("skipped: MEET_BENCH=1 measures (4 minutes)")
	}
	r := newRoom(t)
	r.overTLS()
	p := startProxy(t, r.lab.Host("proxy"))
	all := networks(p)
	cells := map[[2]int]string{}
	link := r.name
	n := 0
	try := func(hosts [2]*netlab.Host, env [2][]string) string {
		n++
		r.name = strings.Replace(link, "#demo", fmt.Sprintf("#t%d", n), 1)
		r.people = nil
		for i, h := range hosts {
			q := r.addOn(h, string(rune('A'+i)))
			q.env = env[i]
		}
		took := r.joins(20 * time.Second)
		a, b := r.people[0], r.people[1]
		a.host.Run("sleep", "1.5") // the best way may come a moment later
		way := a.path(b)
		if other := b.path(a); other != way {
			way += "/" + other
		}
		for _, q := range r.people {
			q.leave()
		}
		return fmt.Sprintf("%s %.2f", way, max(took[0], took[1]).Seconds())
	}
	for i := range all {
		for j := i; j < len(all); j++ {
			var hosts [2]*netlab.Host
			var env [2][]string
			for k, network := range []network{all[i], all[j]} {
				hosts[k], env[k] = network.host(r, fmt.Sprintf("p%d%c", n, 'a'+k))
			}
			cells[[2]int{i, j}] = try(hosts, env)
		}
	}
	one := r.lab.Router("hairpin", netlab.PortRestricted)
	hairpin := try([2]*netlab.Host{one.Host("ha"), one.Host("hb")}, [2][]string{})
	var table strings.Builder
	for i := range all {
		fmt.Fprintf(&table, "| %s |", all[i].name)
		for j := range all {
			fmt.Fprintf(&table, " %s |", cells[[2]int{min(i, j), max(i, j)}])
		}
		table.WriteByte('\n')
	}
	t.Logf("way and seconds to the first sound, both joining at once:\n%sboth behind one NAT: %s", table.String(), hairpin)
}
