package rtc

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/meet-term/meet/internal/words"
	"github.com/meet-term/meet/signal"
)

// Person is who we are to those we are connected with (docs/PROTOCOL.md, "Persons").
type Person struct {
	Key  ed25519.PublicKey // which outlives rooms
	Bind []byte            // its signature over our key in this room
}

// Mark says how well a person is known here.
type Mark string

// The marks.
const (
	MarkNone     Mark = ""         // who they are was not shown yet
	MarkNew      Mark = "new"      // never met before
	MarkKnown    Mark = "known"    // the key of somebody met before
	MarkVerified Mark = "verified" // a key that was compared
	MarkChanged  Mark = "changed"  // calls itself as somebody who is known, and has another key
)

// Identity is what is known of who a person is. Its zero value is nothing.
type Identity struct {
	Key   ed25519.PublicKey // proven on the connection
	Words string            // of the connection: both sides have the same, or somebody is in between
	Mark  Mark
	Known string            // the name that the key is known by, or of whom the name is known with another key
	Other ed25519.PublicKey // of a changed one: the key that the name is known with
}

// introduction is what both ends of one connection say of themselves to each other.
// Another connection has another.
type introduction struct {
	ours, theirs string // fingerprints of the certificates (RFC 8122)
	nonce        string // that we drew
	commit       string // of the offering side, as the answering side got it
	person       ed25519.PublicKey
}

// begin starts anew, for another connection.
func (i *introduction) begin() { *i = introduction{} }

// own and their note the fingerprints of a description.
func (i *introduction) own(sdp string)   { i.ours = fingerprint(sdp) }
func (i *introduction) their(sdp string) { i.theirs = fingerprint(sdp) }

// draw makes our nonce.
func (i *introduction) draw(random io.Reader) bool {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return false
	}
	i.nonce = base64.RawURLEncoding.EncodeToString(b[:])
	return true
}

// shows notes the person that the other end has proved to be.
func (i *introduction) shows(person ed25519.PublicKey, commit string) {
	i.person, i.commit = person, commit
}

// fingerprint is that of a description in one form; "" if it has none, or several.
func fingerprint(sdp string) string {
	found := ""
	for line := range strings.Lines(sdp) {
		value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(line)), "a=fingerprint:")
		if !ok {
			continue
		}
		if found != "" && found != value {
			return ""
		}
		found = value
	}
	return found
}

