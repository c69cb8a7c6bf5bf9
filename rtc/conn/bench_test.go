package conn

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/meet-term/meet/media"
)

// sessions connects one sender to n receivers over the network of this
// machine.
func sessions(b *testing.B, n int) (*person, []*link) {
	b.Helper()
	sender := newPerson(b, "sender", nil)
	var links []*link
	for i := range n {
		l := connect(b, sender, newPerson(b, fmt.Sprintf("receiver %d", i), nil), 1, 0)
		l.await()
		links = append(links, l)
	}
	return sender, links
}

// What one encoded frame costs the sender for n peers: packetising once,
// encryption and a system call for each.
func BenchmarkSend(b *testing.B) {
	for _, n := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("audio/peers=%d", n), func(b *testing.B) {
			sender, links := sessions(b, n)
			payload := make([]byte, 80) // 32 kbit/s
			b.ReportAllocs()
			for i := range b.N {
				sender.out.WriteAudio(media.Packet{Payload: payload, Timestamp: uint32(i) * 960, Level: -30, Voice: true})
			}
			b.StopTimer()
			for _, l := range links {
				l.close()
			}
		})
		b.Run(fmt.Sprintf("video/peers=%d", n), func(b *testing.B) {
			sender, links := sessions(b, n)
			frame := vp8(true, nil, 4000) // 500 kbit/s at 15 frames/s
			b.ReportAllocs()
			for i := range b.N {
				sender.out.WriteVideo(media.Frame{Kind: media.Camera, Data: frame, Timestamp: uint32(i) * 6000})
			}
			b.StopTimer()
			for _, l := range links {
				l.close()
			}
		})
	}
}

// What a connected session holds on to: heap and stacks of both ends, halved.
func BenchmarkIdleSession(b *testing.B) {
	const n = 20
	for range b.N {
		before := memory()
		_, links := sessions(b, n)
		b.ReportMetric(float64(memory()-before)/(2*n)/1024, "KiB/session")
		b.ReportMetric(float64(runtime.NumGoroutine())/(2*n), "goroutines/session")
		for _, l := range links {
			l.close()
		}
	}
}

func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
