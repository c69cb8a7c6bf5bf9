package files

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/meet-term/meet/signal"
)

// incoming is what is needed to receive a file.
type incoming struct {
	dir   string
	temp  string
	file  *os.File
	hash  hash.Hash
	acked int64 // last told
	at    time.Time
}

const (
	// An acknowledgement follows so many bytes, or so much time.
	ackBytes = 64 << 10
	ackTime  = 10 * time.Millisecond
)

func (in *incoming) close(remove bool) {
	if in.file == nil {
		return
	}
	in.file.Close()
	in.file = nil
	if remove {
		_ = os.Remove(in.temp) // what remains is a file of ours in the person's folder
	}
}

// offered takes an offer: a new one, or the reminder after a cut.
func (f *Files) offered(now time.Time, peer signal.PeerID, w words) {
	if t := f.wired(peer, false, w.ID); t != nil {
		f.reminded(t, w)
		return
	}
	n := 0
	for _, t := range f.all {
		if t.Peer == peer && !t.Mine && !t.ended() {
			n++
		}
	}
	if n >= maxOffers {
		_ = f.cfg.Send(peer, encode(words{File: wordStop, ID: w.ID, Why: "too many files at once"}))
		return
	}
	f.lane(now, peer).open = true // something came
	t := &transfer{wire: w.ID, in: &incoming{}}
	t.Transfer = Transfer{ID: f.number(), Peer: peer, Person: f.cfg.Name(peer), Name: CleanName(w.Name), Size: w.Size, State: Offered}
	f.add(t)
	f.event(now, t)
	if f.cfg.Accept {
		if left, ok := free(f.cfg.Into); ok && left < t.Size {
			f.say(t, words{File: wordStop, Why: "there is no room for it"})
			f.fail(now, t, "there is no room for it")
			return
		}
		f.accept(now, t.ID, f.cfg.Into)
	}
}

// reminded answers an offer that was made before, over a connection that is gone.
func (f *Files) reminded(t *transfer, w words) {
	switch {
	case t.Size != w.Size:
		f.say(t, words{File: wordStop, Why: "that is another file"})
	case t.State == Moving:
		t.in.acked = t.Bytes
		f.say(t, words{File: wordAccept, Offset: t.Bytes})
	case t.State == Done:
		f.say(t, words{File: wordDone})
	case t.State == Failed:
		f.say(t, words{File: wordStop, Why: t.Error})
	}
}

// accept begins to receive.
func (f *Files) accept(now time.Time, id int, dir string) {
	for _, t := range f.all {
		if t.ID != id || t.Mine || t.State != Offered {
			continue
		}
		in := t.in
		in.dir, in.temp, in.hash = dir, filepath.Join(dir, ".meet-"+rand.Text()+".part"), sha256.New()
		file, err := os.OpenFile(in.temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if err != nil {
			f.refuse(now, t, fmt.Errorf("make the file: %w", err))
			return
		}
		in.file = file
		t.State = Moving
		f.event(now, t)
		f.say(t, words{File: wordAccept})
	}
}

// refuse ends a transfer for a reason of this machine, which is not the sender's affair.
func (f *Files) refuse(now time.Time, t *transfer, err error) {
	why := "it could not be written"
	if errors.Is(err, syscall.ENOSPC) {
		why = "the disk is full"
	}
	f.say(t, words{File: wordStop, Why: why})
	f.fail(now, t, err.Error())
}

// received writes what came.
func (f *Files) received(now time.Time, t *transfer, p packet) {
	in := t.in
	switch {
	case t.State != Moving || p.offset < t.Bytes:
		return // not asked for, or here already
	case p.offset > t.Bytes || int64(len(p.data)) > t.Size-t.Bytes:
		f.say(t, words{File: wordStop, Why: "it came in the wrong order"})
		f.fail(now, t, t.Person+" sent what does not belong together")
		return
	}
	if _, err := in.file.Write(p.data); err != nil {
		f.refuse(now, t, fmt.Errorf("write the file: %w", err))
		return
	}
	in.hash.Write(p.data)
	t.Bytes += int64(len(p.data))
	if t.Bytes-in.acked >= ackBytes || now.Sub(in.at) >= ackTime || t.Bytes == t.Size {
		ack := packet{kind: typeAck, id: t.wire, offset: t.Bytes, stamp: p.stamp}
		if f.cfg.Send(t.Peer, ack.append(nil)) == nil {
			in.acked, in.at = t.Bytes, now
		}
	}
	f.progress(now, t)
}

// complete compares what came with what was sent, and gives the file its name.
func (f *Files) complete(now time.Time, t *transfer, sum string) {
	in := t.in
	if t.State != Moving {
		return
	}
	t.SHA256 = hex.EncodeToString(in.hash.Sum(nil))
	if t.Bytes != t.Size || t.SHA256 != sum {
		f.say(t, words{File: wordStop, Why: "it did not arrive as it was sent"})
		f.fail(now, t, "it did not arrive as it was sent")
		return
	}
	err := errors.Join(in.file.Sync(), in.file.Close())
	if err == nil {
		t.Path, err = place(in.temp, in.dir, t.Name)
	}
	if err != nil {
		f.refuse(now, t, err)
		return
	}
	in.file = nil
	t.State = Done
	f.say(t, words{File: wordDone})
	f.event(now, t)
}

// Bytes is a size for people.
func Bytes(n int64) string {
	const k = 1000
	switch {
	case n < k:
		return fmt.Sprintf("%d B", n)
	case n < k*k:
		return fmt.Sprintf("%.0f kB", float64(n)/k)
	case n < k*k*k:
		return fmt.Sprintf("%.1f MB", float64(n)/k/k)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/k/k/k)
}
