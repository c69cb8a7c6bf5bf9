package files

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"os"
	"time"

	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/signal"
)

// lane is the way to one peer: one file at a time, in the order in which they were
// accepted.
type lane struct {
	open  bool
	pace  *pacer
	began time.Time // of the stamps
}

// outgoing is what is needed to send a file.
type outgoing struct {
	modified time.Time
	file     *os.File
	offset   int64 // that is sent next
	hash     hash.Hash
	hashed   int64 // the hash has everything before
	going    bool  // the receiver said where to go on, on this connection
	ended    bool  // everything was sent on this connection
}

func (o *outgoing) close() {
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}

func encode(w words) []byte {
	b, err := json.Marshal(w)
	if err != nil {
		return nil // texts and numbers: cannot happen
	}
	return b
}

func (f *Files) lane(now time.Time, peer signal.PeerID) *lane {
	if f.lanes[peer] == nil {
		f.lanes[peer] = &lane{pace: newPacer(now), began: now}
	}
	return f.lanes[peer]
}

// opened offers again what is not over: the receiver answers with where to go on.
func (f *Files) opened(now time.Time, peer signal.PeerID) {
	l := f.lane(now, peer)
	l.open = true
	l.pace.renew(now)
	for _, t := range f.all {
		if t.Peer == peer && t.Mine && !t.ended() {
			t.out.going, t.out.ended = false, false
			f.say(t, words{File: wordOffer, Name: t.Name, Size: t.Size})
		}
	}
}

// offer begins a transfer of ours.
func (f *Files) offer(now time.Time, t *transfer) {
	f.add(t)
	f.event(now, t)
	f.say(t, words{File: wordOffer, Name: t.Name, Size: t.Size})
}

// accepted begins to send, or goes on.
func (f *Files) accepted(now time.Time, t *transfer, offset int64) {
	o := t.out
	if o.going {
		return // said twice
	}
	if o.file == nil {
		file, err := os.Open(t.Path)
		if err != nil {
			f.withdraw(now, t, "it can no longer be read")
			return
		}
		o.file, o.hash, o.hashed = file, sha256.New(), 0
	}
	if offset > o.hashed {
		f.withdraw(now, t, t.Person+" has more of it than was sent")
		return
	}
	o.offset, o.going, o.ended = offset, true, false
	t.State, t.Bytes = Moving, offset
	f.event(now, t)
}

// withdraw ends a transfer of ours that cannot go on.
func (f *Files) withdraw(now time.Time, t *transfer, why string) {
	f.say(t, words{File: wordWithdraw, Why: why})
	f.fail(now, t, why)
}

// pump sends to a peer what may be sent now, and returns when to look again; zero
// if something else tells.
func (f *Files) pump(now time.Time, peer signal.PeerID, l *lane) time.Time {
	if !l.open {
		return time.Time{}
	}
	l.pace.quiet(now)
	for _, t := range f.all {
		if t.Peer != peer || !t.Mine || t.State != Moving || !t.out.going || t.out.ended {
			continue
		}
		o := t.out
		for o.offset < t.Size {
			n := int(min(int64(l.pace.chunk()), t.Size-o.offset))
			if o.offset-t.Bytes+int64(n)+int64(headSize) > int64(f.cfg.Most) {
				return now.Add(silence) // an acknowledgement comes first
			}
			if !l.pace.allow(now, n) {
				return l.pace.wakeAt(n)
			}
			if sent, ok := f.sendChunk(now, t, l, n); !sent {
				if !ok {
					break // it has failed: the next one
				}
				return now.Add(50 * time.Millisecond) // or when it has drained
			}
		}
		if t.ended() {
			continue
		}
		if !f.sendEnd(now, t) {
			return now.Add(50 * time.Millisecond)
		}
	}
	return now.Add(silence)
}

// sendChunk sends n bytes; ok is false for a file that cannot be read.
func (f *Files) sendChunk(now time.Time, t *transfer, l *lane, n int) (sent, ok bool) {
	o := t.out
	data := make([]byte, n)
	if m, err := o.file.ReadAt(data, o.offset); m < n {
		why := "it could not be read"
		if err == io.EOF {
			why = "it became shorter while it was sent"
		}
		f.withdraw(now, t, why)
		return false, false
	}
	p := packet{kind: typeData, id: t.wire, offset: o.offset, stamp: uint64(now.Sub(l.began).Microseconds()), data: data}
	if f.cfg.Send(t.Peer, p.append(make([]byte, 0, headSize+n))) != nil {
		return false, true
	}
	if end := o.offset + int64(n); end > o.hashed {
		o.hash.Write(data[o.hashed-o.offset:])
		o.hashed = end
	}
	o.offset += int64(n)
	return true, true
}

// sendEnd says that it was all.
func (f *Files) sendEnd(now time.Time, t *transfer) bool {
	o := t.out
	if st, err := o.file.Stat(); err != nil || st.Size() != t.Size || !st.ModTime().Equal(o.modified) {
		f.withdraw(now, t, "it was changed while it was sent")
		return true
	}
	t.SHA256 = hex.EncodeToString(o.hash.Sum(nil))
	o.ended = f.say(t, words{File: wordEnd, SHA256: t.SHA256})
	return o.ended
}

// acked takes the word that bytes have arrived.
func (f *Files) acked(now time.Time, t *transfer, p packet) {
	o, l := t.out, f.lanes[t.Peer]
	if l == nil || !o.going || p.offset > o.offset || p.offset < t.Bytes {
		return // of another connection, or made up
	}
	n := p.offset - t.Bytes
	t.Bytes = p.offset
	sent := l.began.Add(time.Duration(min(p.stamp, 1<<53)) * time.Microsecond)
	if rtt := now.Sub(sent); rtt >= 0 {
		l.pace.acked(now, max(rtt, time.Microsecond), n, t.Bytes < o.offset)
	}
	f.progress(now, t)
}

// arrived is the good end of a transfer of ours.
func (f *Files) arrived(now time.Time, t *transfer) {
	if o := t.out; o.hash == nil || o.hashed < t.Size {
		return // nobody can have all of it
	}
	t.State, t.Bytes = Done, t.Size
	t.close(false)
	f.event(now, t)
}

// whyMax bounds the other side's reason, in runes.
const whyMax = 100

// stopped puts into words that the other side ended it.
func (f *Files) stopped(t *transfer, w words) string {
	name := t.Person
	switch why := safetext.Line(w.Why, whyMax); {
	case why != "":
		return name + " stopped it: " + why
	case t.State == Offered && t.Mine:
		return name + " refused it"
	case t.State == Offered:
		return name + " took it back"
	}
	return name + " stopped it"
}
