//go:build linux

// Package portal asks the desktop for a screen to share: the ScreenCast portal
// of xdg-desktop-portal, which shows its own dialogue to the person. It is the
// only way to a screen on Wayland.
package portal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/meet-term/meet/internal/crash"
)

const (
	desktopName  = "org.freedesktop.portal.Desktop"
	desktopPath  = dbus.ObjectPath("/org/freedesktop/portal/desktop")
	castIface    = "org.freedesktop.portal.ScreenCast"
	responseName = "org.freedesktop.portal.Request.Response"
	closedName   = "org.freedesktop.portal.Session.Closed"
	tokenPrefix  = "meet"

	sourceMonitor, sourceWindow = 1, 2
	cursorEmbedded              = 2
	persistWhileRunning         = 1
)

var (
	// ErrRefused means that the person did not allow it.
	ErrRefused = errors.New("not allowed by the desktop")

	errAnswer = errors.New("an answer that makes no sense")
	errGone   = errors.New("the session bus has gone")
)

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

	bus     *dbus.Conn
	signals chan *dbus.Signal // closed with the bus
	session dbus.ObjectPath
	ended   chan struct{}
	watched sync.WaitGroup
}

// address returns the socket of the session bus. Buses of other machines, which
// could not hand over a descriptor, are passed over.
func address(getenv func(string) string) (string, error) {
	for a := range strings.SplitSeq(getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		options, ok := strings.CutPrefix(a, "unix:")
		if !ok {
			continue
		}
		for o := range strings.SplitSeq(options, ",") {
			if path, ok := strings.CutPrefix(o, "path="); ok {
				return path, nil
			}
			if name, ok := strings.CutPrefix(o, "abstract="); ok {
				return "@" + name, nil
			}
		}
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "bus"), nil
	}
	return "", errors.New("no session bus")
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
	bus, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	c := &Cast{bus: bus, signals: make(chan *dbus.Signal, 16), ended: make(chan struct{})}
	bus.Signal(c.signals)
	if err := c.ask(ctx); err != nil {
		_ = bus.Close()
		return nil, err
	}
	crash.GoIn(&c.watched, c.watch)
	return c, nil
}

// connect logs in to the session bus.
func connect(ctx context.Context) (*dbus.Conn, error) {
	addr, err := address(os.Getenv)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, "unix", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	bus, err := dbus.ConnectUnix(socket.(*net.UnixConn), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	switch {
	case !stop():
		err = ctx.Err()
	case err == nil && !bus.SupportsUnixFDs():
		err = errors.New("it cannot pass descriptors")
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return bus, nil
}

// watch waits for the end of the session.
func (c *Cast) watch() {
	defer close(c.ended)
	for s := range c.signals {
		if s.Path == c.session && s.Name == closedName {
			Forget()
			return
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
	_ = c.bus.Close() // the desktop ends the session with the connection
	c.watched.Wait()
}

// options are those of a call to the portal.
type options map[string]dbus.Variant

// ask goes through the four steps of the portal.
func (c *Cast) ask(ctx context.Context) error {
	if err := c.bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(desktopName)); err != nil {
		return fmt.Errorf("listen to the desktop: %w", err)
	}
	results, err := c.request(ctx, "CreateSession", 1, nil, options{"session_handle_token": dbus.MakeVariant(tokenPrefix)})
	if err != nil {
		return err
	}
	switch s := results["session_handle"].Value().(type) {
	case string:
		c.session = dbus.ObjectPath(s)
	case dbus.ObjectPath:
		c.session = s
	}
	if !c.session.IsValid() {
		return fmt.Errorf("ask the desktop for a screen: %w: no session", errAnswer)
	}
	wanted := options{
		"types": dbus.MakeVariant(uint32(sourceMonitor | sourceWindow)), "multiple": dbus.MakeVariant(false),
		"cursor_mode": dbus.MakeVariant(uint32(cursorEmbedded)), "persist_mode": dbus.MakeVariant(uint32(persistWhileRunning)),
	}
	remembered.Lock()
	if remembered.token != "" {
		wanted["restore_token"] = dbus.MakeVariant(remembered.token)
	}
	remembered.Unlock()
	if _, err := c.request(ctx, "SelectSources", 2, []any{c.session}, wanted); err != nil {
		return err
	}
	if results, err = c.request(ctx, "Start", 3, []any{c.session, ""}, options{}); err != nil {
		return err
	}
	if token, ok := results["restore_token"].Value().(string); ok {
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
func (c *Cast) request(ctx context.Context, member string, step int, args []any, with options) (options, error) {
	token := fmt.Sprintf("%s%d", tokenPrefix, step)
	sender := strings.ReplaceAll(strings.TrimPrefix(c.bus.Names()[0], ":"), ".", "_")
	expected := desktopPath + "/request/" + dbus.ObjectPath(sender) + "/" + dbus.ObjectPath(token)
	with["handle_token"] = dbus.MakeVariant(token)
	call := c.bus.Object(desktopName, desktopPath).CallWithContext(ctx, castIface+"."+member, 0, append(args, with)...)
	if err := c.failure(ctx, call.Err); err != nil {
		return nil, fmt.Errorf("ask the desktop for a screen: %w", err)
	}
	if len(call.Body) > 0 { // old portals choose the name themselves
		if path, ok := call.Body[0].(dbus.ObjectPath); ok {
			expected = path
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case s, ok := <-c.signals:
			if !ok {
				return nil, fmt.Errorf("ask the desktop for a screen: %w", errGone)
			}
			if s.Path != expected || s.Name != responseName {
				continue
			}
			var code uint32
			var results options
			if err := dbus.Store(s.Body, &code, &results); err != nil {
				return nil, fmt.Errorf("ask the desktop for a screen: %w: %w", errAnswer, err)
			}
			if code != 0 {
				return nil, fmt.Errorf("ask the desktop for a screen: %w", ErrRefused)
			}
			return results, nil
		}
	}
}

// failure is why a call failed; a bus that has gone is told as that.
func (c *Cast) failure(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil && !c.bus.Connected() {
		return errGone
	}
	return err
}

// firstStream returns the node of the first of the streams, an a(ua{sv}).
func firstStream(v dbus.Variant) (uint32, error) {
	var streams []struct {
		Node    uint32
		Details map[string]dbus.Variant
	}
	if v.Value() == nil || v.Store(&streams) != nil || len(streams) == 0 { // Store panics on what is not there
		return 0, fmt.Errorf("ask the desktop for a screen: %w: no stream", errAnswer)
	}
	return streams[0].Node, nil
}

// openRemote fetches the connection to PipeWire.
func (c *Cast) openRemote(ctx context.Context) error {
	call := c.bus.Object(desktopName, desktopPath).
		CallWithContext(ctx, castIface+".OpenPipeWireRemote", 0, c.session, options{})
	if call.Err != nil {
		return fmt.Errorf("connect to PipeWire: %w", call.Err)
	}
	var fd dbus.UnixFD
	ok := len(call.Body) == 1
	if ok {
		fd, ok = call.Body[0].(dbus.UnixFD) // Store would take any number for one
	}
	if !ok {
		return fmt.Errorf("connect to PipeWire: %w: no descriptor", errAnswer)
	}
	syscall.CloseOnExec(int(fd))
	c.Remote = os.NewFile(uintptr(fd), "pipewire")
	return nil
}
