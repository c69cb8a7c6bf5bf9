package audio

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/wake"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio/device"
)

const (
	// settle is how long the list of devices must stay as it is: a headset is
	// several devices, which come one by one.
	settle = 300 * time.Millisecond
	// watchAgain is when a watch that ended is begun anew.
	watchAgain = 2 * time.Second
)

// watchDevices tells what is plugged in, and what that is not in use is taken
// away, until ctx ends. What is in use is told by the stream that it belongs to.
func (e *Engine) watchDevices(ctx context.Context) {
	changes := make(chan struct{}, 1)
	again := time.NewTimer(0)
	defer again.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	ended := make(chan struct{}, 1)
	running := false
	var known *device.List
	for {
		select {
		case <-ctx.Done():
			if running {
				<-ended
			}
			return
		case <-again.C:
			running = true
			crash.Go(func() {
				_ = e.devices.Watch(ctx, func() { wake.Poke(changes) }) // an end of any kind is followed by another try
				ended <- struct{}{}
			})
		case <-ended:
			// What there is after a sound server's end is no news.
			running, known = false, nil
			again.Reset(watchAgain)
			quiet.Reset(watchAgain + settle)
		case <-changes:
			quiet.Reset(settle)
		case <-quiet.C:
			list, err := e.devices.List(ctx)
			if err != nil {
				continue
			}
			if known != nil {
				if text := e.difference(*known, list); text != "" {
					e.notices.warn(media.Warning{Code: media.DevicesChanged, Text: text})
				}
			}
			known = &list
		}
	}
}

// difference is what became of the devices, in words; "" for nothing to tell.
func (e *Engine) difference(was, is device.List) string {
	e.mu.Lock()
	used := e.inUse
	e.mu.Unlock()
	var here, gone []string
	compare := func(what string, was, is []device.Info, used string) {
		for _, d := range is {
			if !d.Monitor && !has(was, d.ID) {
				here = append(here, what+" "+d.Name)
			}
		}
		for _, d := range was {
			if !d.Monitor && !has(is, d.ID) && d.ID != used {
				gone = append(gone, what+" "+d.Name)
			}
		}
	}
	compare("microphone", was.Microphones, is.Microphones, used[micInUse].ID)
	compare("speaker", was.Speakers, is.Speakers, used[speakerInUse].ID)
	var words []string
	if len(here) > 0 {
		words = append(words, "Plugged in: "+strings.Join(here, ", ")+".")
	}
	if len(gone) > 0 {
		words = append(words, "Unplugged: "+strings.Join(gone, ", ")+".")
	}
	return strings.Join(words, " ")
}

func has(list []device.Info, id string) bool {
	return slices.ContainsFunc(list, func(d device.Info) bool { return d.ID == id })
}
