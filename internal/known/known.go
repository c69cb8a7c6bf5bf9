// Package known is whom this person knows: names and keys, kept in a file in the
// format of OpenSSH's allowed_signers (ssh-keygen(1)), which teams can share and other
// programs can read. Several processes may use it at once.
package known

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/meet-term/meet/internal/safetext"
)

// Person is somebody who was met, or who was read from a list.
type Person struct {
	Name     string
	Key      ed25519.PublicKey
	Verified bool
	Comment  string // the rest of the line, such as when they were met
}

// Fingerprint is the key as OpenSSH shows it: SHA256 and base64.
func (p Person) Fingerprint() string { return Fingerprint(p.Key) }

// Fingerprint is a key as OpenSSH shows it.
func Fingerprint(key ed25519.PublicKey) string {
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(public)
}

// Text is a key as OpenSSH writes it, "ssh-ed25519 AAAA...".
func Text(key ed25519.PublicKey) string {
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// Book is a file of people. It is read anew for each question, so that what another
// process wrote counts. Its methods may be called from any goroutine.
type Book struct {
	path string
	mu   sync.Mutex // one writer of this process at a time
}

// maxPeople and maxSize bound the file; a room of strangers a day fills it in years.
const (
	maxPeople = 10_000
	maxSize   = 4 << 20
)

// Open returns the book of a file, which need not exist yet.
func Open(path string) *Book { return &Book{path: path} }

// List is everybody in the book, as it stands there.
func (b *Book) List() ([]Person, error) {
	text, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read whom you know: %w", err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s has more than %d MB", b.path, maxSize>>20)
	}
	people, _ := Parse(text)
	return people, nil
}

// Known is what a book says of a name and a key.
type Known struct {
	Name     string // by which the key is known; "" for one that is not
	Verified bool
	// Other is somebody else who has the name, by another key; nil if nobody has.
	Other *Person
}

// Look says what is known of somebody who has proved to have a key and goes by a name.
func (b *Book) Look(name string, key ed25519.PublicKey) (Known, error) {
	people, err := b.List()
	return look(people, name, key), err
}

func look(people []Person, name string, key ed25519.PublicKey) Known {
	var k Known
	same := func(p Person) bool { return fold(p.Name) == fold(name) }
	for i, p := range people {
		switch {
		case p.Key.Equal(key):
			if k.Name == "" || same(p) {
				k.Name = p.Name
			}
			k.Verified = k.Verified || p.Verified
		case same(p) && k.Other == nil:
			k.Other = &people[i]
		}
	}
	if k.Name != "" && fold(k.Name) == fold(name) {
		k.Other = nil // several keys of one person
	}
	return k
}

// fold makes names that read alike the same.
func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// Meet is Look, and remembers somebody who was never met and whose name nobody has.
func (b *Book) Meet(name string, key ed25519.PublicKey, now time.Time) (Known, error) {
	var known Known
	err := b.change(func(people []Person) ([]Person, error) {
		known = look(people, name, key)
		if known.Name != "" || known.Other != nil || len(people) >= maxPeople || fold(name) == "" {
			return nil, nil
		}
		return append(people, Person{Name: name, Key: key, Comment: "met " + now.UTC().Format(time.DateOnly)}), nil
	})
	return known, err
}

// Verify notes that a key was compared, and whose it is.
func (b *Book) Verify(name string, key ed25519.PublicKey, now time.Time) error {
	return b.change(func(people []Person) ([]Person, error) {
		for i, p := range people {
			if p.Key.Equal(key) {
				people[i].Verified = true
				return people, nil
			}
		}
		return append(people, Person{Name: name, Key: key, Verified: true, Comment: "met " + now.UTC().Format(time.DateOnly)}), nil
	})
}

// ErrNobody is returned where nobody in the book is meant.
var ErrNobody = errors.New("nobody of that name or key is known")

// Is reports whether a person is meant by a name, a fingerprint or a key.
func (p Person) Is(who string) bool {
	return fold(p.Name) == fold(who) || p.Fingerprint() == who || Text(p.Key) == strings.TrimSpace(who)
}

// Change changes everybody who is meant by who, and reports how many that are. A
// person for whom change returns false is forgotten.
func (b *Book) Change(who string, change func(*Person) (keep bool)) (int, error) {
	n := 0
	err := b.change(func(people []Person) ([]Person, error) {
		kept := people[:0:0]
		for _, p := range people {
			if p.Is(who) {
				n++
				if !change(&p) {
					continue
				}
			}
			kept = append(kept, p)
		}
		if n == 0 {
			return nil, ErrNobody
		}
		return kept, nil
	})
	return n, err
}

