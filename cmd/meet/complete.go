package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/recent"
	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// completeTime bounds the search for devices: somebody waits at a prompt.
const completeTime = time.Second

// completeJoin says what a shell may complete of meet join: rooms used before, and
// devices.
func completeJoin(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		dir, err := identity.Dir()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		rooms, _ := recent.List(dir) // none, then
		return rooms, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
	for flag, values := range map[string][]string{
		"echo": {"auto", "on", "off"}, "video": {"auto", "kitty", "iterm", "sixel", "octant", "sextant", "quadrant", "half", "ascii", "off"},
		"colors":  {"auto", "16", "256", "all"},
		"receive": {"all", "screens", "sound"},
		"notify":  {"auto", "osc9", "osc777", "osc99", "bell", "off"},
	} {
		complete(cmd, flag, func(context.Context, string) []string { return values }, false)
	}
	for flag, of := range map[string]struct {
		kind   media.Kind
		values []string
	}{
		"mic":     {media.Mic, []string{"default", "none", "tone", "file:"}},
		"speaker": {media.Speaker, []string{"default", "none", "file:"}},
		"camera":  {media.Camera, []string{"default", "none", "testcard", "file:"}},
		"screen":  {media.Screen, []string{"default", "none", "testcard"}},
	} {
		complete(cmd, flag, func(ctx context.Context, typed string) []string {
			return append(slices.Clone(of.values), devicesLike(ctx, of.kind, typed)...)
		}, true)
	}
}

// complete registers what a flag may be. The flag exists, so that cannot fail; the
// test of completions sees to it.
func complete(cmd *cobra.Command, flag string, values func(context.Context, string) []string, more bool) {
	directive := cobra.ShellCompDirectiveNoFileComp
	if more {
		directive |= cobra.ShellCompDirectiveNoSpace // a file's name may follow
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeTime)
		defer cancel()
		var fitting []string
		for _, v := range values(ctx, typed) {
			if strings.HasPrefix(v, typed) {
				fitting = append(fitting, v)
			}
		}
		return fitting, directive
	})
}

// devicesLike are the devices of a kind as flags take them, with their names. They
// are looked for only if what was typed may become one.
func devicesLike(ctx context.Context, kind media.Kind, typed string) []string {
	prefix := "device:"
	if kind == media.Screen {
		prefix = "display:"
	}
	if !strings.HasPrefix(prefix, typed) && !strings.HasPrefix(typed, prefix) {
		return nil
	}
	found, _ := findDevices(ctx)
	var all []string
	for _, d := range found {
		if d.Kind == kind.Device() {
			all = append(all, prefix+strings.TrimPrefix(d.ID, prefix)+"\t"+d.Name)
		}
	}
	return all
}

// remember keeps a room that can be named again without a secret.
func remember(named string, invite signal.Invite, log *slog.Logger) {
	if !invite.Open() {
		return
	}
	room := invite.Name
	if strings.ContainsAny(named, "/:#") {
		room = invite.Link()
	}
	dir, err := identity.Dir()
	if err == nil {
		err = recent.Add(dir, room)
	}
	if err != nil {
		log.Info("the room is not remembered", "error", err)
	}
}
