package vp8_test

import (
	"fmt"

	"github.com/meet-term/meet/media/video"
	"github.com/meet-term/meet/media/video/vp8"
)

// A grey picture that becomes brighter is encoded for 100 kbit/s and decoded again.
func Example() {
	enc, err := vp8.NewEncoder(vp8.Config{Width: 320, Height: 180, FPS: 15, BitrateKbps: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	dec := vp8.NewDecoder(vp8.DecoderOptions{})
	for i := range 3 {
		picture := video.NewFrame(320, 180)
		for j := range picture.Y {
			picture.Y[j] = byte(100 + 20*i)
		}
		packet, err := enc.Encode(picture)
		if err != nil {
			fmt.Println(err)
			return
		}
		seen, err := dec.Decode(packet.Data)
		if err != nil {
			fmt.Println(err)
			return
		}
		off := int(seen.Y[seen.YStride*90+160]) - int(picture.Y[picture.YStride*90+160])
		fmt.Printf("%d x %d, key %t, within 4: %t, less than 2 kB: %t\n",
			seen.Width, seen.Height, packet.Key, -4 <= off && off <= 4, len(packet.Data) < 2000)
	}
	// Output:
	// 320 x 180, key true, within 4: true, less than 2 kB: true
	// 320 x 180, key false, within 4: true, less than 2 kB: true
	// 320 x 180, key false, within 4: true, less than 2 kB: true
}
