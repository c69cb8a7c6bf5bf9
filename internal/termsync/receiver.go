package termsync

import (
	"errors"
	"time"

	"github.com/meet-term/meet/internal/term"
)

// Receiver looks at one terminal of somebody else. It is owned by one goroutine.
type Receiver struct {
	id       byte
	viewer   uint32 // instance: another one is another viewer
	instance uint16 // of the terminal, once known
	known    bool

	states  []*frame // that are whole, the newest last
	partial []*partial
	seen    uint32 // the highest number seen

	ackDue  time.Time // zero: nothing to confirm
	ackedAt time.Time
	newAt   time.Time // when the newest came
	missing bool

	keys     []Key // that were not confirmed
	first    uint32
	typedAt  time.Time // when keys were last sent
	newKeys  bool
	trip     time.Duration
	sentKey  time.Time // when the key that measures was sent
	measured uint32

	past  *past
	wants []Want
	asked time.Time
}

// partial is a state of which parts are missing.
type partial struct {
	frame
	base  uint32
	parts uint8
	have  uint64
}

// NewReceiver looks at the terminal id of a peer. viewer must differ from that of
// whoever looked before, a random number.
func NewReceiver(id byte, viewer uint32) *Receiver {
	return &Receiver{id: id, viewer: viewer, first: 1, past: newPast()}
}

func (r *Receiver) newest() *frame {
	if len(r.states) == 0 {
		return nil
	}
	return r.states[len(r.states)-1]
}

// Snapshot is the newest state, or nil before the first. Text of the lines is clean.
func (r *Receiver) Snapshot() *term.Snapshot {
	if f := r.newest(); f != nil {
		return f.snapshot()
	}
	return nil
}

// Line is a line of the past by its number, as far as it is known here: it is asked
// for otherwise.
func (r *Receiver) Line(n uint64) ([]term.Cell, bool) { return r.past.line(n) }

// Look asks for lines of the past that are not known here.
func (r *Receiver) Look(first uint64, count int) {
	r.wants = r.wants[:0]
	for n := first; n < first+uint64(min(count, 2*maxLines)); n++ {
		if _, ok := r.past.line(n); ok {
			continue
		}
		if k := len(r.wants) - 1; k >= 0 && r.wants[k].First+uint64(r.wants[k].Count) == n && r.wants[k].Count < maxLines {
			r.wants[k].Count++
		} else if k < 3 {
			r.wants = append(r.wants, Want{n, 1})
		}
	}
}

// Type sends keys, and reports whether there was room: too many wait otherwise.
func (r *Receiver) Type(keys ...Key) bool {
	size := 0
	for _, k := range r.keys {
		size += len(k.Text) + 4
	}
	for _, k := range keys {
		size += len(k.Text) + 4
		if k.Name >= names || k.Mods&^mods != 0 || k.Name <= Paste && (len(k.Text) > MaxPaste || !typable(k.Text, k.Name == Paste)) {
			return false
		}
	}
	if len(r.keys)+len(keys) > MaxKeys || size > maxKeyBytes {
		return false
	}
	r.keys = append(r.keys, keys...)
	r.newKeys = len(r.keys) > 0
	return true
}

// Forget drops the keys that were not confirmed: who typed may no more.
func (r *Receiver) Forget() {
	r.first += uint32(len(r.keys))
	r.keys, r.newKeys = nil, false
	// The numbers go on only if the other side hears of them; as a new viewer the
	// next key is number one again.
	r.viewer++
	r.first = 1
}

// Unconfirmed is how many keys are on their way.
func (r *Receiver) Unconfirmed() int { return len(r.keys) }

// Trip is the round trip of keys; 0 is unknown.
func (r *Receiver) Trip() time.Duration { return r.trip }

// Healed says that the path carries again after a cut, or that the connection was
// replaced: what we have is told at once.
func (r *Receiver) Healed(now time.Time) {
	r.ackDue, r.typedAt, r.asked = now, time.Time{}, time.Time{}
}

var errUnasked = errors.New("nobody asked for these lines")

