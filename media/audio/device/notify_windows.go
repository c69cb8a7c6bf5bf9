//go:build amd64 || arm64

package device

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/meet-term/meet/internal/wake"
	"golang.org/x/sys/windows"
)

var (
	asUnknown  = windows.GUID{Data4: [8]byte{0xc0, 0, 0, 0, 0, 0, 0, 0x46}}
	asListener = windows.GUID{Data1: 0x7991eec9, Data2: 0x7e89, Data3: 0x4d85, Data4: [8]byte{0x83, 0x90, 0x6c, 0x70, 0x3c, 0xec, 0x60, 0xc0}}
)

// listener is an IMMNotificationClient: the system calls it, from threads of its
// own, when endpoints come, go or become the default ones. It belongs to the
// system as long as that holds references.
type listener struct {
	methods *[8]uintptr // must come first: it is a COM object
	refs    atomic.Int32

	// listChanged hears that the list may have changed, and standardChanged that
	// the default endpoint for calls has. They must not wait.
	listChanged     func()
	standardChanged func(direction)
}

// listeners keeps those alive that the system knows, where Go's collector cannot
// see. Guarded by its mutex.
var listeners = struct {
	sync.Mutex
	known map[*listener]struct{}
}{known: map[*listener]struct{}{}}

// listenerMethods is the one table of methods: callbacks can be made, but not
// given back.
var listenerMethods = sync.OnceValue(func() *[8]uintptr {
	changed := func(l *listener) uintptr {
		l.listChanged()
		return 0
	}
	return &[8]uintptr{
		windows.NewCallback(func(l *listener, as *windows.GUID, out **listener) uintptr {
			if *as != asUnknown && *as != asListener {
				*out = nil
				return uintptr(hresultNoInterface)
			}
			l.refs.Add(1)
			*out = l
			return 0
		}),
		windows.NewCallback(func(l *listener) uintptr { return uintptr(l.refs.Add(1)) }),
		windows.NewCallback(func(l *listener) uintptr { return uintptr(l.drop()) }),
		windows.NewCallback(func(l *listener, _, _ uintptr) uintptr { return changed(l) }), // OnDeviceStateChanged
		windows.NewCallback(func(l *listener, _ uintptr) uintptr { return changed(l) }),    // OnDeviceAdded
		windows.NewCallback(func(l *listener, _ uintptr) uintptr { return changed(l) }),    // OnDeviceRemoved
		windows.NewCallback(func(l *listener, d, role, _ uintptr) uintptr { // OnDefaultDeviceChanged
			if uint32(role) == forTalks { // the upper half of a word is anything
				l.standardChanged(direction(uint32(d)))
			}
			return changed(l)
		}),
		windows.NewCallback(func(*listener, uintptr, uintptr) uintptr { return 0 }), // OnPropertyValueChanged: volumes and such
	}
})

// drop gives up one reference.
func (l *listener) drop() int32 {
	n := l.refs.Add(-1)
	if n == 0 {
		listeners.Lock()
		delete(listeners.known, l)
		listeners.Unlock()
	}
	return n
}

// listen has the system tell of changes until the returned function is called.
func (s system) listen(listChanged func(), standardChanged func(direction)) (end func(), err error) {
	l := &listener{methods: listenerMethods(), listChanged: listChanged, standardChanged: standardChanged}
	l.refs.Store(1)
	listeners.Lock()
	listeners.known[l] = struct{}{}
	listeners.Unlock()
	if err := s.call(enumeratorRegister, uintptr(unsafe.Pointer(l))); err != nil {
		l.drop()
		return nil, fmt.Errorf("listen for changes: %w", err)
	}
	return func() {
		_ = s.call(enumeratorUnregister, uintptr(unsafe.Pointer(l))) // it is known, or the system is ending
		l.drop()
	}, nil
}

func watch(ctx context.Context, changed func()) error {
	changes := make(chan struct{}, 1)
	return inApartment(func() error {
		s, err := openSystem()
		if err != nil {
			return fmt.Errorf("watch audio devices: %w", err)
		}
		defer s.release()
		end, err := s.listen(func() { wake.Poke(changes) }, func(direction) {})
		if err != nil {
			return fmt.Errorf("watch audio devices: %w", err)
		}
		defer end()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-changes:
				changed()
			}
		}
	})
}
