package termsync

import (
	"time"

	"github.com/meet-term/meet/internal/term"
)

// Sender brings the states of one terminal to one viewer. It is owned by one
// goroutine.
type Sender struct {
	id       byte
	instance uint16 // of the terminal: another one is another terminal
	viewer   uint32 // instance of the viewer; another one has nothing yet
	limit    float64

	newest  *frame // as the terminal shows it; nil before the first
	pending bool   // it differs from what was sent last
	sent    []sentFrame
	last    uint32 // number of the newest sent
	acked   uint32 // newest that the viewer has whole; 0: nothing
	lost    time.Time
	forgive time.Duration // after which no further loss is expected
	again   int           // how often the newest was sent again in a row

	sentAt    time.Time
	sentSize  int
	interval  time.Duration
	trip      time.Duration // smoothed; 0: unknown
	best      time.Duration // the shortest of late
	bestAt    time.Time
	adjusted  time.Time
	late      int     // measurements in a row that tell of a queue
	allowance float64 // bytes
	filled    time.Time
	lookedAt  time.Time // the viewer's last word

	keys   uint32 // the last key taken
	echo   bool   // and it is to be confirmed
	answer [][]byte
	pack   deflater
}

type sentFrame struct {
	*frame
	at time.Time
}

// NewSender makes one for a terminal, of which instance tells those with the same id
// apart (not 0), and limit is how many bytes a second it may use (0: 300,000).
func NewSender(id byte, instance uint16, limit int) *Sender {
	if limit <= 0 {
		limit = 300_000
	}
	return &Sender{id: id, instance: instance, limit: float64(limit), interval: tick}
}

// Show gives the newest state of the terminal.
func (s *Sender) Show(snap *term.Snapshot) {
	f := newFrame(snap)
	if s.newest != nil && s.newest.same(f) {
		return
	}
	s.newest, s.pending, s.again = f, true, 0
}

// Reset says that what is under way is lost, and the round trip another: the
// connection was replaced.
func (s *Sender) Reset(now time.Time) {
	s.trip, s.best, s.interval, s.again = 0, 0, tick, 0
	s.lose(now)
	s.sentAt = time.Time{}
	s.pending = s.newest != nil
}

// Healed says that the path carries again after a cut: what it may have swallowed is
// sent now.
func (s *Sender) Healed(now time.Time) {
	s.lose(now)
	s.again = 0
	if !s.lookedAt.IsZero() {
		s.lookedAt = now // it could not say so
	}
	if s.newest != nil && s.last != s.acked {
		s.pending, s.sentAt = true, time.Time{}
	}
}

// lose notes that something was lost. Who was too hopeful after the last time hopes
// later.
func (s *Sender) lose(now time.Time) {
	switch since := now.Sub(s.lost); {
	case s.lost.IsZero() || since > 4*s.forgive:
		s.forgive = forgive
	case since > s.forgive:
		s.forgive = min(2*s.forgive, 32*forgive)
	}
	s.lost = now
}

// Looks reports whether the viewer still does.
func (s *Sender) Looks(now time.Time) bool {
	return !s.lookedAt.IsZero() && now.Sub(s.lookedAt) < lease
}

// Trip is the measured round trip; 0 is unknown.
func (s *Sender) Trip() time.Duration { return s.trip }

// Keys is what a viewer typed, and Want the lines of the past that it asks for.
type (
	Keys []Key
	Want struct {
		First uint64
		Count int
	}
)

// Take takes a message of the viewer and returns the keys in it that are new and the
// lines it wants, if any.
func (s *Sender) Take(now time.Time, b []byte) (Keys, *Want, error) {
	r := &reader{b: b}
	kind, id, instance := r.byte(), r.byte(), r.uint16()
	if r.err != nil || id != s.id {
		return nil, nil, r.err
	}
	if instance != s.instance && (instance != 0 || kind != kindAck) {
		// It is about a terminal that is no more; but it looks.
		if s.viewer != 0 || !s.Looks(now) {
			s.viewer, s.acked, s.keys, s.sent = 0, 0, 0, nil
			s.pending = s.newest != nil
		}
		s.lookedAt = now
		return nil, nil, nil
	}
	switch kind {
	case kindAck:
		keys, err := s.ack(now, r)
		return keys, nil, err
	case kindWant:
		w := &Want{First: r.number(1 << 62), Count: r.int(maxLines)}
		if r.err != nil || !s.Looks(now) {
			return nil, nil, r.err
		}
		return nil, w, nil
	}
	return nil, nil, errValue
}

