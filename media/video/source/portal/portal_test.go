//go:build unix

package portal

import (
	"bufio"
	"context"
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
)

// desktop plays the session bus and the portal behind it.
type desktop struct {
	t       *testing.T
	conn    *net.UnixConn
	refuse  string // method that the person refuses
	noFD    bool
	mu      sync.Mutex
	calls   []string
	options map[string]any // of SelectSources
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
		case strings.HasPrefix(line, "AUTH EXTERNAL "):
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
		head := make([]byte, headSize)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		size, err := messageSize(head)
		if err != nil {
			d.t.Error(err)
			return
		}
		data := append(head, make([]byte, size-headSize)...)
		if _, err := io.ReadFull(in, data[headSize:]); err != nil {
			return
		}
		m, err := unmarshal(data)
		if err != nil {
			d.t.Error(err)
			return
		}
		d.answer(c, m)
	}
}

const testSession = objectPath("/org/freedesktop/portal/desktop/session/1_7/meet")

func (d *desktop) answer(c *net.UnixConn, m *message) {
	d.mu.Lock()
	d.calls = append(d.calls, m.member)
	d.mu.Unlock()
	switch m.member {
	case "Hello":
		d.send(c, typeReturn, m.serial, "", "", ":1.7")
	case "AddMatch":
		d.send(c, typeReturn, m.serial, "", "")
	case "OpenPipeWireRemote":
		if d.noFD {
			d.send(c, typeReturn, m.serial, "", "", uint32(0))
			return
		}
		r, w, err := os.Pipe()
		if err != nil {
			d.t.Error(err)
			return
		}
		io.WriteString(w, "pipewire")
		w.Close()
		data := build(typeReturn, m.serial, "", "", uint32(0))
		if _, _, err := c.WriteMsgUnix(data, syscall.UnixRights(int(r.Fd())), nil); err != nil {
			d.t.Error(err)
		}
		r.Close()
	default:
		options := m.body[len(m.body)-1].(map[string]any)
		request := desktopPath + "/request/1_7/" + objectPath(options["handle_token"].(string))
		// The answer may well come before the reply.
		code, results := uint32(0), []option{}
		switch m.member {
		case "CreateSession":
			results = []option{{"session_handle", string(testSession)}}
		case "SelectSources":
			d.mu.Lock()
			d.options = options
			d.mu.Unlock()
		case "Start":
			results = []option{{"restore_token", "again"}, {"streams", streams(42)}}
		}
		if d.refuse == m.member {
			code, results = 1, nil
		}
		d.send(c, typeSignal, 0, "/somewhere/else", "Response", uint32(7), results)
		d.send(c, typeSignal, 0, request, "Response", code, results)
		d.send(c, typeReturn, m.serial, "", "", request)
	}
}

// streams is a value of the type a(ua{sv}) with one stream.
type streams uint32

func (d *desktop) send(c *net.UnixConn, kind byte, reply uint32, path objectPath, member string, body ...any) {
	if _, err := c.Write(build(kind, reply, path, member, body...)); err != nil {
		d.t.Log(err)
	}
}

// build writes a reply or a signal.
func build(kind byte, reply uint32, path objectPath, member string, body ...any) []byte {
	var content encoder
	types := ""
	for _, v := range body {
		if o, ok := v.([]option); ok {
			content.array(func() {
				for _, o := range o {
					content.align(8)
					content.string(o.name)
					if s, ok := o.value.(streams); ok {
						content.signature("a(ua{sv})")
						content.array(func() {
							content.uint32(uint32(s))
							content.value([]option{{"id", "x"}, {"source_type", uint32(1)}})
						})
						continue
					}
					content.variant(o.value)
				}
			})
		} else {
			content.value(v)
		}
		types += typeOf(v)
	}
	var e encoder
	e.buf = append(e.buf, 'l', kind, 0, 1)
	e.uint32(uint32(len(content.buf)))
	e.uint32(9)
	e.array(func() {
		field := func(code byte, v any) {
			e.align(8)
			e.buf = append(e.buf, code)
			e.variant(v)
		}
		if reply != 0 {
			field(fieldReplySerial, reply)
		}
		if path != "" {
			field(fieldPath, path)
		}
		if member != "" {
			field(fieldMember, member)
		}
		if types != "" {
			field(fieldSignature, signature(types))
		}
	})
	e.align(8)
	return append(e.buf, content.buf...)
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
	if o := d.options; o["types"] != uint32(3) || o["cursor_mode"] != uint32(2) || o["multiple"] != false || o["restore_token"] != nil {
		t.Errorf("options: %v", o)
	}
	d.mu.Unlock()
	c.Close()

	// The second time the desktop is reminded of the answer.
	if c, err = open(t); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	if d.options["restore_token"] != "again" {
		t.Errorf("options: %v", d.options)
	}
	conn := d.conn
	d.mu.Unlock()

	// The person ends it in the desktop.
	d.send(conn, typeSignal, 0, testSession, "Closed")
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
	if d.options["restore_token"] != nil {
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
	if _, err := open(t); !errors.Is(err, errWire) {
		t.Errorf("no descriptor: %v", err)
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

func TestMessagesComeBack(t *testing.T) {
	m := &message{
		kind: typeCall, serial: 5, dest: "a.b", path: "/x", iface: "c.d", member: "Do",
		body: []any{"text", uint32(7), true, objectPath("/y"), []option{{"k", "v"}, {"n", uint32(3)}, {"b", false}}},
	}
	got, err := unmarshal(m.marshal())
	if err != nil {
		t.Fatal(err)
	}
	dict, ok := got.body[4].(map[string]any)
	if got.member != "Do" || got.path != "/x" || got.iface != "c.d" || got.serial != 5 ||
		got.body[0] != "text" || got.body[1] != uint32(7) || got.body[2] != true || got.body[3] != objectPath("/y") ||
		!ok || dict["k"] != "v" || dict["n"] != uint32(3) || dict["b"] != false {
		t.Errorf("got %+v", got)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add((&message{kind: typeCall, serial: 5, dest: "a.b", path: "/x", iface: "c.d", member: "Do", body: []any{"text", uint32(7)}}).marshal())
	f.Add(build(typeSignal, 0, "/p", "Response", uint32(0), []option{{"streams", streams(1)}}))
	f.Add(build(typeReturn, 3, "", "", signature("aa{sv}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := unmarshal(data)
		if (m == nil) == (err == nil) {
			t.Fatalf("message %v and error %v", m, err)
		}
		if err != nil && !errors.Is(err, errWire) {
			t.Fatalf("unknown error %v", err)
		}
	})
}
