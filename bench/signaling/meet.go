//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/signal"
)

// serveMeet is the server process: ours, with limits that let one machine be
// everyone.
func serveMeet(ctx context.Context) error {
	debug.SetGCPercent(signal.ServerGCPercent) // as the meet command does
	server := signal.NewServer(signal.ServerConfig{MaxPerAddress: -1, Rate: 1 << 20, Burst: 1 << 20})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println(listener.Addr())
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_ = server.Run(ctx) // ends with the context
		web.Close()
	}()
	if err := web.Serve(listener); err != http.ErrServerClosed {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// meet is our server as a subject.
type meet struct{}

func (*meet) name() string { return "meet" }

func (*meet) start(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return startProcess(ctx, "", self, "-serve")
}

func (*meet) join(ctx context.Context, address string, room int) (member, error) {
	keys, err := signal.Invite{Name: fmt.Sprint("room-", room), Secret: signal.Secret{1}}.Room()
	if err != nil {
		return nil, err
	}
	key, err := signal.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	m := &meetMember{sealer: signal.NewSealer(keys, key, 1, rand.Reader)}
	m.id = m.sealer.Self()
	state, err := m.sealer.SealState(signal.State{N: 1, Name: "Member of the benchmark", Agent: "bench"})
	if err != nil {
		return nil, err
	}
	if m.socket, err = dialSocket(ctx, "ws://"+address+"/ws"); err != nil {
		return nil, err
	}
	if err := m.write(signal.Hello(keys, key, 1, state)); err != nil {
		return nil, err
	}
	// A server's ping is answered by the WebSocket library, which is all an idle
	// member has to do.
	welcomed := []byte(`{"t":"welcome"`)
	if _, frame, err := m.ws.ReadMessage(); err != nil || !bytes.HasPrefix(frame, welcomed) {
		return nil, fmt.Errorf("no welcome but %.80q (%w)", frame, err)
	}
	go m.read(func(frame []byte) bool { return bytes.HasPrefix(frame, []byte(`{"t":"sig"`)) })
	return m, nil
}

type meetMember struct {
	*socket
	id     signal.PeerID
	sealer *signal.Sealer
}

func (m *meetMember) address() string { return string(m.id) }

func (m *meetMember) message(to member) ([]byte, error) {
	// The body is what has 600 bytes: base64url of a nonce, a key, a signature, a candidate
	// and a tag.
	const plain = 600*3/4 - 12 - 16 - 96 - len(`{"c":1,"k":"cand","ep":1,"rep":0,"g":0,"cands":[""]}`)
	body := signal.Candidates{Epoch: 1, Candidates: []string{string(bytes.Repeat([]byte("x"), plain))}}
	return m.sealer.SealMessage(signal.PeerID(to.address()), 1, body)
}

// socket is a WebSocket of a member and the tokens of what it received.
type socket struct {
	ws     *websocket.Conn
	tokens chan struct{}
}

func dialSocket(ctx context.Context, url string) (*socket, error) {
	d := websocket.Dialer{ReadBufferSize: 2 << 10, WriteBufferSize: 2 << 10, HandshakeTimeout: 30 * time.Second}
	ws, _, err := d.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	return &socket{ws: ws, tokens: make(chan struct{}, 64)}, nil
}

func (s *socket) write(message []byte) error {
	return s.ws.WriteMessage(websocket.TextMessage, message)
}

func (s *socket) received() <-chan struct{} { return s.tokens }

func (s *socket) close() { s.ws.Close() }

// read gives a token for every frame that counts, until the socket is closed.
func (s *socket) read(counts func([]byte) bool) {
	for {
		_, frame, err := s.ws.ReadMessage()
		if err != nil {
			return
		}
		if counts(frame) {
			s.tokens <- struct{}{}
		}
	}
}
