//go:build amd64 || arm64

package device

import (
	"errors"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// TestListener calls a listener as the system does: through its table of methods.
func TestListener(t *testing.T) {
	var changes int
	var standard []direction
	l := &listener{
		methods: listenerMethods(), listChanged: func() { changes++ },
		standardChanged: func(d direction) { standard = append(standard, d) },
	}
	l.refs.Store(1)
	listeners.Lock()
	listeners.known[l] = struct{}{}
	listeners.Unlock()
	call := func(method int, args ...uintptr) uintptr {
		r, _, _ := syscall.SyscallN(l.methods[method], append([]uintptr{uintptr(unsafe.Pointer(l))}, args...)...)
		return r
	}
	var seen uintptr
	for name, c := range map[string]struct {
		as   windows.GUID
		want hresult
	}{
		"as what it is": {asListener, 0}, "as any object": {asUnknown, 0}, "as something else": {asClient, hresultNoInterface},
	} {
		got := call(0, uintptr(unsafe.Pointer(&c.as)), uintptr(unsafe.Pointer(&seen)))
		if hresult(got) != c.want || (seen == uintptr(unsafe.Pointer(l))) != (c.want == 0) {
			t.Errorf("asked %s: %#x, %#x", name, got, seen)
		}
	}
	if n := call(2); n != 2 {
		t.Errorf("%d references after one of three was given up", n)
	}
	id, _ := syscall.UTF16PtrFromString("{0.0.0.00000000}.{x}")
	name := uintptr(unsafe.Pointer(id))
	const rubbish = 0x7f << 40 // in the upper half of a word, which callers need not clear
	call(3, name, 1)           // another state
	call(4, name)              // plugged in
	call(5, name)              // unplugged
	call(6, uintptr(microphones)|rubbish, forTalks|rubbish, name)
	call(6, uintptr(speakers), 0, name) // of another role
	call(7, name, 0)                    // a volume
	if changes != 5 || len(standard) != 1 || standard[0] != microphones {
		t.Errorf("%d changes, and the default ones of %v", changes, standard)
	}
	call(2)
	call(2)
	listeners.Lock()
	defer listeners.Unlock()
	if len(listeners.known) != 0 {
		t.Errorf("%d listeners are kept", len(listeners.known))
	}
}

func TestFailures(t *testing.T) {
	for status, want := range map[hresult]error{
		hresultNoService: ErrNoServer, hresultNotFound: ErrNoDevice, hresultGone: ErrLost, hresultDenied: ErrDenied,
		hresultInUse: ErrBusy, 0x80004005: hresult(0x80004005),
	} {
		if err := failure(uintptr(status)); !errors.Is(err, want) {
			t.Errorf("%v: %v", status, err)
		}
	}
	for _, fine := range []uintptr{0, 1, 0x08890001} { // an empty buffer is no error
		if err := failure(fine); err != nil {
			t.Errorf("%#x: %v", fine, err)
		}
	}
}

// TestSilentSpeaker records a speaker that plays nothing, which Windows leaves out.
func TestSilentSpeaker(t *testing.T) {
	blocks := 0
	r := recording{stream: stream{channels: 1}, in: newBlocks(false, func([]float32) { blocks++ })}
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {40 * time.Millisecond, 0}, {60 * time.Millisecond, 6}, {100 * time.Millisecond, 6}, {time.Second, 100}} {
		r.silence(now.Add(c.after))
		if blocks != c.want {
			t.Errorf("after %v: %d blocks, want %d", c.after, blocks, c.want)
		}
	}
	r.last = now.Add(2 * time.Second) // it played until then
	r.silence(now.Add(2*time.Second + 40*time.Millisecond))
	if blocks != 100 {
		t.Errorf("%d blocks right after sound", blocks)
	}
}