// Take takes a message of the sharer, and reports whether there is something new to
// see.
func (r *Receiver) Take(now time.Time, b []byte) (changed bool, err error) {
	m := &reader{b: b}
	kind, id, instance := m.byte(), m.byte(), m.uint16()
	if m.err != nil || id != r.id {
		return false, m.err
	}
	if !r.known || instance != r.instance {
		if kind != kindState {
			return false, nil
		}
		if r.known { // what we had and typed is of another terminal
			*r = Receiver{id: r.id, viewer: r.viewer + 1, first: 1, past: newPast()}
		}
		r.instance, r.known = instance, true
	}
	switch kind {
	case kindState:
		return r.state(now, m)
	case kindLines:
		return r.lines(m)
	}
	return false, errValue
}

func (r *Receiver) state(now time.Time, m *reader) (bool, error) {
	n := uint32(m.number(1<<32 - 1))
	back := uint32(m.number(uint64(n)))
	part, parts := m.byte(), m.byte()
	deflated := m.byte()
	echo := uint32(m.number(1<<32 - 1))
	if m.err != nil {
		return false, m.err
	}
	if n == 0 || parts == 0 || parts > maxParts || part >= parts || deflated > 1 {
		return false, errValue
	}
	r.confirm(now, echo)
	have := r.newest()
	if have != nil && n <= have.number {
		if now.Sub(r.ackedAt) > ackEvery && n < have.number { // it seems not to know what we have
			r.due(now)
		}
		return false, nil
	}
	r.seen = max(r.seen, n)
	var base *frame
	if back > 0 {
		if base = r.find(n - back); base == nil {
			if !r.missing {
				r.missing, r.ackDue = true, now
			}
			return false, nil
		}
	}
	body, err := unpack(m.b, deflated == 1)
	if err != nil {
		return false, err
	}
	whole, err := r.part(n, base, part, parts, body)
	if err != nil || whole == nil {
		return false, err
	}
	r.store(now, whole)
	return true, nil
}

func (r *Receiver) find(n uint32) *frame {
	for _, f := range r.states {
		if f.number == n {
			return f
		}
	}
	return nil
}

// part takes one part of a state and returns the whole if it was the last.
func (r *Receiver) part(n uint32, base *frame, part, parts byte, body []byte) (*frame, error) {
	m := &reader{b: body}
	head, move, err := readHead(m, base)
	if err != nil {
		return nil, err
	}
	var p *partial
	for _, q := range r.partial {
		if q.number == n {
			p = q
		}
	}
	if p == nil {
		p = &partial{frame: head, parts: parts}
		p.number = n
		if base == nil {
			p.lines = blank(head.cols, head.rows()).lines
		} else {
			p.base = base.number
			p.lines = move.apply(base.lines, base.cols)
		}
		if r.partial = append(r.partial, p); len(r.partial) > 4 {
			r.partial = r.partial[1:]
		}
	}
	if p.parts != parts || p.cols != head.cols || p.rows() != head.rows() || base != nil && p.base != base.number || base == nil && p.base != 0 {
		return nil, errValue
	}
	if p.have&(1<<part) != 0 {
		return nil, nil
	}
	lines := append([][]term.Cell(nil), p.lines...)
	readRuns(m, lines, p.cols)
	if m.err != nil {
		return nil, m.err
	}
	p.lines = lines
	p.have |= 1 << part
	if p.have != 1<<parts-1 && (parts < 64 || p.have != ^uint64(0)) {
		return nil, nil
	}
	f := p.frame
	return &f, nil
}

// readHead reads the head of a state against the one it is told by.
func readHead(m *reader, base *frame) (f frame, move shift, err error) {
	flags := m.byte()
	f.cols = m.int(term.MaxCols)
	rows := m.int(term.MaxRows)
	if m.err == nil && (f.cols < 1 || rows < 1 || base != nil && (base.cols != f.cols || base.rows() != rows) || flags>>headShape > 6 || flags&8 != 0) {
		m.fail(errValue)
	}
	if m.err != nil {
		return f, move, m.err
	}
	f.lines = make([][]term.Cell, rows)
	f.x, f.y = m.int(f.cols-1), m.int(rows-1)
	f.hidden, f.other, f.shape = flags&headHidden != 0, flags&headOther != 0, flags>>headShape
	f.scrolled = m.number(1 << 62)
	if flags&headMoved != 0 {
		move.top = m.int(rows - 1)
		move.bottom = m.int(rows - 1)
		by := m.int(2*rows + 1)
		if move.by = by >> 1; by&1 != 0 {
			move.by = -move.by
		}
		if move.bottom < move.top || base == nil {
			m.fail(errValue)
		}
	}
	return f, move, m.err
}

