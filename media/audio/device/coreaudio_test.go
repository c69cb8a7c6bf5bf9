//go:build darwin || linux

package device

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/meet-term/meet/media/audio/pcm"
)

// fakeMac stands in for Apple's frameworks: devices, strings and queues, as numbers.
// Its mutex guards everything; tests change and look at it while nothing runs.
type fakeMac struct {
	mu        sync.Mutex
	devices   map[uint32]*fakeDevice
	in, out   uint32 // the default ones
	strings   map[uintptr]string
	queues    map[uintptr]*fakeQueue
	listeners map[fakeListener]bool
	last      uintptr
	refuse    bool // to start queues
}

type fakeDevice struct {
	uid, name     string
	input, output bool
	hidden        bool
	source        uint32
}

type fakeListener struct {
	object, selector uint32
	user             uintptr
}

type fakeQueue struct {
	user    uintptr
	input   bool
	device  string // by its UID
	waiting []*queueBuffer
	heard   []float32
	gaps    int
	spoken  float32 // the next sample of the microphone
	stop    chan struct{}
	memory  [][]byte
}

func (m *fakeMac) frameworks() *frameworks {
	return &frameworks{
		GetPropertyDataSize: func(object uint32, a *propertyAddress, _ uint32, _ unsafe.Pointer, size *uint32) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			d := m.devices[object]
			switch {
			case object == systemObject && a.selector == selectDevices:
				*size = uint32(4 * len(m.devices))
			case d != nil && a.selector == selectStreams && (a.scope == scopeInput && d.input || a.scope == scopeOutput && d.output):
				*size = 4
			default:
				*size = 0
			}
			return 0
		},
		GetPropertyData: func(object uint32, a *propertyAddress, _ uint32, _ unsafe.Pointer, size *uint32, data unsafe.Pointer) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.get(object, a, size, data)
		},
		AddPropertyListener: func(object uint32, a *propertyAddress, _, user uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.listeners[fakeListener{object, a.selector, user}] = true
			return 0
		},
		RemovePropertyListener: func(object uint32, a *propertyAddress, _, user uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.listeners, fakeListener{object, a.selector, user})
			return 0
		},
		NewOutput: func(_ *streamFormat, _, user, _, _ uintptr, _ uint32, queue *uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.create(user, false, queue)
		},
		NewInput: func(_ *streamFormat, _, user, _, _ uintptr, _ uint32, queue *uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.create(user, true, queue)
		},
		SetProperty: func(queue uintptr, id uint32, data unsafe.Pointer, _ uint32) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			if id != queueDevice {
				return int32(code("who?"))
			}
			m.queues[queue].device = m.strings[*(*uintptr)(data)]
			return 0
		},
		AllocateBuffer: func(queue uintptr, bytes uint32, b **queueBuffer) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			memory := make([]byte, bytes)
			m.queues[queue].memory = append(m.queues[queue].memory, memory)
			*b = &queueBuffer{capacity: bytes, data: unsafe.Pointer(&memory[0])}
			return 0
		},
		EnqueueBuffer: func(queue uintptr, b *queueBuffer, _ uint32, _ uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			q := m.queues[queue]
			if q == nil {
				return -66671
			}
			q.waiting = append(q.waiting, b)
			return 0
		},
		Start: func(queue, _ uintptr) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.refuse {
				return -66681
			}
			go m.run(m.queues[queue])
			return 0
		},
		Dispose: func(queue uintptr, _ bool) int32 {
			m.mu.Lock()
			defer m.mu.Unlock()
			close(m.queues[queue].stop)
			delete(m.queues, queue)
			return 0
		},
		CreateString: func(_ uintptr, text *byte, _ uint32) uintptr {
			m.mu.Lock()
			defer m.mu.Unlock()
			n := 0
			for *(*byte)(unsafe.Add(unsafe.Pointer(text), n)) != 0 {
				n++
			}
			return m.text(string(unsafe.Slice(text, n)))
		},
		StringBytes: func(text uintptr, into *byte, size int, _ uint32) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			s := m.strings[text]
			if len(s) >= size {
				return false
			}
			copy(unsafe.Slice(into, size), s+"\x00")
			return true
		},
		Release: func(text uintptr) {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.strings, text)
		},
	}
}

func (m *fakeMac) text(s string) uintptr {
	m.last++
	m.strings[m.last] = s
	return m.last
}

func (m *fakeMac) create(user uintptr, input bool, queue *uintptr) int32 {
	m.last++
	*queue = m.last
	m.queues[m.last] = &fakeQueue{user: user, input: input, stop: make(chan struct{})}
	return 0
}

// run is the device of a queue: a block every 10 ms.
func (m *fakeMac) run(q *fakeQueue) {
	beat := time.NewTicker(pcm.BlockSamples * time.Second / pcm.SampleRate)
	defer beat.Stop()
	for {
		select {
		case <-q.stop:
			return
		case <-beat.C:
		}
		m.beat(q)
	}
}

