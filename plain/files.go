package plain

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/files"
	"github.com/meet-term/meet/signal"
)

// files does what a command about files says.
func (s *session) files(word, rest string) {
	if s.opt.Files == nil {
		s.say("files cannot be sent here")
		return
	}
	switch word {
	case "/send":
		s.sendFile(rest)
	case "/files":
		all := s.opt.Files.Files()
		for _, f := range all {
			s.say("%s", fileText(f))
		}
		if len(all) == 0 {
			s.say("no files yet")
		}
	case "/take", "/refuse":
		id, ok := s.whichFile(word, rest)
		if !ok {
			return
		}
		var err error
		if word == "/take" {
			err = s.opt.Files.AcceptFile(id, "")
		} else {
			err = s.opt.Files.StopFile(id)
		}
		if err != nil {
			s.say("%s", text(err.Error()))
		}
	}
}

// sendFile offers a file to everybody, or with "to NAME" behind it to one person.
func (s *session) sendFile(rest string) {
	var to signal.PeerID
	if i := strings.LastIndex(rest, " to "); i >= 0 {
		for _, p := range s.view().Peers {
			if strings.EqualFold(p.Name, strings.TrimSpace(rest[i+4:])) {
				to, rest = p.ID, strings.TrimSpace(rest[:i])
				break
			}
		}
	}
	if rest == "" {
		s.say("/send needs the path of a file")
		return
	}
	if below, ok := strings.CutPrefix(rest, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			rest = filepath.Join(home, below)
		}
	}
	if err := s.opt.Files.SendFile(rest, to); err != nil {
		s.say("%s", text(err.Error()))
	}
}

// whichFile is the file of a number, or the newest that waits for an answer.
func (s *session) whichFile(word, rest string) (id int, ok bool) {
	if rest != "" {
		id, err := strconv.Atoi(rest)
		if err != nil {
			s.say("%s takes the number of a file; /files lists them", word)
		}
		return id, err == nil
	}
	for _, f := range s.opt.Files.Files() {
		if !f.Mine && f.State == files.Offered {
			id, ok = f.ID, true
		}
	}
	if !ok {
		s.say("no file waits for an answer")
	}
	return id, ok
}

// fileText is one file in a line.
func fileText(f call.File) string {
	way := "from"
	if f.Mine {
		way = "to"
	}
	line := fmt.Sprintf("file %d: %s %s %s, ", f.ID, text(f.Name), way, name(f.Who.Name))
	switch f.State {
	case files.Offered:
		if f.Mine {
			return line + "waits for an answer"
		}
		return line + "offered to you"
	case files.Moving:
		if f.Size > 0 {
			return line + fmt.Sprintf("%d%%", 100*f.Bytes/f.Size)
		}
		return line + "under way"
	case files.Done:
		return line + "done"
	case files.Failed:
	}
	return line + "failed: " + text(f.Error)
}

// quartersFrom is the size, in bytes, from which the quarters of a file are said.
const quartersFrom = 10 << 20

// fileMoves says how far a large file is, at each quarter.
func (s *session) fileMoves(f call.File) {
	if f.Size < quartersFrom {
		return
	}
	quarter := int(4 * f.Bytes / f.Size)
	if quarter > s.quarters[f.ID] && quarter < 4 {
		s.say("%s", fileText(f))
	}
	s.quarters[f.ID] = quarter
}

// record begins to record into a folder, or ends it. What comes of it is told as an event.
func (s *session) record(dir string) {
	r := s.opt.Recorder
	if r == nil {
		s.say("the call cannot be recorded here")
		return
	}
	var err error
	if r.Recording() != "" {
		err = r.StopRecording()
	} else {
		err = r.Record(dir)
	}
	if err != nil {
		s.say("%s", text(err.Error()))
	}
}
