package relay

import (
	"fmt"
	"io"
	"sync/atomic"
)

// stats are the counters of the relay.
type stats struct {
	allocated, refusedAllocation             atomic.Uint64
	refusedUser, refusedAddress              atomic.Uint64
	packets, bytes                           atomic.Uint64
	droppedAddress, droppedRate, droppedSend atomic.Uint64
}

// WriteMetrics writes the counters in the text format of Prometheus.
func (s *Server) WriteMetrics(w io.Writer) {
	s.mu.Lock()
	open, members := s.open, len(s.members)
	s.mu.Unlock()
	for _, g := range []struct {
		name, help string
		value      int
	}{
		{"meet_relay_allocations", "Relayed addresses there are.", open},
		{"meet_relay_members", "Members with credentials for the relay.", members},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %d\n", g.name, g.help, g.name, g.name, g.value)
	}
	counters := []struct {
		name, help string
		value      *atomic.Uint64
	}{
		{"meet_relay_allocations_total", "Relayed addresses that were made.", &s.stats.allocated},
		{"meet_relay_packets_total", "Packets relayed, either way.", &s.stats.packets},
		{"meet_relay_bytes_total", "Bytes relayed, either way, without headers.", &s.stats.bytes},
	}
	for _, c := range counters {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", c.name, c.help, c.name, c.name, c.value.Load())
	}
	fmt.Fprint(w, "# HELP meet_relay_refused_total Requests refused.\n# TYPE meet_relay_refused_total counter\n")
	fmt.Fprintf(w, "meet_relay_refused_total{why=\"credentials\"} %d\n", s.stats.refusedUser.Load())
	fmt.Fprintf(w, "meet_relay_refused_total{why=\"allocation\"} %d\n", s.stats.refusedAllocation.Load())
	fmt.Fprintf(w, "meet_relay_refused_total{why=\"address\"} %d\n", s.stats.refusedAddress.Load())
	fmt.Fprint(w, "# HELP meet_relay_dropped_total Packets not relayed.\n# TYPE meet_relay_dropped_total counter\n")
	fmt.Fprintf(w, "meet_relay_dropped_total{why=\"address\"} %d\n", s.stats.droppedAddress.Load())
	fmt.Fprintf(w, "meet_relay_dropped_total{why=\"rate\"} %d\n", s.stats.droppedRate.Load())
	fmt.Fprintf(w, "meet_relay_dropped_total{why=\"send\"} %d\n", s.stats.droppedSend.Load())
}
