package lan

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/meet-term/meet/internal/safetext"
)

// Server is a server of the room, as somebody of the network tells of it.
type Server struct {
	ID        string       // random id of the server process
	Addresses []netip.Addr // where it listens; at most maxAddresses
	Port      uint16
	Authority string // fingerprint of the authority of its certificate; "": it speaks plain http
	Host      string // what people call who runs it
}

// Base returns the address of the server as invites have it.
func (s Server) Base(a netip.Addr) string {
	scheme := "http"
	if s.Authority != "" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s/", scheme, netip.AddrPortFrom(a, s.Port))
}

// Bounds on what is told.
const (
	maxAddresses = 8
	maxHost      = 40
	maxPacket    = 9000 // RFC 6762 section 17
	maxSealed    = 1024
)

const (
	service = "_meet._tcp.local."
	// answerTTL is how long an answer may be kept. Nobody keeps it: it is for
	// the caches of others. RFC 6762 section 10 advises 75 minutes where no
	// address is in the record, and 2 where one is.
	answerTTL = 120
	// fresh is how old an answer may be. Clocks may differ by half of it.
	fresh = 24 * time.Hour
)

// Keyer derives keys of the room: *signal.Room.
type Keyer interface {
	Subkey(purpose string) []byte
}

// codec makes and reads the messages of one room.
type codec struct {
	names []byte // key of the announced names
	seal  cipher.AEAD
	rand  io.Reader
}

func newCodec(k Keyer, random io.Reader) (*codec, error) {
	block, err := aes.NewCipher(k.Subkey("lan answer"))
	if err != nil {
		return nil, fmt.Errorf("set up the key of local answers: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up the key of local answers: %w", err)
	}
	return &codec{names: k.Subkey("lan name"), seal: aead, rand: random}, nil
}

// instance is the room's name on the network on the day of t (UTC).
func (c *codec) instance(t time.Time) string {
	mac := hmac.New(sha256.New, c.names)
	mac.Write([]byte(t.UTC().Format(time.DateOnly)))
	sum := mac.Sum(nil)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10])) + "." + service
}

// ours reports whether a name is the room's, today or a day away: clocks differ.
func (c *codec) ours(name string, now time.Time) bool {
	if len(name) < len(service) || !strings.EqualFold(name[len(name)-len(service):], service) {
		return false // most of what passes by: printers, speakers
	}
	for _, day := range []time.Duration{0, -24 * time.Hour, 24 * time.Hour} {
		if strings.EqualFold(name, c.instance(now.Add(day))) {
			return true
		}
	}
	return false
}

// query asks for the room's record.
func (c *codec) query(now time.Time) ([]byte, error) {
	name, err := dnsmessage.NewName(c.instance(now))
	if err != nil {
		return nil, fmt.Errorf("name the room: %w", err)
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}}}
	return m.Pack()
}

// told is what is sealed in an answer.
type told struct {
	ID        string   `json:"id"`
	At        int64    `json:"at"` // Unix time in seconds
	Addresses []string `json:"a"`
	Port      uint16   `json:"p"`
	Authority string   `json:"f,omitempty"`
	Host      string   `json:"h,omitempty"`
}

// answer tells of s; with gone that it ends.
func (c *codec) answer(s Server, gone bool, now time.Time) ([]byte, error) {
	name, err := dnsmessage.NewName(c.instance(now))
	if err != nil {
		return nil, fmt.Errorf("name the room: %w", err)
	}
	t := told{ID: s.ID, At: now.Unix(), Port: s.Port, Authority: s.Authority, Host: s.Host}
	for _, a := range s.Addresses[:min(len(s.Addresses), maxAddresses)] {
		t.Addresses = append(t.Addresses, a.String())
	}
	plain, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("tell of a server: %w", err)
	}
	nonce := make([]byte, c.seal.NonceSize())
	if _, err := io.ReadFull(c.rand, nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	sealed := base64.RawURLEncoding.EncodeToString(c.seal.Seal(nonce, nonce, plain, []byte("meet.2 lan")))
	txt := []string{"v=1"}
	for len(sealed) > 0 { // a string of a TXT record has 255 bytes at most
		n := min(len(sealed), 250)
		txt = append(txt, "s="+sealed[:n])
		sealed = sealed[n:]
	}
	head := dnsmessage.ResourceHeader{
		Name: name, Class: dnsmessage.ClassINET | 1<<15, TTL: answerTTL, // the top bit: nobody else has this name's records (RFC 6762 section 10.2)
	}
	if gone {
		head.TTL = 0
	}
	// DNS-SD wants an SRV record beside the TXT one; its host is no name of the
	// machine's, which would tell whose it is.
	m := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{
			{Header: head, Body: &dnsmessage.TXTResource{TXT: txt}},
			{Header: head, Body: &dnsmessage.SRVResource{Port: s.Port, Target: name}},
		},
	}
	return m.Pack()
}

// heard is what a message was.
type heard struct {
	asked  bool // for our room
	server *Server
	gone   bool
}

// read takes a message of the network apart. Whatever is not about our room,
// or not sealed with its key, is nothing.
func (c *codec) read(packet []byte, now time.Time) heard {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil {
		return heard{}
	}
	if !h.Response {
		for range 16 {
			q, err := p.Question()
			if err != nil {
				return heard{}
			}
			if (q.Type == dnsmessage.TypeTXT || q.Type == dnsmessage.TypeSRV || q.Type == dnsmessage.TypeALL) && c.ours(q.Name.String(), now) {
				return heard{asked: true}
			}
		}
		return heard{}
	}
	if p.SkipAllQuestions() != nil {
		return heard{}
	}
	for range 64 {
		head, err := p.AnswerHeader()
		if err != nil {
			return heard{}
		}
		if head.Type != dnsmessage.TypeTXT || !c.ours(head.Name.String(), now) {
			if p.SkipAnswer() != nil {
				return heard{}
			}
			continue
		}
		txt, err := p.TXTResource()
		if err != nil {
			return heard{}
		}
		if s, err := c.open(txt.TXT, now); err == nil {
			return heard{server: s, gone: head.TTL == 0}
		}
	}
	return heard{}
}

// open reads what an answer tells.
func (c *codec) open(txt []string, now time.Time) (*Server, error) {
	var b strings.Builder
	for _, s := range txt {
		if part, ok := strings.CutPrefix(s, "s="); ok {
			b.WriteString(part)
		}
	}
	sealed, err := base64.RawURLEncoding.DecodeString(b.String())
	if err != nil || len(sealed) > maxSealed || len(sealed) < c.seal.NonceSize() {
		return nil, errors.New("not sealed")
	}
	nonce, body := sealed[:c.seal.NonceSize()], sealed[c.seal.NonceSize():]
	plain, err := c.seal.Open(nil, nonce, body, []byte("meet.2 lan"))
	if err != nil {
		return nil, err
	}
	var t told
	if err := json.Unmarshal(plain, &t); err != nil {
		return nil, err
	}
	if age := now.Sub(time.Unix(t.At, 0)); age > fresh || age < -fresh {
		return nil, errors.New("old")
	}
	s := &Server{ID: safetext.Line(t.ID, 64), Port: t.Port, Authority: t.Authority, Host: safetext.Line(t.Host, maxHost)}
	if s.ID == "" || s.Port == 0 || len(t.Addresses) > maxAddresses {
		return nil, errors.New("incomplete")
	}
	for _, text := range t.Addresses {
		if a, err := netip.ParseAddr(text); err == nil && a.IsGlobalUnicast() && a.Zone() == "" {
			s.Addresses = append(s.Addresses, a.Unmap())
		}
	}
	return s, nil
}
