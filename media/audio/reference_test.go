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

func TestReferenceCounts(t *testing.T) {
	var r reference
	var block [pcm.BlockSamples]float32
	if m := r.read(block[:]); m != (moved{idle: true}) {
		t.Errorf("with no speaker: %+v", m)
	}
	r.start()
	played(&r, 10)
	if m := r.read(block[:]); m != (moved{gap: true}) || block[0] != 7 {
		t.Errorf("at first: %+v, block %v; want the newest three unread", m, block[0])
	}
	// Bursts of three, as devices ask for them: nothing moves.
	for i := 8; i < 1000; i++ {
		if i%3 == 2 {
			played(&r, 3)
		}
		if m := r.read(block[:]); m != (moved{}) || block[0] != float32(i) {
			t.Fatalf("block %d: %+v, read %v", i, m, block[0])
		}
	}
	r.broke()
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
		per       int // blocks between two of the other clock's that are too many or missing
		add, want int
	}{
		"faster": {1000, 1, 1}, "slower": {1000, -1, -1}, "the same": {1000, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r reference
			var block [pcm.BlockSamples]float32
			r.start()
			played(&r, 10)
			r.read(block[:])
			at, sum, skips := float32(7), 0, 0
			for i := range 20000 {
				n := 1
				if i%c.per == c.per-1 {
					n += c.add
				}
				played(&r, n)
				m := r.read(block[:])
				if m.skip != 0 && m.skip*c.want < 0 || m.gap || m.idle {
					t.Fatalf("block %d: %+v", i, m)
				}
				if at += float32(1 + m.skip); at != block[0] {
					t.Fatalf("block %d: read %v after a move by %d, want %v", i, block[0], m.skip, at)
				}
				sum += m.skip
				if m.skip != 0 {
					skips++
				}
			}
			if behind := r.written - r.next; behind < 0 || behind > referenceMost+2 {
				t.Errorf("%d blocks behind at the end", behind)
			}
			if sum != 0 && c.want == 0 || c.want*sum < 10*c.want*c.want || skips > 20 {
				t.Errorf("moved by %d blocks at %d times", sum, skips)
			}
		})
	}
}
