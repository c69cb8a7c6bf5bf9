package device

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jfreymuth/pulse/proto"

	"github.com/meet-term/meet/internal/crash"
)

const (
	// answerTime is how long the sound server may take to connect, to answer
	// and to take our data, before it counts as dead.
	answerTime = time.Second
	// maxMessage bounds one message of the server; the largest are lists of
	// devices, some kilobytes each.
	maxMessage = 1 << 20
)

// server is a connection to PulseAudio, or to PipeWire speaking its protocol.
//
// It uses the protocol layer of the pulse package only: the streams above it
// close channels that its reader sends on. And it shields that layer from
// whatever would make it print or panic, see shield.
type server struct {
	client *proto.Client
	conn   net.Conn
	// lost is closed when the connection has ended and the reader with it:
	// no message is handed out any more.
	lost chan struct{}
}

// dial connects and introduces the program. Messages that answer no request
// go to on, from the connection's reader, which must not be kept waiting.
func dial(ctx context.Context, on func(message any)) (*server, error) {
	conn, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	s := &server{client: &proto.Client{}, conn: conn, lost: make(chan struct{})}
	var ended sync.Once
	s.client.Callback = func(message any) {
		defer crash.Catch()
		if _, ok := message.(*proto.ConnectionClosed); ok {
			ended.Do(func() { close(s.lost) })
			return
		}
		on(message)
	}
	s.client.SetTimeout(answerTime)
	s.client.Open(&shield{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)})
	if err := s.introduce(); err != nil {
		s.close()
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	return s, nil
}

func (s *server) introduce() error {
	var auth proto.AuthReply
	if err := s.client.Request(&proto.Auth{Version: s.client.Version(), Cookie: cookie()}, &auth); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	s.client.SetVersion(auth.Version)
	name := proto.SetClientName{Props: proto.PropList{
		"application.name":           proto.PropListString("meet"),
		"application.icon_name":      proto.PropListString("audio-input-microphone"),
		"application.process.id":     proto.PropListString(strconv.Itoa(os.Getpid())),
		"application.process.binary": proto.PropListString(filepath.Base(os.Args[0])),
	}}
	if err := s.client.Request(&name, &proto.SetClientNameReply{}); err != nil {
		return fmt.Errorf("introduce ourselves: %w", err)
	}
	return nil
}

// close ends the connection and waits for its reader.
func (s *server) close() {
	s.conn.Close()
	<-s.lost
}

// request asks the server for something; what says what for.
func (s *server) request(what string, q proto.RequestArgs, reply proto.Reply) error {
	err := s.client.Request(q, reply)
	var refusal proto.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, proto.ErrNoSuchEntity):
		return fmt.Errorf("%s: %w", what, ErrNoDevice)
	case errors.As(err, &refusal):
		return fmt.Errorf("%s: %w", what, err)
	default: // no answer at all
		return fmt.Errorf("%s: %w: %w", what, ErrLost, err)
	}
}

// connect tries the addresses a client of PulseAudio tries.
func connect(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: answerTime}
	var errs []error
	for _, a := range addresses(os.Getenv) {
		conn, err := dialer.DialContext(ctx, a.network, a.address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

type address struct{ network, address string }

// addresses lists where the server may be: PULSE_SERVER as PulseAudio defines
// it (several addresses, each perhaps behind a host name in braces), else the
// usual sockets.
func addresses(env func(string) string) []address {
	var list []address
	for _, s := range strings.Fields(env("PULSE_SERVER")) {
		if host, rest, ok := strings.Cut(s, "}"); ok && strings.HasPrefix(host, "{") {
			s = rest
		}
		network, addr, ok := strings.Cut(s, ":")
		switch {
		case strings.HasPrefix(s, "/"):
			list = append(list, address{"unix", s})
		case ok && network == "unix":
			list = append(list, address{"unix", addr})
		case ok && (network == "tcp" || network == "tcp4" || network == "tcp6"):
			if _, _, err := net.SplitHostPort(addr); err != nil {
				addr = net.JoinHostPort(strings.Trim(addr, "[]"), "4713")
			}
			list = append(list, address{network, addr})
		}
	}
	if len(list) > 0 {
		return list
	}
	if dir := env("PULSE_RUNTIME_PATH"); dir != "" {
		list = append(list, address{"unix", filepath.Join(dir, "native")})
	}
	dir := env("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
	}
	return append(list, address{"unix", filepath.Join(dir, "pulse", "native")})
}

// cookie returns the key a server may ask for; any will do for one that knows
// us by our user id.
func cookie() []byte {
	paths := []string{os.Getenv("PULSE_COOKIE")}
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "pulse", "cookie"))
	}
	for _, path := range paths {
		if key, err := os.ReadFile(path); err == nil && len(key) == 256 {
			return key
		}
	}
	return make([]byte, 256)
}

// shield stands between the socket and the protocol layer. It lets through
// whole messages of kinds that layer knows: it prints unknown ones to the
// terminal, and can panic in the middle of a message when the server dies
// there. A server that takes no more data is cut off.
type shield struct {
	conn net.Conn
	in   *bufio.Reader
	rest []byte // of the message being handed out
	buf  []byte
}

// headerSize is that of a message: length, channel, 64-bit offset, flags.
const headerSize = 20

// command marks a message that holds a command and not sound.
const command = 0xffffffff

// Read hands out messages. Every error is io.EOF: only that makes the
// protocol layer tell of the end.
func (s *shield) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if err := s.next(); err != nil {
			s.conn.Close()
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// next reads one message and keeps it if it is fit to be handed out.
func (s *shield) next() error {
	var head [headerSize]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length > maxMessage {
		return fmt.Errorf("a message of %d bytes", length)
	}
	total := headerSize + int(length)
	if cap(s.buf) < total {
		s.buf = make([]byte, total)
	}
	s.buf = s.buf[:total]
	copy(s.buf, head[:])
	if _, err := io.ReadFull(s.in, s.buf[headerSize:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[4:]) != command || known(s.buf[headerSize:]) {
		s.rest = s.buf
	}
	return nil
}

// known reports whether the protocol layer understands the command in body.
func known(body []byte) bool {
	if len(body) < 10 || body[0] != 'L' || body[5] != 'L' {
		return false
	}
	switch binary.BigEndian.Uint32(body[1:]) {
	case proto.OpError, proto.OpReply, proto.OpRequest, proto.OpOverflow, proto.OpUnderflow,
		proto.OpPlaybackStreamKilled, proto.OpRecordStreamKilled, proto.OpSubscribeEvent,
		proto.OpPlaybackStreamSuspended, proto.OpRecordStreamSuspended,
		proto.OpPlaybackStreamMoved, proto.OpRecordStreamMoved, proto.OpClientEvent,
		proto.OpPlaybackStreamEvent, proto.OpRecordStreamEvent, proto.OpStarted,
		proto.OpPlaybackBufferAttrChanged:
		return true
	}
	return false
}

func (s *shield) Write(p []byte) (int, error) {
	err := s.conn.SetWriteDeadline(time.Now().Add(answerTime))
	n := 0
	if err == nil {
		n, err = s.conn.Write(p)
	}
	if err != nil {
		s.conn.Close() // the protocol layer does not look at errors
	}
	return n, err
}
