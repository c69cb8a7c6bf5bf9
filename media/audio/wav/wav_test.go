package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meet-term/meet/media/audio/pcm"
)

// chunk returns one RIFF chunk.
func chunk(id string, body []byte) []byte {
	b := append([]byte(id), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...)
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func format(tag, channels, rate, bits int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	return binary.LittleEndian.AppendUint16(b, uint16(bits))
}

func file(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...), body...)
}

func read(t *testing.T, data []byte) []float32 {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 10*pcm.SampleRate)
	return out[:r.Read(out)]
}

func TestReadsEveryKindOfSample(t *testing.T) {
	// Each file holds 0.5 and -0.5 on one channel, silence on a second if any.
	for _, c := range []struct {
		name      string
		tag, bits int
		samples   []byte
	}{
		{"8 bit", tagPCM, 8, []byte{192, 64}},
		{"16 bit", tagPCM, 16, []byte{0, 0x40, 0, 0xc0}},
		{"24 bit", tagPCM, 24, []byte{0, 0, 0x40, 0, 0, 0xc0}},
		{"32 bit", tagPCM, 32, []byte{0, 0, 0, 0x40, 0, 0, 0, 0xc0}},
		{"float", tagFloat, 32, binary.LittleEndian.AppendUint32(
			binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5)), math.Float32bits(-0.5))},
		{"double", tagFloat, 64, binary.LittleEndian.AppendUint64(
			binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.5)), math.Float64bits(-0.5))},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := read(t, file(chunk("fmt ", format(c.tag, 1, 48000, c.bits)), chunk("data", c.samples)))
			if len(got) != 2 || got[0] != 0.5 || got[1] != -0.5 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestChannelsAreAveraged(t *testing.T) {
	got := read(t, file(
		chunk("LIST", []byte("odd")), // padded
		chunk("fmt ", format(tagPCM, 2, 48000, 16)),
		chunk("data", []byte{0, 0x40, 0, 0, 0, 0x40, 0, 0x40})))
	if len(got) != 2 || got[0] != 0.25 || got[1] != 0.5 {
		t.Errorf("got %v", got)
	}
}

func TestExtensibleFormat(t *testing.T) {
	f := append(format(tagExtensible, 1, 48000, 16), 22, 0, 16, 0, 4, 0, 0, 0)
	f = append(f, tagPCM, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	if got := read(t, file(chunk("fmt ", f), chunk("data", []byte{0, 0x40}))); len(got) != 1 || got[0] != 0.5 {
		t.Errorf("got %v", got)
	}
}

func TestOtherRatesAreConverted(t *testing.T) {
	samples := make([]byte, 0, 2*44100)
	for i := range 44100 {
		v := int16(16000 * math.Sin(2*math.Pi*440*float64(i)/44100))
		samples = binary.LittleEndian.AppendUint16(samples, uint16(v))
	}
	data := file(chunk("fmt ", format(tagPCM, 1, 44100, 16)), chunk("data", samples))
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for pass := range 2 {
		out := make([]float32, 2*pcm.SampleRate)
		n := r.Read(out)
		if math.Abs(float64(n-pcm.SampleRate)) > 100 {
			t.Errorf("pass %d: a second became %d samples", pass, n)
		}
		if l := pcm.Measure(out[1000 : n-1000]); l < -10 || l > -9 {
			t.Errorf("pass %d: %d dBov", pass, l)
		}
		if err := r.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSizesOfAnUnfinishedFile(t *testing.T) {
	for name, size := range map[string]uint32{"zero": 0, "all ones": math.MaxUint32, "too large": 1000} {
		data := file(chunk("fmt ", format(tagPCM, 1, 48000, 16)), chunk("data", []byte{0, 0x40, 0, 0x40}))
		binary.LittleEndian.PutUint32(data[len(data)-8:], size)
		if got := read(t, data); len(got) != 2 {
			t.Errorf("%s: %d samples, want 2", name, len(got))
		}
	}
}

func TestRefusals(t *testing.T) {
	data := chunk("data", []byte{1, 2, 3, 4})
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"empty":         {nil, "RIFF"},
		"text":          {[]byte("hello, this is no sound at all"), "RIFF"},
		"no data":       {file(chunk("fmt ", format(tagPCM, 1, 48000, 16))), "no sample data"},
		"no format":     {file(data), "before its format"},
		"no sound":      {file(chunk("fmt ", format(tagPCM, 1, 48000, 16)), chunk("data", nil)), "no sound"},
		"mp3":           {file(chunk("fmt ", format(0x55, 1, 48000, 16)), data), "compressed"},
		"rate":          {file(chunk("fmt ", format(tagPCM, 1, 1, 16)), data), "1 Hz"},
		"channels":      {file(chunk("fmt ", format(tagPCM, 0, 48000, 16)), data), "0 channels"},
		"bits":          {file(chunk("fmt ", format(tagPCM, 1, 48000, 12)), data), "12 bit"},
		"short format":  {file(chunk("fmt ", []byte{1, 0}), data), "format chunk"},
		"cut in format": {file(chunk("fmt ", format(tagPCM, 1, 48000, 16)))[:30], "cut short"},
	} {
		_, err := NewReader(bytes.NewReader(c.file))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want ErrFormat with %q", name, err, c.says)
		}
	}
}

func TestWriterWritesWhatReaderReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 3*pcm.SampleRate)
	for i := range want {
		want[i] = float32(math.Sin(float64(i) / 50))
	}
	for i := 0; i < len(want); i += pcm.BlockSamples {
		if err := w.Write(want[i : i+pcm.BlockSamples]); err != nil {
			t.Fatal(err)
		}
	}
	// Before Close the file is complete but for the sizes, which lag.
	half, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint32(half[40:]); got < 4*pcm.SampleRate || len(half) != headerSize+2*len(want) {
		t.Errorf("header says %d bytes, file has %d", got, len(half))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint32(whole[40:]); int(got) != 2*len(want) {
		t.Errorf("header says %d bytes, want %d", got, 2*len(want))
	}
	got := read(t, whole)
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1.0/32768 {
			t.Fatalf("sample %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestCreateFails(t *testing.T) {
	if _, err := Create(filepath.Join(t.TempDir(), "no", "such", "dir.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

// FuzzReader: no file may panic, hold more than its bytes can, or give samples
// that are no numbers.
func FuzzReader(f *testing.F) {
	f.Add(file(chunk("fmt ", format(tagPCM, 1, 48000, 16)), chunk("data", []byte{1, 2, 3, 4})))
	f.Add(file(chunk("fmt ", format(tagFloat, 2, 44100, 32)), chunk("data", make([]byte, 64))))
	f.Add(file(chunk("fmt ", format(tagPCM, 3, 8000, 24)), chunk("LIST", []byte{1}), chunk("data", make([]byte, 90))))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v is no ErrFormat", err)
			}
			return
		}
		limit := int64(len(data))*pcm.SampleRate/int64(r.format.Rate) + 1000
		var total int64
		buf := make([]float32, 1000)
		for {
			n := r.Read(buf)
			for _, s := range buf[:n] {
				if !(s > -4 && s < 4) {
					t.Fatalf("a sample of %v", s)
				}
			}
			if total += int64(n); total > limit {
				t.Fatalf("more than %d samples from %d bytes", limit, len(data))
			}
			if n < len(buf) {
				break
			}
		}
		if err := r.Rewind(); err != nil {
			t.Error(err)
		}
	})
}
