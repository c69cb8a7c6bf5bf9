// Package spoken hands an invite from one person to another by a code that can be
// said over the telephone: a number, which says where the two meet, and two words,
// which nobody else knows. The words are the password of a CPace run through a
// mailbox of a server, which learns nothing that it could try words on afterwards;
// who guesses wrong has burned the code.
package spoken

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/meet-term/meet/internal/cpace"
)

// Words is how many words there are in each place: 16 bits in a code.
const Words = 256

var (
	first  = strings.Fields(firstText)
	second = strings.Fields(secondText)
)

// Code is what is said: "7-copper-lantern".
type Code struct {
	Number int // of the mailbox; above 0
	Words  string
}

func (c Code) String() string { return strconv.Itoa(c.Number) + "-" + c.Words }

// New draws the words for the mailbox of that number; random is crypto/rand.Reader
// if nil.
func New(number int, random io.Reader) (Code, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [2]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Code{}, fmt.Errorf("draw a code: %w", err)
	}
	return Code{number, first[b[0]] + "-" + second[b[1]]}, nil
}

// ErrNoCode is returned for what does not look like a code.
var ErrNoCode = errors.New("not a code")

// WordError is a code with a word that is in no code.
type WordError struct {
	Word  string
	Meant string // what is near it; "" if nothing is
}

func (e *WordError) Error() string {
	if e.Meant != "" {
		return fmt.Sprintf("no code has the word %q; is it %q?", e.Word, e.Meant)
	}
	return fmt.Sprintf("no code has the word %q", e.Word)
}

// maxNumber bounds the number of a code.
const maxNumber = 99_999

