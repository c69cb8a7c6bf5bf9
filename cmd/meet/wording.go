package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// asker looks up in the running call what the words of a command leave open.
type asker interface {
	// Peer is the id of the person of this name.
	Peer(name string) (string, error)
	// On says whether one's own mic, camera or screen is on.
	On(media string) (bool, error)
}

// wording is a command as people type it.
type wording struct {
	name string
	args string // for the help
	help string
	// make fills in the fields from the words.
	make func(w []string, a asker) (map[string]any, error)
}

// wordings are the commands with words of their own. Any other command of headless
// mode is given by name, with its fields as field=value.
var wordings = []wording{
	{"mic", "[on|off|toggle]", "the microphone; toggle without a word", onOff("mic")},
	{"camera", "[on|off|toggle]", "the camera", onOff("camera")},
	{"screen", "[on|off|toggle] [sound]", "share the screen", screenWords},
	{"hand", "on|off", "raise your hand, or take it down", onOff("hand")},
	{"talk", "", "the microphone on until this process ends, for a key that is held", noWords},
	{"say", "TEXT", "say something in the chat", func(w []string, _ asker) (map[string]any, error) {
		return map[string]any{"command": "chat", "text": strings.Join(w, " ")}, nil
	}},
	{"who", "", "who is there", noWords},
	{"status", "", "the call in one line", noWords},
	{"stats", "", "figures of each connection", noWords},
	{"events", "", "what happens, as JSON lines, until the call ends", noWords},
	{"volume", "NAME PERCENT", "how loud somebody is played here, 0 to 200", volumeWords},
	{"retry", "[NAME]", "reconnect somebody now, or everybody", func(w []string, a asker) (map[string]any, error) {
		if len(w) == 0 {
			return map[string]any{}, nil
		}
		peer, err := a.Peer(strings.Join(w, " "))
		return map[string]any{"peer": peer}, err
	}},
	{"device", "KIND [ID]", "another microphone, speaker, camera or display", func(w []string, _ asker) (map[string]any, error) {
		if len(w) < 1 || len(w) > 2 {
			return nil, fmt.Errorf("device takes a kind, and an id but for the default one")
		}
		return map[string]any{"kind": w[0], "id": strings.Join(w[1:], "")}, nil
	}},
	{"echo", "auto|on|off", "take the loudspeaker out of the microphone", func(w []string, _ asker) (map[string]any, error) {
		return map[string]any{"mode": strings.Join(w, " ")}, nil
	}},
	{"noise", "on|off", "take steady noise out of it", onOff("noise")},
	{"gain", "on|off", "even out how loud it is", onOff("gain")},
	{"music", "on|off", "none of that, but stereo", onOff("music")},
	{"listen-muted", "on|off", "keep the microphone open while muted", onOff("listen-muted")},
	{"sound", "", "what is done to one's own sound", noWords},
	{"test-sound", "", "two notes on the speaker", noWords},
	{"hear-myself", "", "record 3 s of what would be sent, and play them", noWords},
	{"file-send", "PATH", "offer a file to everybody; meet send does more", func(w []string, _ asker) (map[string]any, error) {
		path, err := filepath.Abs(strings.Join(w, " "))
		if len(w) == 0 {
			err = fmt.Errorf("file-send takes the path of a file")
		}
		return map[string]any{"path": path}, err
	}},
	{"file-accept", "ID [FOLDER]", "take a file that is offered", func(w []string, _ asker) (map[string]any, error) {
		command, err := numbered("file-accept", w[:min(1, len(w))])
		if err == nil && len(w) > 1 {
			command["dir"], err = filepath.Abs(strings.Join(w[1:], " "))
		}
		return command, err
	}},
	{"file-stop", "ID", "refuse a file, or stop it", func(w []string, _ asker) (map[string]any, error) {
		return numbered("file-stop", w)
	}},
	{"terminal-text", "", "what shared terminals show", noWords},
	{"terminal-allow", "[NAME] on|off", "let somebody type in your terminals who asked, or not; off alone: nobody", func(w []string, a asker) (map[string]any, error) {
		if len(w) == 0 || w[len(w)-1] != "on" && w[len(w)-1] != "off" {
			return nil, fmt.Errorf("terminal-allow takes a name, and on or off")
		}
		command := map[string]any{"on": w[len(w)-1] == "on"}
		if len(w) == 1 {
			return command, nil
		}
		peer, err := a.Peer(strings.Join(w[:len(w)-1], " "))
		command["peer"] = peer
		return command, err
	}},
	{"code", "", "a code to say to one person, in place of the one there is", noWords},
	{"record", "on [FOLDER]|off", "record the call, or stop; everybody sees it", func(w []string, _ asker) (map[string]any, error) {
		if len(w) == 0 || w[0] != "on" && w[0] != "off" || w[0] == "off" && len(w) > 1 {
			return nil, fmt.Errorf("record takes on, with a folder or without, or off")
		}
		command := map[string]any{"on": w[0] == "on"}
		var err error
		if len(w) > 1 {
			command["dir"], err = filepath.Abs(strings.Join(w[1:], " "))
		}
		return command, err
	}},
	{"leave", "", "leave the call", noWords},
}

