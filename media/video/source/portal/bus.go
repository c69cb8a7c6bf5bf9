//go:build unix

package portal

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/meet-term/meet/internal/crash"
)

const (
	busName = "org.freedesktop.DBus"
	busPath = objectPath("/org/freedesktop/DBus")
)

// bus is a connection to the session bus. One goroutine reads it; calls come
// from one other.
type bus struct {
	conn   *net.UnixConn
	in     *bufio.Reader // of the reading goroutine, once that runs
	name   string        // ours on the bus
	serial atomic.Uint32
	read   sync.WaitGroup

	mu      sync.Mutex
	fds     []int                    // guarded by mu: received, not taken yet
	waiting map[uint32]chan *message // guarded by mu: calls without a reply
	signals chan *message
	closed  chan struct{} // closed when reading has ended
}

// address returns the socket of the session bus.
func address(getenv func(string) string) (string, error) {
	for _, a := range strings.Split(getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		options, ok := strings.CutPrefix(a, "unix:")
		if !ok {
			continue
		}
		for _, o := range strings.Split(options, ",") {
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

// dialBus connects to the session bus and says hello.
func dialBus(ctx context.Context, addr string) (*bus, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	b := &bus{
		conn: c.(*net.UnixConn), waiting: map[uint32]chan *message{},
		signals: make(chan *message, 16), closed: make(chan struct{}),
	}
	b.in = bufio.NewReader(fdReader{b})
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err = b.authenticate()
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("log in to the session bus: %w", err)
	}
	crash.GoIn(&b.read, b.run)
	reply, err := b.call(ctx, busName, busPath, busName, "Hello")
	if err == nil && len(reply.body) == 1 {
		b.name, _ = reply.body[0].(string)
	}
	if err == nil && b.name == "" {
		err = errWire
	}
	if err != nil {
		b.close()
		return nil, fmt.Errorf("say hello to the session bus: %w", err)
	}
	return b, nil
}

// authenticate proves who we are by the credentials of the socket (D-Bus
// specification, "Authentication Protocol").
func (b *bus) authenticate() error {
	say := func(line string) (string, error) {
		if _, err := io.WriteString(b.conn, line+"\r\n"); err != nil {
			return "", err
		}
		answer, err := b.in.ReadSlice('\n')
		return strings.TrimSpace(string(answer)), err
	}
	if _, err := b.conn.Write([]byte{0}); err != nil {
		return err
	}
	answer, err := say("AUTH EXTERNAL " + hex.EncodeToString([]byte(strconv.Itoa(os.Getuid()))))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK ") {
		return fmt.Errorf("refused: %.40q", answer)
	}
	if answer, err = say("NEGOTIATE_UNIX_FD"); err != nil {
		return err
	}
	if answer != "AGREE_UNIX_FD" {
		return errors.New("it cannot pass descriptors")
	}
	_, err = io.WriteString(b.conn, "BEGIN\r\n")
	return err
}

// fdReader reads from the bus and keeps the descriptors that come along.
type fdReader struct{ b *bus }

// Read implements [io.Reader].
func (r fdReader) Read(p []byte) (int, error) {
	oob := make([]byte, syscall.CmsgSpace(16*4))
	n, oobn, _, _, err := r.b.conn.ReadMsgUnix(p, oob)
	if oobn > 0 {
		if messages, err := syscall.ParseSocketControlMessage(oob[:oobn]); err == nil {
			for _, m := range messages {
				if fds, err := syscall.ParseUnixRights(&m); err == nil {
					r.b.keep(fds)
				}
			}
		}
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

func (b *bus) keep(fds []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	b.fds = append(b.fds, fds...)
}

// takeFD returns the oldest descriptor that came; -1 for none.
func (b *bus) takeFD() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.fds) == 0 {
		return -1
	}
	fd := b.fds[0]
	b.fds = b.fds[1:]
	return fd
}

// run reads messages until the connection ends.
func (b *bus) run() {
	defer close(b.closed)
	for {
		m, err := b.receive()
		if err != nil {
			return
		}
		switch m.kind {
		case typeReturn, typeError:
			b.mu.Lock()
			reply := b.waiting[m.reply]
			delete(b.waiting, m.reply)
			b.mu.Unlock()
			if reply != nil {
				reply <- m
			}
		case typeSignal:
			select {
			case b.signals <- m:
			default: // nobody waits for that many
			}
		}
	}
}

func (b *bus) receive() (*message, error) {
	head := make([]byte, headSize)
	if _, err := io.ReadFull(b.in, head); err != nil {
		return nil, err
	}
	size, err := messageSize(head)
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	copy(data, head)
	if _, err := io.ReadFull(b.in, data[headSize:]); err != nil {
		return nil, err
	}
	return unmarshal(data)
}

// call calls a method and waits for its reply.
func (b *bus) call(ctx context.Context, dest string, path objectPath, iface, member string, args ...any) (*message, error) {
	m := &message{
		kind: typeCall, serial: b.serial.Add(1),
		dest: dest, path: path, iface: iface, member: member, body: args,
	}
	reply := make(chan *message, 1)
	b.mu.Lock()
	b.waiting[m.serial] = reply
	b.mu.Unlock()
	if _, err := b.conn.Write(m.marshal()); err != nil {
		return nil, fmt.Errorf("call %s: %w", member, err)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-b.closed:
		return nil, fmt.Errorf("call %s: the bus has gone", member)
	case m := <-reply:
		if m.kind == typeError {
			return nil, fmt.Errorf("call %s: %.80q", member, m.errorName)
		}
		return m, nil
	}
}

// close ends the connection and waits for its goroutine.
func (b *bus) close() {
	_ = b.conn.Close()
	b.read.Wait()
	for fd := b.takeFD(); fd >= 0; fd = b.takeFD() {
		_ = syscall.Close(fd)
	}
}
