// Command record makes the voices in ../testdata with espeak-ng and stores them
// as Opus packets, each behind its length in two bytes.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/thesyncim/gopus"

	"github.com/meet-term/meet/media/audio/wav"
)

const bitrate = 28000

var texts = []string{
	"The quick brown fox jumps over the lazy dog, and nobody in the meeting minds at all. Please send the numbers of the last quarter before noon, so that everyone can read them in time. We shall look at six of these on Thursday.",
	"A large size in stockings is hard to sell. The boy was there when the sun rose. Glue the sheet to the dark blue background, and these days a chicken leg is a rare dish. Rice is often served in round bowls, while the juice of lemons makes fine punch.",
	"Four hours of steady work faced us. The hogs were fed chopped corn and garbage, which is what they always got. Help the woman get back to her feet, and a pot of tea helps to pass the evening. Smoky fires lack flame and heat.",
}

func main() {
	dir := "internal/voicetest/testdata"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for _, v := range []struct {
		name, voice, speed string
		text               int
	}{
		{"m1", "en-us+m1", "165", 0}, {"f1", "en-gb+f1", "170", 1}, {"f2", "en-us+f2", "160", 2},
		{"m4", "en-gb+m4", "170", 1}, {"f3", "en-us+f3", "160", 2}, {"m3", "en-us+m3", "165", 0},
	} {
		if err := record(filepath.Join(dir, v.name+".voice"), v.voice, v.speed, texts[v.text]); err != nil {
			fmt.Fprintln(os.Stderr, "record:", err)
			os.Exit(1)
		}
	}
}

func record(path, voice, speed, text string) error {
	file := path + ".wav"
	defer os.Remove(file)
	if out, err := exec.Command("espeak-ng", "-v", voice, "-s", speed, "-w", file, text).CombinedOutput(); err != nil {
		return fmt.Errorf("espeak-ng: %w: %s", err, out)
	}
	src, err := os.Open(file)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := wav.NewReader(src)
	if err != nil {
		return err
	}
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: 48000, Channels: 1, Application: gopus.ApplicationAudio})
	if err != nil {
		return err
	}
	if err := enc.SetBitrate(bitrate); err != nil {
		return err
	}
	var all []byte
	frame, packet := make([]float32, 960), make([]byte, 1275)
	for {
		n := r.Read(frame)
		if n == 0 {
			return os.WriteFile(path, all, 0o644)
		}
		clear(frame[n:])
		size, err := enc.Encode(frame, packet)
		if err != nil {
			return err
		}
		all = binary.BigEndian.AppendUint16(all, uint16(size))
		all = append(all, packet[:size]...)
	}
}