// Add puts people into the book whose keys are not in it, and reports how many.
func (b *Book) Add(more []Person) (int, error) {
	n := 0
	err := b.change(func(people []Person) ([]Person, error) {
		for _, p := range more {
			if len(people) < maxPeople && !slices.ContainsFunc(people, func(q Person) bool { return q.Key.Equal(p.Key) }) {
				people = append(people, p)
				n++
			}
		}
		return people, nil
	})
	return n, err
}

// change replaces the file as a whole; nil leaves it as it is.
func (b *Book) change(change func([]Person) ([]Person, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return fmt.Errorf("keep whom you know: %w", err)
	}
	unlock, err := lock(b.path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	people, err := b.List()
	if err != nil {
		return err
	}
	if people, err = change(people); err != nil || people == nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(b.path), filepath.Base(b.path)+".*")
	if err != nil {
		return fmt.Errorf("keep whom you know: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(Format(people))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("keep whom you know: %w", err)
	}
	if err := os.Rename(file.Name(), b.path); err != nil {
		return fmt.Errorf("keep whom you know: %w", err)
	}
	return nil
}

// verified begins the comment of somebody who was compared.
const verified = "verified"

// Format writes people in the format of allowed_signers, a line each.
func Format(people []Person) []byte {
	var b bytes.Buffer
	for _, p := range people {
		comment := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(p.Comment), verified))
		if p.Verified {
			comment = strings.TrimSpace(verified + " " + comment)
		}
		fmt.Fprintf(&b, "%s namespaces=\"meet\" %s\n", quote(p.Name), strings.TrimSpace(Text(p.Key)+" "+safetext.Line(comment, 256)))
	}
	return b.Bytes()
}

// quote makes a principal of a name: one word, in which nothing is a list or a pattern.
func quote(name string) string {
	name = strings.Map(func(r rune) rune {
		switch r {
		case '"':
			return '\''
		case ',', '*', '?', '!', '\\', '#':
			return '_'
		}
		return r
	}, safetext.Line(name, 64))
	if name == "" {
		name = "_"
	}
	if strings.ContainsAny(name, " \t") {
		return `"` + name + `"`
	}
	return name
}

// Parse reads lines of allowed_signers or of authorized_keys, where the comment is the
// name. What has no ssh-ed25519 key is left out; the error counts such lines.
func Parse(text []byte) ([]Person, error) {
	var people []Person
	skipped := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		p, ok := parseLine(line)
		if !ok || len(people) >= maxPeople {
			skipped++
			continue
		}
		people = append(people, p)
	}
	if skipped > 0 {
		return people, fmt.Errorf("%d lines without an ssh-ed25519 key were left out", skipped)
	}
	return people, nil
}

func parseLine(line string) (Person, bool) {
	const kind = ssh.KeyAlgoED25519
	at := strings.Index(line, kind+" ")
	if at < 0 || at > 0 && line[at-1] != ' ' && line[at-1] != '\t' {
		return Person{}, false
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line[at:]))
	if err != nil || key.Type() != kind {
		return Person{}, false
	}
	public, ok := key.(ssh.CryptoPublicKey).CryptoPublicKey().(ed25519.PublicKey)
	if !ok {
		return Person{}, false
	}
	p := Person{Key: public, Comment: safetext.Line(comment, 256)}
	rest, marked := strings.CutPrefix(p.Comment, verified)
	if p.Verified = at > 0 && marked && (rest == "" || rest[0] == ' '); p.Verified {
		p.Comment = strings.TrimSpace(rest)
	}
	if at == 0 { // authorized_keys: only the comment says whose it is
		p.Name = safetext.Line(comment, 64)
		p.Comment = ""
	} else {
		p.Name = safetext.Line(principal(line[:at]), 64)
	}
	if p.Name == "" {
		p.Name = Fingerprint(public)
	}
	return p, true
}

// principal is the first word of a line, or what is in quotation marks; of several
// principals the first.
func principal(head string) string {
	if rest, ok := strings.CutPrefix(head, `"`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	name, _, _ := strings.Cut(strings.Fields(head)[0], ",")
	return name
}
