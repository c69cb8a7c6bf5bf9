// Package cpace is CPace, a balanced password-authenticated key exchange
// (draft-irtf-cfrg-cpace-21), in the cipher suite CPACE-RISTR255-SHA512: two people
// who know the same short password get the same strong key, and who does not know it
// tries one password for each run, and none afterwards.
package cpace

import (
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"

	ristretto "github.com/bwesterb/go-ristretto"
)

const (
	dsi    = "CPaceRistretto255"
	dsiISK = dsi + "_ISK"
	// block is the size of the blocks that SHA-512 takes in, in bytes.
	block = 128
)

// Sizes in bytes.
const (
	ShareSize = 32
	KeySize   = sha512.Size
)

// ErrShare is returned for a share that is none: no canonical encoding of an
// element, or the neutral one.
var ErrShare = errors.New("cpace: not a share")

// Inputs are what both sides must have alike to get the same key.
type Inputs struct {
	Password []byte // PRS in the draft
	Channel  []byte // CI
	Session  []byte // sid, new for each run
}

// Run is one run of one side. It is for one goroutine.
type Run struct {
	sid    []byte
	secret ristretto.Scalar
	share  []byte
}

// Begin draws a secret for a run; random is crypto/rand.Reader if nil.
func Begin(in Inputs, random io.Reader) (*Run, error) {
	if random == nil {
		random = rand.Reader
	}
	var wide [64]byte
	var s ristretto.Scalar
	for s.IsNonZeroI() == 0 {
		if _, err := io.ReadFull(random, wide[:]); err != nil {
			return nil, fmt.Errorf("draw a secret: %w", err)
		}
		s.SetReduced(&wide)
	}
	return begin(in, &s), nil
}

func begin(in Inputs, secret *ristretto.Scalar) *Run {
	var y ristretto.Point
	y.ScalarMult(generator(in), secret)
	return &Run{sid: in.Session, secret: *secret, share: y.Bytes()}
}

// Share is what the other side needs.
func (r *Run) Share() []byte { return r.share }

// Message is a share with the data that goes with it in the clear: both sides agree
// on a key only if they saw the same of both.
type Message struct{ Share, Data []byte }

// InitiatorKey is the key of the side that sends first. own is what it sent beside
// its share.
func (r *Run) InitiatorKey(own []byte, theirs Message) ([]byte, error) {
	return r.key(theirs.Share, Message{r.share, own}, theirs)
}

// ResponderKey is the key of the other side.
func (r *Run) ResponderKey(theirs Message, own []byte) ([]byte, error) {
	return r.key(theirs.Share, theirs, Message{r.share, own})
}

// key derives the intermediate session key (section 7.2) from the transcript of the
// side that sends first and the one that answers.
func (r *Run) key(theirs []byte, a, b Message) ([]byte, error) {
	k, err := multiply(&r.secret, theirs)
	if err != nil {
		return nil, err
	}
	in := values([]byte(dsiISK), r.sid, k)
	in = append(in, values(a.Share, a.Data, b.Share, b.Data)...)
	sum := sha512.Sum512(in)
	return sum[:], nil
}

// multiply is scalar_mult_vfy of section 8.3.
func multiply(s *ristretto.Scalar, share []byte) ([]byte, error) {
	var encoded [ShareSize]byte
	if len(share) != ShareSize {
		return nil, ErrShare
	}
	copy(encoded[:], share)
	var theirs, k, neutral ristretto.Point
	if !theirs.SetBytes(&encoded) {
		return nil, ErrShare
	}
	k.ScalarMult(&theirs, s)
	if k.Equals(neutral.SetZero()) {
		return nil, ErrShare
	}
	return k.Bytes(), nil
}

// generator maps the inputs to an element of the group: the hash of the generator
// string, by the map of RFC 9496 section 4.3.4.
func generator(in Inputs) *ristretto.Point {
	h := sha512.Sum512(generatorString(in))
	var half [32]byte
	var p, q ristretto.Point
	copy(half[:], h[:32])
	p.SetElligator(&half)
	copy(half[:], h[32:])
	q.SetElligator(&half)
	return p.Add(&p, &q)
}

// generatorString is that of section 8.1: the password fills the first block of the
// hash whatever its length.
func generatorString(in Inputs) []byte {
	pad := max(0, block-1-len(value(in.Password))-len(value([]byte(dsi))))
	return values([]byte(dsi), in.Password, make([]byte, pad), in.Channel, in.Session)
}

// value is prepend_len of the draft: the length in LEB128, and the bytes.
func value(b []byte) []byte {
	var out []byte
	n := len(b)
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(append(out, byte(n)), b...)
}

// values is lv_cat of the draft.
func values(all ...[]byte) []byte {
	var out []byte
	for _, b := range all {
		out = append(out, value(b)...)
	}
	return out
}
