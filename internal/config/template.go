package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyHelp describes one action for the template.
type KeyHelp struct {
	Action string
	Keys   []string
	Help   string
}

// ColorHelp describes one colour for the template.
type ColorHelp struct {
	Name, Dark, Light string
}

// Template is the file that [Init] writes: every setting, commented out, with
// its default and what it does.
func Template(keys []KeyHelp, colors []ColorHelp) string {
	var b strings.Builder
	b.WriteString(`# Settings of meet. Remove the "#" before a line to use it.
# Flags on the command line go before what is written here.

# How others see you; the default is the system user.
# name = "Ada"

# The key that others know you by: "own" is made on the first start, "ssh" is the
# first ssh-ed25519 key of your agent, else ~/.ssh/id_ed25519; or the path of an
# SSH key, of the agent if it ends in ".pub". It signs once for each room.
# identity = "own"

# The signaling server. Without one, rooms are found on this machine and its
# network, or hosted here.
# server = "wss://meet.example"

# Who can get to a room that is hosted here: "machine", "network" or "internet".
# reach = "network"

# What to get of others: "all", "screens" (sound and screens) or "sound".
# receive = "all"
# What a call may take of the line each way, in bit/s; without, what it carries.
# max-bandwidth = "800k"

# STUN and TURN servers of your own, besides what the server offers: "stun:HOST",
# "turn:USER:PASSWORD@HOST" or "turn:SECRET@HOST"; "turns:" for TLS.
# ice-server = ["turn:ada:secret@turn.example:3478"]
# The server may offer some at its own host, and at these.
# ice-hosts = ["turn.example"]
# Show nobody an address of this machine: everything goes through a relay.
# relay-only = false

# Devices: "default", "none", "device:ID" (meet devices lists them); the
# microphone may also be "tone" or "file:PATH", the camera "testcard".
# mic = "default"
# speaker = "default"
# camera = "default"
# screen = "default"

# How to start.
# muted = false
# camera-off = false
# no-lobby = false

# Carry the packets of two others in the room who cannot exchange them, as they
# would carry yours. What is carried is sealed; --no-carry does without.
# carry = true

# How pictures are drawn: auto, kitty, iterm, sixel, octant, sextant, quadrant,
# half, ascii or off.
# video = "auto"

# The screen. The background is asked of the terminal unless it is given here.
# background = "dark"
# ascii = false
# mouse = false

# Where files go that others send. accept-files takes all of them without asking.
# files = "~/Downloads"
# accept-files = false

# Where recordings go, each into a folder of its own.
# recordings = "~/meet"

# What happens while the screen is not in front, told by the terminal: "auto",
# "osc9", "osc777", "osc99", "bell" or "off".
# notify = "auto"

# Commands to run when something happens, by the names of events that
# docs/HEADLESS.md has. No shell is involved unless you name one. The event is a
# line of JSON on standard input; ten seconds, one at a time for each event.
[on]
# peer-joined = ["notify-send", "meet", "somebody came"]
# chat = ["sh", "-c", "jq -r .text >> ~/chat.log"]

# What is done to the sound of your microphone. echo: take the loudspeaker out
# of it; "auto" does not where there is nothing to take out (headphones, or a
# microphone of the sound server that has it taken out already). noise: take
# steady noise out. gain: bring every voice to the same loudness. music: none of
# that, but stereo at 128 kbit/s. listen-muted: keep the microphone open while
# muted, to be told when you talk; nothing of it leaves this machine.
[audio]
# echo = "auto"
# noise = true
# gain = true
# music = false
# listen-muted = false

# Colours: "#rrggbb", or a number of the terminal's palette. An empty default is
# the terminal's own colour for text.
[colors]
`)
	for _, c := range colors {
		value := c.Dark
		if value == "" {
			value = "7"
		}
		fmt.Fprintf(&b, "# %s = %q\n", c.Name, value)
	}
	b.WriteString("\n# Keys: one, or several in a list. \"space\", \"enter\", \"tab\", \"f1\", \"ctrl+x\" and\n# \"alt+x\" are names; a capital letter is the key with shift.\n[keys]\n")
	for _, k := range keys {
		quoted := make([]string, len(k.Keys))
		for i, key := range k.Keys {
			quoted[i] = fmt.Sprintf("%q", key)
		}
		value := strings.Join(quoted, ", ")
		if len(quoted) != 1 {
			value = "[" + value + "]"
		}
		fmt.Fprintf(&b, "# %s = %s  # %s\n", k.Action, value, k.Help)
	}
	return b.String()
}

// Init writes a new file. One that exists is left alone and is an error that
// wraps [fs.ErrExist].
func Init(path, template string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: %w", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("create the configuration: %w", err)
	}
	if _, err := f.WriteString(template); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}
