//go:build !cgo

package device

import (
	"context"
	"fmt"
	"sync"

	"github.com/ebitengine/purego"
)

// load finds the functions of the frameworks in the system's libraries, once. What
// the system calls is made once as well: it cannot be given back.
var load = sync.OnceValues(func() (c coreAudio, err error) {
	defer func() {
		if missing := recover(); missing != nil { // so the package says that a function is not there
			err = fmt.Errorf("%w: %v", ErrNoServer, missing)
		}
	}()
	f := &frameworks{
		listener: purego.NewCallback(onListener), output: purego.NewCallback(onOutput), input: purego.NewCallback(onInput),
	}
	for library, functions := range map[string]map[string]any{
		"CoreAudio": {
			"AudioObjectGetPropertyDataSize": &f.GetPropertyDataSize, "AudioObjectGetPropertyData": &f.GetPropertyData,
			"AudioObjectAddPropertyListener": &f.AddPropertyListener, "AudioObjectRemovePropertyListener": &f.RemovePropertyListener,
		},
		"AudioToolbox": {
			"AudioQueueNewOutput": &f.NewOutput, "AudioQueueNewInput": &f.NewInput, "AudioQueueSetProperty": &f.SetProperty,
			"AudioQueueAllocateBuffer": &f.AllocateBuffer, "AudioQueueEnqueueBuffer": &f.EnqueueBuffer,
			"AudioQueueStart": &f.Start, "AudioQueueDispose": &f.Dispose,
		},
		"CoreFoundation": {
			"CFStringCreateWithCString": &f.CreateString, "CFStringGetCString": &f.StringBytes, "CFRelease": &f.Release,
		},
	} {
		handle, err := purego.Dlopen("/System/Library/Frameworks/"+library+".framework/"+library, purego.RTLD_LAZY|purego.RTLD_GLOBAL)
		if err != nil {
			return c, fmt.Errorf("%w: %w", ErrNoServer, err)
		}
		for name, function := range functions {
			purego.RegisterLibFunc(function, handle, name)
		}
	}
	return coreAudio{f}, nil
})

func devices(context.Context) (List, error) {
	c, err := load()
	if err != nil {
		return List{}, fmt.Errorf("list audio devices: %w", err)
	}
	return c.devices()
}

func watch(ctx context.Context, changed func()) error {
	c, err := load()
	if err != nil {
		return fmt.Errorf("watch audio devices: %w", err)
	}
	return c.watch(ctx, changed)
}

func capture(ctx context.Context, o Options, emit func([]float32)) error {
	c, err := load()
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return c.capture(ctx, o, emit)
}

func play(ctx context.Context, o Options, render func([]float32)) error {
	c, err := load()
	if err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return c.play(ctx, o, render)
}
