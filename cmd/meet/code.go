package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/lan"
	"github.com/meet-term/meet/internal/localtls"
	"github.com/meet-term/meet/internal/spoken"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/signal"
)

// mailServer is the server of an invite as one that has mailboxes.
func mailServer(base, authority string) (signal.MailServer, error) {
	s := signal.MailServer{Base: base}
	if u, err := url.Parse(base); err == nil && isNearby(u.Hostname()) {
		s.Dial = new(net.Dialer).DialContext // no proxy leads there
	}
	if authority == "" {
		return s, nil
	}
	config, err := localtls.ClientConfig(authority)
	if err != nil {
		return s, err
	}
	config.NextProtos = []string{"http/1.1"}
	s.TLS = config
	return s, nil
}

// isNearby reports whether a host is this machine or of a private network.
func isNearby(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
}

// invitedTo is how somebody with a code gets in: what to dial for the mailbox, what
// they type, and what they are given.
type invitedTo struct {
	server signal.MailServer
	base   string        // of the server, as invites have it
	named  bool          // who is invited must name it
	lan    *lan.Server   // how the local network is told of it; nil: it is not
	line   func() string // the invite that is given
	listen func() (lan.Conn, error)
}

// codes makes spoken codes for a call, one at a time. Its fields are set before run
// and owned by it.
type codes struct {
	tell func(call.CodeChanged)
	to   func() (invitedTo, error)
	log  *slog.Logger
	ask  chan struct{} // holds one question for a new code
	now  func() time.Time
}

// offerCodes makes codes when the call is asked for one, and at once with --code. The
// function it returns ends that.
func offerCodes(ctx context.Context, c *call.Call, at place, f joinFlags) (end func()) {
	k := &codes{
		tell: c.CodeChanged, to: at.invitedTo, log: at.log, ask: make(chan struct{}, 1), now: time.Now,
	}
	c.OnNewCode(k.again)
	if f.code {
		k.again()
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the call says goodbye first
	var running sync.WaitGroup
	crash.GoIn(&running, func() { k.run(ctx) })
	return func() { cancel(); running.Wait() }
}

func (k *codes) again() {
	select {
	case k.ask <- struct{}{}:
	default: // one is being made
	}
}

// run makes a code whenever it is asked; the one before ends.
func (k *codes) run(ctx context.Context) {
	for before := func() {}; ; {
		select {
		case <-ctx.Done():
			before()
			return
		case <-k.ask:
		}
		before()
		before = k.start(ctx)
	}
}

// start makes a code beside others; the function it returns ends that.
func (k *codes) start(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	crash.GoIn(&running, func() { k.one(ctx) })
	return func() { cancel(); running.Wait() }
}

// Codes are asked for while the server may not be there yet.
const (
	mailboxTries = 5
	mailboxPause = time.Second
)

// one makes a code and serves it to its end.
func (k *codes) one(ctx context.Context) {
	to, box, err := k.open(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.log.Info("no code", "error", err)
			k.tell(call.CodeChanged{State: call.CodeFailed, Text: "No code can be made: " + codeTrouble(err) + "."})
		}
		return
	}
	defer box.Close()
	code, err := spoken.New(box.Number, rand.Reader)
	if err != nil {
		k.tell(call.CodeChanged{State: call.CodeFailed, Text: "No code can be made: " + err.Error() + "."})
		return
	}
	until := k.now().Add(signal.CodeLifetime)
	e := call.CodeChanged{State: call.CodeOpen, Code: code.String(), Command: to.command(code), Until: until}
	e.Text = "Say this to one person, who types it: " + e.Command + " (works once, for ten minutes)"
	k.tell(e)
	defer to.announce(ctx, code, k.log)()
	e.State, e.Text = k.serve(ctx, box, code, to)
	_ = box.Close() // the number leads nowhere before anybody is told so
	if ctx.Err() == nil {
		k.tell(e)
	}
}

// open opens a mailbox; a server that is being started, or looked for, gets a moment.
func (k *codes) open(ctx context.Context) (to invitedTo, box *signal.Mailbox, err error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for try := 0; ; try++ {
		select {
		case <-ctx.Done():
			return to, nil, ctx.Err()
		case <-timer.C:
		}
		if to, err = k.to(); err != nil {
			return to, nil, err
		}
		if box, err = to.server.OpenMailbox(ctx); err == nil || errors.Is(err, signal.ErrNoServer) || try == mailboxTries {
			return to, box, err
		}
		timer.Reset(mailboxPause)
	}
}

