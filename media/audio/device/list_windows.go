//go:build amd64 || arm64

package device

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The interfaces of mmdeviceapi.h and propsys.h, as far as they are used.
var (
	classEnumerator = windows.GUID{Data1: 0xbcde0395, Data2: 0xe52f, Data3: 0x467c, Data4: [8]byte{0x8e, 0x3d, 0xc4, 0x57, 0x92, 0x91, 0x69, 0x2e}}
	asEnumerator    = windows.GUID{Data1: 0xa95664d2, Data2: 0x9614, Data3: 0x4f35, Data4: [8]byte{0xa7, 0x46, 0xde, 0x8d, 0xb6, 0x36, 0x17, 0xe6}}
)

// The places of methods in their interfaces.
const (
	enumeratorList       = 3 // IMMDeviceEnumerator
	enumeratorDefault    = 4
	enumeratorDevice     = 5
	enumeratorRegister   = 6
	enumeratorUnregister = 7

	collectionCount = 3 // IMMDeviceCollection
	collectionItem  = 4

	deviceActivate   = 3 // IMMDevice
	deviceProperties = 4
	deviceID         = 5

	propertiesValue = 5 // IPropertyStore
)

// direction is where sound goes: EDataFlow.
type direction uintptr

const (
	speakers    direction = 0
	microphones direction = 1
)

const (
	// forTalks is the role whose default device is ours: the one for calls, which
	// is a headset as soon as there is one.
	forTalks  = 2 // eCommunications
	stateUsed = 1 // DEVICE_STATE_ACTIVE
	readStore = 0 // STGM_READ
)

// propertyKey names a property of a device.
type propertyKey struct {
	set windows.GUID
	id  uint32
}

var (
	nameKey = propertyKey{windows.GUID{Data1: 0xa45c254e, Data2: 0xdf1c, Data3: 0x4efd, Data4: [8]byte{0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}}, 14}
	formKey = propertyKey{windows.GUID{Data1: 0x1da5d803, Data2: 0xd492, Data3: 0x4edd, Data4: [8]byte{0x8c, 0x23, 0xe0, 0xc0, 0xff, 0xee, 0x7f, 0x0e}}, 0}
)

// variant is a PROPVARIANT of 64-bit systems.
type variant struct {
	kind  uint16
	_     [3]uint16
	value uintptr // a number, or a pointer: no pointer's type for the collector's sake
	_     uintptr
}

const (
	kindNumber = 19 // VT_UI4
	kindText   = 31 // VT_LPWSTR
)

// The forms of an endpoint that one person hears.
const (
	formHeadphones = 3
	formHeadset    = 5
	formHandset    = 6
)

// system is the list of the machine's endpoints: an IMMDeviceEnumerator.
type system struct{ *comObject }

// openSystem reaches the list. It is released by its user.
func openSystem() (system, error) {
	o, err := create(&classEnumerator, &asEnumerator)
	switch {
	case errors.Is(err, ErrNoServer):
		return system{}, err
	case err != nil:
		return system{}, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	return system{o}, nil
}

func devices(context.Context) (List, error) {
	list := List{Microphones: []Info{}, Speakers: []Info{}}
	err := inApartment(func() error {
		s, err := openSystem()
		if err != nil {
			return err
		}
		defer s.release()
		if list.Microphones, err = s.list(microphones); err != nil {
			return err
		}
		list.Speakers, err = s.list(speakers)
		return err
	})
	if err != nil {
		return List{}, fmt.Errorf("list audio devices: %w", err)
	}
	return list, nil
}

// list lists the endpoints of one direction that are plugged in and not disabled.
func (s system) list(d direction) ([]Info, error) {
	var all *comObject
	if err := s.call(enumeratorList, uintptr(d), stateUsed, uintptr(unsafe.Pointer(&all))); err != nil {
		return nil, err
	}
	defer all.release()
	var n uint32
	if err := all.call(collectionCount, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	standard := ""
	if e, err := s.standard(d); err == nil {
		standard, _ = e.id() // none is marked then
		e.release()
	}
	found := []Info{}
	for i := range n {
		var e endpoint
		if err := all.call(collectionItem, uintptr(i), uintptr(unsafe.Pointer(&e.comObject))); err != nil {
			continue // unplugged meanwhile
		}
		info, err := e.info()
		e.release()
		if err != nil {
			continue
		}
		info.Default = info.ID == standard
		found = append(found, info)
	}
	return found, nil
}

// standard is the default endpoint for calls.
func (s system) standard(d direction) (endpoint, error) {
	var e endpoint
	err := s.call(enumeratorDefault, uintptr(d), forTalks, uintptr(unsafe.Pointer(&e.comObject)))
	return e, err
}

// find is the endpoint with this id among those that are plugged in; "" is the
// default one.
func (s system) find(d direction, id string) (endpoint, error) {
	if id == "" {
		return s.standard(d)
	}
	list, err := s.list(d)
	if err != nil {
		return endpoint{}, err
	}
	if !contains(list, id) { // a speaker is no microphone
		return endpoint{}, ErrNoDevice
	}
	name, err := windows.UTF16PtrFromString(id)
	if err != nil {
		return endpoint{}, ErrNoDevice
	}
	var e endpoint
	err = s.call(enumeratorDevice, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&e.comObject)))
	return e, err
}

func contains(list []Info, id string) bool {
	for _, i := range list {
		if i.ID == id {
			return true
		}
	}
	return false
}

// endpoint is one microphone or speaker: an IMMDevice.
type endpoint struct{ *comObject }

func (e endpoint) id() (string, error) {
	var text *uint16
	if err := e.call(deviceID, uintptr(unsafe.Pointer(&text))); err != nil {
		return "", err
	}
	defer windows.CoTaskMemFree(unsafe.Pointer(text))
	return windows.UTF16PtrToString(text), nil
}

func (e endpoint) info() (Info, error) {
	id, err := e.id()
	if err != nil {
		return Info{}, err
	}
	i := Info{ID: id, Name: id}
	var store *comObject
	if err := e.call(deviceProperties, readStore, uintptr(unsafe.Pointer(&store))); err != nil {
		return i, nil // it works without a name
	}
	defer store.release()
	property(store, &nameKey, func(v *variant) {
		if v.kind == kindText && v.value != 0 {
			i.Name = printable(windows.UTF16PtrToString(*(**uint16)(unsafe.Pointer(&v.value))))
		}
	})
	property(store, &formKey, func(v *variant) {
		if v.kind == kindNumber {
			switch uint32(v.value) {
			case formHeadphones, formHeadset, formHandset:
				i.Headphones = true
			}
		}
	})
	return i, nil
}

// property has read look at one property; one that there is not is empty.
func property(store *comObject, key *propertyKey, read func(*variant)) {
	var v variant
	if store.call(propertiesValue, uintptr(unsafe.Pointer(key)), uintptr(unsafe.Pointer(&v))) != nil {
		return
	}
	read(&v)
	_, _, _ = clearVariant.Call(uintptr(unsafe.Pointer(&v)))
}