// ack takes what the viewer has.
func (s *Sender) ack(now time.Time, r *reader) (Keys, error) {
	viewer := uint32(r.number(1<<32 - 1))
	have := uint32(r.number(1<<32 - 1))
	held := time.Duration(r.number(60_000)) * time.Millisecond
	missing := r.byte() != 0
	first, keys := readKeys(r)
	if r.err != nil {
		return nil, r.err
	}
	if have > s.last {
		return nil, errValue // never sent
	}
	if viewer != s.viewer { // started anew: it has nothing, and its keys begin at 1
		s.viewer, s.acked, s.keys, s.sent = viewer, 0, 0, nil
		s.pending, s.sentAt = s.newest != nil, time.Time{}
	}
	if !s.Looks(now) && s.newest != nil && s.last != s.acked {
		s.pending, s.sentAt = true, time.Time{} // it looks again
	}
	s.lookedAt = now
	if missing {
		s.lose(now)
		s.pending = s.newest != nil
		if have < s.acked && !s.has(s.acked) {
			s.acked = have
		}
	}
	if have > s.acked || have == 0 && s.acked == 0 {
		s.confirmed(now, have, held)
	}
	return s.fresh(first, keys), nil
}

func (s *Sender) has(n uint32) bool { return s.find(n) != nil }

func (s *Sender) find(n uint32) *frame {
	for i := range s.sent {
		if s.sent[i].number == n {
			return s.sent[i].frame
		}
	}
	return nil
}

// confirmed notes that the viewer has a state, and measures the round trip by it.
func (s *Sender) confirmed(now time.Time, n uint32, held time.Duration) {
	s.acked = n
	for i := range s.sent {
		if s.sent[i].number == n {
			s.measure(now, now.Sub(s.sent[i].at)-held)
			s.sent = s.sent[i:]
			break
		}
	}
	if n == s.last {
		s.again = 0
	}
}

// measure follows the round trip: longer than the best of late by a queue's worth,
// it halves the rate; after a while without that, the rate doubles.
func (s *Sender) measure(now time.Time, trip time.Duration) {
	trip = min(max(trip, 0), 10*time.Second)
	if s.best == 0 || trip <= s.best || now.Sub(s.bestAt) > 10*time.Second {
		s.best, s.bestAt = max(trip, time.Millisecond), now
	}
	if s.trip == 0 {
		s.trip = max(trip, time.Millisecond)
	}
	s.trip = max((7*s.trip+trip)/8, time.Millisecond)
	if trip <= s.best+queueing {
		s.late = 0
	} else {
		s.late++ // one may be late because what it answers was lost at first
	}
	switch {
	case s.late >= 3 && now.Sub(s.adjusted) > s.trip:
		s.interval, s.adjusted, s.late = min(2*s.interval, slowest), now, 0
	case s.late == 0 && now.Sub(s.adjusted) > 500*time.Millisecond:
		s.interval, s.adjusted = max(s.interval/2, tick), now
	}
}

// pace is how long after the last state the next may go.
func (s *Sender) pace() time.Duration {
	if s.sentSize > MaxPacket { // large ones come at most twice in a round trip
		return max(s.interval, min(s.trip/2, slowest))
	}
	return s.interval
}

// retry is how long a state may go unconfirmed.
func (s *Sender) retry() time.Duration {
	trip := s.trip
	if trip == 0 {
		trip = firstTrip
	}
	return (trip + ackEvery + 20*time.Millisecond) << min(s.again, 2)
}

// Poll returns what is to be sent now, given how many bytes wait in the channel
// already, and when to ask again at the latest (zero: when something happens).
func (s *Sender) Poll(now time.Time, waiting int) (messages [][]byte, wake time.Time) {
	messages, s.answer = s.answer, nil
	if s.newest == nil || !s.Looks(now) {
		return messages, time.Time{}
	}
	s.fill(now)
	if !s.pending && !s.echo {
		if s.last == s.acked {
			return messages, time.Time{}
		}
		due := s.sentAt.Add(s.retry())
		if now.Before(due) {
			return messages, due
		}
		s.lose(now)
		s.pending = true
		s.again++
	}
	due := s.sentAt.Add(s.pace())
	if waiting > 8<<10 { // the path does not keep up, or was cut: only try
		due = s.sentAt.Add(max(slowest, s.pace()))
	}
	if s.allowance < 0 {
		if ready := now.Add(time.Duration(-s.allowance / s.limit * float64(time.Second))); ready.After(due) {
			due = ready
		}
	}
	if now.Before(due) {
		return messages, due
	}
	messages = append(messages, s.state(now)...)
	return messages, now.Add(min(s.retry(), s.pace()))
}

// fill gives bytes for the time that passed: of a fifth of a second at most.
func (s *Sender) fill(now time.Time) {
	if s.filled.IsZero() {
		s.allowance = s.limit / 5
	}
	s.allowance = min(s.limit/5, s.allowance+s.limit*now.Sub(s.filled).Seconds())
	s.filled = now
}

// base is the state that the next one is told against: the newest sent, which is
// assumed to have arrived, or after a loss the newest that is known to have.
func (s *Sender) base(now time.Time) *frame {
	n := s.last
	if !s.lost.IsZero() && now.Sub(s.lost) < s.forgive || s.again > 0 {
		n = s.acked
	}
	if f := s.find(n); f != nil {
		return f
	}
	return s.find(s.acked)
}

