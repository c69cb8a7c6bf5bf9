package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meet-term/meet/internal/config"
	"github.com/meet-term/meet/internal/headless"
	"github.com/meet-term/meet/internal/iceserver"
	"github.com/meet-term/meet/internal/venue"
	"github.com/meet-term/meet/tui"
)

// loadSettings reads the settings file and fills in the flags that were not
// given. Faults are printed and keep nobody from joining.
func loadSettings(flags *pflag.FlagSet, f *joinFlags) {
	path, err := config.Path()
	if err != nil {
		return // nowhere to look: no settings
	}
	settings, problems := config.Load(path)
	f.settings = settings
	for name, to := range map[string]struct {
		flag  *string
		value string
	}{
		"name": {&f.name, settings.Name}, "mic": {&f.mic, settings.Mic}, "camera": {&f.camera, settings.Camera},
		"screen": {&f.screen, settings.Screen}, "speaker": {&f.speaker, settings.Speaker}, "video": {&f.video, settings.Video},
		"notify": {&f.notify, settings.Notify}, "files": {&f.files, settings.Files},
		"receive": {&f.receive, settings.Receive}, "max-bandwidth": {&f.maxBandwidth, settings.MaxBandwidth}, "identity": {&f.identity, settings.Identity},
		"recordings": {&f.recordings, settings.Recordings},
	} {
		if to.value != "" && !flags.Changed(name) {
			*to.flag = to.value
		}
	}
	if f.server == "" && os.Getenv("MEET_SERVER") == "" {
		f.server = settings.Server
	}
	if _, err := venue.ParseReach(settings.Reach); settings.Reach != "" && err != nil {
		problems = append(problems, &config.Problem{Path: path, Line: settings.Line("reach"), Key: "reach", Reason: err.Error()})
	}
	for name, to := range map[string]struct {
		flag  *bool
		value bool
	}{
		"muted": {&f.muted, settings.Muted}, "camera-off": {&f.cameraOff, settings.CameraOff},
		"no-carry": {&f.noCarry, settings.NoCarry},
		"no-lobby": {&f.noLobby, settings.NoLobby}, "ascii": {&f.ascii, settings.ASCII}, "mouse": {&f.mouse, settings.Mouse},
		"relay-only": {&f.relayOnly, settings.RelayOnly}, "accept-files": {&f.acceptFiles, settings.AcceptFiles},
	} {
		if !flags.Changed(name) {
			*to.flag = *to.flag || to.value
		}
	}
	if !flags.Changed("ice-server") {
		f.iceServers = nil
		for _, text := range settings.ICEServer {
			if _, err := iceserver.Parse(text); err != nil {
				problems = append(problems, &config.Problem{
					Path: path, Line: settings.Line("ice-server"), Key: "ice-server", Reason: err.Error(),
				})
				continue
			}
			f.iceServers = append(f.iceServers, text)
		}
	}
	a := settings.Audio
	if a.Echo != "" && !flags.Changed("echo") {
		f.echo = a.Echo
	}
	for name, to := range map[string]struct{ flag, value *bool }{
		"noise": {&f.noise, a.Noise}, "gain": {&f.gain, a.Gain}, "music": {&f.music, &a.Music}, "listen-muted": {&f.listenMuted, &a.ListenMuted},
	} {
		if to.value != nil && !flags.Changed(name) {
			*to.flag = *to.value
		}
	}
	keys, err := tui.NewKeymap(settings.Keys)
	f.keys = keys
	problems = append(problems, keyProblems(path, &settings, err)...)
	for _, name := range slices.Sorted(maps.Keys(settings.Colors)) {
		if !slices.Contains(tui.ColorTokens(), name) {
			key := "colors." + name
			problems = append(problems, &config.Problem{
				Path: path, Line: settings.Line(key), Key: key, Reason: "there is no such color",
			})
		}
	}
	for _, event := range slices.Sorted(maps.Keys(settings.On)) {
		if !slices.Contains(headless.EventNames(), event) {
			key := "on." + event
			problems = append(problems, &config.Problem{
				Path: path, Line: settings.Line(key), Key: key, Reason: "there is no such event; docs/HEADLESS.md lists them",
			})
		}
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, "meet: "+p.Error())
	}
}

// keyProblems says where in the file each fault of the keys is.
func keyProblems(path string, settings *config.Config, err error) []*config.Problem {
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults = joined.Unwrap()
	}
	var problems []*config.Problem
	for _, fault := range faults {
		if wrong := (*tui.KeyError)(nil); errors.As(fault, &wrong) {
			key := "keys." + wrong.Action
			problems = append(problems, &config.Problem{Path: path, Line: settings.Line(key), Key: key, Reason: wrong.Reason})
		}
	}
	return problems
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Settings: where they are, and a commented file to start from",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "init",
		Short: "Write a settings file with every setting explained",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Path()
			if err != nil {
				return err
			}
			if err := config.Init(path, config.Template(keyHelp(), colorHelp())); err != nil {
				if errors.Is(err, fs.ErrExist) {
					return usageError{err}
				}
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "wrote "+path)
			return err
		},
	}, &cobra.Command{
		Use:   "path",
		Short: "Print where the settings file is",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Path()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	})
	return cmd
}

func keyHelp() []config.KeyHelp {
	var out []config.KeyHelp
	for _, a := range tui.Actions() {
		out = append(out, config.KeyHelp{Action: string(a.Action), Keys: a.Keys, Help: a.Help})
	}
	return out
}

func colorHelp() []config.ColorHelp {
	var out []config.ColorHelp
	for _, name := range tui.ColorTokens() {
		out = append(out, config.ColorHelp{Name: name, Dark: tui.DefaultColor(name, false), Light: tui.DefaultColor(name, true)})
	}
	return out
}
