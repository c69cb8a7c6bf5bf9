package signal

import (
	"log/slog"
	"net/http"
	"time"
)

// The times of HTTP. A WebSocket has times of its own (docs/PROTOCOL.md, "Liveness").
const (
	headerWithin  = 5 * time.Second
	requestWithin = 15 * time.Second
	answerWithin  = 30 * time.Second
	idleWithin    = 30 * time.Second
	// maxHeaders bounds the lines of a request in bytes: a hello may be among them.
	maxHeaders = 16 << 10
)

// NewHTTPServer returns a server of HTTP for h that waits for nobody for long.
func NewHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerWithin, ReadTimeout: requestWithin, WriteTimeout: answerWithin, IdleTimeout: idleWithin,
		MaxHeaderBytes: maxHeaders,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
