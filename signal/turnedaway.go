package signal

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// TurnedAwayError is why a dial failed that the server answered without serving it.
type TurnedAwayError struct {
	Status int           // of HTTP; 0: refused inside TLS
	After  time.Duration // when it asks to be tried again; 0: it does not say
}

func (e *TurnedAwayError) Error() string {
	return fmt.Sprintf("the server turned the dial away: status %d", e.Status)
}

// Trouble says why in plain words.
func (e *TurnedAwayError) Trouble() string {
	if e.Status == http.StatusServiceUnavailable {
		return "it takes nobody now; it is about to stop or full"
	}
	return "it has too many connections from this network"
}

// notUpgraded is the error of a dial that was answered with something else than a
// WebSocket.
func notUpgraded(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusForbidden:
		return &RefusedError{Code: RefusedClosed}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // a date is not what our servers send
		after := time.Duration(max(0, min(seconds, int(maxLeaveWait/time.Second)))) * time.Second
		return &TurnedAwayError{Status: resp.StatusCode, After: after}
	}
	return fmt.Errorf("%w: status %d", ErrNoServer, resp.StatusCode)
}

// askedToWait is how long the server wants to be left alone.
func askedToWait(err error) time.Duration {
	var away *TurnedAwayError
	if errors.As(err, &away) {
		return away.After
	}
	return 0
}

// refusedInTLS reports whether a server refused the connection inside TLS because
// there were too many from here; see [Guard.Listener].
func refusedInTLS(err error) bool {
	const accessDenied = tls.AlertError(49)
	var alert tls.AlertError
	return errors.As(err, &alert) && alert == accessDenied
}
