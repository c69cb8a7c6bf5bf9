package red

import (
	"bytes"
	"errors"
	"testing"
)

func TestPackAsTheRFCDrawsIt(t *testing.T) {
	got := Pack(nil, 111, []byte("new"), Block{Offset: 960, PayloadType: 111, Payload: []byte("old!")})
	// F=1, PT 111 | offset 960 (14 bits), length 4 (10 bits) | F=0, PT 111 | data
	want := append([]byte{0x80 | 111, 960 >> 6, 960 << 2 & 0xff, 4, 111}, "old!new"...)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestPackLeavesOutWhatDoesNotFit(t *testing.T) {
	got := Pack(nil, 111, []byte("new"),
		Block{Offset: 1 << 14, Payload: []byte("too old")},
		Block{Offset: 960, Payload: make([]byte, 1024)},
		Block{Offset: 960})
	if want := append([]byte{111}, "new"...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestUnpackRefuses(t *testing.T) {
	for name, packet := range map[string][]byte{
		"nothing":             nil,
		"endless headers":     bytes.Repeat([]byte{0x80, 0, 0, 0}, 3),
		"cut header":          {0x80, 1},
		"length beyond end":   {0x80 | 111, 0, 0, 9, 111, 'x'},
		"more than nine":      append(bytes.Repeat([]byte{0x80, 0, 0, 0}, 9), 0),
		"header then nothing": {0x80 | 111, 0, 0, 0},
	} {
		if _, err := Unpack(packet); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestPackerRepeats(t *testing.T) {
	var p Packer
	for i, depth := range []int{2, 2, 2, 1, 0, 7} {
		packet := p.Next(111, uint32(i)*960, []byte{byte(i)}, depth)
		blocks, err := Unpack(packet)
		if err != nil {
			t.Fatal(err)
		}
		want := min(i, min(depth, MaxDepth))
		if len(blocks) != want+1 {
			t.Fatalf("packet %d has %d copies, want %d", i, len(blocks)-1, want)
		}
		for j, b := range blocks {
			back := want - j
			if b.Offset != uint32(back)*960 || !bytes.Equal(b.Payload, []byte{byte(i - back)}) {
				t.Errorf("packet %d, block %d: %+v", i, j, b)
			}
		}
	}
}

// FuzzUnpack: whatever unpacks packs again into what unpacks the same.
func FuzzUnpack(f *testing.F) {
	var p Packer
	for i := range 4 {
		f.Add(p.Next(111, uint32(i)*960, bytes.Repeat([]byte{byte(i)}, 60), 2))
	}
	f.Add([]byte{0x80, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, packet []byte) {
		blocks, err := Unpack(packet)
		if err != nil {
			return
		}
		last := len(blocks) - 1
		var older []Block
		for _, b := range blocks[:last] {
			if len(b.Payload) > 0 {
				older = append(older, b)
			}
		}
		again, err := Unpack(Pack(nil, blocks[last].PayloadType, blocks[last].Payload, older...))
		if err != nil || len(again) != len(older)+1 {
			t.Fatalf("packed again: %d blocks, %v", len(again), err)
		}
		for i, b := range append(older, blocks[last]) {
			if again[i].Offset != b.Offset || again[i].PayloadType != b.PayloadType || !bytes.Equal(again[i].Payload, b.Payload) {
				t.Errorf("block %d: %+v became %+v", i, b, again[i])
			}
		}
	})
}