// beat moves one block.
func (m *fakeMac) beat(q *fakeQueue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(q.waiting) == 0 {
		q.gaps++
		return
	}
	b := q.waiting[0]
	q.waiting = q.waiting[1:]
	samples := unsafe.Slice((*float32)(b.data), b.capacity/sampleBytes)
	if q.input {
		for i := range samples {
			samples[i] = q.spoken
			q.spoken++
		}
		b.size = b.capacity
		onInput(q.user, 0, b, 0, 0, 0)
		return
	}
	q.heard = append(q.heard, samples[:b.size/sampleBytes]...)
	onOutput(q.user, 0, b)
}

func (m *fakeMac) get(object uint32, a *propertyAddress, size *uint32, data unsafe.Pointer) int32 {
	if object == systemObject {
		switch a.selector {
		case selectDevices:
			ids := unsafe.Slice((*uint32)(data), *size/4)
			i := 0
			for id := range m.devices {
				ids[i] = id
				i++
			}
			slices.Sort(ids)
		case selectDefaultInput:
			*(*uint32)(data) = m.in
		case selectDefaultOutput:
			*(*uint32)(data) = m.out
		}
		return 0
	}
	d := m.devices[object]
	if d == nil {
		return int32(code("!obj"))
	}
	switch a.selector {
	case selectUID:
		*(*uintptr)(data) = m.text(d.uid)
	case selectName:
		*(*uintptr)(data) = m.text(d.name)
	case selectAlive:
		*(*uint32)(data) = 1
	case selectHidden:
		*(*uint32)(data) = map[bool]uint32{true: 1}[d.hidden]
	case selectDataSource:
		if d.source == 0 {
			return int32(code("who?"))
		}
		*(*uint32)(data) = d.source
	default:
		return int32(code("who?"))
	}
	return 0
}

// change changes something while a stream may look at it.
func (m *fakeMac) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// tell tells everybody who listens to a property.
func (m *fakeMac) tell(object, selector uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for l := range m.listeners {
		if l.object == object && l.selector == selector {
			onListener(object, 1, &propertyAddress{selector, scopeGlobal, 0}, l.user)
		}
	}
}

// queue is the only queue there is.
func (m *fakeMac) queue(t *testing.T) *fakeQueue {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.queues {
		return q
	}
	t.Fatal("nothing is open")
	return nil
}

const (
	macBuiltIn = 10 + iota
	macJack
	macUSB
	macHidden
)

func newFakeMac() (*fakeMac, coreAudio) {
	m := &fakeMac{
		devices: map[uint32]*fakeDevice{
			macBuiltIn: {uid: "BuiltInMicrophoneDevice", name: "MacBook Pro Microphone", input: true},
			macJack:    {uid: "BuiltInHeadphoneOutputDevice", name: "External\x1b[31m Headphones", output: true, source: code("hdpn")},
			macUSB:     {uid: "usb", name: "Headset", input: true, output: true},
			macHidden:  {uid: "hidden", name: "Aggregate", input: true, output: true, hidden: true},
		},
		in: macBuiltIn, out: macJack, strings: map[uintptr]string{}, queues: map[uintptr]*fakeQueue{}, listeners: map[fakeListener]bool{},
	}
	return m, coreAudio{m.frameworks()}
}

// clean checks that nothing is left with the system.
func (m *fakeMac) clean(t *testing.T) {
	t.Helper()
	sinks.Lock()
	defer sinks.Unlock()
	if len(m.strings)+len(m.queues)+len(m.listeners)+len(sinks.known) > 0 {
		t.Errorf("left over: strings %v, %d queues, listeners %v, %d sinks", m.strings, len(m.queues), m.listeners, len(sinks.known))
	}
}

func TestMacDevices(t *testing.T) {
	m, c := newFakeMac()
	list, err := c.devices()
	want := List{
		Microphones: []Info{{ID: "BuiltInMicrophoneDevice", Name: "MacBook Pro Microphone", Default: true}, {ID: "usb", Name: "Headset"}},
		Speakers:    []Info{{ID: "BuiltInHeadphoneOutputDevice", Name: "External[31m Headphones", Default: true, Headphones: true}, {ID: "usb", Name: "Headset"}},
	}
	if err != nil || !slices.Equal(list.Microphones, want.Microphones) || !slices.Equal(list.Speakers, want.Speakers) {
		t.Errorf("%+v, %v, want %+v", list, err, want)
	}
	clear(m.devices)
	if list, err := c.devices(); err != nil || len(list.Microphones)+len(list.Speakers) > 0 {
		t.Errorf("none: %+v, %v", list, err)
	}
	m.clean(t)
}

// macEvents keeps what becomes of a stream.
func macEvents(events *[]string) func(Event) {
	return func(e Event) {
		*events = append(*events, map[EventKind]string{Opened: "opened ", Moved: "moved "}[e.Kind]+e.Device.ID)
	}
}

func TestMacCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newFakeMac()
		ctx, stop := context.WithCancel(t.Context())
		var got []float32
		var events []string
		ended := make(chan error)
		go func() {
			ended <- c.capture(ctx, Options{On: macEvents(&events)}, func(block []float32) { got = append(got, block...) })
		}()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if len(got) != pcm.SampleRate {
			t.Errorf("%d samples in a second", len(got))
		}
		for i, v := range got {
			if v != float32(i) {
				t.Fatalf("sample %d is the one of number %v", i, v)
			}
		}
		m.change(func() { m.in = macUSB })
		m.tell(systemObject, selectDefaultInput)
		synctest.Wait()
		if q := m.queue(t); q.device != "usb" {
			t.Errorf("it records from %q", q.device)
		}
		m.change(func() { // and there is no other one
			delete(m.devices, macUSB)
			m.in = 0
		})
		m.tell(macUSB, selectAlive)
		if err := <-ended; !errors.Is(err, ErrLost) {
			t.Errorf("after the last microphone was unplugged: %v", err)
		}
		if want := []string{"opened BuiltInMicrophoneDevice", "moved usb"}; !slices.Equal(events, want) {
			t.Errorf("%q, want %q", events, want)
		}
		stop()
		m.clean(t)
	})
}

func TestMacPlayback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newFakeMac()
		ctx, stop := context.WithCancel(t.Context())
		next := float32(1)
		ended := make(chan error)
		go func() {
			ended <- c.play(ctx, Options{ID: "usb"}, func(block []float32) {
				for i := range block {
					block[i] = next
					next++
				}
			})
		}()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		q := m.queue(t)
		if q.device != "usb" || q.gaps != 0 || len(q.memory) != playBlocks {
			t.Errorf("%q plays from %d buffers, %d gaps", q.device, len(q.memory), q.gaps)
		}
		const silence = playBlocks * pcm.BlockSamples
		if len(q.heard) != pcm.SampleRate {
			t.Fatalf("%d samples were heard in a second", len(q.heard))
		}
		for i, v := range q.heard {
			if want := float32(max(0, i-silence+1)); v != want {
				t.Fatalf("sample %d is %v, want %v", i, v, want)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		m.clean(t)
	})
}

// TestMacDeepens has the machine be busy for longer than what is kept ahead.
func TestMacDeepens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newFakeMac()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		var busy atomic.Bool
		go func() {
			ended <- c.play(ctx, Options{}, func([]float32) {
				if busy.CompareAndSwap(true, false) {
					time.Sleep(45 * time.Millisecond)
				}
			})
		}()
		time.Sleep(time.Second)
		busy.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		q := m.queue(t)
		if len(q.memory) != playBlocks+1 || q.gaps == 0 {
			t.Errorf("%d buffers after %d gaps", len(q.memory), q.gaps)
		}
		gaps := q.gaps
		time.Sleep(time.Minute)
		synctest.Wait()
		if q.gaps != gaps || len(q.memory) != playBlocks+1 {
			t.Errorf("a minute later: %d buffers, %d gaps", len(q.memory), q.gaps)
		}
		stop()
		<-ended
		m.clean(t)
	})
}

func TestMacWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newFakeMac()
		ctx, stop := context.WithCancel(t.Context())
		changes := 0
		ended := make(chan error)
		go func() { ended <- c.watch(ctx, func() { changes++ }) }()
		for _, selector := range []uint32{selectDevices, selectDefaultInput, selectDefaultOutput} {
			synctest.Wait()
			m.tell(systemObject, selector)
		}
		synctest.Wait()
		if changes != 3 {
			t.Errorf("%d changes of 3", changes)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		m.clean(t)
	})
}

func TestMacRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newFakeMac()
		none := func([]float32) {}
		for name, got := range map[string]error{
			"a microphone that is none": c.capture(t.Context(), Options{ID: "BuiltInHeadphoneOutputDevice"}, none),
			"a speaker that is unknown": c.play(t.Context(), Options{ID: "?"}, none),
		} {
			if !errors.Is(got, ErrNoDevice) {
				t.Errorf("%s: %v", name, got)
			}
		}
		if err := c.capture(t.Context(), Options{Monitor: true}, none); !errors.Is(err, ErrUnsupported) {
			t.Errorf("what a speaker plays: %v", err)
		}
		m.refuse = true
		if err := c.play(t.Context(), Options{}, none); !errors.Is(err, ErrNoDevice) {
			t.Errorf("a speaker that does not start: %v", err)
		}
		m.in = 0
		if err := c.capture(t.Context(), Options{}, none); !errors.Is(err, ErrNoDevice) {
			t.Errorf("no microphone: %v", err)
		}
		m.clean(t)
	})
}

// TestMacLayouts compares the sizes of what is shared with the frameworks with those
// of Apple's headers on 64-bit machines.
func TestMacLayouts(t *testing.T) {
	if got := [...]uintptr{unsafe.Sizeof(propertyAddress{}), unsafe.Sizeof(streamFormat{}), unsafe.Offsetof(queueBuffer{}.size),
		unsafe.Offsetof(queueBuffer{}.descriptions)}; got != [...]uintptr{12, 40, 16, 48} {
		t.Errorf("%v", got)
	}
	if osStatus(int32(code("!dev"))).Error() != `status "!dev" of macOS` || osStatus(-50).Error() != "status -50 of macOS" {
		t.Error(osStatus(int32(code("!dev"))), osStatus(-50))
	}
}
