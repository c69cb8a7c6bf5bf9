//go:build darwin || linux

package device

import (
	"context"
	"fmt"
	"unsafe"
)

// coreAudio is the sound of macOS.
type coreAudio struct{ *frameworks }

// number reads a property that is one number.
func (c coreAudio) number(object, selector, scope uint32) (uint32, error) {
	var v uint32
	size := uint32(unsafe.Sizeof(v))
	status := c.GetPropertyData(object, &propertyAddress{selector, scope, 0}, 0, nil, &size, unsafe.Pointer(&v))
	return v, statusError(status)
}

// text reads a property that is a string.
func (c coreAudio) text(object, selector uint32) (string, error) {
	var s uintptr
	size := uint32(unsafe.Sizeof(s))
	status := c.GetPropertyData(object, &propertyAddress{selector, scopeGlobal, 0}, 0, nil, &size, unsafe.Pointer(&s))
	if err := statusError(status); err != nil {
		return "", err
	}
	if s == 0 {
		return "", nil
	}
	defer c.Release(s) // whoever asks for a string owns it
	into := make([]byte, nameBytes)
	if !c.StringBytes(s, &into[0], len(into), utf8Encoding) {
		return "", nil
	}
	for i, b := range into {
		if b == 0 {
			return string(into[:i]), nil
		}
	}
	return string(into), nil
}

// size is that of a property, in bytes; 0 for one there is not.
func (c coreAudio) size(object, selector, scope uint32) uint32 {
	var n uint32
	if c.GetPropertyDataSize(object, &propertyAddress{selector, scope, 0}, 0, nil, &n) != 0 {
		return 0
	}
	return n
}

// devices lists what can be used.
func (c coreAudio) devices() (List, error) {
	list := List{Microphones: []Info{}, Speakers: []Info{}}
	n := c.size(systemObject, selectDevices, scopeGlobal) / 4
	if n == 0 {
		return list, nil
	}
	ids := make([]uint32, n)
	size := 4 * n
	status := c.GetPropertyData(systemObject, &propertyAddress{selectDevices, scopeGlobal, 0}, 0, nil, &size, unsafe.Pointer(&ids[0]))
	if err := statusError(status); err != nil {
		return List{}, fmt.Errorf("list audio devices: %w", err)
	}
	in, _ := c.number(systemObject, selectDefaultInput, scopeGlobal) // none is marked then
	out, _ := c.number(systemObject, selectDefaultOutput, scopeGlobal)
	for _, id := range ids[:min(size/4, n)] {
		info, err := c.info(id)
		if err != nil {
			continue // unplugged meanwhile
		}
		if hidden, err := c.number(id, selectHidden, scopeGlobal); err == nil && hidden != 0 {
			continue
		}
		if c.size(id, selectStreams, scopeInput) > 0 {
			info.Default = id == in
			mic := info
			mic.Headphones = false
			list.Microphones = append(list.Microphones, mic)
		}
		if c.size(id, selectStreams, scopeOutput) > 0 {
			info.Default = id == out
			list.Speakers = append(list.Speakers, info)
		}
	}
	return list, nil
}

// info describes a device.
func (c coreAudio) info(id uint32) (Info, error) {
	uid, err := c.text(id, selectUID)
	if err != nil {
		return Info{}, err
	}
	name, err := c.text(id, selectName)
	if err != nil {
		return Info{}, err
	}
	i := Info{ID: uid, Name: printable(name)}
	if source, err := c.number(id, selectDataSource, scopeOutput); err == nil {
		i.Headphones = source == sourceHeadphones
	}
	return i, nil
}

// find returns the device to open: the default one for "", else that with the id.
func (c coreAudio) find(id string, input bool) (uint32, Info, error) {
	selector, scope := selectDefaultOutput, scopeOutput
	if input {
		selector, scope = selectDefaultInput, scopeInput
	}
	if id == "" {
		object, err := c.number(systemObject, selector, scopeGlobal)
		if err != nil {
			return 0, Info{}, err
		}
		if object == 0 { // kAudioObjectUnknown
			return 0, Info{}, ErrNoDevice
		}
		info, err := c.info(object)
		return object, info, err
	}
	n := c.size(systemObject, selectDevices, scopeGlobal) / 4
	if n == 0 {
		return 0, Info{}, ErrNoDevice
	}
	ids := make([]uint32, n)
	size := 4 * n
	status := c.GetPropertyData(systemObject, &propertyAddress{selectDevices, scopeGlobal, 0}, 0, nil, &size, unsafe.Pointer(&ids[0]))
	if err := statusError(status); err != nil {
		return 0, Info{}, err
	}
	for _, object := range ids[:min(size/4, n)] {
		if info, err := c.info(object); err == nil && info.ID == id && c.size(object, selectStreams, scope) > 0 {
			return object, info, nil
		}
	}
	return 0, Info{}, ErrNoDevice
}

// listen has a sink told when a property changes, until the returned function is
// called.
func (c coreAudio) listen(object, selector uint32, user uintptr) (end func(), err error) {
	address := &propertyAddress{selector, scopeGlobal, 0}
	if err := statusError(c.AddPropertyListener(object, address, c.listener, user)); err != nil {
		return nil, err
	}
	return func() { _ = c.RemovePropertyListener(object, address, c.listener, user) }, nil // it may be gone with its device
}

func (c coreAudio) watch(ctx context.Context, changed func()) error {
	s, user, forget := newSink(0)
	defer forget()
	for _, selector := range []uint32{selectDevices, selectDefaultInput, selectDefaultOutput} {
		end, err := c.listen(systemObject, selector, user)
		if err != nil {
			return fmt.Errorf("watch audio devices: %w", err)
		}
		defer end()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
			changed()
		}
	}
}
