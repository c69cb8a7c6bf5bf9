// Command probe uses the devices of a machine without a call: it is what
// runs on Windows, or what stands in for it, while a test looks on from outside.
//
//	probe record ID FILE     until standard input ends; "" is the default microphone
//	probe monitor ID FILE    likewise what a speaker plays
//	probe play ID FILE       until the file ends or standard input does
//	probe watch              a line for every change
//	probe screen             a line for every picture: its size, and the colour (Y, U, V)
//	                         in the middle of each quarter
//
// It says on standard output what happens to the stream, a line for each.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/audio/wav"
	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/source"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	crash.Go(func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	})
	if err := run(ctx, stop, os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func run(ctx context.Context, stop func(), args []string) error {
	switch {
	case len(args) == 1 && args[0] == "watch":
		fmt.Println("watching")
		return device.Watch(ctx, func() { fmt.Println("changed") })
	case len(args) == 1 && args[0] == "screen":
		return screen(ctx)
	case len(args) == 3 && args[0] == "play":
		return play(ctx, stop, options(args[1]), args[2])
	case len(args) == 3 && (args[0] == "record" || args[0] == "monitor"):
		o := options(args[1])
		o.Monitor = args[0] == "monitor"
		return record(ctx, o, args[2])
	}
	return fmt.Errorf("what to do with %q?", args)
}

func screen(ctx context.Context) error {
	demand := source.NewDemand(source.Want{Width: 4096, Height: 4096, FPS: 10})
	return source.Screen{}.Source().Run(ctx, demand, func(f *video.Frame) {
		fmt.Print("picture ", f.Width, "x", f.Height)
		for i := range 4 {
			x, y := f.Width/4+i%2*f.Width/2, f.Height/4+i/2*f.Height/2
			at := y/2*f.UVStride + x/2
			fmt.Printf(" %d,%d,%d", f.Y[y*f.YStride+x], f.U[at], f.V[at])
		}
		fmt.Println()
	})
}

func options(id string) device.Options {
	return device.Options{ID: id, On: func(e device.Event) {
		names := map[device.EventKind]string{
			device.Opened: "opened", device.Moved: "moved", device.Changed: "changed", device.Gap: "gap",
		}
		fmt.Println(names[e.Kind], e.Device.Name)
	}}
}

func record(ctx context.Context, o device.Options, path string) error {
	w, err := wav.Create(path)
	if err != nil {
		return err
	}
	var first sync.Once
	err = device.Capture(ctx, o, func(block []float32) {
		first.Do(func() { fmt.Println("recording") })
		_ = w.Write(block) // Close tells
	})
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// tail is how long is played on after the end of a file: what is in the buffers.
const tail = 300 * time.Millisecond

func play(ctx context.Context, stop func(), o device.Options, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := wav.NewReader(f)
	if err != nil {
		return err
	}
	var end sync.Once
	return device.Play(ctx, o, func(block []float32) {
		n := r.Read(block)
		clear(block[n:])
		if n < len(block) {
			end.Do(func() { time.AfterFunc(tail, stop) })
		}
	})
}
