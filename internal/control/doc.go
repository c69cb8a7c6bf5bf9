// Package control lets other programs of the same user steer a call that runs on
// this machine: each call listens on a Unix socket of its own, in a directory that
// only its user can enter, and serves nobody else (docs/STEERING.md).
//
// What is spoken is lines of JSON, as in headless mode. The call begins with a
// [Hello]; then every line from the client is a command, answered in order by
// what the command has to say and a closing line: [Done], or an error. A
// handler may also write lines of its own beside that, as long as the connection lasts
// ([Conn.Beside]), or take the connection over as a stream of bytes ([Conn.Take]).
package control

import (
	"errors"
	"fmt"
	"time"
)

// Version is the version of what is spoken on the socket. It changes when
// one side would misunderstand the other, and not when commands are added.
const Version = 1

// MaxLine bounds a command, in bytes.
const MaxLine = 64 << 10

// The names of the lines that only a socket has.
const (
	helloEvent = "control"
	doneEvent  = "done"
	errorEvent = "error"
)

// CodeBadCommand is the code of an error line whose command was not understood
// or could not be carried out.
const CodeBadCommand = "bad-command"

// Hello is the first line of a connection: whose call this is.
type Hello struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // "control"
	Version int       `json:"version"`
	Meet    string    `json:"meet"` // version of the program
	Room    string    `json:"room"`
	Peer    string    `json:"peer"` // own id
	Name    string    `json:"name"` // own name
	PID     int       `json:"pid"`
}

// Done says that a command was carried out.
type Done struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // "done"
	Command string    `json:"command"`
}

// failure is the line that says why a command was not carried out.
type failure struct {
	Time  time.Time `json:"time"`
	Event string    `json:"event"` // "error"
	Code  string    `json:"code"`
	Text  string    `json:"text"`
}

// ErrUnsupported says that calls cannot be steered on this system.
var ErrUnsupported = errors.New("a running call cannot be steered from outside on this system yet")

// ErrStranger says that the other end of a socket belongs to another user.
var ErrStranger = errors.New("it belongs to another user")

// VersionError says that a call speaks another version than we do.
type VersionError struct {
	Theirs int
	Meet   string // version of the program that the call runs in
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the call runs in meet %s, which is steered in another way (version %d, this meet has %d): "+
		"use that one, or leave and join again", e.Meet, e.Theirs, Version)
}

// RefusedError is the answer to a command that was not carried out.
type RefusedError struct{ Code, Text string }

func (e *RefusedError) Error() string { return e.Text }
