package main

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// released is set by the linker in releases and by make.
var released string

// version is what this program is. One that was installed with go install knows it
// from the module it was built from.
var version = cmp.Or(released, builtFrom(debug.ReadBuildInfo()), "dev")

// builtFrom is the version of the main module, "" if the build does not say.
func builtFrom(info *debug.BuildInfo, ok bool) string {
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "meet "+version)
			return err
		},
	}
}
