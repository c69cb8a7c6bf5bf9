package signal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/rules"
	"github.com/meet-term/meet/internal/safetext"
)

const (
	firstDialTimeout = rules.FirstDialTimeout
	maxDialTimeout   = rules.MaxDialTimeout
	// minDialAge is how old a dial must be for a nudge to start it again, so
	// that a burst of nudges cannot keep it from ever ending.
	minDialAge = rules.MinDialAge

	// dialBeside is how old a connection attempt is when another is started beside
	// it: the system repeats its first packet after 1, 2, 4 and 8 s, and the way may be
	// back long before it does.
	dialBeside = rules.DialBeside

	backoffBase  = rules.DialBackoff
	backoffShort = rules.DialBackoffShort // cap during the first backoffPatience of an outage
	backoffLong  = rules.DialBackoffLong  // cap after it, while there is a room to return to
	backoffMax   = rules.DialBackoffMax   // cap after it for whoever was never in the room
	// backoffPatience is how long a server is expected back any moment.
	backoffPatience = rules.DialPatience
)

// backoff returns how long to wait before the dial numbered attempt (from 1):
// exponential, with full jitter so that a room does not return all at once.
// Whoever was in the room is waited for there.
func backoff(jitter *mathrand.Rand, attempt int, down time.Duration, welcomed bool) time.Duration {
	limit := backoffShort
	switch {
	case down >= backoffPatience && welcomed:
		limit = backoffLong
	case down >= backoffPatience:
		limit = backoffMax
	}
	wait := limit
	if attempt-1 < 10 {
		wait = min(limit, backoffBase<<(attempt-1))
	}
	return time.Duration(jitter.Int64N(int64(wait)))
}

// dialTimeout returns how long the dial numbered attempt (from 1) may take, up
// to the welcome.
func dialTimeout(attempt int) time.Duration {
	if attempt > 4 {
		return maxDialTimeout
	}
	return min(maxDialTimeout, firstDialTimeout<<(attempt-1))
}

// dialing is a dial under way. Its result carries it back as its generation.
type dialing struct {
	started time.Time
	cancel  context.CancelFunc
	n       uint64 // State.N told in the hello
}

type dialResult struct {
	dialing *dialing
	ws      *websocket.Conn // nil on error
	welcome welcomeFrame
	err     error
}

// startDial begins a dial on a goroutine of its own, counted in dials.
func (c *Client) startDial(ctx context.Context, dials *sync.WaitGroup) {
	r := &c.run
	r.retryAt = time.Time{}
	r.tries++
	hello := helloFrame{
		V: Protocol, Room: c.cfg.Room.ID(), Peer: c.sealer.self, Inc: c.cfg.Inc,
		N: r.own.N, Resume: c.token, Try: r.tries, Srv: r.server, Seq: r.seq,
	}
	if r.gap {
		hello.Seq = 0
	}
	signHello(c.cfg.Key, &hello)
	body, err := c.sealer.SealState(r.own)
	if err != nil {
		c.log.Error("seal our state", "error", err)
		c.retry(err, 0)
		return
	}
	hello.state = body
	r.stateTo = false
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout(r.attempt))
	at := r.at
	d := &dialing{started: time.Now(), cancel: cancel, n: r.own.N}
	r.dialing = d
	crash.GoIn(dials, func() {
		defer cancel()
		ws, welcome, err := c.dial(dialCtx, at, hello)
		select {
		case r.dialed <- dialResult{d, ws, welcome, err}:
		case <-ctx.Done():
			if ws != nil {
				ws.Close()
			}
		}
	})
}

// dial connects, says hello and waits for the welcome.
func (c *Client) dial(ctx context.Context, at server, hello helloFrame) (*websocket.Conn, welcomeFrame, error) {
	dialer := websocket.Dialer{
		NetDialContext:  besides(c.cfg.Dial),
		TLSClientConfig: at.tls,
		ReadBufferSize:  4 << 10,
		WriteBufferSize: 4 << 10,
	}
	if c.cfg.Dial == nil {
		dialer.Proxy = http.ProxyFromEnvironment
	}
	frame := encodeFrame(hello)
	early := http.Header{}
	if text := base64.RawURLEncoding.EncodeToString(frame); len(text) <= maxEarlyHello {
		early.Set(helloHeader, text)
	}
	if c.cfg.Token != "" {
		early.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	ws, resp, err := dialer.DialContext(ctx, at.url, early)
	if err != nil {
		if resp != nil {
			return nil, welcomeFrame{}, fmt.Errorf("dial the server: %w", notUpgraded(resp))
		}
		return nil, welcomeFrame{}, fmt.Errorf("dial the server: %w", err)
	}
	// The deadline of ctx holds for the connection; its cancellation is told here.
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	ws.SetReadLimit(maxFromServer)
	if resp.Header.Get(helloHeader) == helloTaken {
		frame = nil // it has been said
	}
	welcome, err := greet(ctx, ws, frame, func(f proveFrame) proofFrame { return answerProof(c.cfg.Key, hello, f) })
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		ws.Close()
		return nil, welcomeFrame{}, fmt.Errorf("join the room: %w", err)
	}
	ws.SetReadDeadline(time.Time{})
	ws.SetWriteDeadline(time.Time{})
	return ws, welcome, nil
}

