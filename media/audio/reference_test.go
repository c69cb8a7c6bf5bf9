package audio

import (
	"testing"

	"github.com/meet-term/meet/media/audio/pcm"
)

// played writes n blocks whose samples are their number.
func played(r *reference, n int) {
	var block [pcm.BlockSamples]float32
	for range n {
		for i := range block {
			block[i] = float32(r.written)
		}
		r.write(block[:])
	}
}

// pull is one recorded block with what goes with it.
func (r *reference) pull(block []float32) moved {
	r.arrived(0)
	return r.read(block)
}

func TestReferenceCounts(t *testing.T) {
	var r reference
	var block [pcm.BlockSamples]float32
	if m := r.pull(block[:]); m != (moved{idle: true}) {
		t.Errorf("with no speaker: %+v", m)
	}
	r.start()
	played(&r, 10)
	if m := r.pull(block[:]); m != (moved{gap: true}) || block[0] != 7 {
		t.Errorf("at first: %+v, block %v; want the newest three unread", m, block[0])
	}
	// Bursts of three, as devices ask for them: nothing moves.
	for i := 8; i < 1000; i++ {
		if i%3 == 2 {
			played(&r, 3)
		}
		if m := r.pull(block[:]); m != (moved{}) || block[0] != float32(i) {
			t.Fatalf("block %d: %+v, read %v", i, m, block[0])
		}
	}
	// A stall: the microphone goes on before the speaker does.
	for r.read(block[:]) == (moved{}) {
	}
	at := block[0]
	if m := r.read(block[:]); m != (moved{wait: true}) {
		t.Errorf("of what was not played yet: %+v", m)
	}
	played(&r, 1)
	if m := r.read(block[:]); m != (moved{}) || block[0] != at+1 {
		t.Errorf("after it was played: %+v, block %v after %v", m, block[0], at)
	}
	r.broke()
	played(&r, 5)
	if m := r.read(block[:]); !m.gap {
		t.Error("a break is not told")
	}
	if m := r.read(block[:]); m.gap {
		t.Error("a break is told twice")
	}
	r.stop()
	if m := r.read(block[:]); !m.idle {
		t.Errorf("with no speaker: %+v", m)
	}
	r.start()
	played(&r, 1)
	if m := r.read(block[:]); !m.gap || block[0] != 0 {
		t.Errorf("another speaker: %+v, block %v; want none of the sound of the one before", m, block[0])
	}
}

// TestReferenceFollowsClocks lets the speaker's clock differ: whole blocks are
// left out or given twice, each is told, and the sum is right.
func TestReferenceFollowsClocks(t *testing.T) {
	for name, c := range map[string]struct {
		per  int // blocks between two of the other clock's that are too many or missing
		sign int
	}{
		"faster": {1000, 1}, "slower": {1000, -1}, "the same": {1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r reference
			var block [pcm.BlockSamples]float32
			r.start()
			played(&r, 10)
			r.pull(block[:])
			at, sum, skips, waiting := float32(7), 0, 0, 0
			for i := range 20000 {
				n := 1
				if i%c.per == c.per-1 {
					n += c.sign
				}
				played(&r, n)
				if i%500 == 250 { // now and then the machine stands still
					played(&r, 5)
				}
				if i%500 == 255 {
					waiting += 5
				}
				r.arrived(waiting)
				for waiting++; waiting > 0; waiting-- {
					m := r.read(block[:])
					if m.skip*c.sign < 0 || m.skip != 0 && c.sign == 0 || m.gap || m.idle {
						t.Fatalf("block %d: %+v", i, m)
					}
					at += float32(m.skip)
					sum += m.skip
					if m.skip != 0 {
						skips++
					}
					if m.wait {
						break
					}
					if at++; at != block[0] {
						t.Fatalf("block %d: read %v, want %v", i, block[0], at)
					}
				}
			}
			if behind := r.written - r.next; behind < 0 || behind > referenceMost+2 {
				t.Errorf("%d blocks behind at the end", behind)
			}
			if c.sign*sum < 12*c.sign || skips > 10 {
				t.Errorf("moved by %d blocks at %d times", sum, skips)
			}
		})
	}
}

// TestStall: blocks that were recorded while the speaker stood still are processed
// when it goes on, in order; and without it if it does not.
func TestStall(t *testing.T) {
	r := &reference{}
	r.start()
	played(r, 3)
	p := newProcessor(r)
	block := make([]float32, pcm.BlockSamples)
	n := 0
	record := func() int {
		was := n
		p.apply(block, Processing{}, true, func([]float32) { n++ })
		return n - was
	}
	for i, want := range []int{1, 1, 1, 0, 0, 0} {
		if got := record(); got != want {
			t.Errorf("block %d: %d came out, want %d", i, got, want)
		}
	}
	played(r, 4)
	if got := record(); got != 4 {
		t.Errorf("%d blocks came out once it went on, want 4", got)
	}
	for range mostWaiting {
		if got := record(); got != 0 {
			t.Fatalf("%d blocks came out without what goes with them", got)
		}
	}
	if got := record(); got != mostWaiting+1 {
		t.Errorf("%d blocks came out of a speaker that stopped", got)
	}
	for range 50 {
		if got := record(); got != 1 {
			t.Fatalf("%d blocks came out while it stands still", got)
		}
	}
	played(r, 10)
	if got := record(); got < 1 || p.held > 1 {
		t.Errorf("%d blocks came out when it went on after all, %d wait", got, p.held)
	}
}
