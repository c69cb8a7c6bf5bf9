package signal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/gorilla/websocket"

	"github.com/meet-term/meet/internal/safetext"
)

// ErrNoServer is wrapped by dials that reach something that is no meet server.
var ErrNoServer = errors.New("it does not answer as a meet server does")

// Trouble says in a few plain words why a server is not reached; "" for nil. It
// is what people read: what a library says goes to the log.
func Trouble(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var worded interface{ Trouble() string } // an error that has words of its own
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return "no such host"
		}
		return "its name cannot be looked up"
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(err.Error(), "actively refused"):
		return "refused: nothing listens there"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH),
		strings.Contains(err.Error(), "unreachable network"), strings.Contains(err.Error(), "unreachable host"):
		return "no way there from this network"
	case errors.As(err, &worded):
		return worded.Trouble()
	case refusedInTLS(err):
		return (&TurnedAwayError{}).Trouble()
	case errors.As(err, &unknown):
		return "TLS: nobody known signed its certificate"
	case errors.As(err, &name):
		return "TLS: its certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "TLS: its certificate has expired"
	case errors.As(err, &verify), errors.As(err, &invalid):
		return "TLS: its certificate is not valid"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "TLS: it does not speak https; try http:// or ws://"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), timedOut(err):
		return "timeout: no answer"
	case errors.Is(err, errMoved):
		return "" // it is being dialed, and nothing is known against it
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		websocket.IsCloseError(err, websocket.CloseAbnormalClosure):
		return "it hung up"
	case errors.Is(err, ErrNoServer):
		return ErrNoServer.Error()
	case errors.Is(err, errStranded):
		return "this machine's address changed"
	}
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused.Error()
	}
	return safetext.Line(err.Error(), MaxReason)
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// HostPort is what people call the server of an address, which is what Invite.Server
// or Config.URL holds: its host and port, without a scheme, or its host alone
// where the port is the usual one.
func HostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return safetext.Line(u.Host, 128)
}
