package tui

import (
	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/media"
)

// deviceList is the panel that changes devices during the call.
type deviceList struct {
	devices []media.Device // grouped by kind
	loaded  bool
	cursor  int // index into devices
}

// update takes a new list and keeps the cursor on its device.
func (d deviceList) update(list []media.Device) deviceList {
	var grouped []media.Device
	for _, kind := range media.DeviceKinds {
		for _, dev := range list {
			if dev.Kind == kind {
				dev.Name = cleanName(dev.Name)
				grouped = append(grouped, dev)
			}
		}
	}
	next := deviceList{devices: grouped, loaded: true}
	for i, dev := range grouped {
		if d.cursor < len(d.devices) && dev.Kind == d.devices[d.cursor].Kind && dev.ID == d.devices[d.cursor].ID {
			next.cursor = i
		}
	}
	return next
}

// move moves the cursor.
func (d deviceList) move(step int) deviceList {
	if n := len(d.devices); n > 0 {
		d.cursor = (d.cursor + step + n) % n
	}
	return d
}

// current is the device of the cursor.
func (d deviceList) current() (media.Device, bool) {
	if d.cursor >= len(d.devices) {
		return media.Device{}, false
	}
	return d.devices[d.cursor], true
}

// line is the line of Render that the cursor is on.
func (d deviceList) line() int {
	n := d.cursor
	for i := range d.devices[:min(len(d.devices), d.cursor+1)] {
		if i == 0 || d.devices[i].Kind != d.devices[i-1].Kind {
			n++
		}
	}
	return n
}

// Render lists the devices by kind, and what is missing, in w cells.
func (d deviceList) Render(s *Styles, w int, sources []media.Source, sound *call.Sound) []string {
	var out []string
	if !d.loaded {
		out = append(out, s.dim.Render(s.fit(" looking for devices...", w)))
	}
	for i, dev := range d.devices {
		if i == 0 || dev.Kind != d.devices[i-1].Kind {
			out = append(out, s.dim.Render(s.fit(" "+dev.Kind.Word(), w)))
		}
		marker, style := "  ", s.text
		if i == d.cursor {
			marker, style = s.accent.Render(s.glyph.arrow)+" ", s.selected
		}
		name := style.Render(dev.Name)
		if dev.InUse {
			name += s.good.Render(" " + s.glyph.ok + " in use")
			if src := media.SourceOf(sources, media.Mic); dev.Kind == media.Mic && src.Missing == "" {
				name = s.wideMeter(src.DB, 8) + " " + name
			}
		}
		out = append(out, s.fit("  "+marker+name, w))
	}
	for _, src := range sources {
		if src.Missing != "" {
			out = append(out, s.warn.Render(s.fit(" "+s.glyph.bad+" "+cleanText(src.Missing), w)))
		}
	}
	if sound != nil {
		out = append(out, soundLines(*sound, s, w)...)
	}
	if d.loaded && len(d.devices) == 0 {
		out = append(out, s.dim.Render(s.fit(" no devices found", w)))
	} else if d.loaded {
		out = append(out, "", s.dim.Render(s.fit(" enter uses it, esc closes", w)))
	}
	return out
}
