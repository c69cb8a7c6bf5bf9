package signal

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/meet-term/meet/internal/safetext"
)

// ErrUnknownBody is returned for a message of a kind this version does not
// know. It is dropped; a newer program may have sent it.
var ErrUnknownBody = errors.New("unknown kind of message")

// bodyHead is what every sealed message begins with.
type bodyHead struct {
	C uint64 `json:"c"` // counter of the sender, against replay
	K string `json:"k"` // kind
}

// kindOf returns the name of the kind of b on the wire.
func kindOf(b Body) string {
	switch b.(type) {
	case Offer:
		return "offer"
	case Answer:
		return "answer"
	case Candidates:
		return "cand"
	case Need:
		return "need"
	case Probe:
		return "probe"
	case ProbeAck:
		return "ack"
	case App:
		return "app"
	case Bye:
		return "bye"
	}
	return ""
}

// marshalBody returns the JSON object of b with its head in front.
func marshalBody(counter uint64, b Body) ([]byte, error) {
	kind := kindOf(b)
	if kind == "" {
		return nil, fmt.Errorf("seal a message of type %T: %w", b, ErrUnknownBody)
	}
	if err := checkBody(b); err != nil {
		return nil, fmt.Errorf("seal a message %q: %w", kind, err)
	}
	fields, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("seal a message %q: %w", kind, err)
	}
	out := append(make([]byte, 0, len(fields)+48), `{"c":`...)
	out = strconv.AppendUint(out, counter, 10)
	out = append(out, `,"k":"`+kind+`",`...)
	return append(out, fields[1:]...), nil // every kind has fields that are always there
}

// unmarshalBody reads what marshalBody wrote.
func unmarshalBody(plain []byte) (uint64, Body, error) {
	var head bodyHead
	if err := json.Unmarshal(plain, &head); err != nil {
		return 0, nil, fmt.Errorf("read a message: %w", err)
	}
	body, err := decodeKind(head.K, plain)
	if err == nil {
		err = checkBody(body)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read a message %.16q: %w", head.K, err)
	}
	return head.C, body, nil
}

func decodeKind(kind string, plain []byte) (Body, error) {
	switch kind {
	case "offer":
		return decodeBody[Offer](plain)
	case "answer":
		return decodeBody[Answer](plain)
	case "cand":
		return decodeBody[Candidates](plain)
	case "need":
		return decodeBody[Need](plain)
	case "probe":
		return decodeBody[Probe](plain)
	case "ack":
		return decodeBody[ProbeAck](plain)
	case "app":
		return decodeBody[App](plain)
	case "bye":
		b, err := decodeBody[Bye](plain)
		b.Reason = safetext.Line(b.Reason, MaxReason)
		return b, err
	}
	return nil, ErrUnknownBody
}

func decodeBody[B Body](plain []byte) (B, error) {
	var b B
	err := json.Unmarshal(plain, &b)
	return b, err
}

// checkBody holds both sides to the limits of the protocol.
func checkBody(b Body) error {
	switch b := b.(type) {
	case Offer:
		return checkSDP(b.SDP)
	case Answer:
		return checkSDP(b.SDP)
	case Candidates:
		if len(b.Candidates) > MaxCandidates {
			return fmt.Errorf("%d candidates, at most %d are allowed", len(b.Candidates), MaxCandidates)
		}
		for _, c := range b.Candidates {
			if len(c) > MaxCandidate {
				return fmt.Errorf("a candidate of %d bytes, at most %d are allowed", len(c), MaxCandidate)
			}
		}
	case App:
		if len(b.Kind) > MaxKind {
			return fmt.Errorf("a kind of %d bytes, at most %d are allowed", len(b.Kind), MaxKind)
		}
	case Need, Probe, ProbeAck, Bye:
	}
	return nil
}

func checkSDP(sdp string) error {
	if len(sdp) > MaxSDP {
		return fmt.Errorf("a description of %d bytes, at most %d are allowed", len(sdp), MaxSDP)
	}
	return nil
}
