package main

import "testing"

func TestBlocks(t *testing.T) {
	if len(octants) != 230 {
		t.Fatalf("%d octants, want 230", len(octants))
	}
	for _, c := range []struct {
		r    rune
		want block
	}{
		{'▀', block{1, 2, 0b01}},
		{'▄', block{1, 8, 0xf0}},
		{'█', block{1, 8, 0xff}},
		{'▁', block{1, 8, 0x80}},
		{'▌', block{8, 1, 0x0f}},
		{'▏', block{8, 1, 0x01}},
		{'▐', block{2, 1, 0b10}},
		{'▖', block{2, 2, 0b0100}},
		{'▚', block{2, 2, 0b1001}},
		{'▟', block{2, 2, 0b1110}},
		{0x1FB00, block{2, 3, 0b000001}},
		{0x1FB13, block{2, 3, 0b010100}}, // sextant 35, the last before ▌
		{0x1FB14, block{2, 3, 0b010110}}, // sextant 235, the first after it
		{0x1FB3B, block{2, 3, 0b111110}},
		{0x1CD00, block{2, 4, 0b00000100}}, // octant 3
		{0x1CDE5, block{2, 4, 0b11111110}}, // octant 2345678
	} {
		if got, ok := blockOf(c.r); !ok || got != c.want {
			t.Errorf("%U is %+v, %v; want %+v", c.r, got, ok, c.want)
		}
	}
	if _, ok := blockOf('x'); ok {
		t.Error("x is no block")
	}
}
