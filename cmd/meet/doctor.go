package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/meet-term/meet/call"
	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/crash"
	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/media/audio"
	"github.com/meet-term/meet/media/audio/device"
	"github.com/meet-term/meet/media/video/source"
	"github.com/meet-term/meet/signal"
	"github.com/meet-term/meet/tui/termvideo"
)

// finding is the result of one look.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"` // what to do about it
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	var server string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say in plain words what works here and what does not",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := examine(cmd.Context(), server)
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"version": version, "findings": found})
			}
			return printFindings(cmd.OutOrStdout(), found)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	cmd.Flags().StringVar(&server, "server", "", "signaling server to try; default $MEET_SERVER, else this machine")
	return cmd
}

// examine looks at everything a call needs. Each look is bounded in time.
func examine(ctx context.Context, server string) []finding {
	found := []finding{lookAtBuild(), lookAtTerminal(ctx)}
	devices := lookAtDevices(ctx)
	found = append(found, devices...)
	works := func(kind media.Kind) bool {
		return slices.ContainsFunc(devices, func(f finding) bool { return f.OK && f.What == kind.Device() })
	}
	if works(media.Mic) {
		found = append(found, lookAtSound(ctx, works(media.Speaker))...)
	}
	found = append(found, lookAtTools(ctx)...)
	found = append(found, lookAtNetwork(), lookAtMulticast(ctx), lookAtMapping(ctx), lookAtServer(ctx, server))
	found = append(found, lookAtReach(ctx, server)...)
	return append(found, lookAtFiles())
}

// lookAtBuild says what runs here.
func lookAtBuild() finding {
	f := finding{What: "build", OK: true}
	f.Text = fmt.Sprintf("meet %s for %s/%s; sound by %s.", version, runtime.GOOS, runtime.GOARCH, cmp.Or(device.Driver(), "nothing"))
	return f
}

func lookAtTerminal(ctx context.Context) finding {
	f := finding{What: "terminal"}
	if !screenPossible() {
		f.Text = "This is no terminal, or a dumb one: meet shows plain lines here."
		return f
	}
	d, err := termvideo.Detect(ctx, os.Stdin, os.Stdout)
	if err != nil {
		f.Text = fmt.Sprintf("The terminal cannot be questioned: %v.", err)
		return f
	}
	choice := termvideo.Choose(termvideo.ModeAuto, d.Caps, os.Getenv)
	cols, rows, _ := term.GetSize(os.Stdout.Fd())
	f.OK = choice.Mode != termvideo.ModeOff
	f.Text = fmt.Sprintf("%d x %d cells, pictures as %s: %s.", cols, rows, choice.Mode, choice.Reason)
	if name := safetext.Line(d.Caps.Name, maxDeviceName); name != "" {
		f.Text = name + ", " + f.Text
	}
	if !d.Caps.KittyKeyboard {
		f.Hint = "It does not report key releases: hold-to-talk works by key repeat."
	}
	return f
}

func lookAtDevices(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	return deviceFindings(call.Devices(ctx))
}

// deviceFindings says what there is of every kind, or else once why not: when
// the sound server is missing, so are the microphone and the speaker.
func deviceFindings(devices []media.Device, notes []string) []finding {
	count := map[media.Kind]int{}
	first := map[media.Kind]string{}
	for _, d := range devices {
		if count[d.Kind]++; first[d.Kind] == "" || d.Default {
			first[d.Kind] = safetext.Line(d.Name, maxDeviceName)
		}
	}
	notes = slices.DeleteFunc(slices.Clone(notes), func(n string) bool {
		return strings.HasPrefix(n, "No camera") || strings.HasPrefix(n, "No display")
	})
	noSound := slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, "No sound server") })
	var out []finding
	for _, k := range media.DeviceKinds {
		f := finding{What: k.Device(), OK: count[k] > 0}
		switch {
		case f.OK:
			f.Text = fmt.Sprintf("%d found, by default %s.", count[k], first[k])
		case noSound && (k == media.Mic || k == media.Speaker):
			continue
		default:
			f.Text = fmt.Sprintf("No %s found. meet joins without.", k.Device())
		}
		out = append(out, f)
	}
	for _, n := range notes {
		f := finding{What: "devices", Text: n}
		if strings.HasPrefix(n, "No sound server") {
			f.What, f.Hint = "sound", "meet joins without, and takes them up as soon as there is one."
		}
		out = append(out, f)
	}
	return out
}

// listenTime is how long the microphone is listened to before the speaker plays,
// and soundTime how long then.
const (
	listenTime = time.Second
	soundTime  = 1300 * time.Millisecond
)

// quietDB is the level below which a microphone seems to be switched off, and
// heardDB by how much it must be louder while the speaker plays to hear that.
const (
	quietDB = -70
	heardDB = 6
)

