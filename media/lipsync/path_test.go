package lipsync

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPathKeepsTheFastest(t *testing.T) {
	var p Path
	if _, ok := p.Fastest(); ok {
		t.Error("an unused path knows something")
	}
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		after, took, want time.Duration
	}{
		{0, 50 * ms, 50 * ms},
		{100 * ms, 80 * ms, 50 * ms},
		{200 * ms, 30 * ms, 30 * ms},
		{300 * ms, -20 * ms, -20 * ms}, // the clocks need not agree
		{4900 * ms, 90 * ms, -20 * ms},
		{5100 * ms, 95 * ms, -20 * ms}, // the window before counts
		{10200 * ms, 99 * ms, 95 * ms}, // then it is forgotten
		{60 * time.Second, 200 * ms, 200 * ms},
		{59 * time.Second, 300 * ms, 300 * ms}, // a clock set back starts anew
	} {
		p.Saw(start.Add(c.after), c.took)
		if got, ok := p.Fastest(); got != c.want || !ok {
			t.Errorf("%v: the fastest took %v, want %v", c.after, got, c.want)
		}
	}
}

func TestMediaTimeWraps(t *testing.T) {
	var m MediaTime
	for i, c := range []struct {
		timestamp uint32
		want      time.Duration
	}{
		{1<<32 - 90000, 0},
		{0, time.Second},
		{45000, 1500 * ms},
		{1<<32 - 45000, 500 * ms}, // reordered
		{90, time.Second + ms},
	} {
		if got := m.At(c.timestamp, 90000); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	var long MediaTime
	var got time.Duration
	for i := range 1000 {
		got = long.At(uint32(i)*1<<30, 90000)
	}
	if want := time.Duration(float64(999<<30) / 90000 * 1e9); (got - want).Abs() > time.Microsecond {
		t.Errorf("after 138 days %v, want %v", got, want)
	}
}
