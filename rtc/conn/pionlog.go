package conn

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// levelTrace is below everything that is normally kept.
const levelTrace = slog.LevelDebug - 4

// pionLog passes pion's messages on, one level lower than pion sees them: a
// lost packet is a warning to pion and routine to us.
type pionLog struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (p pionLog) NewLogger(scope string) logging.LeveledLogger {
	return scopedLog{p.log.With("pion", scope)}
}

type scopedLog struct{ log *slog.Logger }

func (l scopedLog) print(level slog.Level, msg string) {
	l.log.Log(context.Background(), level, msg)
}

func (l scopedLog) printf(level slog.Level, format string, args []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprintf(format, args...))
	}
}

func (l scopedLog) Trace(msg string)               { l.print(levelTrace, msg) }
func (l scopedLog) Tracef(format string, a ...any) { l.printf(levelTrace, format, a) }
func (l scopedLog) Debug(msg string)               { l.print(levelTrace, msg) }
func (l scopedLog) Debugf(format string, a ...any) { l.printf(levelTrace, format, a) }
func (l scopedLog) Info(msg string)                { l.print(slog.LevelDebug, msg) }
func (l scopedLog) Infof(format string, a ...any)  { l.printf(slog.LevelDebug, format, a) }
func (l scopedLog) Warn(msg string)                { l.print(slog.LevelDebug, msg) }
func (l scopedLog) Warnf(format string, a ...any)  { l.printf(slog.LevelDebug, format, a) }
func (l scopedLog) Error(msg string)               { l.print(slog.LevelInfo, msg) }
func (l scopedLog) Errorf(format string, a ...any) { l.printf(slog.LevelInfo, format, a) }
