package lan

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meet-term/meet/signal"
)

func newTestCodec(t testing.TB, room string) *codec {
	t.Helper()
	r, err := signal.Invite{Name: room}.Room()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCodec(r, bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestMessages(t *testing.T) {
	c, other := newTestCodec(t, "demo"), newTestCodec(t, "other")
	s := Server{
		ID: "abc", Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("fd00::5")},
		Port: 7077, Authority: strings.Repeat("f", 43), Host: "Ada",
	}
	packet, err := c.answer(s, false, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.read(packet, noon); got.server == nil || !reflect.DeepEqual(*got.server, s) || got.gone || got.asked {
		t.Errorf("read %+v", got)
	}
	if got := other.read(packet, noon); got != (heard{}) {
		t.Errorf("another room reads %+v", got)
	}
	for _, leak := range []string{"demo", "Ada", "192.168", "abc"} {
		if bytes.Contains(packet, []byte(leak)) {
			t.Errorf("the network learns %q", leak)
		}
	}
	// Clocks may differ around midnight; an answer of last week is none.
	midnight := time.Date(2026, 3, 5, 0, 0, 30, 0, time.UTC)
	if late, _ := c.answer(s, true, midnight.Add(-time.Minute)); !c.read(late, midnight).gone {
		t.Error("an answer of before midnight is not understood after it")
	}
	if got := c.read(packet, noon.Add(25*time.Hour)); got.server != nil {
		t.Error("an old answer counts")
	}
	q, err := c.query(noon)
	if err != nil || !c.read(q, noon).asked || other.read(q, noon).asked {
		t.Errorf("question %v", err)
	}
	tomorrow, _ := c.query(noon.Add(24 * time.Hour))
	if bytes.Equal(q, tomorrow) {
		t.Error("the room has the same name every day")
	}
	// A forged answer under the room's name of the day.
	for i := range packet {
		forged := bytes.Clone(packet)
		forged[i] ^= 1
		if got := c.read(forged, noon); got.server != nil && !reflect.DeepEqual(*got.server, s) {
			t.Fatalf("byte %d changed: %+v", i, got.server)
		}
	}
}

func FuzzRead(f *testing.F) {
	c := newTestCodec(f, "demo")
	q, _ := c.query(noon)
	a, _ := c.answer(Server{ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.5")}, Port: 1}, false, noon)
	f.Add(q)
	f.Add(a)
	f.Fuzz(func(t *testing.T, packet []byte) {
		h := c.read(packet, noon)
		if h.server != nil && (h.server.ID == "" || h.server.Port == 0 || len(h.server.Addresses) > maxAddresses) {
			t.Errorf("%+v", h.server)
		}
	})
}