// Parse reads what somebody typed: "7-copper-lantern", also with spaces and
// capitals. It returns ErrNoCode for what is none, and a *WordError where one of the
// words is wrong: that costs no attempt.
func Parse(typed string) (Code, error) {
	fields := strings.FieldsFunc(strings.ToLower(typed), func(c rune) bool { return c == '-' || c == ' ' })
	if len(fields) != 3 {
		return Code{}, ErrNoCode
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil || n < 1 || n > maxNumber || fields[0][0] == '+' || fields[0][0] == '0' {
		return Code{}, ErrNoCode
	}
	known := 0
	var wrong *WordError
	for i, list := range [][]string{first, second} {
		if _, ok := slices.BinarySearch(list, fields[i+1]); ok {
			known++
		} else if wrong == nil {
			wrong = &WordError{fields[i+1], nearest(list, fields[i+1])}
		}
	}
	switch {
	case known == 2:
		return Code{n, fields[1] + "-" + fields[2]}, nil
	case known == 1 || wrong.Meant != "":
		return Code{}, wrong
	}
	return Code{}, ErrNoCode // a room may be called so
}

// nearest is the word of the list one letter away, or "".
func nearest(list []string, typed string) string {
	for _, w := range list {
		if oneApart(w, typed) {
			return w
		}
	}
	return ""
}

// oneApart reports whether one letter more, less or another makes b of a.
func oneApart(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}

// Line carries short messages between the two who meet at a mailbox.
type Line interface {
	Send(ctx context.Context, message []byte) error
	Receive(ctx context.Context) ([]byte, error)
}

// What goes over a Line, as JSON: the inviter's share, the guest's share and proof,
// and the answer, which is the sealed invite or that the words were wrong.
type (
	offerMessage struct {
		Share string `json:"share"`
	}
	guessMessage struct {
		Share string `json:"share"`
		Proof string `json:"proof"`
	}
	answerMessage struct {
		Sealed string `json:"sealed,omitempty"`
		Wrong  bool   `json:"wrong,omitempty"`
	}
)

// ErrWrong says that the words were wrong: a guess, or a slip of the tongue. The code
// is burned.
var ErrWrong = errors.New("the words of the code are wrong")

// ErrVanished says that who came to the mailbox went without a guess, which costs the
// code nothing.
var ErrVanished = errors.New("the other side hung up")

const (
	channel     = "meet code 1"
	inviterData = "inviter"
	guestData   = "guest"
)

var b64 = base64.RawURLEncoding.Strict()

// Invite gives what is secret to whoever proves to know the words, over a line to one
// who came to the mailbox. session is the same for both sides and new for each line.
func Invite(ctx context.Context, l Line, c Code, session, secret []byte) error {
	run, err := cpace.Begin(c.inputs(session), nil)
	if err != nil {
		return err
	}
	if err := send(ctx, l, offerMessage{b64.EncodeToString(run.Share())}); err != nil {
		return fmt.Errorf("%w: %w", ErrVanished, err)
	}
	var guess guessMessage
	if err := receive(ctx, l, &guess); err != nil {
		return fmt.Errorf("%w: %w", ErrVanished, err)
	}
	share, err1 := b64.DecodeString(guess.Share)
	proof, err2 := b64.DecodeString(guess.Proof)
	isk, err3 := run.InitiatorKey([]byte(inviterData), cpace.Message{Share: share, Data: []byte(guestData)})
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	k, err := keysOf(isk)
	if err != nil {
		return err
	}
	if !hmac.Equal(proof, k.proof) {
		_ = send(ctx, l, answerMessage{Wrong: true}) // whoever guessed need not hear it
		return ErrWrong
	}
	if err := send(ctx, l, answerMessage{Sealed: b64.EncodeToString(k.seal(secret))}); err != nil {
		return fmt.Errorf("give the invite: %w", err)
	}
	return nil
}

// Accept is the other side of Invite and returns what is secret.
func Accept(ctx context.Context, l Line, c Code, session []byte) ([]byte, error) {
	var offer offerMessage
	if err := receive(ctx, l, &offer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVanished, err)
	}
	run, err := cpace.Begin(c.inputs(session), nil)
	if err != nil {
		return nil, err
	}
	share, err := b64.DecodeString(offer.Share)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	isk, err := run.ResponderKey(cpace.Message{Share: share, Data: []byte(inviterData)}, []byte(guestData))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	k, err := keysOf(isk)
	if err != nil {
		return nil, err
	}
	if err := send(ctx, l, guessMessage{b64.EncodeToString(run.Share()), b64.EncodeToString(k.proof)}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVanished, err)
	}
	var answer answerMessage
	if err := receive(ctx, l, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVanished, err)
	}
	sealed, err := b64.DecodeString(answer.Sealed)
	if answer.Wrong || err != nil {
		return nil, ErrWrong
	}
	secret, err := k.open(sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err) // somebody between answered
	}
	return secret, nil
}

func (c Code) inputs(session []byte) cpace.Inputs {
	return cpace.Inputs{Password: []byte(c.Words), Channel: []byte(channel), Session: session}
}

// keys are what both sides derive from the key of a run (HKDF with SHA-256, RFC 5869).
type keys struct {
	proof []byte
	aead  cipher.AEAD
}

func keysOf(isk []byte) (keys, error) {
	var k keys
	var err error
	if k.proof, err = hkdf.Key(sha256.New, isk, []byte(channel), "guest's proof", 32); err != nil {
		return k, fmt.Errorf("derive the keys of a code: %w", err)
	}
	key, err := hkdf.Key(sha256.New, isk, []byte(channel), "invite", 32)
	if err != nil {
		return k, fmt.Errorf("derive the keys of a code: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return k, fmt.Errorf("set up the key of a code: %w", err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return k, fmt.Errorf("set up the key of a code: %w", err)
	}
	return k, nil
}

// seal uses a nonce of zeros: the key is of this run alone and seals once.
func (k keys) seal(secret []byte) []byte {
	return k.aead.Seal(nil, make([]byte, k.aead.NonceSize()), secret, []byte(channel))
}

func (k keys) open(sealed []byte) ([]byte, error) {
	return k.aead.Open(nil, make([]byte, k.aead.NonceSize()), sealed, []byte(channel))
}

func send(ctx context.Context, l Line, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err // strings cannot fail
	}
	return l.Send(ctx, b)
}

func receive(ctx context.Context, l Line, message any) error {
	b, err := l.Receive(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, message)
}
