package red

import (
	"bytes"
	"errors"
	"testing"
)

func TestPackAsTheRFCDrawsIt(t *testing.T) {
	var h History
	h.Push([]byte("old!"), 960)
	got := h.Pack(nil, []byte("new"), 1920, 111, 1)
	// F=1, PT 111 | offset 960 (14 bits), length 4 (10 bits) | F=0, PT 111 | data
	want := append([]byte{0x80 | 111, 960 >> 6, 960 << 2 & 0xff, 4, 111}, "old!new"...)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestPackLeavesOutWhatDoesNotFit(t *testing.T) {
	var h History
	if h.Pack(nil, []byte("x"), 0, 111, 2) != nil {
		t.Error("repeated frames that never were")
	}
	h.Push([]byte("one"), 960)
	if h.Pack(nil, []byte("later"), 960+48000, 111, 2) != nil {
		t.Error("repeated what was said a second before a pause")
	}
	h.Push(make([]byte, 2000), 1920)
	if h.Pack(nil, []byte("x"), 2880, 111, 1) != nil {
		t.Error("repeated a frame longer than its header can say")
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

func TestHistoryRepeats(t *testing.T) {
	var h History
	for i, depth := range []int{2, 2, 2, 1, 0, 7} {
		payload, timestamp := []byte{byte(i)}, uint32(i)*960
		packet := h.Pack(nil, payload, timestamp, 111, depth)
		h.Push(payload, timestamp)
		want := min(i, min(depth, MaxDepth))
		if want == 0 {
			if packet != nil {
				t.Errorf("packet %d repeats what nobody asked for", i)
			}
			continue
		}
		blocks, err := Unpack(packet)
		if err != nil {
			t.Fatal(err)
		}
		if len(blocks) != want+1 {
			t.Fatalf("packet %d has %d copies, want %d", i, len(blocks)-1, want)
		}
		for j, b := range blocks {
			back := want - j
			if b.Offset != uint32(back)*960 || b.PayloadType != 111 || !bytes.Equal(b.Payload, []byte{byte(i - back)}) {
				t.Errorf("packet %d, block %d: %+v", i, j, b)
			}
		}
	}
}

// FuzzUnpack: the blocks are the whole packet but for its headers, in order.
func FuzzUnpack(f *testing.F) {
	var h History
	for i := range 4 {
		payload, timestamp := bytes.Repeat([]byte{byte(i)}, 60), uint32(i)*960
		if packet := h.Pack(nil, payload, timestamp, 111, 2); packet != nil {
			f.Add(packet)
		}
		h.Push(payload, timestamp)
	}
	f.Add([]byte{0x80, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, packet []byte) {
		blocks, err := Unpack(packet)
		if err != nil {
			return
		}
		var payloads []byte
		for _, b := range blocks {
			payloads = append(payloads, b.Payload...)
		}
		if header := 4*(len(blocks)-1) + 1; !bytes.Equal(payloads, packet[header:]) || len(blocks) > maxBlocks {
			t.Errorf("%d blocks are %x of %x", len(blocks), payloads, packet)
		}
		if last := blocks[len(blocks)-1]; last.Offset != 0 {
			t.Errorf("the newest block is %d old", last.Offset)
		}
	})
}
