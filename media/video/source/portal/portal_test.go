//go:build linux

package portal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// desktop plays the session bus and the portal behind it.
type desktop struct {
	t        *testing.T
	conn     *net.UnixConn
	refuse   string // method that the person refuses
	noFD     bool
	noStream bool
	mu       sync.Mutex
	calls    []string
	options  options // of SelectSources
}

// startDesktop serves one connection at the address in the environment.
func startDesktop(t *testing.T, d *desktop) *desktop {
	t.Helper()
	Forget()
	path := filepath.Join(t.TempDir(), "bus")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "tcp:host=x;unix:guid=1,path="+path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d.t = t
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			d.conn = c.(*net.UnixConn)
			d.mu.Unlock()
			d.serve(c.(*net.UnixConn))
		}
	}()
	t.Cleanup(func() {
		l.Close()
		d.mu.Lock()
		if d.conn != nil {
			d.conn.Close()
		}
		d.mu.Unlock()
		<-done
	})
	return d
}

func (d *desktop) serve(c *net.UnixConn) {
	in := bufio.NewReader(c)
	if b, err := in.ReadByte(); err != nil || b != 0 {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch {
		case line == "AUTH\r\n":
			io.WriteString(c, "REJECTED EXTERNAL\r\n")
		case strings.HasPrefix(line, "AUTH EXTERNAL"), strings.HasPrefix(line, "DATA"):
			io.WriteString(c, "OK 1234\r\n")
		case line == "NEGOTIATE_UNIX_FD\r\n":
			io.WriteString(c, "AGREE_UNIX_FD\r\n")
		case line == "BEGIN\r\n":
			d.messages(in, c)
			return
		}
	}
}

func (d *desktop) messages(in io.Reader, c *net.UnixConn) {
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		d.answer(c, m)
	}
}

const testSession = dbus.ObjectPath("/org/freedesktop/portal/desktop/session/1_7/meet")

func (d *desktop) answer(c *net.UnixConn, m *dbus.Message) {
	member := m.Headers[dbus.FieldMember].Value().(string)
	d.mu.Lock()
	d.calls = append(d.calls, member)
	d.mu.Unlock()
	switch member {
	case "Hello":
		d.reply(c, m, ":1.7")
	case "AddMatch":
		d.reply(c, m)
	case "OpenPipeWireRemote":
		if d.noFD {
			d.reply(c, m, uint32(0))
			return
		}
		r, w, err := os.Pipe()
		if err != nil {
			d.t.Error(err)
			return
		}
		io.WriteString(w, "pipewire")
		w.Close()
		reply := reply(m, dbus.UnixFD(r.Fd()))
		reply.Headers[dbus.FieldUnixFDs] = dbus.MakeVariant(uint32(1))
		var data bytes.Buffer
		fds, err := reply.EncodeToWithFDs(&data, binary.LittleEndian)
		if err == nil {
			_, _, err = c.WriteMsgUnix(data.Bytes(), syscall.UnixRights(fds...), nil)
		}
		if err != nil {
			d.t.Error(err)
		}
		r.Close()
	default:
		given := m.Body[len(m.Body)-1].(map[string]dbus.Variant)
		request := desktopPath + "/request/1_7/" + dbus.ObjectPath(given["handle_token"].Value().(string))
		// The answer may well come before the reply.
		code, results := uint32(0), options{}
		switch member {
		case "CreateSession":
			results["session_handle"] = dbus.MakeVariant(string(testSession))
		case "SelectSources":
			d.mu.Lock()
			d.options = given
			d.mu.Unlock()
		case "Start":
			results["restore_token"] = dbus.MakeVariant("again")
			if !d.noStream {
				results["streams"] = dbus.MakeVariant([]stream{{42, options{"source_type": dbus.MakeVariant(uint32(1))}}})
			}
		}
		if d.refuse == member {
			code, results = 1, options{}
		}
		d.signal(c, "/somewhere/else", responseName, uint32(7), results)
		d.signal(c, request, responseName, code, results)
		d.reply(c, m, request)
	}
}

// stream is an element of a value of the type a(ua{sv}).
type stream struct {
	Node    uint32
	Details options
}

func (d *desktop) reply(c *net.UnixConn, to *dbus.Message, body ...any) {
	d.send(c, reply(to, body...))
}

func reply(to *dbus.Message, body ...any) *dbus.Message {
	return message(dbus.TypeMethodReply, map[dbus.HeaderField]any{dbus.FieldReplySerial: to.Serial()}, body)
}