// lookAtSound listens for a moment, then plays a test sound and listens whether
// it is heard.
func lookAtSound(ctx context.Context, speaker bool) []finding {
	ctx, cancel := context.WithTimeout(ctx, listenTime+soundTime)
	defer cancel()
	to := audio.Speaker{Kind: audio.None}
	if speaker {
		to = audio.Speaker{}
	}
	e, err := audio.New(audio.Config{
		Speaker: to, Processing: audio.Processing{Echo: audio.Off, NoiseOff: true, GainOff: true},
	})
	if err != nil {
		return []finding{{What: "microphone level", Text: err.Error()}}
	}
	done := make(chan error, 1)
	crash.Go(func() { done <- e.Run(ctx) })
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	playing := time.NewTimer(listenTime)
	defer playing.Stop()
	before, during := -127.0, -127.0
	loudest := &before
	for {
		select {
		case <-ticker.C:
			*loudest = max(*loudest, e.Levels().Self)
			continue
		case <-playing.C:
			loudest = &during
			e.PlayTestSound()
			continue
		case <-done:
		}
		break
	}
	micTrouble, speakerTrouble := e.Trouble()
	_, name := e.InUse()
	found := []finding{levelFinding(micTrouble, before)}
	if speaker {
		found = append(found, soundFinding(speakerTrouble, safetext.Line(name, maxDeviceName), before, during))
	}
	return found
}

func levelFinding(trouble string, loudest float64) finding {
	f := finding{What: "microphone level"}
	switch {
	case trouble != "":
		f.Text = trouble
	case loudest < quietDB:
		f.Text = fmt.Sprintf("Silent for a second (%.0f dB).", loudest)
		f.Hint = "Speak while the doctor listens; if it stays silent, the microphone is muted elsewhere."
	default:
		f.OK, f.Text = true, fmt.Sprintf("Heard up to %.0f dB in a second.", loudest)
	}
	return f
}

// soundFinding says whether the microphone hears the speaker: if it does, both
// work; if not, that may be as it should.
func soundFinding(trouble, name string, before, during float64) finding {
	f := finding{What: "test sound"}
	switch {
	case trouble != "":
		f.Text = trouble
	case during >= max(before, quietDB)+heardDB:
		f.OK, f.Text = true, fmt.Sprintf("Two notes on %s: the microphone hears them at %.0f dB.", name, during)
	default:
		f.OK, f.Text = true, fmt.Sprintf("Two notes on %s: the microphone does not hear them.", name)
		f.Hint = "As it should be with headphones. If you heard nothing either, turn the speaker up."
	}
	return f
}

// lookAtTools names the programs that pictures come through where meet cannot
// read them itself (Wayland, macOS, Windows).
func lookAtTools(ctx context.Context) []finding {
	var out []finding
	for _, t := range []struct {
		what    string
		command []string
	}{
		{"camera program", source.Camera{}.Command(ctx)},
		{"screen program", source.Screen{}.Command(ctx)},
	} {
		if t.command == nil {
			continue
		}
		f := finding{What: t.what, OK: true, Text: "run as: " + strings.Join(t.command, " ")}
		if _, err := exec.LookPath(t.command[0]); err != nil {
			f.OK = false
			f.Hint = t.command[0] + " is not installed."
		}
		out = append(out, f)
	}
	return out
}

// lookAtNetwork looks for an address that others can reach.
func lookAtNetwork() finding {
	f := finding{What: "network"}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		f.Text = fmt.Sprintf("The addresses cannot be read: %v.", err)
		return f
	}
	var usable []string
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			usable = append(usable, ip.IP.String())
		}
	}
	if len(usable) == 0 {
		f.Text = "No address but loopback: only people on this machine can be met."
		return f
	}
	f.OK = true
	f.Text = fmt.Sprintf("%d addresses: %s.", len(usable), strings.Join(usable[:min(len(usable), 4)], ", "))
	return f
}

// lookAtServer asks the signaling server whether it takes joins.
func lookAtServer(ctx context.Context, server string) finding {
	f := finding{What: "server"}
	if server == "" {
		server = os.Getenv("MEET_SERVER")
	}
	local := server == ""
	if local {
		server = localServer
	}
	base, err := signal.ParseServer(server)
	if err != nil {
		f.Text = err.Error()
		return f
	}
	start := time.Now()
	if err := isMeet(ctx, base); err != nil {
		f.Text = fmt.Sprintf("%s does not answer as a meet server: %v.", base, err)
		if local {
			f.OK, f.Text = true, "None is running here: meet join finds one of this network, or hosts one itself."
		}
		return f
	}
	f.OK, f.Text = true, fmt.Sprintf("%s takes joins, answered in %v.", base, time.Since(start).Round(time.Millisecond))
	return f
}

// lookAtFiles says where things are kept.
func lookAtFiles() finding {
	f := finding{What: "files", OK: true}
	settings, err := config.Path()
	if err != nil {
		settings = "nowhere"
	}
	state, err := identity.Dir()
	if err != nil {
		state = "nowhere"
	}
	f.Text = fmt.Sprintf("settings in %s, state and log in %s.", settings, state)
	if _, problems := config.Load(settings); len(problems) > 0 {
		f.OK, f.Hint = false, problems[0].Error()
	}
	return f
}

func printFindings(w io.Writer, found []finding) error {
	for _, f := range found {
		mark := "ok  "
		if !f.OK {
			mark = "--  "
		}
		if _, err := fmt.Fprintf(w, "%s%-17s %s\n", mark, f.What, f.Text); err != nil {
			return err
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(w, "%22s%s\n", "", f.Hint); err != nil {
				return err
			}
		}
	}
	return nil
}
