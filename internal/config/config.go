// Package config reads the person's own settings: one TOML file in the XDG
// configuration directory. A fault in it is reported with line and key and
// never keeps anybody from joining: the faulty setting keeps its default.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/meet-term/meet/internal/hooks"
)

// Config is what the file may say. The zero value of a field means that the
// file does not say it, and flags go before all of it.
type Config struct {
	Name         string // how others see one
	Server       string // URL of the signaling server
	Reach        string // who can get to a room that is hosted here: machine, network or internet
	Mic          string // sources and sinks, as the flags of the same name
	Camera       string
	Screen       string
	Speaker      string
	Video        string // how pictures are drawn
	Files        string // folder for files that are accepted
	Identity     string // the key others know one by: own, ssh or a path
	Receive      string // what to get of others: all, screens or sound
	MaxBandwidth string // what a call may take of the line each way, such as 800k
	Notify       string // how the terminal tells what happens while nobody looks
	Muted        bool   // start with the microphone off
	CameraOff    bool   // start with the camera off
	NoLobby      bool   // join without looking at the devices first
	NoCarry      bool   // carry nothing for two others; the file says carry = false
	ASCII        bool   // no symbols outside of ASCII
	Mouse        bool
	// Recordings is the folder for recordings.
	Recordings string
	// AcceptFiles takes every file that is offered.
	AcceptFiles bool
	RelayOnly   bool     // show nobody an address: everything is relayed by a server
	ICEServer   []string // STUN and TURN servers of one's own
	ICEHosts    []string // hosts besides its own where the server may offer some
	Light       *bool    // background of the terminal; nil asks it

	Audio Audio // what is done to the sound of the microphone

	On map[string][]string // commands by event: a program and its arguments

	Keys   map[string][]string // keys by action
	Colors map[string]string   // colours by purpose

	lines map[string]int // where each setting stands, for Line
}

// Audio is the table of what is done to one's own sound. A nil switch is on.
type Audio struct {
	Echo        string // auto, on or off; "" is auto
	Noise, Gain *bool
	Music       bool
	ListenMuted bool
}

// Problem is one fault of the file.
type Problem struct {
	Path   string
	Line   int // 0: unknown
	Key    string
	Reason string
}

// Error says where the fault is, as compilers do.
func (p *Problem) Error() string {
	where := p.Path
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	if p.Key == "" {
		return where + ": " + p.Reason
	}
	return where + ": " + p.Key + ": " + p.Reason
}

// sizeMax bounds the file, in bytes.
const sizeMax = 1 << 20

// Path is where the file is: $XDG_CONFIG_HOME/meet/config.toml, or what the
// system uses in its place.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the configuration directory: %w", err)
	}
	return filepath.Join(dir, "meet", "config.toml"), nil
}

// Load reads the file. One that does not exist is an empty one. The Config is
// usable whatever the problems are; these are sorted by line.
func Load(path string) (Config, []*Problem) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, []*Problem{{Path: path, Reason: err.Error()}}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, sizeMax+1))
	switch {
	case err != nil:
		return Config{}, []*Problem{{Path: path, Reason: err.Error()}}
	case len(text) > sizeMax:
		return Config{}, []*Problem{{Path: path, Reason: "the file is larger than 1 MB"}}
	}
	return Parse(path, string(text))
}

// Parse reads the text of a file; path is for problems only.
func Parse(path, text string) (Config, []*Problem) {
	var raw map[string]any
	if _, err := toml.Decode(text, &raw); err != nil {
		p := &Problem{Path: path, Reason: err.Error()}
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			p.Line, p.Key, p.Reason = syntax.Position.Line, syntax.LastKey, syntax.Message
		}
		return Config{}, []*Problem{p}
	}
	c := Config{lines: lineNumbers(text)}
	var problems []*Problem
	for key, value := range raw {
		for _, p := range c.set(key, value) {
			p.Path, p.Line = path, c.Line(p.Key)
			problems = append(problems, p)
		}
	}
	slices.SortFunc(problems, func(a, b *Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Key, b.Key)
	})
	return c, problems
}

// Line is the line on which a setting such as "name" or "keys.mic" stands; 0
// when it is not in the file.
func (c *Config) Line(key string) int { return c.lines[key] }

// texts and switches are the settings by the names in the file.
func (c *Config) texts() map[string]*string {
	return map[string]*string{
		"name": &c.Name, "server": &c.Server, "mic": &c.Mic, "camera": &c.Camera,
		"screen": &c.Screen, "speaker": &c.Speaker, "video": &c.Video, "reach": &c.Reach,
		"notify": &c.Notify, "receive": &c.Receive, "max-bandwidth": &c.MaxBandwidth, "files": &c.Files, "recordings": &c.Recordings, "identity": &c.Identity,
	}
}

func (c *Config) switches() map[string]*bool {
	return map[string]*bool{
		"muted": &c.Muted, "camera-off": &c.CameraOff, "no-lobby": &c.NoLobby, "ascii": &c.ASCII, "mouse": &c.Mouse,
		"relay-only": &c.RelayOnly, "accept-files": &c.AcceptFiles,
	}
}

// lists are the settings that take one text or several.
func (c *Config) lists() map[string]*[]string {
	return map[string]*[]string{"ice-server": &c.ICEServer, "ice-hosts": &c.ICEHosts}
}

