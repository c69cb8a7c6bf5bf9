package jitter

// history is how many played samples a queue keeps: the longest pitch period
// and the window to compare it over fit in.
const history = 1024

// queue holds decoded samples that wait to be played, and the last played ones
// before them, which concealment and stretching look back at.
type queue struct {
	buf  []float32
	head int // first sample not yet played
}

func (q *queue) pending() int { return len(q.buf) - q.head }

// silent reports whether all that waits is silence.
func (q *queue) silent() bool {
	for _, s := range q.buf[q.head:] {
		if s != 0 {
			return false
		}
	}
	return true
}

// tail returns everything held, and where in it the waiting samples begin.
func (q *queue) tail() ([]float32, int) { return q.buf, q.head }

func (q *queue) read(dst []float32) {
	q.head += copy(dst, q.buf[q.head:])
	if drop := q.head - history; drop >= 8*history {
		q.buf = q.buf[:copy(q.buf, q.buf[drop:])]
		q.head -= drop
	}
}

// grow appends n samples of silence and returns them to be filled in.
func (q *queue) grow(n int) []float32 {
	at := len(q.buf)
	if cap(q.buf) < at+n {
		q.buf = append(make([]float32, 0, 2*(at+n)+16*history), q.buf...)
	}
	q.buf = q.buf[:at+n]
	clear(q.buf[at:])
	return q.buf[at:]
}

// shrink takes back the last n samples.
func (q *queue) shrink(n int) { q.buf = q.buf[:len(q.buf)-n] }
