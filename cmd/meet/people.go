package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meet-term/meet/internal/identity"
	"github.com/meet-term/meet/internal/known"
	"github.com/meet-term/meet/internal/safetext"
	"github.com/meet-term/meet/signal"
)

// bookFile has whom the person knows, in the state directory.
const bookFile = "known_people"

// openBook is whom the person knows.
func openBook() (*known.Book, error) {
	dir, err := identity.Dir()
	if err != nil {
		return nil, err
	}
	return known.Open(filepath.Join(dir, bookFile)), nil
}

func peopleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Whom you know: people you met, by the keys they have",
		Long: `The first call with somebody remembers their key, and from then on you see that it
is the same person: "known" beside the name, "verified" once you have compared the
words of a call (V), and a loud line when somebody of that name has another key.

The list is a file in the format of OpenSSH's allowed_signers, which teams can share.
WHO is a name, a fingerprint (SHA256:...) or a key.`,
		Example: `  meet people
  meet people verify Ann
  meet people forget SHA256:pkO3z7VJ...
  meet people import team/allowed_signers`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listPeople(cmd.OutOrStdout()) },
	}
	change := func(use, short, done string, args int, do func(p *known.Person, args []string) (keep bool, err error)) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short,
			Args: func(_ *cobra.Command, got []string) error {
				if len(got) != args {
					return usagef("it is: meet people %s", use)
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				return changePeople(cmd.OutOrStdout(), args, done, do)
			},
		}
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "Everybody you know", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return listPeople(cmd.OutOrStdout()) },
		},
		change("rename WHO NAME", "Call somebody otherwise", "renamed", 2, func(p *known.Person, args []string) (bool, error) {
			name := safetext.Line(args[1], signal.MaxName)
			if name == "" {
				return true, usagef("%q is no name", args[1])
			}
			p.Name = name
			return true, nil
		}),
		change("verify WHO", "Say that you have compared somebody's key yourself", "verified", 1, func(p *known.Person, _ []string) (bool, error) {
			p.Verified = true
			return true, nil
		}),
		change("forget WHO", "Know somebody no more", "forgot", 1, func(*known.Person, []string) (bool, error) { return false, nil }),
		&cobra.Command{
			Use:   "import FILE",
			Short: "Know those in a file of allowed_signers or authorized_keys (- is standard input)",
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != 1 {
					return usagef("it is: meet people import FILE")
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				return importPeople(cmd.InOrStdin(), cmd.OutOrStdout(), args[0])
			},
		},
	)
	return cmd
}

func listPeople(out io.Writer) error {
	book, err := openBook()
	if err != nil {
		return err
	}
	all, err := book.List()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(out, "You have not met anybody yet.")
		return err
	}
	for _, p := range all {
		mark := "known"
		if p.Verified {
			mark = "verified"
		}
		if _, err := fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%-8s  %s  %s  %s", mark, p.Fingerprint(), p.Name, p.Comment))); err != nil {
			return err
		}
	}
	return nil
}

func changePeople(out io.Writer, args []string, done string, do func(*known.Person, []string) (bool, error)) error {
	book, err := openBook()
	if err != nil {
		return err
	}
	var wrong error
	n, err := book.Change(args[0], func(p *known.Person) bool {
		keep, err := do(p, args)
		if err != nil {
			wrong = err
			return true
		}
		return keep
	})
	switch {
	case errors.Is(err, known.ErrNobody):
		return usagef("you know nobody called %q", safetext.Line(args[0], signal.MaxName))
	case err != nil:
		return err
	case wrong != nil:
		return wrong
	}
	_, err = fmt.Fprintf(out, "%s %s\n", done, plural(n, "key"))
	return err
}

func importPeople(in io.Reader, out io.Writer, path string) error {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return usagef("import: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, 4<<20))
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	people, skipped := known.Parse(text)
	book, err := openBook()
	if err != nil {
		return err
	}
	n, err := book.Add(people)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "imported %s\n", plural(n, "key")); err != nil {
		return err
	}
	if skipped != nil {
		_, err = fmt.Fprintln(out, skipped)
	}
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
