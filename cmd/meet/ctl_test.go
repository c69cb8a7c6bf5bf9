package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// room is a call to ask.
type room map[string]bool

func (room) Peer(name string) (string, error) {
	if name != "Ann Lee" {
		return "", usagef("nobody is called %q", name)
	}
	return "a", nil
}

func (r room) On(media string) (bool, error) { return r[media], nil }

func TestWords(t *testing.T) {
	for words, want := range map[string]string{
		"mic on":                            `{"command":"mic","on":true}`,
		"mic":                               `{"command":"mic","on":false}`,
		"mic toggle":                        `{"command":"mic","on":false}`,
		"camera toggle":                     `{"command":"camera","on":true}`,
		"mic up":                            `mic takes on, off or toggle, and not "up"`,
		"screen on sound":                   `{"command":"screen","on":true,"sound":true}`,
		"screen":                            `{"command":"screen","on":true}`,
		"say back in five":                  `{"command":"chat","text":"back in five"}`,
		"who":                               `{"command":"who"}`,
		"who now":                           `"now" is too much`,
		"volume Ann Lee 50%":                `{"command":"volume","peer":"a","percent":50}`,
		"volume Ann":                        `volume takes a name and a percentage`,
		"volume Eve 50":                     `nobody is called "Eve"`,
		"volume peer=x percent=5":           `nobody is called "x"`,
		"retry":                             `{"command":"retry"}`,
		"retry Ann Lee":                     `{"command":"retry","peer":"a"}`,
		"device speaker x":                  `{"command":"device","id":"x","kind":"speaker"}`,
		"device speaker":                    `{"command":"device","id":"","kind":"speaker"}`,
		"echo auto":                         `{"command":"echo","mode":"auto"}`,
		"noise off":                         `{"command":"noise","on":false}`,
		"noise toggle":                      `noise takes on or off`,
		"something-new on=true n=5 text=on": `{"command":"something-new","n":5,"on":true,"text":"on"}`,
		"something-new off":                 `{"command":"something-new","on":false}`,
		"something-new":                     `{"command":"something-new"}`,
		"file-send /a b":                    `{"command":"file-send","path":"/a b"}`,
		"record on /x y":                    `{"command":"record","dir":"/x y","on":true}`,
		"record on":                         `{"command":"record","on":true}`,
		"record off":                        `{"command":"record","on":false}`,
		"record":                            `record takes on`,
		"file-send":                         `file-send takes the path`,
		"file-accept 3 /tmp":                `{"command":"file-accept","dir":"/tmp","id":3}`,
		"file-accept 3":                     `{"command":"file-accept","id":3}`,
		"file-stop":                         `file-stop takes the number`,
		"file-stop 3":                       `{"command":"file-stop","id":3}`,
		"chat text=5":                       `{"command":"chat","text":"5"}`,
		"something-new else":                `"else" is no field=value`,
		`{"command":"x","a":[1]}`:           `{"a":[1],"command":"x"}`,
		`{"command"`:                        `no command`,
	} {
		command, err := worded(strings.Fields(words), room{"mic": true})
		got := fmt.Sprint(err)
		if err == nil {
			b, _ := json.Marshal(command)
			got = string(b)
		} else if status(err) != exitUsage {
			t.Errorf("%s: %v has the exit status %d", words, err, status(err))
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("%s\n got %s\nwant %s", words, got, want)
		}
	}
}

func TestStatusFormats(t *testing.T) {
	const line = `{"time":"2026-01-02T03:04:05Z","event":"status","room":"demo","self":{"id":"a","name":"Ann"},"server":"connected",` +
		`"since":"2026-01-02T03:00:00Z","media":{"mic":true,"camera":false,"screen":true},"people":3,"connected":1,"reconnecting":1,` +
		`"speaking":[{"peer":"b","name":"Bob\u001b[2J"},{"peer":"c","name":"Cem"}]}`
	for format, want := range map[string]string{
		"text":                     "demo: mic on, sharing, 3 here, 1 reconnecting; speaks: Bob, Cem\n",
		"tmux":                     "#[fg=green]mic#[default] #[fg=yellow]sharing#[default] demo 3 #[fg=yellow]1 mending#[default]\n",
		"starship":                 "mic demo 3\n",
		"waybar":                   `{"alt":"mending","class":"mending","text":"demo 3","tooltip":"demo, 3 here\nspeaks: Bob, Cem"}` + "\n",
		"{{.Since}}":               "4m5s\n",
		"{{.Name}} {{.Connected}}": "Ann 1\n",
	} {
		print, err := statusPrinter(format)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := print(&b, []byte(line)); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v", format, b.String(), err)
		}
	}
	for _, format := range []string{"nonsense", "{{.Nobody}}", "{{"} {
		if _, err := statusPrinter(format); err == nil || status(err) != exitUsage {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// Without a call, a bar gets nothing, and everything else a word.
func TestNoCall(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for _, c := range []struct {
		args []string
		want int
		text string
	}{
		{[]string{"status"}, 1, ""},
		{[]string{"status", "--format", "{{"}, 2, "--format"},
		{[]string{"ctl", "mic", "on"}, 1, "no call"},
		{[]string{"ctl"}, 2, "takes a command"},
		{[]string{"ctl", "mic", "--while-held"}, 2, "--while-held"},
		{[]string{"say", "hello"}, 1, "no call"},
		{[]string{"say", " "}, 2, "nothing to say"},
	} {
		got, err := run(t, c.args...)
		if got != c.want || err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("meet %s: %d, %v", strings.Join(c.args, " "), got, err)
		}
	}
}
