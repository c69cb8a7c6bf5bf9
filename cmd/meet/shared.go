package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/charmbracelet/x/term"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/control"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/program"
)

// inputQueue is how many pieces of what viewers type wait for meet share to read them;
// more are dropped.
const inputQueue = 64

// share takes the terminal of a `meet share` into the call, until that hangs up.
func (s *steered) share(ctx context.Context, line []byte, c *control.Conn) error {
	var r shareRequest
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("no request to share: %w", err)
	}
	if r.Cols < 1 || r.Rows < 1 {
		return errors.New("a terminal to share needs a size")
	}
	if r.Device != 0 && term.IsTerminal(os.Stdin.Fd()) && program.Device(os.Stdin) == r.Device {
		return errors.New("this terminal shows the call itself: share another one")
	}
	keys := make(chan []byte, inputQueue)
	shared, err := s.desk.Call.ShareTerminal(call.ShareConfig{
		Title: r.Title, Cols: r.Cols, Rows: r.Rows, ViewOnly: r.ViewOnly,
		Input: func(b []byte) {
			select {
			case keys <- b:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	defer shared.Close()
	if err := c.Write(map[string]any{"event": "sharing", "id": shared.ID()}); err != nil {
		return err
	}
	stream := c.Take()
	var writing sync.WaitGroup
	ended := make(chan struct{})
	crash.GoIn(&writing, func() {
		for {
			select {
			case b := <-keys:
				if writeFrame(stream, frameInput, b) != nil {
					return
				}
			case <-ended:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	defer writing.Wait()
	defer close(ended)
	for {
		kind, p, err := readFrame(stream)
		switch {
		case err != nil:
			return nil // it hung up
		case kind == frameOutput:
			if _, err := shared.Write(p); err != nil {
				return err
			}
		case kind == frameResize && len(p) == 4:
			shared.Resize(int(p[0])<<8|int(p[1]), int(p[2])<<8|int(p[3]))
		}
	}
}

// shells are the programs that the screen of a call runs to share them.
type shells struct {
	call *call.Call
	mu   sync.Mutex
	all  map[int]shell // by the number of the terminal; guarded by mu
}

type shell struct {
	program *program.Program
	share   *call.Share
}

func newShells(c *call.Call) *shells { return &shells{call: c, all: map[int]shell{}} }

// Start runs the person's shell and shares it. It returns the number of the
// terminal.
func (s *shells) Start(cols, rows int) (int, error) {
	p, err := program.Start(program.Config{Cols: cols, Rows: rows})
	if err != nil {
		return 0, err
	}
	shared, err := s.call.ShareTerminal(call.ShareConfig{
		Title: filepath.Base(program.Shell()[0]), Cols: cols, Rows: rows, Input: p.TypeOther,
	})
	if err != nil {
		p.Close()
		return 0, err
	}
	id := shared.ID()
	s.mu.Lock()
	s.all[id] = shell{p, shared}
	s.mu.Unlock()
	crash.Go(func() {
		b := make([]byte, 64<<10)
		for {
			n, err := p.Read(b)
			if n > 0 {
				if _, err := shared.Write(b[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		s.mu.Lock()
		delete(s.all, id)
		s.mu.Unlock()
		shared.Close()
		p.Close()
		p.Wait()
	})
	return id, nil
}

// Resize gives the terminal of a shell another size.
func (s *shells) Resize(id, cols, rows int) {
	s.mu.Lock()
	sh, ok := s.all[id]
	s.mu.Unlock()
	if ok {
		sh.share.Resize(cols, rows)
		sh.program.Resize(cols, rows)
	}
}

// Stop hangs up on a shell.
func (s *shells) Stop(id int) {
	s.mu.Lock()
	sh, ok := s.all[id]
	s.mu.Unlock()
	if ok {
		sh.program.Close()
	}
}

// stopAll hangs up on all, with the call.
func (s *shells) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.all {
		sh.program.Close()
	}
}
