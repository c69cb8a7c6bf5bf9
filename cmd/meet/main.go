// Command meet is a meeting you join from a terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/crash"
	meetsignal "github.com/meet-term/meet/signal"
)

// The exit statuses of docs/HEADLESS.md.
const (
	exitFailure = 1
	exitUsage   = 2
	exitRefused = 3
)

func main() {
	defer crash.Catch()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	outliveReader()
	err := root().ExecuteContext(ctx)
	if err == nil {
		return
	}
	if !errors.Is(err, errQuiet) {
		fmt.Fprintln(os.Stderr, "meet: "+err.Error())
	}
	stop()
	os.Exit(status(err))
}

// outliveReader makes writing to a standard output that nobody reads any more
// an error instead of the end of the process: a call must be left properly, or
// the others wait for somebody who crashed. The signal is caught, not ignored,
// since child processes would inherit that.
func outliveReader() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// usageError marks what the person who typed the command can mend.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func status(err error) int {
	var usage usageError
	var refused *meetsignal.RefusedError
	var exit exitStatus
	var code codeError
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refused), errors.As(err, &code):
		return exitRefused
	}
	return exitFailure
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "meet",
		Short: "Meet people from a terminal, peer to peer",
		Long: `meet is a meeting you join from a terminal. Everyone in the room is heard and
seen, peer to peer over WebRTC; a small server only introduces people to each
other, and a broken network mends by itself.

  meet join demo        join the room "demo", hosting a server if none runs here
  meet serve            run a server for others
  meet doctor           look what works on this machine and what does not`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetVersionTemplate("meet {{.Version}}\n")
	cmd.SuggestionsMinimumDistance = 2
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %q)", err, cmd.CommandPath()+" --help")
	})
	cmd.AddCommand(joinCommand(), serveCommand(), devicesCommand(), doctorCommand(), configCommand(), versionCommand())
	cmd.AddCommand(ctlCommand(), sayCommand(), sendCommand(), shareCommand(), statusCommand(), peopleCommand(), exportCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(completionCommand(cmd), manualCommand(cmd))
	return cmd
}

// noArgs is cobra.NoArgs with the exit status of a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		hint := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("did you mean %q? ", cmd.CommandPath()+" "+near[0])
		} else if _, err := meetsignal.ParseInvite(args[0], localServer); err == nil && !cmd.HasParent() {
			hint = fmt.Sprintf("did you mean %q? ", "meet join "+args[0])
		}
		return usagef("unknown command %q (%ssee %q)", args[0], hint, cmd.CommandPath()+" --help")
	}
	return nil
}

func completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print the completion script of bash, zsh, fish or powershell",
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("completion takes the name of a shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usagef("no completion for %q: bash, zsh, fish and powershell have one", args[0])
		},
	}
}
