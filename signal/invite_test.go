package signal

import (
	"errors"
	"strings"
	"testing"
)

func TestParseInvite(t *testing.T) {
	const secret = "AQIDBAUGBwgJCgsMDQ4PEA"
	key := Secret{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	const local = "ws://127.0.0.1:7077"
	const authority = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	for _, tc := range []struct {
		arg  string
		want Invite
	}{
		{"demo", Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}},
		{" Demo_1-x ", Invite{Server: "http://127.0.0.1:7077/", Name: "demo_1-x"}},
		{"demo." + secret, Invite{Server: "http://127.0.0.1:7077/", Name: "demo", Secret: key}},
		{"https://host/#demo." + secret, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"https://host#demo." + secret, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"wss://host/#demo." + secret, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"ws://host:8080/#demo", Invite{Server: "http://host:8080/", Name: "demo"}},
		{"https://host/demo", Invite{Server: "https://host/", Name: "demo"}},
		{"https://host/meet/demo", Invite{Server: "https://host/meet/", Name: "demo"}},
		{"https://host/meet/#demo." + secret, Invite{Server: "https://host/meet/", Name: "demo", Secret: key}},
		{"host/demo", Invite{Server: "https://host/", Name: "demo"}},
		{"host:7077/#demo", Invite{Server: "https://host:7077/", Name: "demo"}},
		{"localhost:7077/demo", Invite{Server: "http://localhost:7077/", Name: "demo"}},
		{"127.0.0.1:7077/demo", Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}},
		{"[::1]:7077/demo", Invite{Server: "http://[::1]:7077/", Name: "demo"}},
		{"https://host/#demo." + secret + "." + authority, Invite{Server: "https://host/", Name: "demo", Secret: key, Authority: authority}},
		{"https://host/meet/#demo.." + authority, Invite{Server: "https://host/meet/", Name: "demo", Authority: authority}},
		{"https://host/DEMO", Invite{Server: "https://host/", Name: "demo"}},
		// As desktops open them.
		{"meet://host/#demo." + secret, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"MEET://host:7077/demo", Invite{Server: "https://host:7077/", Name: "demo"}},
		{"meet://localhost:7077/demo", Invite{Server: "http://localhost:7077/", Name: "demo"}},
		{"meet://demo/", Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}},
		{"meet://Demo", Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}},
		// As people paste and type them.
		{"<https://host/#demo." + secret + ">.", Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"https://host/#demo." + secret + ".", Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"https://host/#demo.." + authority + ".", Invite{Server: "https://host/", Name: "demo", Authority: authority}},
		{"“https://host/demo/”,", Invite{Server: "https://host/", Name: "demo"}},
		{"https://host/demo.", Invite{Server: "https://host/", Name: "demo"}},
		{"https://host/#demo." + secret + "/", Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"https://host/demo?utm_source=chat&x=1", Invite{Server: "https://host/", Name: "demo"}},
		{"https://host/?utm_source=chat#demo." + secret, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"https://host/#demo." + secret + "?utm_source=chat", Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{`meet join "https://host/#demo.` + secret + `"`, Invite{Server: "https://host/", Name: "demo", Secret: key}},
		{"$ meet join --muted demo", Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}},
		{"meet join --server ws://host:7077 demo", Invite{Server: "http://host:7077/", Name: "demo"}},
		{"meet join demo." + secret + " --server=https://host/meet/", Invite{Server: "https://host/meet/", Name: "demo", Secret: key}},
		{"localhost/demo", Invite{Server: "http://localhost:7077/", Name: "demo"}},
		{"192.168.1.5/demo", Invite{Server: "http://192.168.1.5:7077/", Name: "demo"}},
		{"[fd00::1]/demo", Invite{Server: "http://[fd00::1]:7077/", Name: "demo"}},
		{"Team Sync", Invite{Server: "http://127.0.0.1:7077/", Name: "team-sync"}},
		{"büro", Invite{Server: "http://127.0.0.1:7077/", Name: "buero"}},
		{"bu\u0308ro", Invite{Server: "http://127.0.0.1:7077/", Name: "buero"}},
		{"Café Łódź?", Invite{Server: "http://127.0.0.1:7077/", Name: "cafe-lodz"}},
		{"会议", Invite{Server: "http://127.0.0.1:7077/", Name: "xn--6oqu09l"}},
	} {
		got, err := ParseInvite(tc.arg, local)
		if err != nil || got != tc.want {
			t.Errorf("ParseInvite(%q) = %+v, %v, want %+v", tc.arg, got, err, tc.want)
		}
		if again, err := ParseInvite(got.Link(), "ws://elsewhere"); err != nil || again != got {
			t.Errorf("link %q reads as %+v, %v", got.Link(), again, err)
		}
	}
}