// serve gives the invite to the first who knows the words.
func (k *codes) serve(ctx context.Context, box *signal.Mailbox, code spoken.Code, to invitedTo) (call.CodeState, string) {
	ctx, cancel := context.WithTimeout(ctx, signal.CodeLifetime)
	defer cancel()
	for {
		line, err := box.Next(ctx)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return call.CodeEnded, "The code " + code.String() + " works no longer: its ten minutes are over."
			}
			k.log.Info("the mailbox of a code was lost", "error", err)
			return call.CodeEnded, "The code " + code.String() + " works no longer: its server was lost."
		}
		err = spoken.Invite(ctx, line, code, line.Session, []byte(to.line()))
		switch {
		case err == nil:
			return call.CodeUsed, "Somebody who knew the code " + code.String() + " was given the invite. It works no longer."
		case errors.Is(err, spoken.ErrWrong):
			return call.CodeWrong, "Somebody tried the code " + code.String() + " with wrong words: a slip of the tongue, or a guess. It works no longer."
		}
		k.log.Info("who came with a code went again", "error", err) // costs the code nothing
	}
}

// command is what who was told a code types.
func (to invitedTo) command(code spoken.Code) string {
	if !to.named {
		return "meet join " + code.String()
	}
	base := strings.TrimSuffix(to.base, "/")
	if strings.ContainsAny(base, "[]~") {
		base = `"` + base + `"`
	}
	return "meet join --server " + base + " " + code.String()
}