// commitment binds the offering side to its nonce before it knows the other's.
func commitment(nonce string) string {
	sum := sha256.Sum256([]byte(signal.Protocol + " commit|" + nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// pairText is what a seat signs for one connection: whom it is for, our part in it, the
// certificates of both ends, who we are, and our commitment or nonce.
func pairText(to signal.PeerID, toInc signal.Inc, offers bool, ours, theirs, person, fresh string) string {
	role := "answer"
	if offers {
		role = "offer"
	}
	return fmt.Sprintf("%s|%d|%s|%s|%s|%s|%s", to, toInc, role, ours, theirs, person, fresh)
}

// wordsOf says in six words who the ends of a connection are. Who is in between of two
// connections has to make both say the same, and has one try in 2^48.
func wordsOf(offering, answering string) string {
	sum := sha256.Sum256([]byte(signal.Protocol + " words\n" + offering + "\n" + answering))
	return words.Of(sum[:6])
}

func endText(id signal.PeerID, inc signal.Inc, person ed25519.PublicKey, fingerprint, nonce string) string {
	return fmt.Sprintf("%s|%d|%s|%s|%s", id, inc, base64.RawURLEncoding.EncodeToString(person), fingerprint, nonce)
}

// introduce says who we are on a connection that has just opened. The offering side
// begins, with a commitment.
func (m *Manager) introduce(mb *member) {
	if m.cfg.Person == nil || !mb.peer.offers || !mb.draw(m.cfg.Rand) {
		return
	}
	m.sayWho(mb, commitment(mb.nonce), "")
}

// sayWho sends our identity, with a commitment or a nonce.
func (m *Manager) sayWho(mb *member, commit, nonce string) {
	person := base64.RawURLEncoding.EncodeToString(m.cfg.Person.Key)
	by := m.cfg.Sealer.Sign("pair", pairText(mb.peer.id, mb.peer.inc, mb.peer.offers, mb.ours, mb.theirs, person, commit+nonce))
	mb.session.Do(SendData{encodeData(identity{
		Person: person, Bind: base64.RawURLEncoding.EncodeToString(m.cfg.Person.Bind),
		Key: base64.RawURLEncoding.EncodeToString(by.Key), Sig: base64.RawURLEncoding.EncodeToString(by.Sig),
		Commit: commit, Nonce: nonce,
	})})
}

// onIdentity takes who the other end is, once in a connection.
func (m *Manager) onIdentity(mb *member, i identity) {
	// The offering side has committed itself, and waits for a nonce; the other waits.
	if m.cfg.Person == nil || mb.person != nil || mb.peer.offers != (mb.nonce != "") || mb.peer.offers == (i.Nonce == "") || mb.peer.offers != (i.Commit == "") {
		return
	}
	person, err := m.checkIdentity(mb, i)
	if err != nil {
		m.log.Warn("somebody does not prove who they are", "peer", mb.peer.name, "error", err)
		return
	}
	mb.shows(person, i.Commit)
	if mb.peer.offers {
		mb.session.Do(SendData{encodeData(reveal{mb.nonce})})
		m.proved(mb, mb.nonce, i.Nonce)
		return
	}
	if mb.draw(m.cfg.Rand) {
		m.sayWho(mb, "", mb.nonce)
	}
}

// checkIdentity returns the person that a peer has proved to be on this connection.
func (m *Manager) checkIdentity(mb *member, i identity) (ed25519.PublicKey, error) {
	var raw [4][]byte
	for k, text := range []string{i.Person, i.Bind, i.Key, i.Sig} {
		var err error
		if raw[k], err = base64.RawURLEncoding.DecodeString(text); err != nil {
			return nil, fmt.Errorf("read who they are: %w", err)
		}
	}
	if mb.ours == "" || mb.theirs == "" {
		return nil, fmt.Errorf("a connection without fingerprints: %w", signal.ErrForged)
	}
	text := pairText(m.cfg.Self, m.cfg.Inc, !mb.peer.offers, mb.theirs, mb.ours, i.Person, i.Commit+i.Nonce)
	if err := m.cfg.Sealer.Verify(mb.peer.id, mb.peer.inc, "pair", text, signal.Signature{Key: raw[2], Sig: raw[3]}); err != nil {
		return nil, err
	}
	return raw[0], m.cfg.Sealer.VerifyBinding(raw[0], raw[2], raw[1])
}

// onReveal takes the nonce that the offering side was bound to.
func (m *Manager) onReveal(mb *member, r reveal) {
	if m.cfg.Person == nil || mb.peer.offers || mb.person == nil || mb.nonce == "" || mb.commit == "" {
		return
	}
	if subtle.ConstantTimeCompare([]byte(commitment(r.Nonce)), []byte(mb.commit)) != 1 {
		m.log.Warn("somebody does not keep to what they were bound to", "peer", mb.peer.name)
		return
	}
	m.proved(mb, r.Nonce, mb.nonce)
}

// proved tells who the other end of a connection is.
func (m *Manager) proved(mb *member, offering, answering string) {
	nonces := [2]string{answering, offering} // ours, theirs
	if mb.peer.offers {
		nonces = [2]string{offering, answering}
	}
	self := endText(m.cfg.Self, m.cfg.Inc, m.cfg.Person.Key, mb.ours, nonces[0])
	other := endText(mb.peer.id, mb.peer.inc, mb.person, mb.theirs, nonces[1])
	id := Identity{Key: mb.person, Words: wordsOf(other, self)}
	if mb.peer.offers {
		id.Words = wordsOf(self, other)
	}
	if m.cfg.Proved != nil {
		m.cfg.Proved(mb.peer.who(), id)
	}
}

// Identified tells how well a person is known, who has proved to have a key.
type Identified struct {
	Who
	Identity
}

// EventName implements [Event].
func (Identified) EventName() string { return "identity" }

// SetIdentity says how well somebody is known, whose key and words were told by
// Config.Proved. It never blocks.
func (m *Manager) SetIdentity(peer signal.PeerID, id Identity) { m.mail.post(setIdentity{peer, id}) }

type setIdentity struct {
	peer signal.PeerID
	id   Identity
}

func (s setIdentity) deliver(m *Manager, _ time.Time) {
	mb := m.members[s.peer]
	if mb == nil {
		return
	}
	mb.identity = s.id
	m.dirty = true
	m.tell(Identified{Who: mb.peer.who(), Identity: s.id})
}
