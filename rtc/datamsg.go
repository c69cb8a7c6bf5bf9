package rtc

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meet-term/meet/media"
	"github.com/meet-term/meet/signal"
)

// dataMessage is what participants say over the data channel
// (docs/PROTOCOL.md, "Data channel"): [report], [relay], [carry],
// [carrying], [appData],
// [identity], [reveal] or [farewell]. On the wire it is a JSON object whose "t" names the kind.
type dataMessage interface{ dataMessage() }

// report is the whole truth about the sender, at every change and once a second,
// or every fourth while it says nothing new: its state, what it has sent the
// receiver over this connection, and whom else it can reach.
type report struct {
	State signal.State        `json:"state"`
	Sent  [media.Kinds]uint64 `json:"sent"`            // RTP packets, by Kind
	Peers []signal.PeerID     `json:"peers"`           // connected with the sender
	Carry bool                `json:"carry,omitempty"` // the sender carries for others
}

// relay carries a sealed signaling frame for a third participant, or from
// one. It is forwarded once at most.
type relay struct {
	From  signal.PeerID `json:"from"`
	To    signal.PeerID `json:"to"`
	Frame string        `json:"frame"`
}

// appData carries what the mesh does not interpret, such as chat.
type appData struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

// identity says who the sender is, for this connection alone: see introduction.
type identity struct {
	Person string `json:"person"`           // public key of the person
	Bind   string `json:"bind"`             // by it, over Key
	Key    string `json:"key"`              // public key of the seat
	Sig    string `json:"sig"`              // by it, over pairText
	Commit string `json:"commit,omitempty"` // of the offering side
	Nonce  string `json:"nonce,omitempty"`  // of the answering side
}

// reveal has the nonce that the offering side was bound to.
type reveal struct {
	Nonce string `json:"nonce"`
}

// farewell says that the sender leaves the room.
type farewell struct{}

func (report) dataMessage()   {}
func (relay) dataMessage()    {}
func (appData) dataMessage()  {}
func (identity) dataMessage() {}
func (reveal) dataMessage()   {}
func (farewell) dataMessage() {}

// encodeData returns the wire form.
func encodeData(m dataMessage) []byte {
	var v any
	switch m := m.(type) {
	case report:
		v = struct {
			T string `json:"t"`
			report
		}{"report", m}
	case relay:
		v = struct {
			T string `json:"t"`
			relay
		}{"relay", m}
	case carry:
		v = struct {
			T string `json:"t"`
			carry
		}{"carry", m}
	case carrying:
		v = struct {
			T string `json:"t"`
			carrying
		}{"carrying", m}
	case appData:
		v = struct {
			T string `json:"t"`
			appData
		}{"app", m}
	case identity:
		v = struct {
			T string `json:"t"`
			identity
		}{"identity", m}
	case reveal:
		v = struct {
			T string `json:"t"`
			reveal
		}{"reveal", m}
	case farewell:
		v = struct {
			T string `json:"t"`
		}{"bye"}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // only an invalid RawMessage of our own can cause it
	}
	return b
}

var errUnknownData = errors.New("unknown kind of message")

// decodeData reads the wire form. Unknown kinds are an error that the caller
// ignores, so that later versions may add some.
func decodeData(b []byte) (dataMessage, error) {
	var head struct {
		T string `json:"t"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("read data message: %w", err)
	}
	switch head.T {
	case "report":
		return decodeAs[report](b)
	case "relay":
		return decodeAs[relay](b)
	case "carry":
		return decodeAs[carry](b)
	case "carrying":
		return decodeAs[carrying](b)
	case "app":
		return decodeAs[appData](b)
	case "identity":
		return decodeAs[identity](b)
	case "reveal":
		return decodeAs[reveal](b)
	case "bye":
		return farewell{}, nil
	}
	return nil, fmt.Errorf("%w %.20q", errUnknownData, head.T)
}

func decodeAs[T dataMessage](b []byte) (dataMessage, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("read data message: %w", err)
	}
	return v, nil
}