// state makes the messages of the newest state.
func (s *Sender) state(now time.Time) [][]byte {
	to := *s.newest
	from := s.base(now)
	full := from == nil || from.cols != to.cols || from.rows() != to.rows()
	if full {
		from = blank(to.cols, to.rows())
	}
	s.last++
	to.number = s.last
	bodies := s.bodies(from, &to)
	var messages [][]byte
	s.sentSize = 0
	for i, body := range bodies {
		m := []byte{kindState, s.id, byte(s.instance >> 8), byte(s.instance)}
		m = number(m, to.number)
		if full {
			m = number(m, 0)
		} else {
			m = number(m, to.number-from.number)
		}
		m = append(m, byte(i), byte(len(bodies)), flagOf(body.deflated))
		m = number(m, s.keys)
		m = append(m, body.b...)
		s.sentSize += len(m)
		messages = append(messages, m)
	}
	s.sent = append(s.sent, sentFrame{&to, now})
	if most := kept(to.cols, to.rows()); len(s.sent) > most {
		// The one that is confirmed stays: it is all there is to fall back on.
		keep := s.sent[len(s.sent)-most:]
		if f := s.sent[0]; f.number == s.acked {
			keep[0] = f
		}
		s.sent = keep
	}
	s.allowance -= float64(s.sentSize)
	s.sentAt, s.pending, s.echo = now, false, false
	return messages
}

func flagOf(deflated bool) byte {
	if deflated {
		return 1
	}
	return 0
}

// kept is how many states of a size are remembered.
func kept(cols, rows int) int {
	if cols*rows > largeCells {
		return keptLarge
	}
	return keptStates
}

type body struct {
	b        []byte
	deflated bool
}

// bodies makes the parts of a state, each small enough for a packet where that is
// possible: bands of rows.
func (s *Sender) bodies(from, to *frame) (all []body) {
	move := findShift(from, to)
	lines := move.apply(from.lines, from.cols)
	head := appendHead(nil, to, move)
	var cut func(top, bottom, room int)
	cut = func(top, bottom, room int) {
		w := runs{b: append([]byte(nil), head...)}
		for y := top; y < bottom; y++ {
			if !sameLine(lines[y], to.lines[y]) {
				w.line(y, lines[y], to.lines[y])
			}
		}
		if len(w.b) == len(head) && len(all) > 0 {
			return // nothing in this band
		}
		packed, deflated := s.pack.pack(w.b)
		if len(packed) > MaxPacket-24 && bottom-top > 1 && room > 1 {
			middle := (top + bottom) / 2
			cut(top, middle, room/2)
			cut(middle, bottom, room-room/2)
			return
		}
		all = append(all, body{append([]byte(nil), packed...), deflated})
	}
	cut(0, to.rows(), maxParts)
	return all
}

// The flags of the head of a state.
const (
	headHidden byte = 1 << iota
	headOther
	headMoved
	headShape = 4 // bits from here on: the shape of the cursor
)

func appendHead(b []byte, f *frame, move shift) []byte {
	flags := f.shape << headShape
	if f.hidden {
		flags |= headHidden
	}
	if f.other {
		flags |= headOther
	}
	if move.by != 0 {
		flags |= headMoved
	}
	b = append(b, flags)
	for _, n := range []int{f.cols, f.rows(), f.x, f.y} {
		b = number(b, n)
	}
	b = number(b, f.scrolled)
	if move.by != 0 {
		b = number(b, move.top)
		b = number(b, move.bottom)
		by := uint64(move.by) << 1
		if move.by < 0 {
			by = uint64(-move.by)<<1 | 1
		}
		b = number(b, by)
	}
	return b
}

// Room reports whether lines of the past may be sent now: the present goes first.
func (s *Sender) Room(now time.Time) bool {
	s.fill(now)
	return s.allowance > 0 && len(s.answer) == 0
}

// Lines answers a [Want], if there is [Sender.Room]: lines of the past from number first on.
func (s *Sender) Lines(first uint64, lines [][]term.Cell) {
	for len(lines) > 0 && len(s.answer) < maxLines {
		n := min(len(lines), 25)
		for {
			w := runs{}
			for y, line := range lines[:n] {
				w.line(y, nil, line)
			}
			packed, deflated := s.pack.pack(w.b)
			if len(packed) > MaxPacket-24 && n > 1 {
				n /= 2
				continue
			}
			m := []byte{kindLines, s.id, byte(s.instance >> 8), byte(s.instance), flagOf(deflated)}
			m = number(m, first)
			m = number(m, n)
			m = number(m, max(1, len(lines[0])))
			s.answer = append(s.answer, append(m, packed...))
			s.allowance -= float64(len(packed))
			break
		}
		first, lines = first+uint64(n), lines[n:]
	}
}