// besides returns a dial function that starts another attempt beside each that is
// older than dialBeside. The first that connects is taken, the others end.
func besides(dial DialFunc) DialFunc {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var attempts sync.WaitGroup
		defer attempts.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		type result struct {
			conn net.Conn
			err  error
		}
		results := make(chan result)
		running := 0
		start := func() {
			running++
			crash.GoIn(&attempts, func() {
				conn, err := dial(ctx, network, address)
				select {
				case results <- result{conn, err}:
				case <-ctx.Done():
					if conn != nil {
						conn.Close()
					}
				}
			})
		}
		start()
		again := time.NewTicker(dialBeside)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				start()
			case r := <-results:
				running--
				// One that fails leaves the others their chance.
				if r.err == nil || running == 0 {
					return r.conn, r.err
				}
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// greet says hello, unless it is nil, proves who we are if asked to, and reads the
// answer.
func greet(ctx context.Context, ws *websocket.Conn, hello []byte, prove func(proveFrame) proofFrame) (welcomeFrame, error) {
	if deadline, ok := ctx.Deadline(); ok {
		ws.SetReadDeadline(deadline)
		ws.SetWriteDeadline(deadline)
	}
	if hello != nil {
		if err := ws.WriteMessage(websocket.TextMessage, hello); err != nil {
			return welcomeFrame{}, err
		}
	}
	f, err := readFrame(ws)
	if asked, ok := f.(proveFrame); ok && err == nil {
		if err := ws.WriteMessage(websocket.TextMessage, encodeFrame(prove(asked))); err != nil {
			return welcomeFrame{}, err
		}
		f, err = readFrame(ws)
	}
	if err != nil {
		return welcomeFrame{}, err
	}
	switch f := f.(type) {
	case welcomeFrame:
		return f, nil
	case errFrameText:
		return welcomeFrame{}, refusal(f.Code, f.Text)
	case leaveFrame:
		if f.Act == leaveStop {
			return welcomeFrame{}, refusal(RefusedStopped, "")
		}
	}
	return welcomeFrame{}, errors.New("the server did not say welcome")
}

// readFrame reads the server's next frame.
func readFrame(ws *websocket.Conn) (serverFrame, error) {
	_, frame, err := ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	return decodeServerFrame(frame)
}

func refusal(code RefusalCode, text string) *RefusedError {
	return &RefusedError{
		Code: RefusalCode(safetext.Line(string(code), 16)),
		Text: safetext.Line(text, MaxReason),
	}
}

// endsRun reports whether a refusal is final. Someone who is in a call stays in
// it and keeps trying, except when the seat or the server is taken away.
func (e *RefusedError) endsRun(welcomed bool) bool {
	switch e.Code {
	case RefusedReplaced, RefusedStopped:
		return true
	case RefusedVersion, RefusedFull, RefusedToken, RefusedBad, RefusedClosed:
		return !welcomed
	}
	return false
}

// dialEnded takes the result of a dial. Its error ends Run.
func (c *Client) dialEnded(ctx context.Context, d dialResult) error {
	r := &c.run
	if d.dialing != r.dialing {
		if d.ws != nil { // a nudge started another dial meanwhile
			d.ws.Close()
		}
		return nil
	}
	r.dialing = nil
	if d.err != nil {
		var refused *RefusedError
		if errors.As(d.err, &refused) && refused.endsRun(r.welcomed) {
			return refused
		}
		c.log.Info("could not reach the server", "attempt", r.attempt, "error", d.err)
		c.retry(d.err, askedToWait(d.err))
		return nil
	}
	now := time.Now()
	r.link = startLink(ctx, d.ws, d.welcome.Lim)
	r.attempt = 0
	r.pingAt, r.pongBy = now.Add(Heartbeat), time.Time{}
	r.stateTo = r.own.N > d.dialing.n
	c.welcomed(d.welcome, now)
	c.sendState()
	return nil
}
