package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manualCommand writes the man pages, for packages.
func manualCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "manual DIR",
		Short:  "Write the man pages",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("manual takes the folder to write the man pages to")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writeManual(root, args[0])
		},
	}
}

// writeManual writes the page of a command and those of the commands below it.
func writeManual(cmd *cobra.Command, dir string) error {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	page := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(dir, page+".1"), manualPage(cmd, page), 0o644); err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if err := writeManual(c, dir); err != nil {
			return err
		}
	}
	return nil
}

// manualPage is the page of one command, as man reads it. It has no date: two
// builds of the same source write the same.
func manualPage(cmd *cobra.Command, page string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 \"\" %q %q\n", strings.ToUpper(page), "meet "+roff(version), "meet")
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", page, roff(lowerFirst(cmd.Short)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf\n%s\n.fi\n", roff(about))
	flags := func(title string, set *pflag.FlagSet) {
		if !set.HasAvailableFlags() {
			return
		}
		fmt.Fprintf(&b, ".SH %s\n", title)
		set.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			if value != "" {
				value = " " + value
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0s" {
				usage += " (" + f.DefValue + ")"
			}
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name+value), roff(usage))
		})
	}
	flags("OPTIONS", cmd.NonInheritedFlags())
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	if !cmd.HasParent() {
		b.WriteString(manualFiles)
	}
	var others []string
	add := func(c *cobra.Command) {
		if !c.Hidden && c.Name() != "help" {
			others = append(others, fmt.Sprintf(".BR %s (1)", strings.ReplaceAll(c.CommandPath(), " ", "\\-")))
		}
	}
	if cmd.HasParent() {
		add(cmd.Parent())
	}
	for _, c := range cmd.Commands() {
		add(c)
	}
	if len(others) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(others, ",\n"))
	}
	return b.Bytes()
}

// manualFiles ends the page of the whole program.
const manualFiles = `.SH EXIT STATUS
.TP
0
left
.TP
1
something failed
.TP
2
the command line is wrong
.TP
3
the server refused
.SH ENVIRONMENT
.TP
.B MEET_SERVER
the signaling server
.TP
.B MEET_TURN_SECRET
the secret of a relay's credentials, for
.B meet serve
.SH FILES
.B meet config path
prints where the settings are,
.B meet doctor
where state and log are.
`

// roff writes text so that man shows it as it is.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