// set takes one setting of the top level.
func (c *Config) set(key string, value any) []*Problem {
	fault := func(reason string) []*Problem { return []*Problem{{Key: key, Reason: reason}} }
	if to, ok := c.texts()[key]; ok {
		s, isText := value.(string)
		if !isText {
			return fault(`must be a text in quotes, such as "x"`)
		}
		*to = s
		return nil
	}
	if to, ok := c.switches()[key]; ok {
		b, isSwitch := value.(bool)
		if !isSwitch {
			return fault("must be true or false")
		}
		*to = b
		return nil
	}
	if to, ok := c.lists()[key]; ok {
		list, isList := textList(value)
		if !isList {
			return fault(`must be a text or a list of texts, such as ["x", "y"]`)
		}
		*to = list
		return nil
	}
	switch key {
	case "carry":
		b, isSwitch := value.(bool)
		if !isSwitch {
			return fault("must be true or false")
		}
		c.NoCarry = !b
		return nil
	case "background":
		switch value {
		case "light", "dark":
			light := value == "light"
			c.Light = &light
			return nil
		}
		return fault(`must be "light" or "dark"`)
	case "keys", "colors", "audio", "on":
		table, ok := value.(map[string]any)
		if !ok {
			return fault("must be a table: [" + key + "]")
		}
		switch key {
		case "keys":
			return c.setKeys(table)
		case "audio":
			return c.setAudio(table)
		case "on":
			return c.setOn(table)
		}
		return c.setColors(table)
	}
	return fault("there is no such setting")
}

// setAudio takes the table of the sound.
func (c *Config) setAudio(table map[string]any) []*Problem {
	var problems []*Problem
	switches := map[string]func(bool){
		"noise":        func(on bool) { c.Audio.Noise = &on },
		"gain":         func(on bool) { c.Audio.Gain = &on },
		"music":        func(on bool) { c.Audio.Music = on },
		"listen-muted": func(on bool) { c.Audio.ListenMuted = on },
	}
	for name, value := range table {
		reason := ""
		on, isSwitch := value.(bool)
		switch set := switches[name]; {
		case name == "echo" && (value == "auto" || value == "on" || value == "off"):
			c.Audio.Echo = value.(string)
		case name == "echo":
			reason = `must be "auto", "on" or "off"`
		case set == nil:
			reason = "there is no such setting"
		case !isSwitch:
			reason = "must be true or false"
		default:
			set(on)
		}
		if reason != "" {
			problems = append(problems, &Problem{Key: "audio." + name, Reason: reason})
		}
	}
	return problems
}

// setOn takes the table of commands: a text or a list of words per event.
func (c *Config) setOn(table map[string]any) []*Problem {
	var problems []*Problem
	c.On = map[string][]string{}
	for event, value := range table {
		words, ok := textList(value)
		var err error
		if text, isText := value.(string); isText {
			words, err = hooks.Split(text)
		}
		switch {
		case err == nil && (!ok || words[0] == ""):
			err = errors.New(`must be a command or a list of its words, such as ["notify-send", "somebody came"]`)
			fallthrough
		case err != nil:
			problems = append(problems, &Problem{Key: "on." + event, Reason: err.Error()})
		default:
			c.On[event] = words
		}
	}
	return problems
}

// setKeys takes the table of keys: a key or a list of keys per action.
func (c *Config) setKeys(table map[string]any) []*Problem {
	var problems []*Problem
	c.Keys = map[string][]string{}
	for action, value := range table {
		keys, ok := textList(value)
		if !ok {
			problems = append(problems, &Problem{Key: "keys." + action, Reason: `must be a key or a list of keys, such as "m" or ["m", "f2"]`})
			continue
		}
		c.Keys[action] = keys
	}
	return problems
}

// textList is a text or a list of texts.
func textList(value any) ([]string, bool) {
	switch v := value.(type) {
	case string:
		return []string{v}, true
	case []any:
		var out []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, len(out) > 0
	}
	return nil, false
}

// setColors takes the table of colours.
func (c *Config) setColors(table map[string]any) []*Problem {
	var problems []*Problem
	c.Colors = map[string]string{}
	for name, value := range table {
		s, ok := value.(string)
		if !ok || !isColor(s) {
			problems = append(problems, &Problem{Key: "colors." + name, Reason: `must be "#rrggbb" or a number from "0" to "255"`})
			continue
		}
		c.Colors[name] = s
	}
	return problems
}

// isColor reports whether s is "#rrggbb" or an ANSI colour number.
func isColor(s string) bool {
	if hex, ok := strings.CutPrefix(s, "#"); ok {
		return len(hex) == 6 && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
	}
	if s == "" || len(s) > 3 || strings.Trim(s, "0123456789") != "" {
		return false
	}
	n := 0
	for _, d := range s {
		n = n*10 + int(d-'0')
	}
	return n <= 255
}

// lineNumbers finds the line of every setting. It knows the plain form of TOML
// only (tables in brackets, one key per line), which is what people write; a
// setting in another form has no line in its problem.
func lineNumbers(text string) map[string]int {
	lines := map[string]int{}
	table := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ := strings.Cut(rest, "]")
			table = strings.TrimSpace(name)
			lines[table] = n
			table += "."
			continue
		}
		key, _, ok := strings.Cut(line, "=")
		if key = strings.Trim(strings.TrimSpace(key), `"'`); ok && key != "" && !strings.HasPrefix(key, "#") {
			if _, known := lines[table+key]; !known {
				lines[table+key] = n
			}
		}
	}
	return lines
}
