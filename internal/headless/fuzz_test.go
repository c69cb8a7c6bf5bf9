package headless

import "testing"

// FuzzObey: whatever line comes in is a command, done once, or an error in words.
func FuzzObey(f *testing.F) {
	for _, line := range []string{`{"command":"mic","on":false}`, `{"command":"verify","peer":"x"}`, `{"command":"volume","peer":"x","percent":1e99}`, `[`, "\x00"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var r recorder
		err := obey(line, &r, &r)
		if err != nil && err.Error() == "" || len(r.done) > 2 {
			t.Fatalf("%q: %v, did %q", line, err, r.done)
		}
	})
}