// store keeps a new state, and what left at its top.
func (r *Receiver) store(now time.Time, f *frame) {
	if old := r.newest(); old != nil {
		r.past.follow(old, f)
	}
	r.states = append(r.states, f)
	if most := kept(f.cols, f.rows()); len(r.states) > most {
		r.states = append([]*frame(nil), r.states[len(r.states)-most:]...)
	}
	var partial []*partial
	for _, p := range r.partial {
		if p.number > f.number {
			partial = append(partial, p)
		}
	}
	r.partial = partial
	r.missing = false
	r.newAt = now
	r.due(now)
}

// due has what we have confirmed, at once after a rest and else not too often.
func (r *Receiver) due(now time.Time) {
	at := r.ackedAt.Add(ackEvery)
	if at.Before(now) {
		at = now
	}
	if r.ackDue.IsZero() || at.Before(r.ackDue) {
		r.ackDue = at
	}
}

// confirm drops the keys that the sharer took.
func (r *Receiver) confirm(now time.Time, echo uint32) {
	if echo < r.first || echo-r.first >= uint32(len(r.keys)) {
		return
	}
	if echo >= r.measured && !r.sentKey.IsZero() {
		r.trip = now.Sub(r.sentKey)
		r.sentKey = time.Time{}
	}
	r.keys = append([]Key(nil), r.keys[echo-r.first+1:]...)
	r.first = echo + 1
}

// Poll returns what is to be sent now, and when to ask again at the latest.
func (r *Receiver) Poll(now time.Time) (messages [][]byte, wake time.Time) {
	wake = r.ackedAt.Add(r.rest())
	again := r.typedAt.Add(r.patience())
	send := r.newKeys || !now.Before(wake) || !r.ackDue.IsZero() && !now.Before(r.ackDue) || len(r.keys) > 0 && !now.Before(again)
	if send {
		messages = append(messages, r.ack(now))
		again, wake = r.typedAt.Add(r.patience()), r.ackedAt.Add(r.rest())
	}
	if !r.ackDue.IsZero() && r.ackDue.Before(wake) {
		wake = r.ackDue
	}
	if len(r.keys) > 0 && again.Before(wake) {
		wake = again
	}
	if len(r.wants) > 0 && r.known {
		if next := r.asked.Add(askAgain); !now.Before(next) {
			for _, w := range r.wants {
				m := []byte{kindWant, r.id, byte(r.instance >> 8), byte(r.instance)}
				messages = append(messages, number(number(m, w.First), w.Count))
			}
			r.asked = now
		}
		if next := r.asked.Add(askAgain); next.Before(wake) {
			wake = next
		}
	}
	return messages, wake
}

// rest is how long nothing need be said: less until the first state came.
func (r *Receiver) rest() time.Duration {
	if len(r.states) == 0 {
		return askAgain
	}
	return refresh
}

// patience is how long keys wait for their confirmation before they are sent again.
func (r *Receiver) patience() time.Duration {
	if r.trip == 0 {
		return firstTrip
	}
	return r.trip + 20*time.Millisecond
}

// ack makes a confirmation, with all keys that wait for theirs.
func (r *Receiver) ack(now time.Time) []byte {
	m := []byte{kindAck, r.id, byte(r.instance >> 8), byte(r.instance)}
	m = number(m, r.viewer)
	have, held := uint32(0), time.Duration(0)
	if f := r.newest(); f != nil {
		have, held = f.number, min(now.Sub(r.newAt), time.Minute)
	}
	m = number(m, have)
	m = number(m, int(held/time.Millisecond))
	m = append(m, flagOf(r.missing))
	m = appendKeys(m, r.first, r.keys)
	if len(r.keys) > 0 {
		if r.newKeys && r.sentKey.IsZero() {
			r.sentKey, r.measured = now, r.first+uint32(len(r.keys))-1
		}
		r.typedAt = now
	}
	r.newKeys, r.missing = false, false
	r.ackDue, r.ackedAt = time.Time{}, now
	return m
}
