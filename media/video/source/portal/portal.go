//go:build unix

// Package portal asks the desktop for a screen to share: the ScreenCast portal
// of xdg-desktop-portal, which shows its own dialogue to the person. It is the
// only way to a screen on Wayland. The package speaks just enough D-Bus for it.
package portal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/meet-term/meet/internal/crash"
)

const (
	desktopName = "org.freedesktop.portal.Desktop"
	desktopPath = objectPath("/org/freedesktop/portal/desktop")
	castIface   = "org.freedesktop.portal.ScreenCast"
	tokenPrefix = "meet"

	sourceMonitor, sourceWindow = 1, 2
	cursorEmbedded              = 2
	persistWhileRunning         = 1
)

// ErrRefused means that the person did not allow it.
var ErrRefused = errors.New("not allowed by the desktop")

// remembered is what lets the second request go without a dialogue, for as
// long as this process runs.
var remembered struct {
	sync.Mutex
	token string
}

// Cast is a screen or a window that the person has chosen.
type Cast struct {
	// Remote is a connection to PipeWire, and Node the node on it with the
	// pictures. Both hold until Close.
	Remote *os.File
	Node   uint32

	bus     *bus
	session objectPath
	ended   chan struct{}
}

// Available says whether there is a bus to ask on.
func Available() error {
	addr, err := address(os.Getenv)
	if err != nil || strings.HasPrefix(addr, "@") {
		return err
	}
	_, err = os.Stat(addr)
	return err
}

// Open asks the person for a screen, and waits for the answer until ctx ends.
func Open(ctx context.Context) (*Cast, error) {
	addr, err := address(os.Getenv)
	if err != nil {
		return nil, err
	}
	b, err := dialBus(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := &Cast{bus: b, ended: make(chan struct{})}
	if err := c.ask(ctx); err != nil {
		b.close()
		return nil, err
	}
	crash.GoIn(&b.read, c.watch)
	return c, nil
}

// watch waits for the end of the session.
func (c *Cast) watch() {
	defer close(c.ended)
	for {
		select {
		case <-c.bus.closed:
			return
		case m := <-c.bus.signals:
			if m.path == c.session && m.member == "Closed" {
				Forget()
				return
			}
		}
	}
}

// Ended is closed when the person or the desktop has ended it.
func (c *Cast) Ended() <-chan struct{} { return c.ended }

// Forget makes the next Open ask the person again.
func Forget() {
	remembered.Lock()
	defer remembered.Unlock()
	remembered.token = ""
}

// Close gives the screen back.
func (c *Cast) Close() {
	_ = c.Remote.Close()
	c.bus.close() // the desktop ends the session with the connection
}

// ask goes through the four steps of the portal.
func (c *Cast) ask(ctx context.Context) error {
	const match = "type='signal',sender='" + desktopName + "'"
	if _, err := c.bus.call(ctx, busName, busPath, busName, "AddMatch", match); err != nil {
		return err
	}
	results, err := c.request(ctx, "CreateSession", 1, nil, option{"session_handle_token", tokenPrefix})
	if err != nil {
		return err
	}
	switch s := results["session_handle"].(type) {
	case string:
		c.session = objectPath(s)
	case objectPath:
		c.session = s
	}
	if !strings.HasPrefix(string(c.session), "/") {
		return fmt.Errorf("ask the desktop for a screen: %w: no session", errWire)
	}
	options := []option{
		{"types", uint32(sourceMonitor | sourceWindow)}, {"multiple", false},
		{"cursor_mode", uint32(cursorEmbedded)}, {"persist_mode", uint32(persistWhileRunning)},
	}
	remembered.Lock()
	if remembered.token != "" {
		options = append(options, option{"restore_token", remembered.token})
	}
	remembered.Unlock()
	if _, err := c.request(ctx, "SelectSources", 2, []any{c.session}, options...); err != nil {
		return err
	}
	if results, err = c.request(ctx, "Start", 3, []any{c.session, ""}); err != nil {
		return err
	}
	if token, ok := results["restore_token"].(string); ok {
		remembered.Lock()
		remembered.token = token
		remembered.Unlock()
	}
	if c.Node, err = firstStream(results["streams"]); err != nil {
		return err
	}
	return c.openRemote(ctx)
}

// request calls a method of the portal and waits for the person's answer, which
// comes as a signal of an object named after our token.
func (c *Cast) request(ctx context.Context, member string, step int, args []any, options ...option) (map[string]any, error) {
	token := fmt.Sprintf("%s%d", tokenPrefix, step)
	sender := strings.ReplaceAll(strings.TrimPrefix(c.bus.name, ":"), ".", "_")
	expected := objectPath("/org/freedesktop/portal/desktop/request/" + sender + "/" + token)
	args = append(args, append([]option{{"handle_token", token}}, options...))
	reply, err := c.bus.call(ctx, desktopName, desktopPath, castIface, member, args...)
	if err != nil {
		return nil, fmt.Errorf("ask the desktop for a screen: %w", err)
	}
	if len(reply.body) > 0 { // old portals choose the name themselves
		if path, ok := reply.body[0].(objectPath); ok {
			expected = path
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.bus.closed:
			return nil, errors.New("ask the desktop for a screen: the bus has gone")
		case m := <-c.bus.signals:
			if m.path != expected || m.member != "Response" || len(m.body) != 2 {
				continue
			}
			code, _ := m.body[0].(uint32)
			results, ok := m.body[1].(map[string]any)
			if code != 0 || !ok {
				return nil, fmt.Errorf("ask the desktop for a screen: %w", ErrRefused)
			}
			return results, nil
		}
	}
}

// firstStream returns the node of the first of the streams, an a(ua{sv}).
func firstStream(v any) (uint32, error) {
	if streams, ok := v.([]any); ok && len(streams) > 0 {
		if stream, ok := streams[0].([]any); ok && len(stream) > 0 {
			if node, ok := stream[0].(uint32); ok {
				return node, nil
			}
		}
	}
	return 0, fmt.Errorf("ask the desktop for a screen: %w: no stream", errWire)
}

// openRemote fetches the connection to PipeWire.
func (c *Cast) openRemote(ctx context.Context) error {
	_, err := c.bus.call(ctx, desktopName, desktopPath, castIface, "OpenPipeWireRemote", c.session, []option{})
	if err != nil {
		return fmt.Errorf("connect to PipeWire: %w", err)
	}
	fd := c.bus.takeFD()
	if fd < 0 {
		return fmt.Errorf("connect to PipeWire: %w: no descriptor", errWire)
	}
	c.Remote = os.NewFile(uintptr(fd), "pipewire")
	return nil
}
