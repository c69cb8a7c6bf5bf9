package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/internal/outdial"
	"github.com/meet-term/meet/relay/probe"
	"github.com/meet-term/meet/signal"
)

// reachTime bounds all that is tried with one server.
const reachTime = 20 * time.Second

// reach is what was found out about the way to others.
type reach struct {
	nat    probe.NAT
	udp    bool                       // STUN over UDP was answered
	relays map[probe.Transport]string // why not; "" for those that work
}

// lookAtReach tries what a call would need: a server's STUN and its relay over
// every transport, and says with whom a call will work.
func lookAtReach(ctx context.Context, server string) []finding {
	found := []finding{lookAtProxy(server)}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	servers, dial, leave, err := offeredServers(ctx, server)
	defer leave()
	if err != nil {
		return append(found, finding{What: "relay", Text: fmt.Sprintf("Nothing to try: %v.", err),
			Hint: `Name a server that others reach: meet doctor --server wss://meet.example`})
	}
	r := tryAll(ctx, probe.Targets(servers), dial)
	return append(found, r.findings()...)
}

// lookAtProxy says which proxy connections to the server go through.
func lookAtProxy(server string) finding {
	f := finding{What: "proxy", OK: true, Text: "None is set."}
	base, err := signal.ParseServer(server)
	if server == "" || err != nil {
		base = "https://meet.example/"
	}
	u, err := url.Parse(base)
	if err != nil {
		return f
	}
	via, err := outdial.Dialer{}.ProxyFor(u.Host)
	switch {
	case err != nil:
		f.OK, f.Text = false, fmt.Sprintf("The proxy settings cannot be used: %v.", err)
	case via != nil:
		f.Text = fmt.Sprintf("%s is used for signaling and for relays over TCP and TLS.", via.Redacted())
	}
	return f
}

// errLocalOnly is why there is nothing to try on the local default.
var errLocalOnly = errors.New("no server is named, and one of this machine serves this machine or network")

// offeredServers joins a room of its own on the server to learn which STUN and
// TURN servers it offers, and adds those of the settings. Whoever has left the
// room cannot use a relay: leave is for afterwards.
func offeredServers(ctx context.Context, server string) (servers []signal.ICEServer, dial probe.Dial, leave func(), err error) {
	leave = func() {}
	var settings config.Config
	if path, err := config.Path(); err == nil {
		settings, _ = config.Load(path) // its faults are a finding of their own
	}
	var own []signal.ICEServer
	for _, text := range settings.ICEServer {
		if s, err := iceserver.Parse(text); err == nil {
			own = append(own, s.Offer("meet", time.Now()))
		}
	}
	if server == "" {
		server = os.Getenv("MEET_SERVER")
	}
	if server == "" {
		server = settings.Server
	}
	if server == "" {
		if len(own) == 0 {
			return nil, nil, leave, errLocalOnly
		}
		return own, outdial.Dialer{}.DialContext, leave, nil
	}
	invite, err := signal.ParseInvite("doctor", server)
	if strings.Contains(server, "#") {
		invite, err = signal.ParseInvite(server, "")
	}
	if err != nil {
		return nil, nil, leave, err
	}
	var trust *tls.Config
	if invite.Authority != "" {
		if trust, err = localtls.ClientConfig(invite.Authority); err != nil {
			return nil, nil, leave, err
		}
	}
	u, err := url.Parse(invite.Server)
	if err != nil {
		return nil, nil, leave, err
	}
	offered, leave, err := askForServers(ctx, invite, trust)
	if err != nil {
		return nil, nil, leave, err
	}
	believed, _ := iceserver.Believed(offered, u.Hostname(), settings.ICEHosts)
	if believed = append(believed, own...); len(believed) == 0 {
		return nil, nil, leave, errors.New("the server offers neither STUN nor a relay")
	}
	return believed, outdial.Dialer{TLS: trust}.DialContext, leave, nil
}

// askForServers takes a seat in an empty private room, until leave.
func askForServers(ctx context.Context, invite signal.Invite, trust *tls.Config) (servers []signal.ICEServer, leave func(), err error) {
	leave = func() {}
	invite.Name = "doctor"
	if invite.Secret, err = signal.NewSecret(rand.Reader); err != nil {
		return nil, leave, err
	}
	room, err := invite.Room()
	if err != nil {
		return nil, leave, err
	}
	key, err := signal.NewKey(rand.Reader)
	if err != nil {
		return nil, leave, err
	}
	welcome := make(chan []signal.ICEServer, 1)
	trouble := make(chan error, 1)
	client, err := signal.NewClient(signal.Config{
		URL: invite.SocketURL(), Room: room, Key: key, Inc: 1, State: signal.State{N: 1, Name: "doctor"}, TLS: trust,
		Handle: func(e signal.Event) {
			switch e := e.(type) {
			case signal.Welcome:
				select {
				case welcome <- e.ICE:
				default: // a second one
				}
			case signal.ServerState:
				if e.Err != nil {
					select {
					case trouble <- e.Err:
					default:
					}
				}
			}
		},
	})
	if err != nil {
		return nil, leave, err
	}
	ended := make(chan error, 1)
	crash.Go(func() { ended <- client.Run(ctx) })
	leave = func() {
		client.Leave()
		<-ended
	}
	select {
	case servers := <-welcome:
		return servers, leave, nil
	case err := <-trouble:
		return nil, leave, fmt.Errorf("the server is not reached: %w", err)
	case <-ctx.Done():
		return nil, leave, errors.New("the server does not answer")
	}
}