// announce has the local network find the mailbox by its number.
func (to invitedTo) announce(ctx context.Context, code spoken.Code, log *slog.Logger) (end func()) {
	if to.lan == nil {
		return func() {}
	}
	conn, err := to.listen()
	if err != nil {
		log.Info("the network is not told of the code", "error", err)
		return func() {}
	}
	beacon, err := lan.New(lan.Config{Keys: code, Conn: conn, Heard: func(lan.Server, bool) {}, Logger: log})
	if err != nil {
		conn.Close()
		log.Info("the network is not told of the code", "error", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	crash.GoIn(&running, func() { _ = beacon.Run(ctx) }) // without it the code works on this machine
	beacon.Announce(to.lan, true)
	return func() { cancel(); running.Wait() }
}

// errAuthority says why there are no codes on a server that is its own authority.
var errAuthority = errors.New("the server has a certificate of its own, which only a link can name")

// invitedTo is how somebody with a code gets in at this moment.
func (p place) invitedTo() (to invitedTo, err error) {
	dialed := p.now.Dialed
	to.line = func() string { return p.now.Invite.Command }
	if p.venue != nil {
		at := p.venue.Place()
		dialed = at.Invite
		to.line = func() string { return p.venue.Place().Others.Command() }
		if at.Reach != venue.Machine {
			to.lan, to.listen = lanServer(at.Others, ownName("")), lan.Open
		}
	} else {
		if dialed.Authority != "" {
			return to, errAuthority
		}
		u, err := url.Parse(dialed.Server)
		to.named = err != nil || venue.Audience(u.Hostname()) != venue.OnMachine
	}
	to.base = dialed.Server
	to.server, err = mailServer(dialed.Server, dialed.Authority)
	to.server.Token = p.token
	return to, err
}

// lanServer is the server of an invite as the local network is told of it; nil where
// that has no address of it.
func lanServer(others signal.Invite, host string) *lan.Server {
	u, err := url.Parse(others.Server)
	if err != nil {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return nil
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails
	return &lan.Server{
		ID: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:]), Addresses: machineAddresses(),
		Port: uint16(port), Authority: others.Authority, Host: host,
	}
}

// codeError is a code that did not work, in words.
type codeError struct{ error }

func (e codeError) Unwrap() error { return e.error }

// codeTrouble says in plain words why a code did not work.
func codeTrouble(err error) string {
	switch {
	case errors.Is(err, spoken.ErrWrong):
		return "its words are wrong, or somebody else tried it: it works no longer, ask for a new one"
	case errors.Is(err, signal.ErrNoCode):
		return signal.ErrNoCode.Error()
	case errors.Is(err, signal.ErrCodeTaken):
		return signal.ErrCodeTaken.Error()
	case errors.Is(err, spoken.ErrVanished):
		return "who made it hung up"
	case errors.Is(err, errAuthority):
		return errAuthority.Error()
	}
	return signal.Trouble(err)
}

// codeWithin bounds using a code, and lookWithin looking for it on the network.
const (
	codeWithin = 20 * time.Second
	lookWithin = 3 * time.Second
)

// roomOfCode returns the room that a code leads to, or what was typed if it is none.
func roomOfCode(ctx context.Context, typed string, f joinFlags, log *slog.Logger) (room string, err error) {
	code, err := spoken.Parse(typed)
	var word *spoken.WordError
	switch {
	case errors.As(err, &word):
		return "", usagef("%w", word)
	case err != nil:
		return typed, nil
	}
	server := f.server
	if server == "" {
		server = os.Getenv("MEET_SERVER")
	}
	fmt.Fprintln(os.Stderr, "meet: asking for the room of code "+strconv.Itoa(code.Number))
	ctx, cancel := context.WithTimeout(ctx, codeWithin)
	defer cancel()
	if server != "" {
		base, err := signal.ParseServer(server)
		if err != nil {
			return "", roomError(err)
		}
		invite, err := useCode(ctx, base, "", code)
		if err != nil {
			return "", codeError{fmt.Errorf("code %d does not work at %s: %s", code.Number, signal.HostPort(base), codeTrouble(err))}
		}
		return invite.Link(), nil
	}
	invite, err := finder{(&machine{log: log}).Own, lan.Open, useCode}.find(ctx, code)
	if err != nil {
		return "", codeError{err}
	}
	return withoutServer(invite), nil
}

// withoutServer is the room as somebody types it who finds the server on the network.
func withoutServer(i signal.Invite) string {
	if i.Open() {
		return i.Name
	}
	return i.Name + "." + i.Secret.String()
}

// useCode goes to the mailbox of a code and returns the invite that is there.
func useCode(ctx context.Context, base, authority string, code spoken.Code) (signal.Invite, error) {
	s, err := mailServer(base, authority)
	if err != nil {
		return signal.Invite{}, err
	}
	line, err := s.VisitMailbox(ctx, code.Number)
	if err != nil {
		return signal.Invite{}, err
	}
	defer line.Close()
	given, err := spoken.Accept(ctx, line, code, line.Session)
	if err != nil {
		return signal.Invite{}, err
	}
	invite, err := signal.ParseInvite(string(given), base)
	if err != nil {
		return signal.Invite{}, fmt.Errorf("read the invite: %w", err)
	}
	return invite, nil
}

// finder is where a code may be whose server was not named.
type finder struct {
	own  func(r venue.Reach) (base, authority string) // the server of this machine
	open func() (lan.Conn, error)                     // joins the local networks
	use  func(ctx context.Context, base, authority string, code spoken.Code) (signal.Invite, error)
}

// find uses a code whose server was not named: it is on this machine, or the network
// knows it.
func (f finder) find(ctx context.Context, code spoken.Code) (signal.Invite, error) {
	for _, r := range []venue.Reach{venue.Machine, venue.Internet} {
		base, authority := f.own(r)
		if base == "" {
			continue
		}
		invite, err := f.use(ctx, base, authority, code)
		if err == nil || errors.Is(err, spoken.ErrWrong) {
			return invite, codeFault(code, err)
		}
	}
	found := make(chan lan.Server, 16)
	conn, err := f.open()
	if err != nil {
		return signal.Invite{}, notFound(code)
	}
	beacon, err := lan.New(lan.Config{Keys: code, Conn: conn, Heard: func(s lan.Server, gone bool) {
		select {
		case found <- s:
		default: // enough answered
		}
	}})
	if err != nil {
		conn.Close()
		return signal.Invite{}, fmt.Errorf("look for the code: %w", err)
	}
	looking, cancel := context.WithTimeout(ctx, lookWithin)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	crash.GoIn(&running, func() { _ = beacon.Run(looking) }) // what it does not find is said below
	beacon.Ask()
	for {
		select {
		case <-looking.Done():
			return signal.Invite{}, notFound(code)
		case s := <-found:
			for _, a := range s.Addresses {
				invite, err := f.use(ctx, s.Base(a), s.Authority, code)
				if err == nil || errors.Is(err, spoken.ErrWrong) {
					return invite, codeFault(code, err)
				}
			}
		}
	}
}

func codeFault(code spoken.Code, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("code %d does not work: %s", code.Number, codeTrouble(err))
}

func notFound(code spoken.Code) error {
	return fmt.Errorf("nobody on this machine or its network has code %d open; where it was made on a server, name that: meet join --server HOST %s", code.Number, code)
}

// nameOfCall is a name for a room that nobody needs to say.
func nameOfCall() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return "call-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
