//go:build amd64 || arm64

package device

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mostMethods bounds the methods of any interface used here.
const mostMethods = 32

// comObject is an object of the system as the Component Object Model lays it
// out: its first word points to a table of methods. Methods are called by their
// place in that table, which the system's headers fix for ever; the first three
// are those of IUnknown.
type comObject struct{ methods *[mostMethods]uintptr }

const methodRelease = 2

// call calls a method. Pointers are handed over as uintptr(unsafe.Pointer(p))
// within the call itself, which keeps what they point to in its place.
//
//go:uintptrescapes
func (o *comObject) call(method int, args ...uintptr) error {
	status, _, _ := syscall.SyscallN(o.methods[method], append([]uintptr{uintptr(unsafe.Pointer(o))}, args...)...)
	return failure(status)
}

// release gives the object back; a nil one never was ours.
func (o *comObject) release() {
	if o != nil {
		_ = o.call(methodRelease) // the count that is left is no error
	}
}

// hresult is the status of a call.
type hresult uint32

// The statuses that mean something to us.
const (
	hresultDenied      hresult = 0x80070005 // E_ACCESSDENIED
	hresultNotFound    hresult = 0x80070490 // ERROR_NOT_FOUND
	hresultNoFile      hresult = 0x80070002 // ERROR_FILE_NOT_FOUND: so answers GetDevice
	hresultBadArgument hresult = 0x80070057 // E_INVALIDARG: and for what never was an id
	hresultNoInterface hresult = 0x80004002 // E_NOINTERFACE
	hresultGone        hresult = 0x88890004 // AUDCLNT_E_DEVICE_INVALIDATED
	hresultReset       hresult = 0x88890026 // AUDCLNT_E_RESOURCES_INVALIDATED
	hresultInUse       hresult = 0x8889000a // AUDCLNT_E_DEVICE_IN_USE
	hresultNotAllowed  hresult = 0x8889000e // AUDCLNT_E_EXCLUSIVE_MODE_NOT_ALLOWED
	hresultNoEndpoint  hresult = 0x8889000f // AUDCLNT_E_ENDPOINT_CREATE_FAILED
	hresultNoService   hresult = 0x88890010 // AUDCLNT_E_SERVICE_NOT_RUNNING
)

func (h hresult) Error() string { return fmt.Sprintf("status %#x of Windows", uint32(h)) }

// failure turns a status into an error that this package's callers understand.
func failure(status uintptr) error {
	h := hresult(status)
	if int32(h) >= 0 {
		return nil
	}
	kind := map[hresult]error{
		hresultDenied: ErrDenied, hresultNotFound: ErrNoDevice, hresultNoFile: ErrNoDevice, hresultBadArgument: ErrNoDevice,
		hresultGone: ErrLost, hresultReset: ErrLost, hresultInUse: ErrBusy, hresultNotAllowed: ErrBusy,
		hresultNoEndpoint: ErrNoDevice, hresultNoService: ErrNoServer,
	}[h]
	if kind == nil {
		return h
	}
	return fmt.Errorf("%w: %w", kind, h)
}

// inApartment runs f on a thread of its own that may use COM objects from any
// other such thread.
func inApartment(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// S_FALSE, already so, comes as an error from the package, and counts as well.
	if err := windows.CoInitializeEx(0, windows.COINIT_MULTITHREADED); err != nil && !errors.Is(err, syscall.Errno(1)) {
		return fmt.Errorf("start the Windows audio system: %w: %w", ErrNoServer, err)
	}
	defer windows.CoUninitialize()
	return f()
}

var (
	ole32            = windows.NewLazySystemDLL("ole32.dll")
	coCreateInstance = ole32.NewProc("CoCreateInstance")
	clearVariant     = ole32.NewProc("PropVariantClear")
)

const contextAll = 0x17 // CLSCTX_ALL

// create makes an object of a class, seen by one of its interfaces.
func create(class, as *windows.GUID) (*comObject, error) {
	var o *comObject
	status, _, _ := coCreateInstance.Call(uintptr(unsafe.Pointer(class)), 0, contextAll,
		uintptr(unsafe.Pointer(as)), uintptr(unsafe.Pointer(&o)))
	return o, failure(status)
}