// ctlHelp lists the wordings.
func ctlHelp() string {
	var b strings.Builder
	for _, w := range wordings {
		fmt.Fprintf(&b, "  %-36s %s\n", strings.TrimSpace(w.name+" "+w.args), w.help)
	}
	return b.String()
}

// worded makes the command that the words stand for.
func worded(words []string, a asker) (map[string]any, error) {
	if strings.HasPrefix(words[0], "{") {
		var command map[string]any
		if err := json.Unmarshal([]byte(strings.Join(words, " ")), &command); err != nil {
			return nil, usagef("no command: %w", err)
		}
		return command, nil
	}
	name, rest := words[0], words[1:]
	make := fieldWords
	for _, w := range wordings {
		if w.name == name && !allFields(rest) {
			make = w.make
		}
	}
	command, err := make(rest, a)
	if err != nil {
		return nil, usageError{err}
	}
	if command["command"] == nil {
		command["command"] = name
	}
	return command, nil
}

// allFields reports whether all words are given as field=value, and there are some.
func allFields(words []string) bool {
	for _, w := range words {
		if !isField(w) {
			return false
		}
	}
	return len(words) > 0
}

func isField(word string) bool {
	field, _, ok := strings.Cut(word, "=")
	return ok && field != "" && strings.Trim(field, "abcdefghijklmnopqrstuvwxyz_-") == ""
}

// fieldWords takes fields as they are: true, false, on and off are truth values,
// digits are numbers, and a peer may be given by name.
func fieldWords(words []string, a asker) (map[string]any, error) {
	command := map[string]any{}
	for _, w := range words {
		if !isField(w) {
			if len(words) == 1 && (w == "on" || w == "off") {
				return map[string]any{"on": w == "on"}, nil
			}
			return nil, fmt.Errorf("%q is no field=value", w)
		}
		field, value, _ := strings.Cut(w, "=")
		n, err := strconv.Atoi(value)
		switch {
		case field == "peer":
			if value, err = a.Peer(value); err != nil {
				return nil, err
			}
			command[field] = value
		case value == "true" || value == "on" && field == "on":
			command[field] = true
		case value == "false" || value == "off" && field == "on":
			command[field] = false
		case err == nil && field != "text" && field != "id":
			command[field] = n
		default:
			command[field] = value
		}
	}
	return command, nil
}

func noWords(words []string, _ asker) (map[string]any, error) {
	if len(words) > 0 {
		return nil, fmt.Errorf("%q is too much: this command takes no words", strings.Join(words, " "))
	}
	return map[string]any{}, nil
}

// onOff makes the words of a switch; only what the call tells of can be toggled.
func onOff(name string) func([]string, asker) (map[string]any, error) {
	return func(words []string, a asker) (map[string]any, error) {
		toggles := name == "mic" || name == "camera" || name == "screen"
		word := strings.Join(words, " ")
		switch {
		case word == "on" || word == "off":
			return map[string]any{"on": word == "on"}, nil
		case toggles && (word == "" || word == "toggle"):
			on, err := a.On(name)
			return map[string]any{"on": !on}, err
		case toggles:
			return nil, fmt.Errorf("%s takes on, off or toggle, and not %q", name, word)
		}
		return nil, fmt.Errorf("%s takes on or off", name)
	}
}

func screenWords(words []string, a asker) (map[string]any, error) {
	sound := len(words) > 0 && words[len(words)-1] == "sound"
	if sound {
		words = words[:len(words)-1]
	}
	command, err := onOff("screen")(words, a)
	if err == nil && sound {
		command["sound"] = true
	}
	return command, err
}

// numbered takes the number of a file.
func numbered(name string, words []string) (map[string]any, error) {
	n, err := strconv.Atoi(strings.Join(words, " "))
	if err != nil {
		return nil, fmt.Errorf("%s takes the number of a file", name)
	}
	return map[string]any{"id": n}, nil
}

func volumeWords(words []string, a asker) (map[string]any, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("volume takes a name and a percentage")
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(words[len(words)-1], "%"))
	if err != nil {
		return nil, fmt.Errorf("%q is no percentage", words[len(words)-1])
	}
	peer, err := a.Peer(strings.Join(words[:len(words)-1], " "))
	return map[string]any{"peer": peer, "percent": percent}, err
}
