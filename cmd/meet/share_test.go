package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// What goes between meet share and the call comes out as it went in, and nothing makes
// either side take in more than a frame.
func TestFrames(t *testing.T) {
	var b bytes.Buffer
	for _, p := range []string{"hello", "", strings.Repeat("x", 64<<10)} {
		if err := writeFrame(&b, frameOutput, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"hello", "", strings.Repeat("x", 64<<10)} {
		kind, p, err := readFrame(&b)
		if err != nil || kind != frameOutput || string(p) != want {
			t.Errorf("%c, %d bytes, %v", kind, len(p), err)
		}
	}
	if _, _, err := readFrame(strings.NewReader("o\xff\xff\xff\xff")); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a frame of 4 GB: %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("o\x00\x00\x00\x05ab")); err == nil {
		t.Error("half a frame was taken")
	}
}

// The exit status is that of the command, and no word is lost about it.
func TestStatusOfSharedCommand(t *testing.T) {
	err := error(exitStatus(7))
	if !errors.Is(err, errQuiet) || status(err) != 7 {
		t.Errorf("status %d", status(err))
	}
}

// What cannot be shared is said before anything starts.
func TestShareArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"share", "a", "b"}, "one room at most"},
		{[]string{"share", "--"}, "no command"},
		{[]string{"share"}, "no terminal to share"},
	} {
		cmd := root()
		cmd.SetArgs(c.args)
		if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), c.want) || status(err) != exitUsage {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}
