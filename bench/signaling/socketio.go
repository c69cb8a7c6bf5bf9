//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gorilla/websocket"
)

// socketIOVersion is the release that is measured.
const socketIOVersion = "4.8.1"

//go:embed socketio.cjs
var socketIOServer []byte

var errNoNode = errors.New("node or npm is not installed")

// socketIO is a minimal Socket.IO server as a subject.
type socketIO struct{ dir string }

// installSocketIO installs the server into a temporary directory, which cleanup
// removes.
func installSocketIO(ctx context.Context) (s *socketIO, cleanup func(), err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, nil, errNoNode
		}
	}
	dir, err := os.MkdirTemp("", "meet-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a place for Socket.IO: %w", err)
	}
	cleanup = func() { os.RemoveAll(dir) }
	npm := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, "socket.io@"+socketIOVersion)
	npm.Stdout, npm.Stderr = os.Stderr, os.Stderr
	if err := npm.Run(); err != nil {
		cleanup()
		return nil, nil, fmt.Errorf("install Socket.IO: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "server.cjs"), socketIOServer, 0o644); err != nil {
		cleanup()
		return nil, nil, fmt.Errorf("write the Socket.IO server: %w", err)
	}
	return &socketIO{dir}, cleanup, nil
}

func (*socketIO) name() string { return "socket.io" }

func (s *socketIO) start(ctx context.Context) (*process, error) {
	return startProcess(ctx, s.dir, "node", "server.cjs")
}

// join speaks as much of Engine.IO 4 over WebSocket as a member needs: open (0),
// connect (40), its acknowledgement with the id, and pongs (3) for pings (2).
func (*socketIO) join(ctx context.Context, address string, room int) (member, error) {
	socket, err := dialSocket(ctx, "ws://"+address+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		return nil, err
	}
	m := &ioMember{socket: socket}
	if _, frame, err := m.ws.ReadMessage(); err != nil || !bytes.HasPrefix(frame, []byte("0{")) {
		return nil, fmt.Errorf("no open packet but %.80q (%w)", frame, err)
	}
	if err := m.write([]byte("40")); err != nil {
		return nil, err
	}
	_, frame, err := m.ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	var ack struct{ SID string }
	if err := json.Unmarshal(bytes.TrimPrefix(frame, []byte("40")), &ack); err != nil {
		return nil, fmt.Errorf("no connect packet but %.80q", frame)
	}
	m.id = ack.SID
	// The state is as large as ours is when sealed.
	join, err := json.Marshal([]string{"join", fmt.Sprint("room-", room), strings.Repeat("s", 160)})
	if err != nil {
		return nil, err
	}
	if err := m.write(append([]byte("42"), join...)); err != nil {
		return nil, err
	}
	if _, frame, err := m.ws.ReadMessage(); err != nil || !bytes.HasPrefix(frame, []byte(`42["welcome"`)) {
		return nil, fmt.Errorf("no welcome but %.80q (%w)", frame, err)
	}
	go m.read(func(frame []byte) bool {
		if string(frame) == "2" {
			// The idle member's only writer is this one.
			_ = m.ws.WriteMessage(websocket.TextMessage, []byte("3"))
		}
		return bytes.HasPrefix(frame, []byte(`42["sig"`))
	})
	return m, nil
}

type ioMember struct {
	*socket
	id string
}

func (m *ioMember) address() string { return m.id }

func (m *ioMember) message(to member) ([]byte, error) {
	packet, err := json.Marshal([]string{"sig", to.address(), strings.Repeat("x", 600)})
	return append([]byte("42"), packet...), err
}
