package relay

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"golang.org/x/time/rate"
)

// libraryLog takes what the library has to say. Anybody on the Internet can make
// it say something with every packet, so only errors are kept, at the lowest
// level but one, and one in ten seconds of them.
type libraryLog struct {
	log    *slog.Logger
	pace   *rate.Limiter
	silent *atomic.Uint64 // errors since the last one that was logged
}

func newLibraryLog(log *slog.Logger) libraryLog {
	return libraryLog{log, rate.NewLimiter(rate.Every(10*time.Second), 3), new(atomic.Uint64)}
}

// NewLogger implements logging.LoggerFactory.
func (l libraryLog) NewLogger(string) logging.LeveledLogger { return l }

func (l libraryLog) Trace(string)          {}
func (l libraryLog) Tracef(string, ...any) {}
func (l libraryLog) Debug(string)          {}
func (l libraryLog) Debugf(string, ...any) {}
func (l libraryLog) Info(string)           {}
func (l libraryLog) Infof(string, ...any)  {}
func (l libraryLog) Warn(string)           {}
func (l libraryLog) Warnf(string, ...any)  {}

// Error logs an error, unless there were too many just now.
func (l libraryLog) Error(msg string) { l.Errorf("%s", msg) }

// Errorf is Error with a format.
func (l libraryLog) Errorf(format string, a ...any) {
	if !l.pace.Allow() {
		l.silent.Add(1)
		return
	}
	l.log.Debug("relay", "error", fmt.Sprintf(format, a...), "more", l.silent.Swap(0))
}
