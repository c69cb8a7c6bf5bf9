// Package hooks runs a person's own commands when something happens in a call:
// each event has at most one command, which gets the event as a line of JSON on its
// input. No shell is involved unless the command is one.
package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
)

// Limit is how long a command may take before it is killed, and everything that it
// started with it.
const Limit = 10 * time.Second

const (
	// waiting is how many events wait for a command that still runs for an
	// earlier one; beyond it the oldest go first, as the newest tell what is.
	waiting = 16
	// pipeTime is how long output is waited for that a killed command's
	// children keep open.
	pipeTime = time.Second
	// maxOutput is how much of what a command prints is kept for the log.
	maxOutput = 4 << 10
)

// Config says which commands there are, by event: a program and its arguments.
type Config struct {
	Commands map[string][]string
	// Failed is told once for each event whose command failed, in a sentence.
	Failed func(text string)
	Logger *slog.Logger // nil: nothing is logged

	limit time.Duration // 0: Limit
}

// Runner runs the commands. Each has a goroutine of its own, so that one that hangs
// keeps no other waiting.
type Runner struct {
	hooks   map[string]*hook
	running sync.WaitGroup
}

// hook is the command of one event.
type hook struct {
	cfg     *Config
	event   string
	command []string
	queue   chan []byte
	told    bool // that it failed; owned by run
}

// Start begins to wait for events. The runner must be closed.
func Start(cfg Config) *Runner {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.limit == 0 {
		cfg.limit = Limit
	}
	r := &Runner{hooks: map[string]*hook{}}
	for event, command := range cfg.Commands {
		if len(command) == 0 {
			continue
		}
		h := &hook{cfg: &cfg, event: event, command: command, queue: make(chan []byte, waiting)}
		r.hooks[event] = h
		crash.GoIn(&r.running, h.run)
	}
	return r
}

// Event has the command of an event run, if there is one. The line is its JSON, and
// the runner's from now on. It never waits; only one goroutine may call it.
func (r *Runner) Event(event string, line []byte) {
	h := r.hooks[event]
	if h == nil {
		return
	}
	for {
		select {
		case h.queue <- line:
			return
		default:
		}
		select {
		case <-h.queue:
			h.cfg.Logger.Warn("a hook is too slow", "event", event)
		default: // the command was quicker
		}
	}
}

// Close runs what still waits and returns when all commands have ended, each within
// its limit. No event may come any more.
func (r *Runner) Close() {
	for _, h := range r.hooks {
		close(h.queue)
	}
	r.running.Wait()
}

func (h *hook) run() {
	for line := range h.queue {
		err := h.once(line)
		if err == nil {
			continue
		}
		h.cfg.Logger.Warn("a hook failed", "event", h.event, "error", err)
		if !h.told && h.cfg.Failed != nil {
			h.told = true
			h.cfg.Failed(fmt.Sprintf("The command for %s failed: %v", h.event, err))
		}
	}
}

// once runs the command for one event.
func (h *hook) once(line []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.limit) // a call that ends lets it finish
	defer cancel()
	cmd := exec.CommandContext(ctx, h.command[0], h.command[1:]...)
	cmd.Stdin = bytes.NewReader(append(line, '\n'))
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "MEET_EVENT="+h.event)
	cmd.WaitDelay = pipeTime
	group(cmd)
	err := cmd.Run()
	if len(said) > 0 {
		h.cfg.Logger.Info("a hook said", "event", h.event, "text", string(said))
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s took more than %v and was ended", h.command[0], h.cfg.limit)
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // it ended well, and left something running that prints
	case err != nil && len(said) > 0:
		return fmt.Errorf("%s: %w: %s", h.command[0], err, strings.TrimSpace(string(said)))
	case err != nil:
		return fmt.Errorf("%s: %w", h.command[0], err)
	}
	return nil
}

// output keeps the beginning of what is printed.
type output []byte

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	*o = append(*o, p[:min(len(p), maxOutput-len(*o))]...)
	return len(p), nil
}

// Split takes a command that is written as one text apart, as a shell would, but for
// everything that a shell would do with it: blanks separate, quotes of either kind
// and backslashes keep together, and nothing is replaced.
func Split(text string) ([]string, error) {
	var words []string
	var word []rune
	inWord, escaped, quote := false, false, rune(0)
	for _, r := range text {
		switch {
		case escaped:
			word, escaped = append(word, r), false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inWord {
				words = append(words, string(word))
			}
			word, inWord = word[:0], false
		default:
			word, inWord = append(word, r), true
		}
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	case escaped:
		return nil, errors.New(`there is nothing behind the last \`)
	}
	if inWord {
		words = append(words, string(word))
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("there is no command in it")
	}
	return words, nil
}