func TestParseInviteErrors(t *testing.T) {
	const secret = "AQIDBAUGBwgJCgsMDQ4PEA"
	for _, tc := range []struct{ arg, says string }{
		{"", "empty"},
		{"a+b", "not '+'"},
		{"two\nlines", "not '\\n'"},
		{"../x", "no name of a host"},
		{"wss//foo", "colon missing"},
		{"https://host:70777/demo", "no port 70777"},
		{"https://host/$HOME/#demo", "'$'"},
		{"https://-x.example/demo", "no name of a host"},
		{"https://host/#demo.", "damaged"}, // a link that lost its secret, not an open room
		{strings.Repeat("x", 65), "1 to 64"},
		{".", "1 to 64"},
		{"demo.", "damaged"},
		{"demo.short", "damaged"},
		{"demo." + secret + "A", "damaged"},
		{"demo.AQIDBAUGBwgJCgsMDQ4PEB", "damaged"}, // spare bits set: a typing error
		{"demo.AAAAAAAAAAAAAAAAAAAAAA", "damaged"},
		{"https://host/#demo." + secret + "..", "fingerprint"},
		{"https://host/#demo..short", "fingerprint"},
		{"https://host/#demo..AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "fingerprint"}, // spare bits set
		{"https://host/#demo..AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.x", "fingerprint"},
		{"http://host/#demo..AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "not encrypted"},
		{"https://host/#demo.short.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "damaged"},
		{"https://host/", "names no room"},
		{"https://host", "names no room"},
		{"https://host/demo#other", "twice"},
		{"https://host/demo." + secret, "after #"},
		{"https://me@host/demo", "user name"},
		{"https:///demo", "no host"},
		{"ftp://host/demo", `"ftp"`},
		{"https://host:port/demo", "cannot be read"},
		{"\x1b[2Jdemo", "not "},
	} {
		inv, err := ParseInvite(tc.arg, "127.0.0.1:7077")
		if !errors.Is(err, ErrInvite) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("ParseInvite(%q) = %+v, %v, want an error with %q", tc.arg, inv, err, tc.says)
		}
		if err != nil && (strings.Contains(err.Error(), secret[:8]) || strings.ContainsRune(err.Error(), 0x1b)) {
			t.Errorf("the error repeats too much: %q", err)
		}
	}
}

func TestInviteForms(t *testing.T) {
	inv, err := ParseInvite("https://host/meet/#demo.AQIDBAUGBwgJCgsMDQ4PEA", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ got, want string }{
		{inv.Link(), "https://host/meet/#demo.AQIDBAUGBwgJCgsMDQ4PEA"},
		{inv.Command(), `meet join "https://host/meet/#demo.AQIDBAUGBwgJCgsMDQ4PEA"`},
		{inv.SocketURL(), "wss://host/meet/ws"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
	open := Invite{Server: "http://127.0.0.1:7077/", Name: "demo"}
	if !open.Open() || inv.Open() {
		t.Error("which of the two is open is wrong")
	}
	for _, tc := range []struct{ got, want string }{
		{open.Link(), "http://127.0.0.1:7077/demo"},
		{open.Command(), "meet join http://127.0.0.1:7077/demo"},
		{open.SocketURL(), "ws://127.0.0.1:7077/ws"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

// Rooms differ by name, by secret and by being open, in id and in key.
func TestRoomsDiffer(t *testing.T) {
	a := address{from: "aaaaaaaaaaaaaaaaaaaaaa", inc: 1}
	seen := map[string]string{}
	var sealed []byte
	for _, inv := range []Invite{{Name: "demo"}, {Name: "demo2"}, {Name: "demo", Secret: Secret{1}}, {Name: "demo", Secret: Secret{2}}, {Name: "demo2", Secret: Secret{1}}} {
		r, err := inv.Room()
		if err != nil {
			t.Fatal(err)
		}
		if !validID(r.ID()) || seen[r.ID()] != "" || strings.Contains(r.ID(), "demo") {
			t.Errorf("id of %+v is %q", inv, r.ID())
		}
		seen[r.ID()] = inv.Name
		if sealed != nil {
			forged := *r
			forged.id = "" // even if the ids were the same
			if _, err := forged.unseal(sealed, a, forState); err == nil {
				t.Errorf("%+v opens what another room sealed", inv)
			}
		}
		clean := *r
		clean.id = ""
		if sealed, err = clean.seal(nil, []byte("x"), a, forState, newRand(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (Invite{Name: "No"}).Room(); err == nil {
		t.Error("a name that is no room name has a room")
	}
}

func TestNewSecret(t *testing.T) {
	a, err := NewSecret(newRand(1))
	b, err2 := NewSecret(newRand(2))
	if err != nil || err2 != nil || a == b || a == (Secret{}) {
		t.Errorf("secrets %v %v, %v %v", a, b, err, err2)
	}
	if _, err := NewSecret(strings.NewReader("short")); err == nil {
		t.Error("a secret without randomness")
	}
}
