// Package smoke is the one end-to-end test that every system runs: a server and
// two participants without devices, who hear and see each other. It is what the
// workflows run on machines that nobody of us has.
package smoke

import (
	"os"
	"testing"
	"time"

	"github.com/meet-term/meet/e2e/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

func TestTwoPeople(t *testing.T) {
	s := rig.Serve(t)
	join := func(name string) *rig.Person {
		return rig.Join{Server: s, Room: "smoke", Name: name, Flags: []string{
			"--mic", "tone", "--camera", "testcard", "--screen", "none", "--speaker", "none",
		}}.Start(t)
	}
	alice, bob := join("alice"), join("bob")
	for p, other := range map[*rig.Person]string{alice: "bob", bob: "alice"} {
		p.Meets(other)
		p.Await(time.Time{}, "sound and pictures of "+other, func(e rig.Event) bool {
			return rig.Is("stats", other)(e) && e.Number("audio", "decoded") > 20 && e.Number("camera", "frames_decoded") > 5
		})
	}
	alice.Tell("chat", "text", "hello")
	bob.Await(time.Time{}, "a line of chat", func(e rig.Event) bool {
		return rig.Is("chat", "alice")(e) && e.Text("text") == "hello"
	})
	from := time.Now()
	alice.Leave()
	bob.Await(from, "alice to leave", rig.Is("peer-left", "alice"))
	bob.Leave()
}
