package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/meet-term/meet/media/audio/mix"
	"github.com/meet-term/meet/media/audio/opus"
	"github.com/meet-term/meet/media/audio/pcm"
)

// ErrNoRecording says that a folder holds no recording.
var ErrNoRecording = errors.New("there is no recording in it")

// ReadIndex reads what is in a recording.
func ReadIndex(dir string) (Index, error) {
	var x Index
	b, err := os.ReadFile(filepath.Join(dir, IndexName))
	if errors.Is(err, os.ErrNotExist) {
		return x, fmt.Errorf("%s: %w", dir, ErrNoRecording)
	}
	if err != nil {
		return x, fmt.Errorf("read the index: %w", err)
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return x, fmt.Errorf("read the index: %w", err)
	}
	if x.Version != Version {
		return x, fmt.Errorf("the recording has version %d, and this meet reads %d", x.Version, Version)
	}
	for _, t := range x.Tracks {
		if t.File != filepath.Base(t.File) || t.StartMS < 0 {
			return x, fmt.Errorf("read the index: %q is no file of it", t.File)
		}
	}
	return x, nil
}

// oggReader reads the packets of an Ogg stream with one logical stream, up to where it was
// cut off.
type oggReader struct {
	r       *bufio.Reader
	packets [][]byte // of the page that was read
	part    []byte   // of a packet that goes on in the next
	headers int      // that are still to come
}

func newOggReader(r io.Reader) *oggReader { return &oggReader{r: bufio.NewReader(r), headers: 2} }

// next returns the next packet of sound, or io.EOF.
func (o *oggReader) next() ([]byte, error) {
	for {
		for len(o.packets) == 0 {
			if err := o.page(); err != nil {
				return nil, err
			}
		}
		p := o.packets[0]
		o.packets = o.packets[1:]
		if o.headers == 0 {
			return p, nil
		}
		o.headers--
	}
}

func (o *oggReader) page() error {
	var head [27]byte
	if _, err := io.ReadFull(o.r, head[:]); err != nil {
		return io.EOF // the end, or where it was cut
	}
	if string(head[:4]) != "OggS" {
		return errors.New("that is no Ogg file")
	}
	lacing := make([]byte, head[26])
	if _, err := io.ReadFull(o.r, lacing); err != nil {
		return io.EOF
	}
	for _, n := range lacing {
		b := make([]byte, n)
		if _, err := io.ReadFull(o.r, b); err != nil {
			return io.EOF
		}
		if o.part = append(o.part, b...); n < 255 {
			o.packets = append(o.packets, o.part)
			o.part = nil
		}
	}
	return nil
}

// voice is one track while it is mixed.
type voice struct {
	file    *os.File
	ogg     *oggReader
	dec     *opus.Decoder
	wait    int // samples until it begins
	samples []float32
	buf     []float32
	over    bool
}

// add adds the next samples of a voice to a block.
func (v *voice) add(block []float32) error {
	if skip := min(v.wait, len(block)); skip > 0 {
		v.wait -= skip
		block = block[skip:]
	}
	for len(v.samples) < len(block) && !v.over {
		p, err := v.ogg.next()
		if err == io.EOF {
			v.over = true
			break
		}
		if err != nil {
			return err
		}
		n, err := v.dec.Decode(p, v.buf)
		if err != nil { // what cannot be decoded is as long as it says
			n = opus.Samples(p)
			clear(v.buf[:n])
		}
		v.samples = append(v.samples, v.buf[:n]...)
	}
	n := min(len(block), len(v.samples))
	for i, s := range v.samples[:n] {
		block[i] += s
	}
	v.samples = append(v.samples[:0], v.samples[n:]...)
	return nil
}

// Mix writes what everybody said in a recording as one Ogg file. Progress is told
// after each second of it; nil tells nobody. The file must not exist.
func Mix(dir, out string, progress func(time.Duration)) (err error) {
	x, err := ReadIndex(dir)
	if err != nil {
		return err
	}
	var voices []*voice
	defer func() {
		for _, v := range voices {
			v.file.Close()
		}
	}()
	for _, t := range x.Tracks {
		if filepath.Ext(t.File) != ".ogg" {
			continue
		}
		f, err := os.Open(filepath.Join(dir, t.File))
		if err != nil {
			return fmt.Errorf("mix: %w", err)
		}
		dec, err := opus.NewDecoder()
		if err != nil {
			f.Close()
			return fmt.Errorf("mix: %w", err)
		}
		voices = append(voices, &voice{
			file: f, ogg: newOggReader(f), dec: dec, wait: int(t.StartMS * pcm.SampleRate / 1000), buf: make([]float32, opus.MaxSamples),
		})
	}
	if len(voices) == 0 {
		return fmt.Errorf("%s: nobody said anything", dir)
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("mix: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(out) // half of it is of no use
		}
	}()
	ogg, err := newOggWriter(f, 1, 1)
	if err != nil {
		return err
	}
	return mixVoices(ogg, voices, progress)
}

func mixVoices(ogg *oggWriter, voices []*voice, progress func(time.Duration)) error {
	enc, err := opus.NewEncoder()
	if err != nil {
		return fmt.Errorf("mix: %w", err)
	}
	var limiter mix.Limiter
	block := make([]float32, pcm.FrameSamples)
	for n := 0; ; n++ {
		clear(block)
		more := false
		for _, v := range voices {
			if err := v.add(block); err != nil {
				return fmt.Errorf("mix %s: %w", filepath.Base(v.file.Name()), err)
			}
			more = more || !v.over || len(v.samples) > 0 || v.wait > 0
		}
		if !more {
			break
		}
		limiter.Apply(block)
		p, err := enc.Encode(block)
		if err != nil {
			return fmt.Errorf("mix: %w", err)
		}
		if err := ogg.write(p, pcm.FrameSamples); err != nil {
			return err
		}
		if n%50 == 49 {
			if err := ogg.flush(0); err != nil {
				return err
			}
			if progress != nil {
				progress(time.Duration(n+1) * 20 * time.Millisecond)
			}
		}
	}
	return ogg.flush(oggEnd)
}

// Length is how long the sound in an Ogg file is.
func Length(path string) (time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("measure the sound: %w", err)
	}
	defer f.Close()
	o := newOggReader(f)
	var all time.Duration
	for {
		p, err := o.next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all += length(p)
	}
}
