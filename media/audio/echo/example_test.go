package echo_test

import (
	"fmt"
	"math"

	"github.com/meet-term/meet/media/audio/echo"
)

// A call: what the loudspeaker plays comes back into the microphone 30 ms later
// and half as loud.
func Example() {
	c := echo.New(echo.Config{})
	played := make([]float32, 3*echo.BlockSamples) // what is on its way through the room
	far := make([]float32, echo.BlockSamples)
	mic := make([]float32, echo.BlockSamples)
	out := make([]float32, echo.BlockSamples)

	var came, left float64
	seed := uint32(1)
	for block := range 1000 {
		for i := range far { // somebody far away, who sounds like noise
			seed = seed*1664525 + 1013904223
			far[i] = 0.1 * (float32(seed>>8)/(1<<23) - 1)
		}
		for i := range mic {
			mic[i] = played[i] / 2
		}
		played = append(played[:copy(played, played[echo.BlockSamples:])], far...)

		c.Process(mic, far, out)
		if block >= 900 {
			for i := range out {
				came += float64(mic[i] * mic[i])
				left += float64(out[i] * out[i])
			}
		}
	}
	fmt.Println("found:", c.Stats().Found)
	fmt.Println("30 dB quieter:", 10*math.Log10(came/left) > 30)
	// Output:
	// found: true
	// 30 dB quieter: true
}
