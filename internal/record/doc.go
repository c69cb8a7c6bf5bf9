// Package record writes a call to disk as it came, without decoding anything: for each
// person the Opus of their sound in an Ogg file (RFC 7845) and their pictures in WebM
// files, what happened as lines of JSON, and an index that puts all of it on one clock.
//
// What has been written can be played whatever happens to the process: every file is
// complete up to its last page or cluster, which are a second long. A disk that is full
// ends the recording and nothing else.
package record

import (
	"errors"
	"time"
)

// Version is the version of the folder's layout (docs/RECORDING.md).
const Version = 1

// IndexName and EventsName are the files of a recording that are there but for media.
const (
	IndexName  = "index.json"
	EventsName = "events.jsonl"
)

// Index is what is in a recording.
type Index struct {
	Version int       `json:"version"`
	Room    string    `json:"room"`
	By      string    `json:"by"` // who recorded
	Started time.Time `json:"started"`
	// Ended is missing in a recording that was cut short.
	Ended  *time.Time   `json:"ended,omitempty"`
	Tracks []TrackIndex `json:"tracks"`
}

// TrackIndex is one file of media.
type TrackIndex struct {
	File string `json:"file"`
	Peer string `json:"peer"`
	Name string `json:"name"`
	Kind string `json:"kind"` // mic, camera or screen
	// StartMS is where the file's beginning is in the recording.
	StartMS int64 `json:"start_ms"`
}

// page is how much sound or how many pictures are gathered before they are written: what
// is lost when the process is killed.
const page = time.Second

var errFull = errors.New("the disk is too slow")
