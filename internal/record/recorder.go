package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/red"
)

// Config describes a recording. Dir, Room and Name are required.
type Config struct {
	Dir  string // in which a folder of its own is made
	Room string
	By   string // who records
	// Name is what people call a peer.
	Name func(peer string) string
	// Failed is told once, from the recorder's goroutine, that it ended by itself.
	Failed func(error)
}

// Recorder is one recording. Its methods may be called from any goroutine and never
// wait for the disk.
type Recorder struct {
	cfg     Config
	dir     string
	started time.Time
	items   chan item
	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
	full    atomic.Bool // more came than the disk takes

	// The rest is owned by run.
	index  Index
	tracks map[trackKey]*track
	names  map[string]bool
	events *os.File
	err    error
}

// queue is how many packets wait for the disk: some seconds of a large call.
const queue = 4096

// item is something to be written.
type item struct {
	peer  string
	sound *media.Packet
	frame *media.Frame
	line  []byte
}

type trackKey struct {
	peer string
	kind media.Kind
}

// track is one file.
type track struct {
	file  *os.File
	start time.Duration
	line  timelines
	sound *sound
	webm  *webmWriter
}

// Start begins a recording in a new folder.
func Start(cfg Config) (*Recorder, error) {
	now := time.Now()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder: %w", err)
	}
	base := filepath.Join(dir, "meet-"+fileName(cfg.Room)+"-"+now.Format("2006-01-02-150405"))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	for n := 1; ; n++ {
		dir = base
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", base, n)
		}
		if err = os.Mkdir(dir, 0o777); !errors.Is(err, os.ErrExist) || n == 100 {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{
		cfg: cfg, dir: dir, started: now, items: make(chan item, queue), stop: make(chan struct{}),
		index:  Index{Version: Version, Room: cfg.Room, By: cfg.By, Started: now.UTC(), Tracks: []TrackIndex{}},
		tracks: map[trackKey]*track{}, names: map[string]bool{},
	}
	if r.events, err = os.OpenFile(filepath.Join(dir, EventsName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if err := r.writeIndex(); err != nil {
		r.events.Close()
		return nil, err
	}
	crash.GoIn(&r.running, r.run)
	return r, nil
}

// Dir is the folder of the recording.
func (r *Recorder) Dir() string { return r.dir }

// Audio records a packet of somebody's sound.
func (r *Recorder) Audio(peer string, p media.Packet) { r.put(item{peer: peer, sound: &p}) }

// Video records a picture of somebody.
func (r *Recorder) Video(peer string, f media.Frame) { r.put(item{peer: peer, frame: &f}) }

// Line records something that happened, as a line of JSON.
func (r *Recorder) Line(b []byte) { r.put(item{line: b}) }

func (r *Recorder) put(i item) {
	select {
	case <-r.stop:
	case r.items <- i:
	default:
		r.full.Store(true)
	}
}

// Close ends the recording and returns when all of it is written.
func (r *Recorder) Close() error {
	r.once.Do(func() { close(r.stop) })
	r.running.Wait()
	return r.err
}

func (r *Recorder) run() {
	ticker := time.NewTicker(page)
	defer ticker.Stop()
	for r.err == nil {
		select {
		case i := <-r.items:
			r.err = r.take(i)
		case <-ticker.C:
			r.err = r.flush()
		case <-r.stop:
			r.finish()
			return
		}
		if r.full.Load() && r.err == nil {
			r.err = errFull
		}
	}
	if errors.Is(r.err, syscall.ENOSPC) {
		r.err = errors.New("the disk is full")
	}
	r.once.Do(func() { close(r.stop) })
	failed := r.err
	r.finish()
	r.err = failed
	if r.cfg.Failed != nil {
		r.cfg.Failed(failed)
	}
}

// take writes one thing.
func (r *Recorder) take(i item) error {
	switch {
	case i.sound != nil:
		return r.takeSound(i.peer, *i.sound)
	case i.frame != nil:
		return r.takeFrame(i.peer, *i.frame)
	}
	if _, err := r.events.Write(append(i.line, '\n')); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func (r *Recorder) takeSound(peer string, p media.Packet) error {
	if len(p.Payload) == 0 {
		return nil
	}
	t, err := r.track(peer, media.Mic, p.At, ".ogg", func(t *track) error {
		ogg, err := newOggWriter(t.file, uint32(len(r.tracks)+1), 2) // mono packets are played on both sides
		t.line.rate, t.sound = 48000, &sound{ogg: ogg}
		return err
	})
	if err != nil {
		return err
	}
	came := p.At.Sub(r.started)
	at := t.line.at(p.SSRC, p.Timestamp, came) - t.start
	primary := p.Payload
	if p.Redundant {
		blocks, err := red.Unpack(p.Payload)
		if err != nil {
			return nil // nothing that could be played
		}
		for _, b := range blocks[:len(blocks)-1] {
			if len(b.Payload) == 0 {
				continue
			}
			earlier := soundPacket{at - time.Duration(b.Offset)*time.Second/48000, b.Payload}
			if err := t.sound.push(earlier, came-t.start); err != nil {
				return err
			}
		}
		primary = blocks[len(blocks)-1].Payload
	}
	return t.sound.push(soundPacket{at, primary}, came-t.start)
}

func (r *Recorder) takeFrame(peer string, f media.Frame) error {
	if !f.Kind.IsVideo() || len(f.Data) == 0 {
		return nil
	}
	width, height := vp8Size(f.Data)
	key := f.Data[0]&1 == 0 && width > 0
	if r.tracks[trackKey{peer, f.Kind}] == nil && !key {
		return nil // nobody could decode it
	}
	t, err := r.track(peer, f.Kind, f.At, ".webm", func(t *track) (err error) {
		t.line.rate = 90000
		t.webm, err = newWebmWriter(t.file, width, height)
		return err
	})
	if err != nil {
		return err
	}
	at := t.line.at(0, f.Timestamp, f.At.Sub(r.started)) - t.start
	return t.webm.write(f.Data, key, max(at, 0))
}

// track finds a file, or makes it.
func (r *Recorder) track(peer string, kind media.Kind, at time.Time, ext string, begin func(*track) error) (*track, error) {
	key := trackKey{peer, kind}
	if t := r.tracks[key]; t != nil {
		return t, nil
	}
	name := r.cfg.Name(peer)
	file := fileName(name) + "-" + kind.String()
	for n := 2; r.names[file+ext]; n++ {
		file = fmt.Sprintf("%s-%d-%s", fileName(name), n, kind)
	}
	file += ext
	r.names[file] = true
	f, err := os.OpenFile(filepath.Join(r.dir, file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	t := &track{file: f, start: max(at.Sub(r.started), 0)}
	r.tracks[key] = t
	if err := begin(t); err != nil {
		return nil, err
	}
	r.index.Tracks = append(r.index.Tracks, TrackIndex{
		File: file, Peer: peer, Name: name, Kind: kind.String(), StartMS: t.start.Milliseconds(),
	})
	return t, r.writeIndex()
}

// flush writes what has waited long enough, also of those who fell silent.
func (r *Recorder) flush() error {
	now := time.Since(r.started)
	for _, t := range r.tracks {
		var err error
		if t.sound != nil {
			if err = t.sound.settle(now - t.start - reorder); err == nil {
				err = t.sound.ogg.flush(0)
			}
		} else if t.webm != nil {
			err = t.webm.flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish closes all files.
func (r *Recorder) finish() {
	for r.err == nil && len(r.items) > 0 {
		r.err = r.take(<-r.items)
	}
	ended := time.Now().UTC()
	r.index.Ended = &ended
	errs := []error{r.err}
	for _, t := range r.tracks {
		if t.sound != nil {
			errs = append(errs, t.sound.close())
		} else if t.webm != nil {
			errs = append(errs, t.webm.close())
		}
		errs = append(errs, t.file.Close())
	}
	errs = append(errs, r.writeIndex(), r.events.Close())
	r.err = errors.Join(errs...)
}

// writeIndex replaces the index at once: it is whole whenever it is read.
func (r *Recorder) writeIndex() error {
	b, err := json.MarshalIndent(r.index, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the index: %w", err)
	}
	temp := filepath.Join(r.dir, "."+IndexName)
	if err := os.WriteFile(temp, append(b, '\n'), 0o666); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	if err := os.Rename(temp, filepath.Join(r.dir, IndexName)); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// fileName makes a name fit for a part of a file's name.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\<>:\"|?*. ", r) {
			return '_'
		}
		return r
	}, safetext.Line(name, 40))
	if name = strings.TrimLeft(name, "-_~"); name == "" {
		return "guest"
	}
	return name
}
