//go:build darwin || linux

package device

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/meet-term/meet/internal/wake"
)

// This file and its neighbours coreaudio_*.go are the sound of macOS without a
// compiler. They are built on Linux as well, where their tests run against a stand-in
// for Apple's frameworks; only what loads those is macOS's own (coreaudio_darwin.go).

// frameworks are the functions of CoreAudio, AudioToolbox and CoreFoundation that
// are used, by their names in Apple's headers without the prefixes. Those of audio
// return an OSStatus. Objects and queues are numbers to us.
type frameworks struct {
	// AudioHardware.h
	GetPropertyDataSize    func(object uint32, address *propertyAddress, qualifierSize uint32, qualifier unsafe.Pointer, size *uint32) int32
	GetPropertyData        func(object uint32, address *propertyAddress, qualifierSize uint32, qualifier unsafe.Pointer, size *uint32, data unsafe.Pointer) int32
	AddPropertyListener    func(object uint32, address *propertyAddress, listener, user uintptr) int32
	RemovePropertyListener func(object uint32, address *propertyAddress, listener, user uintptr) int32

	// AudioQueue.h
	NewOutput      func(format *streamFormat, callback, user, runLoop, mode uintptr, flags uint32, queue *uintptr) int32
	NewInput       func(format *streamFormat, callback, user, runLoop, mode uintptr, flags uint32, queue *uintptr) int32
	SetProperty    func(queue uintptr, id uint32, data unsafe.Pointer, size uint32) int32
	AllocateBuffer func(queue uintptr, bytes uint32, buffer **queueBuffer) int32
	EnqueueBuffer  func(queue uintptr, buffer *queueBuffer, packets uint32, descriptions uintptr) int32
	Start          func(queue, when uintptr) int32
	Dispose        func(queue uintptr, immediately bool) int32

	// CFString.h, CFBase.h
	CreateString func(allocator uintptr, text *byte, encoding uint32) uintptr
	StringBytes  func(text uintptr, into *byte, size int, encoding uint32) bool
	Release      func(object uintptr)

	// What the system is to call: onListener, onOutput and onInput, as it calls them.
	listener, output, input uintptr
}

// propertyAddress is an AudioObjectPropertyAddress.
type propertyAddress struct{ selector, scope, element uint32 }

// streamFormat is an AudioStreamBasicDescription.
type streamFormat struct {
	sampleRate                                                                                     float64
	id, flags, bytesPerPacket, framesPerPacket, bytesPerFrame, channelsPerFrame, bitsPerChannel, _ uint32
}

// queueBuffer is an AudioQueueBuffer.
type queueBuffer struct {
	capacity     uint32
	data         unsafe.Pointer
	size         uint32
	_            uintptr // of whoever made the queue
	_            uint32
	_            uintptr
	descriptions uint32
}

// code is a constant of four letters, as Apple's headers have them.
func code(letters string) uint32 {
	return uint32(letters[0])<<24 | uint32(letters[1])<<16 | uint32(letters[2])<<8 | uint32(letters[3])
}

// The properties that are read, and what they are.
var (
	selectDevices       = code("dev#") // kAudioHardwarePropertyDevices
	selectDefaultInput  = code("dIn ") // kAudioHardwarePropertyDefaultInputDevice
	selectDefaultOutput = code("dOut") // kAudioHardwarePropertyDefaultOutputDevice
	selectStreams       = code("stm#") // kAudioDevicePropertyStreams
	selectHidden        = code("hidn") // kAudioDevicePropertyIsHidden
	selectName          = code("lnam") // kAudioObjectPropertyName
	selectUID           = code("uid ") // kAudioDevicePropertyDeviceUID
	selectAlive         = code("livn") // kAudioDevicePropertyDeviceIsAlive
	selectDataSource    = code("ssrc") // kAudioDevicePropertyDataSource

	scopeGlobal = code("glob")
	scopeInput  = code("inpt")
	scopeOutput = code("outp")

	sourceHeadphones = code("hdpn") // of a jack
	queueDevice      = code("aqcd") // kAudioQueueProperty_CurrentDevice
	linearPCM        = code("lpcm")
)

const (
	systemObject = 1          // kAudioObjectSystemObject
	utf8Encoding = 0x08000100 // kCFStringEncodingUTF8
	floatPacked  = 1 | 8      // kAudioFormatFlagIsFloat, kAudioFormatFlagIsPacked
	nameBytes    = 512        // of a name or an id
)

// osStatus is the status of a call.
type osStatus int32

// Error shows the four letters that most are made of.
func (s osStatus) Error() string {
	b := [4]byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("status %d of macOS", int32(s))
		}
	}
	return fmt.Sprintf("status %q of macOS", b[:])
}

// statusError turns a status into an error that this package's callers understand.
func statusError(status int32) error {
	if status == 0 {
		return nil
	}
	kind := map[uint32]error{
		code("!dev"): ErrNoDevice, code("!obj"): ErrNoDevice, // bad device, bad object
		code("stop"): ErrLost,   // not running
		code("!hog"): ErrBusy,   // permissions: another process hogs it
		code("who?"): ErrLost,   // unknown property: of a device that is no more
		code("nope"): ErrDenied, // illegal operation
	}[uint32(status)]
	switch status {
	case -66680, -66681: // kAudioQueueErr_InvalidDevice, kAudioQueueErr_CannotStart
		kind = ErrNoDevice
	case -66671: // kAudioQueueErr_QueueInvalidated
		kind = ErrLost
	case -66678: // kAudioQueueErr_Permissions
		kind = ErrDenied
	}
	if kind == nil {
		return osStatus(status)
	}
	return fmt.Errorf("%w: %w", kind, osStatus(status))
}

// sinks are those that wait for a word of the system, by the number that it was
// given for them: it may not keep a pointer of ours. Guarded by its mutex.
var sinks = struct {
	sync.Mutex
	last  uintptr
	known map[uintptr]*sink
}{known: map[uintptr]*sink{}}

// sink is where words of the system go. Its channels are large enough for all there
// can be of a kind, or hold the one token that says enough.
type sink struct {
	changed chan struct{}     // a property
	buffers chan *queueBuffer // done with
}

// newSink makes a sink for so many buffers. The function it returns forgets it.
func newSink(buffers int) (s *sink, user uintptr, forget func()) {
	s = &sink{changed: make(chan struct{}, 1), buffers: make(chan *queueBuffer, buffers)}
	sinks.Lock()
	defer sinks.Unlock()
	sinks.last++
	user = sinks.last
	sinks.known[user] = s
	return s, user, func() {
		sinks.Lock()
		defer sinks.Unlock()
		delete(sinks.known, user)
	}
}

func sinkOf(user uintptr) *sink {
	sinks.Lock()
	defer sinks.Unlock()
	return sinks.known[user]
}

// onListener is an AudioObjectPropertyListenerProc.
func onListener(_, _ uint32, _ *propertyAddress, user uintptr) int32 {
	if s := sinkOf(user); s != nil {
		wake.Poke(s.changed)
	}
	return 0
}

// onOutput is an AudioQueueOutputCallback.
func onOutput(user, _ uintptr, b *queueBuffer) {
	s := sinkOf(user)
	if s == nil {
		return
	}
	select {
	case s.buffers <- b:
	default: // there are no more of them than it has room for
	}
}

// onInput is an AudioQueueInputCallback.
func onInput(user, queue uintptr, b *queueBuffer, _ uintptr, _ uint32, _ uintptr) {
	onOutput(user, queue, b)
}
