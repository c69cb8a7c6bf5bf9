package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/control"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/headless"
	"github.com/meet-term/meet/signal"
)

// steered is a call that other programs of the same user steer through its socket.
type steered struct {
	desk headless.Desk
	at   place
	// takers are commands beside those of headless mode: they write on the connection
	// for as long as it lasts, or take it over.
	takers map[string]control.Handler
	ended  chan struct{} // closed when the call has ended
}

// steer serves the socket of a call until the returned function is called. A call
// without one goes on, and says why.
func steer(ctx context.Context, c *call.Call, at place, log *slog.Logger) (end func()) {
	s := &steered{desk: headless.Desk{Call: c}, at: at, ended: make(chan struct{})}
	s.takers = map[string]control.Handler{"events": s.events, "talk": s.talk, "file-send": s.sendFile, "share": s.share}
	dir, err := control.Dir()
	var server *control.Server
	if err == nil {
		server, err = control.Listen(control.Config{Dir: dir, Hello: s.hello, Handle: s.handle, Logger: log})
	}
	if err != nil {
		log.Info("this call cannot be steered", "error", err)
		if !errors.Is(err, control.ErrUnsupported) {
			c.Warn("no-control", "Other programs cannot steer this call: "+err.Error())
		}
		return func() {}
	}
	// Programs that this call starts find it without looking.
	if err := os.Setenv(control.Env, server.Path()); err != nil {
		log.Info("programs started here do not know their call", "error", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until the call has ended
	var serving sync.WaitGroup
	crash.GoIn(&serving, func() { server.Run(ctx) })
	return func() {
		close(s.ended)
		cancel()
		serving.Wait()
	}
}

func (s *steered) hello() control.Hello {
	v := s.desk.Call.View()
	return control.Hello{Meet: version, Room: v.Room, Peer: string(v.Self), Name: v.Name}
}

// answerTime is how long the answer to a command that everybody hears may take.
const answerTime = time.Second

// handle carries out one line of a client.
func (s *steered) handle(ctx context.Context, line []byte, c *control.Conn) error {
	name, err := headless.Name(line)
	if err != nil {
		return err
	}
	if take := s.takers[name]; take != nil {
		return take(ctx, line, c)
	}
	var answer string
	var f *call.Follower
	if answer = headless.Answered(line); answer != "" {
		f = s.desk.Call.Follow()
		defer f.Close()
	}
	answers, err := s.desk.Obey(line)
	for _, a := range answers {
		if err := c.Write(a); err != nil {
			return err
		}
	}
	if err != nil || answer == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		select {
		case e, ok := <-f.Events():
			if !ok {
				return errors.New("the call ended")
			}
			if e.EventName() == answer {
				return c.Write(s.desk.Line(time.Now(), e, s.at.newest()))
			}
		case <-ctx.Done():
			return errors.New("there was no answer")
		}
	}
}

// events writes what happens until the client hangs up, beginning with the present.
// Commands that follow are carried out meanwhile.
func (s *steered) events(_ context.Context, _ []byte, c *control.Conn) error {
	f := s.desk.Call.Follow() // first, so that nothing falls between
	c.Beside(func(ctx context.Context) {
		defer f.Close()
		for _, l := range s.desk.Present(time.Now(), s.at.newest()) {
			if c.Write(l) != nil {
				return
			}
		}
		hungUp := ctx.Done()
		for {
			select {
			case e, ok := <-f.Events():
				if !ok {
					return
				}
				if l := s.desk.Line(time.Now(), e, s.at.newest()); l != nil && c.Write(l) != nil {
					return
				}
			case <-hungUp:
				select {
				case <-s.ended: // and not the client: the last events are still to come
					hungUp = nil
				default:
					return
				}
			}
		}
	})
	return nil
}

// sendFile offers a file, and says what the transfers are before it is done, so that who
// sends it knows which events are about it.
func (s *steered) sendFile(_ context.Context, line []byte, c *control.Conn) error {
	var a struct {
		Path string        `json:"path"`
		Peer signal.PeerID `json:"peer"`
	}
	if err := json.Unmarshal(line, &a); err != nil || a.Path == "" {
		return errors.New(`file-send needs a "path"`)
	}
	offered, err := s.desk.Call.OfferFile(a.Path, a.Peer)
	if err != nil {
		return err
	}
	for _, o := range offered {
		if err := c.Write(s.desk.Line(time.Now(), o, s.at.newest())); err != nil {
			return err
		}
	}
	return nil
}

// talk keeps the microphone on until the client hangs up: a key of the desktop that
// is held.
func (s *steered) talk(_ context.Context, _ []byte, c *control.Conn) error {
	s.desk.Call.SetMic(true)
	c.Beside(func(ctx context.Context) {
		<-ctx.Done()
		s.desk.Call.SetMic(false)
	})
	return nil
}
