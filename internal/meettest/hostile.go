package meettest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/memnet"
)

// hidden is where the real server is while a hostile one stands before it.
const hidden = "hidden:80"

// Hostile is a server that is not on anybody's side: what clients say goes through it
// to a real one, and so do the answers, but it may change, keep, repeat and make up
// whatever it likes. It knows all that a server can know and nothing more.
type Hostile struct {
	room *Room
	// Down is given each frame for a client, header line and body, and returns what
	// the client gets in its place. Nil changes nothing. Set before anybody joins.
	Down func(to *Victim, frame string) []string

	mu      sync.Mutex
	victims map[string]*Victim // by id
}

// Victim is one client of a hostile server.
type Victim struct {
	ID  string // as its hello says
	out *websocket.Conn
	mu  sync.Mutex // one writer at a time
	// Said are the frames that the client sent.
	Said []string
}

// Say sends a frame to the client, as if the server had.
func (v *Victim) Say(frame string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.out.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = v.out.WriteMessage(websocket.TextMessage, []byte(frame)) // it may have hung up
}

// Turn puts a hostile server in the place of the room's. Nobody may have joined.
func (r *Room) Turn() *Hostile {
	r.T.Helper()
	r.StopServer()
	h := &Hostile{room: r, victims: map[string]*Victim{}}
	r.address, r.hostile = hidden, h
	r.StartServer()
	return h
}

// Victim is the connection of a person; nil before it said hello.
func (h *Hostile) Victim(p *Person) *Victim {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.victims[string(p.ID)]
}

// serve starts it beside the real server s.
func (h *Hostile) serve(s *serverProcess) {
	l, err := h.room.net.Listen(serverAddress)
	if err != nil {
		h.room.T.Fatalf("start the hostile server: %v", err)
	}
	web := &http.Server{Handler: h}
	s.done.Go(func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, memnet.ErrReset) {
			h.room.T.Errorf("serve: %v", err)
		}
	})
	s.front = func() {
		l.Kill()
		_ = web.Close()
	}
}

// ServeHTTP takes a client and connects it with the real server.
func (h *Hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	dial := h.room.net.Dialer("the hostile server")
	d := websocket.Dialer{NetDialContext: dial}
	real, _, err := d.DialContext(context.WithoutCancel(r.Context()), "ws://"+hidden+"/ws", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer real.Close()
	out, err := (&websocket.Upgrader{}).Upgrade(w, r, nil) // an early hello is not taken: it comes as a frame
	if err != nil {
		return
	}
	defer out.Close()
	v := &Victim{out: out}
	var answers sync.WaitGroup
	answers.Go(func() {
		defer out.Close()
		for {
			_, frame, err := real.ReadMessage()
			if err != nil {
				return
			}
			for _, f := range h.down(v, string(frame)) {
				v.Say(f)
			}
		}
	})
	for {
		_, frame, err := out.ReadMessage()
		if err != nil {
			break
		}
		h.heard(v, string(frame))
		if real.WriteMessage(websocket.TextMessage, frame) != nil {
			break
		}
	}
	real.Close()
	answers.Wait()
}

func (h *Hostile) down(v *Victim, frame string) []string {
	if h.Down == nil {
		return []string{frame}
	}
	return h.Down(v, frame)
}

// heard keeps what a client said.
func (h *Hostile) heard(v *Victim, frame string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, rest, ok := strings.Cut(frame, `"peer":"`); ok && v.ID == "" && strings.HasPrefix(frame, `{"t":"hello"`) {
		v.ID, _, _ = strings.Cut(rest, `"`)
		h.victims[v.ID] = v
	}
	v.Said = append(v.Said, frame)
}

// Heard are the frames that a person's client sent so far.
func (h *Hostile) Heard(p *Person) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.victims[string(p.ID)]
	if v == nil {
		return nil
	}
	return append([]string(nil), v.Said...)
}
