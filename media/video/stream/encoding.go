package stream

import (
	"runtime"
	"time"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/scale"
	"github.com/meet-term/meet/media/video/vp8"
)

// encoding is the state of the encoder loop of a Sender.
type encoding struct {
	encoder Encoder
	fps     int // the encoder was told
	kbps    int // the same
	scaler  scale.Scaler
	failing bool // and that was told

	last    *video.Frame // the last picture encoded, as the source gave it
	shown   time.Time    // its media time, or that of its last repetition
	due     time.Time    // when the next new picture is wanted
	lastKey time.Time    // when a key frame was last handed on
	fresh   bool         // the viewers need a key frame: the stream begins or goes on
	quiet   time.Duration
	refresh time.Time // when a picture that stands still is encoded again

	small bool // the encoding for those whose paths carry little
}

// timeline makes timestamps; all encodings share it.
type timeline struct {
	base  uint32
	epoch time.Time
}

// turn does what is due now and returns when to look again, the zero time if
// only news can change anything.
func (s *Sender) turn(e *encoding, o order, now time.Time) time.Time {
	if o.target.Nothing() || o.frame == nil {
		// What it takes to encode is large, and the next frame is a key frame.
		e.last, e.fresh, e.encoder, e.scaler = nil, true, nil, scale.Scaler{}
		return time.Time{}
	}
	isNew := e.last == nil || o.frame.Seq != e.last.Seq || !o.frame.Time.Equal(e.last.Time)
	every := time.Second / time.Duration(o.target.FPS)
	// A source that is a little early is not held up; one that is twice too
	// fast is.
	if isNew && !e.fresh && o.frame.Time.Add(every/4).Before(e.due) {
		isNew = false
	}
	key := e.fresh || o.key && !now.Before(e.lastKey.Add(keyEvery))
	if isNew {
		if e.due = e.due.Add(every); e.due.Before(o.frame.Time) {
			e.due = o.frame.Time.Add(every)
		}
		e.quiet = firstRefresh
		e.encode(s, o, key, now)
		if !e.small {
			s.took(time.Since(now)+min(max(now.Sub(o.frame.Time), 0), every), every)
		}
	} else if e.last != nil && (key || !now.Before(e.refresh)) {
		e.quiet = min(2*e.quiet, lastRefresh)
		e.encode(s, o, key, now)
	}
	wake := e.refresh
	if asked := e.lastKey.Add(keyEvery); o.key && !key && asked.Before(wake) {
		wake = asked
	}
	return wake
}

// encode makes one frame of the newest picture and hands it on.
func (e *encoding) encode(s *Sender, o order, key bool, now time.Time) {
	e.last = o.frame
	e.refresh = now.Add(e.quiet)
	w, h := fitted(o.frame, o.target)
	if err := e.ready(s, o.target, w, h); err != nil {
		if !e.failing {
			e.failing = true
			s.cfg.OnWarning(media.Warning{Code: media.NoEncoder, Text: "Pictures cannot be encoded: " + err.Error() + "."})
		}
		return
	}
	picture := *e.scaler.Scale(o.frame, w, h)
	picture.Time = e.mediaTime(o.frame.Time, now)
	e.encoder.SetLayers(o.layered)
	if key {
		e.encoder.ForceKeyFrame()
	}
	packet, err := e.encoder.Encode(&picture)
	if err != nil || packet.Dropped {
		s.dropped()
		return
	}
	e.fresh = e.fresh && !packet.Key
	if packet.Key {
		e.lastKey = now
	}
	s.hand(media.Frame{
		Kind: s.cfg.Kind, Data: packet.Data, Key: packet.Key, Timestamp: s.timeline.at(picture.Time), At: picture.Time,
		Layer: packet.Layer, Small: e.small,
	}, w, h)
}

// ready sees to it that there is an encoder for the target.
func (e *encoding) ready(s *Sender, t Target, width, height int) error {
	if e.encoder == nil {
		cfg := vp8.Config{Width: width, Height: height, FPS: t.FPS, BitrateKbps: t.Kbps, Threads: 1}
		if s.cfg.Kind == media.Screen {
			cfg.ContentHint = vp8.Screen
			cfg.Threads = min(2, runtime.GOMAXPROCS(0))
		}
		encoder, err := s.cfg.newEncoder(cfg)
		if err != nil {
			return err
		}
		e.encoder, e.fps, e.kbps = encoder, t.FPS, t.Kbps
	}
	if e.fps != t.FPS {
		e.fps = t.FPS
		e.encoder.SetFrameRate(t.FPS)
	}
	if e.kbps != t.Kbps {
		e.kbps = t.Kbps
		e.encoder.SetBitrate(t.Kbps)
	}
	return nil
}

// mediaTime is when a picture counts as taken: a repetition is of now, and no
// picture is older than the one before.
func (e *encoding) mediaTime(taken, now time.Time) time.Time {
	const least = time.Millisecond
	if !taken.After(e.shown) {
		taken = now
	}
	if !e.shown.IsZero() && taken.Before(e.shown.Add(least)) {
		taken = e.shown.Add(least)
	}
	e.shown = taken
	return taken
}

// at is the media time at 90 kHz (RFC 7741 section 4.1).
func (l *timeline) at(t time.Time) uint32 {
	if l.epoch.IsZero() {
		l.epoch = t
	}
	return l.base + uint32(int64(t.Sub(l.epoch)/time.Microsecond)*clockRate/1e6)
}

// dropped counts a frame that the encoder left out.
func (s *Sender) dropped() {
	s.mu.Lock()
	s.stats.Dropped++
	s.mu.Unlock()
}
