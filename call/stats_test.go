package call

import (
	"testing"
	"time"

	"github.com/meet-term/meet/media/audio"
)

func TestRates(t *testing.T) {
	var r rates
	now := time.Unix(1000, 0)
	s := PeerStats{}
	r.take(now, &s)
	s.Received[0], s.Received[1], s.Sent[1] = 100_000, 25_000, 12_500
	s.Audio = audio.Stats{Packets: 90, Lost: 10}
	got := r.take(now.Add(time.Second), &s)
	if want := (Rates{Down: 1_000_000, Up: 100_000, Loss: 0.1, Bits: [3]int{800_000, 200_000, 0}}); got != want {
		t.Errorf("after a second: %+v, want %+v", got, want)
	}
	s.Received[0] += 100_000
	if soon := r.take(now.Add(1100*time.Millisecond), &s); soon != got {
		t.Errorf("rates over a tenth of a second: %+v", soon)
	}
}
