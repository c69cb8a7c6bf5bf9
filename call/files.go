package call

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/meet-term/meet/internal/files"
	"github.com/meet-term/meet/rtc"
	"github.com/meet-term/meet/signal"
)

// File is a file that somebody sends us, or with Mine that we send them.
type File struct {
	Who rtc.Who
	files.Transfer
}

// What becomes of files, for those who send and those who receive them.
type (
	// FileOffered says that somebody offers us a file, or that we offer one.
	FileOffered struct{ File }
	// FileProgress comes when a file begins to move and about once a second from then.
	FileProgress struct{ File }
	// FileDone says that a file has arrived as it was sent.
	FileDone struct{ File }
	// FileFailed says that it has not, or was refused; Error has the reason.
	FileFailed struct{ File }
)

// EventName implements [rtc.Event].
func (FileOffered) EventName() string { return "file-offered" }

// EventName implements [rtc.Event].
func (FileProgress) EventName() string { return "file-progress" }

// EventName implements [rtc.Event].
func (FileDone) EventName() string { return "file-done" }

// EventName implements [rtc.Event].
func (FileFailed) EventName() string { return "file-failed" }

// fileRoom is how much of the channel files leave to their own words.
const fileRoom = 64 << 10

// newFiles makes the files of a call.
func (c *Call) newFiles() *files.Files {
	return files.New(files.Config{
		Send:  func(peer signal.PeerID, b []byte) error { return c.media.dialer.SendOn(peer, rtc.ChannelFile, b) },
		Event: c.fileEvent, NewID: newFileID, Most: rtc.ChannelFile.Parameters().Most - fileRoom,
		Into: c.cfg.FilesInto, Accept: c.cfg.AcceptFiles, Name: func(peer signal.PeerID) string { return nameOf(c.mesh, peer) },
	})
}

// newFileID is a number that nobody else has: those of a process that crashed may still
// be known to others.
func newFileID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])                       // crypto/rand never fails
	return binary.BigEndian.Uint64(b[:])>>11 | 1 // scripts of the page count no further
}

// fileEvent tells what became of a transfer.
func (c *Call) fileEvent(e files.Event) {
	f := c.file(e.Transfer)
	switch e.State {
	case files.Offered:
		c.events.post(FileOffered{f})
	case files.Moving:
		c.events.post(FileProgress{f})
	case files.Done:
		c.events.post(FileDone{f})
	case files.Failed:
		c.events.post(FileFailed{f})
	}
}

// SendFile offers a file to one person, or with "" to everybody who is here. The error
// is of a file that cannot be sent, or of a person who is not here.
func (c *Call) SendFile(path string, to signal.PeerID) error {
	_, err := c.OfferFile(path, to)
	return err
}

// OfferFile is SendFile, and returns what [FileOffered] will tell of each person.
func (c *Call) OfferFile(path string, to signal.PeerID) ([]FileOffered, error) {
	v := c.View()
	var peers []signal.PeerID
	for i := range v.Peers {
		if to == "" || v.Peers[i].ID == to {
			peers = append(peers, v.Peers[i].ID)
		}
	}
	offered, err := c.files.Offer(path, peers)
	var all []FileOffered
	for _, t := range offered {
		all = append(all, FileOffered{c.file(t)})
	}
	return all, err
}

// AcceptFile takes an offered file into a folder, or with "" into the one of the
// settings.
func (c *Call) AcceptFile(id int, dir string) error { return c.files.Accept(id, dir) }

// StopFile refuses an offered file, takes back one of ours, or stops one that is under
// way.
func (c *Call) StopFile(id int) error { return c.files.Stop(id) }

// Files are all that are offered or under way, and those that ended last, oldest first.
func (c *Call) Files() []File {
	list := c.files.List()
	all := make([]File, len(list))
	for i, t := range list {
		all[i] = c.file(t)
	}
	return all
}

// file is a transfer with the name of the other person.
func (c *Call) file(t files.Transfer) File {
	name := nameOf(c.mesh, t.Peer)
	if name == string(t.Peer) {
		name = t.Person // they have left
	}
	return File{rtc.Who{Peer: t.Peer, Name: name}, t}
}

// fileChannel is the channel of files. It implements [channelUser].
type fileChannel struct{ *files.Files }

func (f fileChannel) opened(peer signal.PeerID, _ signal.Epoch)            { f.Opened(peer) }
func (f fileChannel) closed(peer signal.PeerID, _ signal.Epoch)            { f.Closed(peer) }
func (f fileChannel) drained(peer signal.PeerID, _ signal.Epoch)           { f.Drained(peer) }
func (f fileChannel) message(peer signal.PeerID, _ signal.Epoch, b []byte) { f.Message(peer, b) }