func (d *desktop) signal(c *net.UnixConn, path dbus.ObjectPath, name string, body ...any) {
	dot := strings.LastIndexByte(name, '.')
	d.send(c, message(dbus.TypeSignal, map[dbus.HeaderField]any{
		dbus.FieldPath: path, dbus.FieldInterface: name[:dot], dbus.FieldMember: name[dot+1:], dbus.FieldSender: ":1.9",
	}, body))
}

func (d *desktop) send(c *net.UnixConn, m *dbus.Message) {
	if err := m.EncodeTo(c, binary.LittleEndian); err != nil {
		d.t.Log(err)
	}
}

func message(kind dbus.Type, headers map[dbus.HeaderField]any, body []any) *dbus.Message {
	m := &dbus.Message{Type: kind, Flags: dbus.FlagNoReplyExpected, Headers: map[dbus.HeaderField]dbus.Variant{}, Body: body}
	for field, v := range headers {
		m.Headers[field] = dbus.MakeVariant(v)
	}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	return m
}

func open(t *testing.T) (*Cast, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return Open(ctx)
}

func TestScreenIsAskedFor(t *testing.T) {
	d := startDesktop(t, &desktop{})
	if err := Available(); err != nil {
		t.Fatal(err)
	}
	c, err := open(t)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c.Remote)
	if err != nil || string(got) != "pipewire" || c.Node != 42 {
		t.Errorf("node %d, descriptor says %q, %v", c.Node, got, err)
	}
	d.mu.Lock()
	if calls := strings.Join(d.calls, " "); calls != "Hello AddMatch CreateSession SelectSources Start OpenPipeWireRemote" {
		t.Errorf("calls: %s", calls)
	}
	value := func(name string) any { return d.options[name].Value() }
	if value("types") != uint32(3) || value("cursor_mode") != uint32(2) || value("multiple") != false || value("restore_token") != nil {
		t.Errorf("options: %v", d.options)
	}
	d.mu.Unlock()
	c.Close()

	// The second time the desktop is reminded of the answer.
	if c, err = open(t); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	if value("restore_token") != "again" {
		t.Errorf("options: %v", d.options)
	}
	conn := d.conn
	d.mu.Unlock()

	// The person ends it in the desktop.
	d.signal(conn, testSession, closedName)
	select {
	case <-c.Ended():
	case <-time.After(10 * time.Second):
		t.Fatal("the end went unnoticed")
	}
	c.Close()
	if c, err = open(t); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	if value("restore_token") != nil {
		t.Error("an ended share goes on without asking")
	}
	d.mu.Unlock()
	c.Close()
}

func TestPersonRefuses(t *testing.T) {
	for _, step := range []string{"CreateSession", "SelectSources", "Start"} {
		startDesktop(t, &desktop{refuse: step})
		if _, err := open(t); !errors.Is(err, ErrRefused) {
			t.Errorf("%s refused: %v", step, err)
		}
	}
	startDesktop(t, &desktop{noFD: true})
	if _, err := open(t); !errors.Is(err, errAnswer) {
		t.Errorf("no descriptor: %v", err)
	}
	startDesktop(t, &desktop{noStream: true})
	if _, err := open(t); !errors.Is(err, errAnswer) {
		t.Errorf("no stream: %v", err)
	}
}

func TestNoBus(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if Available() == nil {
		t.Error("a bus is available where none is")
	}
	if _, err := open(t); err == nil {
		t.Error("a screen without a bus")
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if Available() == nil {
		t.Error("a bus is available without an address")
	}
}

func TestBusThatDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	if _, err := open(t); err == nil {
		t.Error("a screen of a dead bus")
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ bus, dir, want string }{
		{"unix:path=/run/user/1000/bus,guid=aa", "", "/run/user/1000/bus"},
		{"unix:abstract=/tmp/dbus-x", "", "@/tmp/dbus-x"},
		{"", "/run/user/1", "/run/user/1/bus"},
		{"tcp:host=a", "/run/user/1", "/run/user/1/bus"},
		{"", "", ""},
	}
	for _, tt := range tests {
		got, err := address(func(name string) string {
			return map[string]string{"DBUS_SESSION_BUS_ADDRESS": tt.bus, "XDG_RUNTIME_DIR": tt.dir}[name]
		})
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q, %q: %q, %v, want %q", tt.bus, tt.dir, got, err, tt.want)
		}
	}
}