// tryAll tries every way once.
func tryAll(ctx context.Context, targets []probe.Target, dial probe.Dial) reach {
	r := reach{relays: map[probe.Transport]string{}}
	// A relay over UDP tells most about the NAT.
	slices.SortStableFunc(targets, func(a, b probe.Target) int {
		return rank(a) - rank(b)
	})
	looked := false
	for _, t := range targets {
		if t.Transport == probe.UDP && !looked {
			if nat, err := probe.Look(ctx, t); err == nil {
				r.nat, r.udp, looked = nat, true, true
			}
		}
		if !t.Relay || r.works(t.Transport) {
			continue
		}
		tried, cancel := context.WithTimeout(ctx, 6*time.Second)
		_, err := probe.Pass(tried, t, dial)
		cancel()
		r.relays[t.Transport] = ""
		if err != nil {
			r.relays[t.Transport] = err.Error()
		}
	}
	return r
}

func rank(t probe.Target) int {
	if t.Transport == probe.UDP && t.Relay {
		return 0
	}
	return 1
}

// works reports whether a relay was reached by a transport.
func (r reach) works(t probe.Transport) bool {
	why, tried := r.relays[t]
	return tried && why == ""
}

// findings puts it into words.
func (r reach) findings() []finding {
	out := []finding{r.natFinding()}
	relayed := false
	for _, t := range []probe.Transport{probe.UDP, probe.TCP, probe.TLS} {
		why, tried := r.relays[t]
		if !tried {
			continue
		}
		f := finding{What: "relay by " + string(t), OK: why == "", Text: "Works: an address was given, and a packet passed."}
		if why != "" {
			f.Text = "Does not work: " + why + "."
		}
		relayed = relayed || f.OK
		out = append(out, f)
	}
	return append(out, r.verdict(relayed))
}

func (r reach) natFinding() finding {
	f := finding{What: "NAT", OK: r.udp}
	if !r.udp {
		f.Text = "No UDP comes back from the server: this network lets none out."
		return f
	}
	at := r.nat.Mapped.String()
	switch r.nat.Mapping {
	case probe.NoNAT:
		f.Text = "None towards the server: it sees this machine's own address, " + at + "."
	case probe.SamePort:
		f.Text = "The router keeps one outside port, " + at + ": others can be told of it."
	case probe.OtherPort:
		f.Text = "The router gives every other end another port (symmetric); " + at + " is of use to the server only."
	case probe.MappingUnknown:
		f.Text = "The server sees " + at + "; what others see could not be found out."
	}
	if r.nat.Mapping == probe.NoNAT {
		return f
	}
	switch r.nat.Filtering {
	case probe.AnyPort:
		f.Text += " It lets in what comes from an address that was sent to, from any port."
	case probe.SentTo:
		f.Text += " It lets in only what was asked for, port by port."
	case probe.FilteringUnknown:
	}
	return f
}

// verdict says with whom a call will work (RFC 5128 section 3.3).
func (r reach) verdict(relayed bool) finding {
	f := finding{What: "calls", OK: true}
	switch {
	case relayed:
		f.Text = "A call works with everybody who reaches the server; "
		switch {
		case !r.udp:
			f.Text += "all of it goes through the server."
		case r.nat.Mapping == probe.OtherPort && r.nat.Filtering != probe.AnyPort:
			f.Text += "directly with those whose router is open, with most homes through the server."
		case r.nat.Mapping == probe.NoNAT || r.nat.Filtering == probe.AnyPort:
			f.Text += "directly with everybody whose network lets UDP out."
		default:
			f.Text += "directly with most, through the server with those behind a symmetric router."
		}
	case !r.udp:
		f.OK, f.Text = false, "A call works in the same network only: no UDP gets out, and there is no relay."
		f.Hint = "Use a server with a relay (meet serve has one); on port 443 it is reached almost everywhere."
	case r.nat.Mapping == probe.OtherPort:
		f.OK, f.Text = false, "A call works with people who have an open network only: this router is symmetric, and there is no relay."
		f.Hint = "Use a server with a relay: meet serve has one."
	default:
		f.Text = "A call works with most people; not with those behind a symmetric router or without UDP, as there is no relay."
	}
	return f
}
