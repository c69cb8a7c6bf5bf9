package call

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meet-term/meet/internal/pagetest"
)

// TestPageHearsAlike gives random stories to our ear and to the page's.
func TestPageHearsAlike(t *testing.T) {
	pg := pagetest.New(t, "../web/page", "testdata/hearing.js")
	type input struct {
		Now      int64  `json:"now"` // ms; 0 is never
		Answered bool   `json:"answered"`
		Quiet    int64  `json:"quiet"`
		On       bool   `json:"on"`
		Path     bool   `json:"path"`
		Packets  uint64 `json:"packets"`
		Last     int64  `json:"last"`
		Alive    int64  `json:"alive"`
		RTT      int64  `json:"rtt"`
	}
	type outcome struct{ Ask, Deaf bool }
	moment := func(ms int64) time.Time {
		if ms == 0 {
			return time.Time{}
		}
		return time.UnixMilli(ms)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	deaf := 0
	for range 300 {
		in := input{Now: 1e9, On: true, Path: true, RTT: int64(rng.IntN(300))}
		var all []input
		var want []outcome
		var e ear
		arrives, alive := true, true
		for range 150 {
			in.Now += 100
			if rng.IntN(15) == 0 {
				arrives = !arrives
			}
			if rng.IntN(30) == 0 {
				alive = !alive
			}
			in.On, in.Path = rng.IntN(60) > 0, rng.IntN(40) > 0
			if arrives {
				in.Packets += 5
				in.Last = in.Now - int64(rng.IntN(20))
			}
			if alive {
				in.Alive = in.Now - int64(rng.IntN(200))
			}
			in.Answered, in.Quiet = rng.IntN(4) == 0, int64(rng.IntN(600)-50)
			if in.Answered {
				e.answer(moment(in.Now), time.Duration(in.Quiet)*time.Millisecond)
			}
			ask := e.listen(moment(in.Now), sound{in.On, in.Path, in.Packets, moment(in.Last), moment(in.Alive), time.Duration(in.RTT) * time.Millisecond})
			all, want = append(all, in), append(want, outcome{ask, e.deaf})
			if e.deaf {
				deaf++
			}
		}
		b, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		var got []outcome
		if err := json.Unmarshal([]byte(fmt.Sprint(pg.Call("listen", string(b)))), &got); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("input %d, %+v: ours %+v, the page's %+v", i, all[i], want[i], got[i])
			}
		}
	}
	if deaf < 1000 {
		t.Errorf("the stories are dull: deaf in %d looks", deaf)
	}
}
