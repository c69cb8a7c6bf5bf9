package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/meet-term/meet/internal/safetext"
)

// nameMax bounds the name of a file, in bytes: most file systems take 255, and a
// number may be added.
const nameMax = 200

// CleanName makes the name that somebody else gave a file fit for this machine, whatever
// system it has: no directories, nothing hidden, nothing that a shell, a terminal or
// Windows understands as something else.
func CleanName(name string) string {
	name = safetext.Line(name, nameMax)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>:\"|?*", r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	name = strings.TrimLeft(name, "-~") // an option, a home directory
	for len(name) > nameMax {           // the end says what kind it is
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch {
	case stem == "":
		return "file" + name
	case stem == "CON" || stem == "PRN" || stem == "AUX" || stem == "NUL",
		len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")):
		return "_" + name // devices of Windows
	}
	return name
}

// maxNumber is how many files of one name a folder may have.
const maxNumber = 10_000

// place moves a file that is complete to its name, or to name (2) and so on:
// nothing is ever overwritten.
func place(temp, dir, name string) (string, error) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for n := 1; n <= maxNumber; n++ {
		path := filepath.Join(dir, name)
		if n > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s (%d)%s", stem, n, ext))
		}
		// The name is taken first, so that nobody else takes it meanwhile.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("keep the file: %w", err)
		}
		f.Close()
		if err := os.Rename(temp, path); err != nil {
			_ = os.Remove(path) // it is empty and ours
			return "", fmt.Errorf("keep the file: %w", err)
		}
		return path, nil
	}
	return "", fmt.Errorf("keep the file: %d files are called %s", maxNumber, name)
}
