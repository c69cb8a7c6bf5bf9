//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// figures holds what the tests of this run measured.
var figures measured

// measured collects durations by case, in the order the cases came up. It is
// safe for concurrent use.
type measured struct {
	mu    sync.Mutex
	cases []*figure
}

// figure is one measured case. Times are in milliseconds.
type figure struct {
	Case    string    `json:"case"`
	Samples []float64 `json:"samples_ms"`
	// Packets are, of media that came back, when the first packet did; Samples
	// are then when it was heard or seen.
	Packets []float64 `json:"packets_ms,omitempty"`
	Median  float64   `json:"median_ms"`
	Worst   float64   `json:"worst_ms"`
	Aim     float64   `json:"aim_ms"` // of the median
	Limit   float64   `json:"limit_ms"`
}

// bounds are what a case is held to: the median when it is repeated, every
// single time always.
type bounds struct{ median, worst time.Duration }

// add records one measurement, with what it was taken of for the log, and
// fails the test if it is over the limit.
func (m *measured) add(t *testing.T, name string, b bounds, of fmt.Stringer, d time.Duration) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.cases, func(f *figure) bool { return f.Case == name })
	if i < 0 {
		i = len(m.cases)
		m.cases = append(m.cases, &figure{Case: name, Aim: ms(b.median), Limit: ms(b.worst)})
	}
	m.cases[i].Samples = append(m.cases[i].Samples, ms(d))
	t.Logf("%s: %v: %.0f ms", name, of, ms(d))
	if d > b.worst {
		t.Errorf("%s: %v: %v, must not be over %v", name, of, d, b.worst)
	}
}

// addBack records how long media took to come back. What counts is when they were
// heard or seen.
func (m *measured) addBack(t *testing.T, name string, b bounds, of fmt.Stringer, c comeback) {
	t.Helper()
	t.Logf("%s: %v: the first packet after %.0f ms", name, of, ms(c.packet))
	m.add(t, name, b, of, c.perceived)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.cases {
		if f.Case == name {
			f.Packets = append(f.Packets, ms(c.packet))
		}
	}
}

// checkMedians fails the test if a case whose name begins so missed its aim.
// One measurement has no median: only benchmarks are held to it.
func (m *measured) checkMedians(t *testing.T, prefix string) {
	t.Helper()
	if !benchmarking() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.cases {
		if f.sum(); strings.HasPrefix(f.Case, prefix) && f.Median > f.Aim {
			t.Errorf("%s: median %.0f ms of %d, the aim is %.0f ms", f.Case, f.Median, len(f.Samples), f.Aim)
		}
	}
}

func (f *figure) sum() {
	f.Worst, f.Median = slices.Max(f.Samples), median(f.Samples)
}

func median(samples []float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// publish writes the table to w and, if dir is given, as netlab.md and
// netlab.json. Without benchmarks there is nothing to publish.
func (m *measured) publish(w io.Writer, dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !benchmarking() || len(m.cases) == 0 {
		return nil
	}
	var s strings.Builder
	s.WriteString("| case | times | packet ms | heard, seen or done ms | worst ms | aim ms |\n|---|---|---|---|---|---|\n")
	for _, f := range m.cases {
		f.sum()
		packet := ""
		if len(f.Packets) > 0 {
			packet = fmt.Sprintf("%.0f", median(f.Packets))
		}
		fmt.Fprintf(&s, "| %s | %d | %s | %.0f | %.0f | %.0f |\n", f.Case, len(f.Samples), packet, f.Median, f.Worst, f.Aim)
	}
	fmt.Fprintf(w, "\n%s\n", s.String())
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	asJSON, err := json.MarshalIndent(m.cases, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "netlab.json"), append(asJSON, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "netlab.md"), []byte(s.String()), 0o644)
}
